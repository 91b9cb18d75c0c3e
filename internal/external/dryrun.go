package external

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/meta"
)

// DryRun 让平台说出 Apply 会写成什么样子，什么也不存；平台的打算在答复的状态里。observed 的意义与 Apply 相同。
// 更新总是强制的：漂移的字段到时归谁由 Apply 判断，这里只是预览。缓存不知道这一次，因为什么也没有变。
func (c *Client[T, L]) DryRun(ctx context.Context, want Desired[T], observed *T) (T, error) {
	object, err := c.dryRun(ctx, want, observed)
	if err != nil {
		return object, c.fail("plan", want.Key(), err)
	}
	return object, nil
}

func (c *Client[T, L]) dryRun(ctx context.Context, want Desired[T], observed *T) (T, error) {
	var none T
	if want.Owner == "" {
		return none, errors.New("no owner mark is given")
	}
	var on precondition
	if observed != nil {
		on.uid = (*observed).GetUID()
	}
	body, err := c.body(want, on)
	if err != nil {
		return none, err
	}
	key := want.Key()
	opts := metav1.PatchOptions{
		FieldManager: c.platform.options.FieldManager, Force: ptr.To(observed != nil),
		FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll},
	}
	object, err := call(ctx, c.kind.GroupVersionKind.Kind, "patch", func(ctx context.Context) (T, error) {
		return c.kind.Client(c.platform.clients, key.Namespace).Patch(ctx, key.Name, types.ApplyYAMLPatchType, body, opts)
	})
	if observed == nil && err != nil && classify(err).Class == ClassConflict {
		return none, c.taken(ctx, want, err)
	}
	return object, err
}

// taken 说出要创建的名字被谁占着；查不到的仍是平台的原话。
func (c *Client[T, L]) taken(ctx context.Context, want Desired[T], refused error) error {
	stands, err := c.get(ctx, want.Key())
	if err != nil || c.owns(want.Owner, stands) {
		return refused
	}
	return &Error{Class: ClassOwnedByAnother, Holder: meta.HeldBy(stands), Err: refused}
}
