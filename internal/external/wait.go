package external

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// WaitReady 监视对象直到就绪；不必等的（Kind.Parked）立即返回。from 是 Apply 刚写成的对象，从它开始便不必先取一次；
// 没有资源版本的只用到它的名字。progress 可为 nil，就绪与否的说法变了才调用。出错时也返回最后看到的对象：
// ctx 到期是 ClassNotReady，等下去也不会好的理由与正在被删除是 ClassFailed，两者的 Error.Ready 都说明状况；
// 其间没了或换了一个的是 ClassNotFound。
func (c *Client[T, L]) WaitReady(ctx context.Context, from T, progress func(Readiness)) (T, error) {
	const op = "wait for"
	key := keyOf(from)
	last := notObserved("the object has not been seen yet")
	object, err := c.wait(ctx, key, from, func(object T, exists bool) (bool, error) {
		if !exists || from.GetUID() != "" && object.GetUID() != from.GetUID() {
			return false, apierrors.NewNotFound(c.kind.groupResource(), key.Name)
		}
		if now := c.readiness(object); now != last {
			last = now
			if progress != nil {
				progress(now)
			}
		}
		return c.settledFor(object, last)
	})
	var failed *Error
	switch {
	case err == nil:
		return object, nil
	case errors.As(err, &failed) && failed.Class == ClassFailed:
		return object, c.fail(op, key, err)
	case ctx.Err() != nil && worthRetrying(err):
		e := c.timedOut(op, key, ctx.Err(), "it is not ready: "+last.text())
		e.Ready = last
		return object, e
	default:
		return object, c.fail(op, key, err)
	}
}

// settledFor 说等待是否到头：就绪了、不必等，或等下去也不会好（ClassFailed）。
func (c *Client[T, L]) settledFor(object T, ready Readiness) (bool, error) {
	switch {
	case object.GetDeletionTimestamp() != nil:
		deleting := Readiness{Status: metav1.ConditionFalse, Reason: "Deleting", Message: "the object is being deleted"}
		return false, failure(deleting, "make it anew once it is gone")
	case ready.Status == metav1.ConditionTrue, c.kind.Parked != nil && c.kind.Parked(object):
		return true, nil
	case ready.Status == metav1.ConditionFalse && slices.Contains(c.kind.Terminal, ready.Reason):
		return false, failure(ready, "waiting does not mend this: correct what the platform says")
	default:
		return false, nil
	}
}

// failure 是不会再就绪的对象。
func failure(ready Readiness, advice string) *Error {
	return &Error{Class: ClassFailed, Ready: ready, Err: &waitError{state: "it will not become ready: " + ready.text()}, advice: advice}
}

// text 是"理由: 说明"。
func (r Readiness) text() string {
	if r.Message == "" {
		return r.Reason
	}
	return r.Reason + ": " + r.Message
}

// WaitGone 监视对象直到那个 uid 不在了或 ctx 到期；到期时的 ClassNotReady 会列出还没放手的终结器，
// 以及平台说删除在等什么（Kind.Leaving，也在 Error.Ready 里）。
func (c *Client[T, L]) WaitGone(ctx context.Context, key Key, uid types.UID) error {
	var finalizers []string
	var leaving Readiness
	_, err := c.wait(ctx, key, c.kind.New(), func(object T, exists bool) (bool, error) {
		if !exists || object.GetUID() != uid {
			return true, nil
		}
		finalizers, leaving = object.GetFinalizers(), c.leaving(object)
		return false, nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		state := fmt.Sprintf("it still exists with finalizers [%s]", strings.Join(finalizers, ", "))
		if leaving.Reason != "" {
			state += ": " + leaving.text()
		}
		e := c.timedOut("wait for the deletion of", key, ctx.Err(), state)
		e.Ready = leaving
		return e
	default:
		return c.fail("wait for the deletion of", key, err)
	}
}

// leaving 是平台说删除在等什么；没说的为空。
func (c *Client[T, L]) leaving(object T) Readiness {
	if c.kind.Leaving == "" {
		return Readiness{}
	}
	conditions := c.kind.Conditions(object)
	index := slices.IndexFunc(conditions, func(condition metav1.Condition) bool { return condition.Type == c.kind.Leaving })
	if index < 0 {
		return Readiness{}
	}
	return Readiness{Status: conditions[index].Status, Reason: conditions[index].Reason, Message: conditions[index].Message}
}

// timedOut 是等待到期；对象本身没有出错。
func (c *Client[T, L]) timedOut(op string, key Key, cause error, state string) *Error {
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
