package external

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
)

// Intake 说明一个种类怎样收下秘密：它不在 spec 里，由只可创建的子资源交入，从此读不回来，平台只显示它的版本。
type Intake[T Object] struct {
	// Field 是差异与错误里的名字，例如 credentials。
	Field string
	// HandIn 把秘密交给 uid 那一个对象（同名而重建的绝不该收到），返回平台给它的版本。
	HandIn func(ctx context.Context, c versioned.Interface, key Key, uid types.UID, data SecretData) (string, error)
	// Version 是平台现在显示的版本，从未交入时为空。
	Version func(object T) string
	// Pending 说状态是否还没有说到最后交入的秘密；那样的就绪不作数。
	Pending func(object T) bool
}

// Secret 是要交给平台的秘密。
type Secret struct {
	// Data 只有要交入时才用得着：观察不需要它。
	Data SecretData
	// Source 是值的来历，不透明、不为空；值换了它必须跟着换。
	Source string
	// Last 是上次交入后记住的一对。
	Last Handover
}

// Handover 是一次交入：哪一份，平台给了它哪个版本。工具链记住它，而不是秘密的摘要。
type Handover struct {
	Source, Version string
}

// SecretData 是秘密本身，一个或几个键；打印、编码或记日志都只得到 (sensitive)，连有哪些键也不说。
type SecretData map[string][]byte

// Format 不论用什么动词都不显示内容。
func (SecretData) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText 不显示内容；JSON 与结构化日志都用它。
func (SecretData) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// empty 说是否没有任何内容可交。
func (d SecretData) empty() bool {
	for _, value := range d {
		if len(value) > 0 {
			return false
		}
	}
	return true
}

// Written 是一次写入的结果。
type Written[T Object] struct {
	// Object 是一切做完之后的样子。
	Object T
	// Applied 表示对象已写成；此后交入秘密仍可能失败，那时连同错误一起返回，调用者才不会忘了对象已在。
	Applied bool
	// Handover 在 Applied 时是该记住的一对，有错也一样；没有交入的就是 Secret.Last。
	Handover Handover
}

// due 说平台现在的是否不是该有的那一份。
func (s *Secret) due(version string) bool {
	return s != nil && (version == "" || s.Source != s.Last.Source || version != s.Last.Version)
}

// secretDue 说是否要交入秘密。
func (c *Client[T, L]) secretDue(want Desired[T], object T) bool {
	return c.kind.Intake != nil && want.Secret.due(c.kind.Intake.Version(object))
}

// withSecret 在差异里按次序添上要交入的秘密，两边的值都隐去。
func (c *Client[T, L]) withSecret(diff Differences, object T) Differences {
	d := Difference{Path: c.kind.Intake.Field, Want: redacted}
	if c.kind.Intake.Version(object) != "" {
		d.Have = redacted
	}
	at, _ := slices.BinarySearchFunc(diff, d, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Insert(diff, at, d)
}

// onlySecretDiffers 说刚观察到的对象是否只差秘密：那就不必再写 spec。
func (c *Client[T, L]) onlySecretDiffers(want Desired[T], observed *T) (bool, error) {
	if observed == nil || (*observed).GetResourceVersion() == "" || !c.owns(want.Owner, *observed) || !c.secretDue(want, *observed) {
		return false, nil
	}
	diff, err := compare(c.kind, want.Object, *observed, c.platform.options.FieldManager)
	return len(diff) == 0, err
}

// complete 在对象写成之后交入秘密；object 是写成的样子。
func (c *Client[T, L]) complete(ctx context.Context, want Desired[T], object T) (Written[T], error) {
	written := Written[T]{Object: object, Applied: true}
	if want.Secret == nil {
		return written, nil
	}
	written.Handover = want.Secret.Last
	if err := c.handIn(ctx, want, &written); err != nil {
		return written, c.fail("hand in the "+c.secretName()+" of", want.Key(), err)
	}
	return written, nil
}

// secretName 是错误里对秘密的称呼。
func (c *Client[T, L]) secretName() string {
	if c.kind.Intake == nil {
		return "secret"
	}
	return c.kind.Intake.Field
}

// handIn 在需要时交入秘密，再取一次对象：它已显示新的版本，记住它，落后的监视就不会让人再交一次。
func (c *Client[T, L]) handIn(ctx context.Context, want Desired[T], written *Written[T]) error {
	intake, key, uid := c.kind.Intake, want.Key(), written.Object.GetUID()
	switch {
	case intake == nil:
		return errors.New("this kind takes no secret in")
	case !c.secretDue(want, written.Object):
		return nil
	case want.Secret.Data.empty():
		return &Error{Class: ClassInvalid, Err: errors.New("they are to be handed in, but no value is given"),
			advice: "give the value again"}
	}
	c.reader.writing(key)
	defer c.reader.writing(key)
	version, err := call(ctx, c.kind.GroupVersionKind.Kind, "create", func(ctx context.Context) (string, error) {
		return intake.HandIn(ctx, c.platform.clients, key, uid, want.Secret.Data)
	})
	if err != nil {
		return c.explainHandIn(ctx, key, uid, err)
	}
	written.Handover = Handover{Source: want.Secret.Source, Version: version}
	fresh, err := c.get(ctx, key)
	if err == nil && fresh.GetUID() != uid {
		err = notThere(errors.New("its name was used anew meanwhile"))
	}
	if err != nil {
		return fmt.Errorf("they are handed in, but the object cannot be read again: %w", err)
	}
	c.reader.wrote(fresh)
	written.Object = fresh
	return nil
}

// explainHandIn 分清"名字已是另一个对象的"与别的拒绝。
func (c *Client[T, L]) explainHandIn(ctx context.Context, key Key, uid types.UID, refused error) error {
	if classify(refused).Class != ClassConflict {
		return refused
	}
	fresh, err := c.get(ctx, key)
	if isMissing(err) || err == nil && fresh.GetUID() != uid {
		return notThere(refused)
	}
	return refused
}
