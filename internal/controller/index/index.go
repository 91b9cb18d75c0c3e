// Package index 登记控制器缓存上的索引：一个事件只牵动它真正影响的对象，而不是把全部对象过一遍。
package index

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	userservice "github.com/kubellm/kubellm/internal/service/user"
)

const (
	// bindingsByRole 由角色找到授予它的绑定。
	bindingsByRole = "spec.roleRef.name"
	// bindingsBySubject 由主体找到点名它的绑定。
	bindingsBySubject = "spec.subjects"
	// usersByGroup 由组找到其中的用户；人人都在的组也是组。
	usersByGroup = "groups"
)

// Existence 只放过出现与消失：别的对象往往只关心它所指的东西在不在，不关心其内容。
var Existence = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// Setup 在缓存启动之前登记索引。
func Setup(ctx context.Context, indexer client.FieldIndexer) error {
	if err := add(ctx, indexer, bindingsByRole, func(b *v1alpha1.RoleBinding) []string { return []string{b.Spec.RoleRef.Name} }); err != nil {
		return err
	}
	if err := add(ctx, indexer, bindingsBySubject, subjects); err != nil {
		return err
	}
	if err := add(ctx, indexer, usersByGroup, userservice.Groups); err != nil {
		return err
	}
	if err := setupClusters(ctx, indexer); err != nil {
		return err
	}
	return setupModels(ctx, indexer)
}

// add 登记一个带类型的索引。
func add[T any, P interface {
	*T
	client.Object
}](ctx context.Context, indexer client.FieldIndexer, field string, values func(P) []string) error {
	err := indexer.IndexField(ctx, P(new(T)), field, func(obj client.Object) []string { return values(obj.(P)) })
	if err != nil {
		return fmt.Errorf("index %T by %s: %w", P(nil), field, err)
	}
	return nil
}

func subjects(b *v1alpha1.RoleBinding) []string {
	keys := make([]string, 0, len(b.Spec.Subjects))
	for _, s := range b.Spec.Subjects {
		keys = append(keys, subjectKey(s.Kind, s.Name))
	}
	return keys
}

func subjectKey(kind v1alpha1.SubjectKind, name string) string { return string(kind) + "/" + name }

// BindingsOfRole 返回授予角色 role 的绑定；与缓存共享，只读。
func BindingsOfRole(ctx context.Context, c client.Reader, role string) ([]v1alpha1.RoleBinding, error) {
	return bindings(ctx, c, bindingsByRole, role)
}

// BindingsOfSubject 返回直接点名某个用户或组的绑定；与缓存共享，只读。
func BindingsOfSubject(ctx context.Context, c client.Reader, kind v1alpha1.SubjectKind, name string) ([]v1alpha1.RoleBinding, error) {
	return bindings(ctx, c, bindingsBySubject, subjectKey(kind, name))
}

// UsersInGroup 返回在 group 里的用户；与缓存共享，只读。
func UsersInGroup(ctx context.Context, c client.Reader, group string) ([]v1alpha1.User, error) {
	list := &v1alpha1.UserList{}
	err := c.List(ctx, list, client.MatchingFields{usersByGroup: group}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the users in group %q: %w", group, err)
	}
	return list.Items, nil
}

func bindings(ctx context.Context, c client.Reader, field, value string) ([]v1alpha1.RoleBinding, error) {
	list := &v1alpha1.RoleBindingList{}
	err := c.List(ctx, list, client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the role bindings with %s %q: %w", field, value, err)
	}
	return list.Items, nil
}
