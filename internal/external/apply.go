package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/meta"
)

// maxRaces 是与别的写入相撞时最多重来几次。
const maxRaces = 5

// Apply 写入想要的样子；observed 为 nil 是创建，否则是对那个 uid 的更新（只用到它的 uid 与归属标记，
// 带资源版本的还用来检查不可变字段，以及看出是否只差秘密）。之后交入秘密；只差秘密的不写 spec。
//
// 先不强制。只有当对象带着我们的标记、而冲突都在 spec 里（有人手工改过：漂移）时，才对刚取到的那个版本强制一次。
func (c *Client[T, L]) Apply(ctx context.Context, want Desired[T], observed *T) (Written[T], error) {
	op, key, uid := "create", want.Key(), types.UID("")
	if observed != nil {
		op, uid = "update", (*observed).GetUID()
	}
	object, err := c.apply(ctx, want, observed, uid)
	if err != nil {
		return Written[T]{}, c.fail(op, key, err)
	}
	return c.complete(ctx, want, object)
}

func (c *Client[T, L]) apply(ctx context.Context, want Desired[T], observed *T, uid types.UID) (T, error) {
	var none T
	if want.Owner == "" {
		return none, errors.New("no owner mark is given")
	}
	if err := c.checkImmutable(want, observed); err != nil {
		return none, err
	}
	if skip, err := c.onlySecretDiffers(want, observed); err != nil || skip {
		return *observed, err
	}
	c.reader.writing(want.Key())
	defer c.reader.writing(want.Key())
	object, err := c.patch(ctx, want, precondition{uid: uid}, false)
	if err != nil {
		object, err = c.resolve(ctx, want, observed, uid, err)
	}
	if err != nil {
		return none, err
	}
	return object, nil
}

// precondition 是写入所针对的那个对象；空的不限。
type precondition struct {
	uid             types.UID
	resourceVersion string
}

// patch 发出一次服务端应用，成功的告诉读取者。
func (c *Client[T, L]) patch(ctx context.Context, want Desired[T], on precondition, force bool) (T, error) {
	body, err := c.body(want, on)
	if err != nil {
		var none T
		return none, err
	}
	opts := metav1.PatchOptions{FieldManager: c.platform.options.FieldManager, Force: &force, FieldValidation: metav1.FieldValidationStrict}
	object, err := c.send(ctx, want.Key(), types.ApplyYAMLPatchType, body, opts)
	return object, err
}

// send 发出一次补丁。
func (c *Client[T, L]) send(ctx context.Context, key Key, how types.PatchType, body []byte, opts metav1.PatchOptions) (T, error) {
	object, err := call(ctx, c.kind.GroupVersionKind.Kind, "patch", func(ctx context.Context) (T, error) {
		return c.kind.Client(c.platform.clients, key.Namespace).Patch(ctx, key.Name, how, body, opts)
	})
	if err == nil {
		c.reader.wrote(object)
	}
	return object, err
}

// body 是要应用的内容：配置写了的字段、显式的授权字段、归属标记，以及所针对的 uid 与版本。
func (c *Client[T, L]) body(want Desired[T], on precondition) ([]byte, error) {
	tree, err := configuredTree(c.kind, want.Object)
	if err != nil {
		return nil, err
	}
	version, kind := c.kind.GroupVersionKind.ToAPIVersionAndKind()
	tree["apiVersion"], tree["kind"] = version, kind
	put(tree, []string{"metadata", "name"}, want.Object.GetName())
	put(tree, []string{"metadata", "annotations", meta.OwnerAnnotation}, want.Owner)
	if namespace := want.Object.GetNamespace(); namespace != "" {
		put(tree, []string{"metadata", "namespace"}, namespace)
	}
	if on.uid != "" {
		put(tree, []string{"metadata", "uid"}, string(on.uid))
	}
	if on.resourceVersion != "" {
		put(tree, []string{"metadata", "resourceVersion"}, on.resourceVersion)
	}
	return json.Marshal(tree)
}

// resolve 弄清一次被拒的应用：对象没了、归别人、是可以强制的漂移，还是真的冲突。
func (c *Client[T, L]) resolve(ctx context.Context, want Desired[T], observed *T, uid types.UID, refused error) (T, error) {
	var none T
	for range maxRaces {
		e := classify(refused)
		if e.Class != ClassConflict && !isUIDRefusal(e) {
			return none, refused
		}
		fresh, err := c.get(ctx, want.Key())
		switch {
		case isMissing(err):
			return none, notThere(refused)
		case err != nil:
			return none, err
		case uid != "" && fresh.GetUID() != uid:
			return none, notThere(refused)
		case !c.owns(want.Owner, fresh):
			return none, &Error{Class: ClassOwnedByAnother, Holder: meta.HeldBy(fresh), Err: refused}
		case !c.mayForce(want, observed, e):
			return none, refused
		}
		object, err := c.patch(ctx, want, precondition{uid: fresh.GetUID(), resourceVersion: fresh.GetResourceVersion()}, true)
		if err == nil {
			return object, nil
		}
		// 取到与写入之间又有人写了（例如控制器写状态）：再看一次。
		if again := classify(err); again.Class != ClassConflict || len(again.Fields) > 0 {
			return none, err
		}
	}
	return none, refused
}

// mayForce 说冲突是不是漂移：观察到的对象就是我们的，而且别人只占着 spec 里的字段。
func (c *Client[T, L]) mayForce(want Desired[T], observed *T, e *Error) bool {
	if observed == nil || !c.owns(want.Owner, *observed) || len(e.Fields) == 0 {
		return false
	}
	return !slices.ContainsFunc(e.Fields, func(f FieldError) bool {
		return f.Manager == "" || f.Field != "spec" && !strings.HasPrefix(f.Field, "spec.")
	})
}

// isUIDRefusal 认出因 uid 不同而被拒：名字被重新用过了。
func isUIDRefusal(e *Error) bool {
	return slices.ContainsFunc(e.Fields, func(f FieldError) bool { return f.Field == "metadata.uid" })
}

// notThere 是这次更新所针对的对象已不存在。
func notThere(refused error) error {
	return &Error{Class: ClassNotFound, Err: fmt.Errorf("the object that this update was for no longer exists: %w", refused),
		advice: "observe again; it will be created anew if it is still wanted"}
}

// checkImmutable 在发送之前指出改不了的字段。
func (c *Client[T, L]) checkImmutable(want Desired[T], observed *T) error {
	if observed == nil || (*observed).GetResourceVersion() == "" || len(c.kind.Immutable) == 0 {
		return nil
	}
	diff, err := compare(c.kind, want.Object, *observed, c.platform.options.FieldManager)
	if err != nil {
		return err
	}
	var fields []FieldError
	for _, d := range diff {
		for _, f := range c.kind.Immutable {
			if within(d.Path, pathText(f.Path)) && f.changes(want.Object, *observed) {
				fields = append(fields, FieldError{Field: d.Path, Message: f.refusal(d, want.Object, *observed)})
			}
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return &Error{Class: ClassInvalid, Fields: fields, advice: "set it back, or delete the object and create it anew"}
}

// changes 说两边真正算数的值是否不同。
func (f Immutable[T]) changes(want, have T) bool {
	return f.Effective == nil || f.Effective(want) != f.Effective(have)
}

// refusal 说出从什么改成什么；没写的，说出它算作什么。
func (f Immutable[T]) refusal(d Difference, want, have T) string {
	from, to := d.Have, d.Want
	if f.Effective != nil {
		from, to = valueText(f.Effective(have)), valueText(f.Effective(want))
	}
	return fmt.Sprintf("cannot be changed from %s to %s", from, to)
}

// within 说路径文字是否就是 prefix 或在它里面。
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+".") || strings.HasPrefix(path, prefix+"[")
}
