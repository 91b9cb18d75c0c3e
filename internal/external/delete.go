package external

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Delete 删除归我们的、want 所指的对象；不是就什么也不发送。请求绑定看到的 uid 与版本，期间易主或重建的不会误删。
func (c *Client[T, L]) Delete(ctx context.Context, want Desired[T]) (Deletion, error) {
	deletion, err := c.delete(ctx, want)
	if err != nil {
		return "", c.fail("delete", want.Key(), err)
	}
	return deletion, nil
}

func (c *Client[T, L]) delete(ctx context.Context, want Desired[T]) (Deletion, error) {
	if want.Owner == "" {
		return "", errors.New("no owner mark is given")
	}
	key := want.Key()
	found, fresh, err := c.reader.candidate(ctx, key)
	ours := func() bool { return c.owns(want.Owner, found) && want.means(found) }
	if err == nil && !fresh && !ours() {
		found, err = c.get(ctx, key)
	}
	var raced error
	for range maxRaces {
		switch {
		case isMissing(err):
			return AlreadyGone, nil
		case err != nil:
			return "", err
		case !ours():
			return NotOurs, nil
		case found.GetDeletionTimestamp() != nil:
			return Terminating, nil
		}
		raced = c.remove(ctx, key, found)
		switch {
		case raced == nil:
			return outcome(found), nil
		case isMissing(raced):
			return AlreadyGone, nil
		case classify(raced).Class != ClassConflict:
			return "", raced
		}
		found, err = c.get(ctx, key)
	}
	return "", raced
}

// remove 发出一次带前提的删除。
func (c *Client[T, L]) remove(ctx context.Context, key Key, found T) error {
	c.reader.writing(key)
	defer c.reader.writing(key)
	_, err := call(ctx, c.kind.GroupVersionKind.Kind, "delete", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.kind.Client(c.platform.clients, key.Namespace).Delete(ctx, key.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: ptr.To(found.GetUID()), ResourceVersion: ptr.To(found.GetResourceVersion())},
		})
	})
	if err == nil {
		c.reader.deleted(found)
	}
	return err
}

// outcome 由删除前的样子得知结局：请求绑定了那个版本，所以那时没有终结器就已经没了。
func outcome[T Object](found T) Deletion {
	if len(found.GetFinalizers()) == 0 {
		return Deleted
	}
	return Terminating
}
