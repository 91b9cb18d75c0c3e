package external

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// pollWait 是监视不成时再看一次的间隔。
const pollWait = time.Second

// WaitReady 监视对象直到就绪或 ctx 到期；到期时连同最后看到的对象返回 ClassNotReady。from 是 Apply 刚写成的对象，
// 从它开始便不必先取一次；没有资源版本的只用到它的名字。progress 可为 nil，就绪与否的说法变了才调用。
func (c *Client[T, L]) WaitReady(ctx context.Context, from T, progress func(Readiness)) (T, error) {
	key := keyOf(from)
	last := Readiness{Status: metav1.ConditionUnknown, Reason: "NotObserved", Message: "the object has not been seen yet"}
	object, err := c.wait(ctx, key, from, func(object T, exists bool) (bool, error) {
		if !exists {
			return false, apierrors.NewNotFound(c.kind.groupResource(), key.Name)
		}
		if now := c.readiness(object); now != last {
			last = now
			if progress != nil {
				progress(now)
			}
		}
		return last.Status == metav1.ConditionTrue, nil
	})
	switch {
	case err == nil:
		return object, nil
	case ctx.Err() != nil:
		return object, c.timedOut("wait for", key, ctx.Err(), fmt.Sprintf("it is not ready: %s: %s", last.Reason, last.Message))
	default:
		return object, c.fail("wait for", key, err)
	}
}

// WaitGone 监视对象直到那个 uid 不在了或 ctx 到期；到期时的 ClassNotReady 会列出还没放手的终结器。
func (c *Client[T, L]) WaitGone(ctx context.Context, key Key, uid types.UID) error {
	var finalizers []string
	_, err := c.wait(ctx, key, c.kind.New(), func(object T, exists bool) (bool, error) {
		if !exists || object.GetUID() != uid {
			return true, nil
		}
		finalizers = object.GetFinalizers()
		return false, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return c.timedOut("wait for the deletion of", key, ctx.Err(),
			fmt.Sprintf("it still exists with finalizers [%s]", strings.Join(finalizers, ", ")))
	default:
		return c.fail("wait for the deletion of", key, err)
	}
}

// timedOut 是等待到期；对象本身没有出错。
func (c *Client[T, L]) timedOut(op string, key Key, cause error, state string) error {
	e := c.platform.fail(op, c.kind.GroupVersionKind.Kind, key, &waitError{state: state, err: cause})
	e.Class, e.advice = ClassNotReady, "look at its conditions, or allow more time"
	return e
}

// waitError 是到期时对象的样子。
type waitError struct {
	state string
	err   error
}

func (e *waitError) Error() string { return e.state }
func (e *waitError) Unwrap() error { return e.err }
func (e *waitError) explained()    {}

// errWatchEnded 表示监视断了，该重新看一次。
var errWatchEnded = errors.New("the watch ended")

// wait 从 last（没有资源版本的现取）开始监视，直到 done；监视断了或不许监视就隔一会儿再看。返回最后看到的对象。
func (c *Client[T, L]) wait(ctx context.Context, key Key, last T, done func(object T, exists bool) (bool, error)) (T, error) {
	known := last.GetResourceVersion() != ""
	for {
		err := error(nil)
		if !known {
			var found T
			if found, err = c.get(ctx, key); err == nil {
				last = found
			}
		}
		known = false
		if err == nil || isMissing(err) {
			finished, failed := done(last, err == nil)
			if finished || failed != nil {
				return last, failed
			}
			last, err = c.follow(ctx, key, last, done)
		}
		if err == nil || !worthRetrying(err) {
			return last, err
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(jitter(pollWait)):
		}
	}
}

// follow 从对象的版本起监视它，直到 done（返回 nil）或监视断了。
func (c *Client[T, L]) follow(ctx context.Context, key Key, from T, done func(object T, exists bool) (bool, error)) (T, error) {
	stream, err := c.kind.Client(c.platform.clients, key.Namespace).Watch(
		withRequest(ctx, &request{kind: c.kind.GroupVersionKind.Kind, verb: "watch"}),
		metav1.ListOptions{
			FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, key.Name).String(),
			ResourceVersion: from.GetResourceVersion(),
		})
	if apierrors.IsForbidden(err) {
		return from, errWatchEnded
	}
	if err != nil {
		return from, err
	}
	defer stream.Stop()
	for {
		select {
		case <-ctx.Done():
			return from, ctx.Err()
		case event, open := <-stream.ResultChan():
			object, ok := event.Object.(T)
			if !open || !ok {
				return from, errWatchEnded
			}
			from = object
			if finished, err := done(object, event.Type != watch.Deleted); finished || err != nil {
				return object, err
			}
		}
	}
}

// worthRetrying 说等待中的一次失败是否值得再看：断开、限流与服务端一时的毛病都会过去。
func worthRetrying(err error) bool {
	if errors.Is(err, errWatchEnded) {
		return true
	}
	switch classify(err).Class {
	case ClassUnreachable, ClassRateLimited, ClassGone, ClassInternal:
		return true
	default:
		return false
	}
}
