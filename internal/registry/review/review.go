// Package review 声明"我是谁、我能做什么"一类只能创建、不存东西的资源：kubectl auth 与别的系统靠它们提问。
// 回答来自请求路径上的同一个判断者，两边不会互相矛盾。
package review

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/kubellm/kubellm/internal/registry"
)

var (
	_ registry.Installer        = &review[runtime.Object]{}
	_ rest.Creater              = &storage[runtime.Object]{} //nolint:misspell // 上游的接口名就这样写。
	_ rest.Scoper               = &storage[runtime.Object]{}
	_ rest.SingularNameProvider = &storage[runtime.Object]{}
)

// review 声明一种提问；answer 校验它并写下回答，返回 API 错误。
type review[T runtime.Object] struct {
	group, plural, singular string
	newObject               func() T
	answer                  func(ctx context.Context, who user.Info, question T) error
}

// GroupResource 是组与复数名。
func (r *review[T]) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.group, Resource: r.plural}
}

// Install 只列出主路径：没有存储，也没有状态可另外写。
func (r *review[T]) Install(_ *runtime.Scheme, _ []schema.GroupVersion, _ generic.RESTOptionsGetter, _ registry.Housing, into map[string]rest.Storage) error {
	into[r.plural] = &storage[T]{review: r}
	return nil
}

type storage[T runtime.Object] struct {
	review *review[T]
}

// New 返回空对象。
func (s *storage[T]) New() runtime.Object { return s.review.newObject() }

// Destroy 不做事：没有存储。
func (s *storage[T]) Destroy() {}

// NamespaceScoped 恒为否：要问哪个命名空间写在提问里。
func (s *storage[T]) NamespaceScoped() bool { return false }

// GetSingularName 返回单数名。
func (s *storage[T]) GetSingularName() string { return s.review.singular }

// Create 当场回答，什么也不存。
func (s *storage[T]) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	if validate != nil {
		if err := validate(ctx, obj); err != nil {
			return nil, err
		}
	}
	who, ok := request.UserFrom(ctx)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("answer a %s: the request carries no user", s.review.singular))
	}
	question := obj.(T)
	return question, s.review.answer(ctx, who, question)
}
