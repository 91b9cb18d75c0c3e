package external

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/meta"
)

// Adopt 明确地接管一个归 holder 的对象（空为没有标记的对象），holder 变了、或不是 want 所指的那个 uid，就不接管。
// spec 与归属标记的字段所有权一并移过来，take 是还要移的路径；此后配置删去的字段才真的会消失。之后交入秘密。
func (c *Client[T, L]) Adopt(ctx context.Context, want Desired[T], holder string, take ...[]string) (Written[T], error) {
	object, err := c.adopt(ctx, want, holder, take)
	if err != nil {
		return Written[T]{}, c.fail("adopt", want.Key(), err)
	}
	return c.complete(ctx, want, object)
}

func (c *Client[T, L]) adopt(ctx context.Context, want Desired[T], holder string, take [][]string) (T, error) {
	var none T
	paths := append([][]string{{"spec"}, {"metadata", "annotations", meta.OwnerAnnotation}}, take...)
	var raced error
	for range maxRaces {
		found, err := c.get(ctx, want.Key())
		if err != nil {
			return none, err
		}
		owned := c.owns(want.Owner, found)
		if !want.means(found) || !owned && meta.Holder(found) != holder {
			return none, &Error{Class: ClassOwnedByAnother, Holder: meta.HeldBy(found)}
		}
		if owned {
			return c.apply(ctx, want, &found, found.GetUID())
		}
		if err := c.checkImmutable(want, &found); err != nil {
			return none, err
		}
		prepared, err := c.prepareAdoption(ctx, want, found, paths)
		if err == nil {
			return c.apply(ctx, want, &prepared, prepared.GetUID())
		}
		if raced = err; classify(err).Class != ClassConflict {
			return none, err
		}
	}
	return none, raced
}

// prepareAdoption 在对象上写下允许接管的标注并移交字段所有权；针对刚看到的那个版本，所以不会抢走别人刚拿到的对象。
func (c *Client[T, L]) prepareAdoption(ctx context.Context, want Desired[T], found T, paths [][]string) (T, error) {
	manager := c.platform.options.FieldManager
	managed, err := takeOver(found.GetManagedFields(), manager, c.kind.GroupVersionKind.GroupVersion().String(), paths)
	if err != nil {
		var none T
		return none, err
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": found.GetUID(), "resourceVersion": found.GetResourceVersion(),
		"annotations":   map[string]string{meta.AdoptAnnotation: want.Owner},
		"managedFields": managed,
	}})
	if err != nil {
		var none T
		return none, err
	}
	c.reader.writing(want.Key())
	defer c.reader.writing(want.Key())
	return c.send(ctx, want.Key(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: manager})
}
