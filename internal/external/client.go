package external

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/apis/meta"
)

// Client 驱动一个种类；建立它不花什么，读取者由 Platform 共享。
type Client[T Object, L runtime.Object] struct {
	platform *Platform
	kind     *Kind[T, L]
	reader   reader[T]
}

// NewClient 给出一个种类在一个 Platform 上的 Client。
func NewClient[T Object, L runtime.Object](p *Platform, k *Kind[T, L]) *Client[T, L] {
	return &Client[T, L]{platform: p, kind: k, reader: readerOf(p, k)}
}

// Observe 比较想要的与现有的；对象归别人不是错误，由适配器决定怎么办。
func (c *Client[T, L]) Observe(ctx context.Context, want Desired[T]) (Observation[T], error) {
	key := want.Key()
	object, err := c.reader.read(ctx, key)
	if isMissing(err) {
		return Observation[T]{}, nil
	}
	if err != nil {
		return Observation[T]{}, c.fail("observe", key, err)
	}
	diff, err := compare(c.kind, want.Object, object, c.platform.options.FieldManager)
	if err != nil {
		return Observation[T]{}, c.fail("compare", key, err)
	}
	due := c.secretDue(want, object)
	if due {
		diff = c.withSecret(diff, object)
	}
	owned := c.owns(want.Owner, object)
	return Observation[T]{
		Exists: true, Object: object,
		Holder: meta.Holder(object), HeldBy: meta.HeldBy(object), Owned: owned,
		UpToDate: owned && len(diff) == 0, Diff: diff, SecretDue: due,
		Ready:    c.readiness(object),
		Deleting: object.GetDeletionTimestamp() != nil,
	}, nil
}

// Read 只读地取一个对象；不存在时是 ClassNotFound。返回的对象与缓存共享。
func (c *Client[T, L]) Read(ctx context.Context, key Key) (T, error) {
	object, err := c.reader.read(ctx, key)
	if err != nil {
		return object, c.fail("read", key, err)
	}
	return object, nil
}

// List 分页取全部对象；fields 是字段选择器。
func (c *Client[T, L]) List(ctx context.Context, namespace string, selector labels.Selector, fields string) ([]T, error) {
	opts := metav1.ListOptions{LabelSelector: selectorText(selector), FieldSelector: fields}
	objects, err := listAll(ctx, c.platform, c.kind, namespace, opts, 0)
	if err != nil {
		return nil, c.fail("list", Key{Namespace: namespace}, err)
	}
	return objects, nil
}

// owns 说对象是否带着这个标记；空标记谁也不是。
func (c *Client[T, L]) owns(owner string, object T) bool {
	return owner != "" && meta.Holder(object) == owner
}

// readiness 由条件 Ready 决定；它还没有说到当前的 spec 与秘密时是 Unknown。
func (c *Client[T, L]) readiness(object T) Readiness {
	if c.kind.Conditions == nil {
		return Readiness{Status: metav1.ConditionTrue, Reason: "Exists"}
	}
	conditions := c.kind.Conditions(object)
	index := slices.IndexFunc(conditions, func(condition metav1.Condition) bool { return condition.Type == conditionReady })
	if index < 0 {
		return notObserved("the platform has not reported on the object yet")
	}
	ready := conditions[index]
	if ready.ObservedGeneration < object.GetGeneration() {
		return notObserved("the platform has not reported on the latest change yet")
	}
	if intake := c.kind.Intake; intake != nil && intake.Pending(object) {
		return notObserved("the platform has not reported on the latest " + intake.Field + " yet")
	}
	return Readiness{Status: ready.Status, Reason: ready.Reason, Message: ready.Message}
}

// notObserved 是还没有证据。
func notObserved(message string) Readiness {
	return Readiness{Status: metav1.ConditionUnknown, Reason: "NotObserved", Message: message}
}

// conditionReady 是各种类共用的总条件。
const conditionReady = "Ready"

// fail 把错误说清楚；敏感字段的意见里可能带着值，只留字段名。
func (c *Client[T, L]) fail(op string, key Key, err error) error {
	e := c.platform.fail(op, c.kind.GroupVersionKind.Kind, key, err)
	for i, f := range e.Fields {
		if isSensitive(c.kind.Sensitive, strings.Split(f.Field, ".")) && f.Manager == "" {
			e.Fields[i].Message = "the value is refused " + redacted
			e.Err = fmt.Errorf("the platform refused the value of %s", f.Field)
		}
	}
	return e
}

// isMissing 认出"对象不存在"，与"这台服务器没有这个种类"区分开。
func isMissing(err error) bool {
	return apierrors.IsNotFound(err) && classify(err).Class == ClassNotFound
}

// get 直接向平台取，不经缓存：决定要不要覆盖或删除之前必须看现在的样子。
func (c *Client[T, L]) get(ctx context.Context, key Key) (T, error) {
	return getOne(ctx, c.platform, c.kind, key)
}
