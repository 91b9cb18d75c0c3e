package apiserver

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubellm/kubellm/test/harness"
)

func newEvent(namespace, name string) *corev1.Event {
	now := metav1.Now()
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: namespace, Name: name},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name, UID: "uid-" + "of-" + "it"},
		Reason:         "Tested", Message: "It was tested.", Type: corev1.EventTypeNormal, Count: 2,
		Source: corev1.EventSource{Component: "tester"}, FirstTimestamp: now, LastTimestamp: now,
	}
}

func newModernEvent(namespace, name string) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		EventTime:  metav1.NowMicro(), ReportingController: "kubellm.io/tester", ReportingInstance: "tester-1",
		Action: "Testing", Reason: "Tested", Note: "It was tested.", Type: corev1.EventTypeWarning,
		Regarding: corev1.ObjectReference{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name},
	}
}

func createEvent(t *testing.T, core kubernetes.Interface, namespace, name string) error {
	t.Helper()
	_, err := core.CoreV1().Events(namespace).Create(t.Context(), newEvent(namespace, name), metav1.CreateOptions{})
	return err
}

// TestEventsOfBothKinds 保证两个接口看到同一份事件，一处写的另一处原样读得到、删得掉。
func TestEventsOfBothKinds(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	ns := namespace(t, core)
	must(t, createEvent(t, core, ns, "old"))
	modern, err := core.EventsV1().Events(ns).Get(t.Context(), "old", metav1.GetOptions{})
	must(t, err)
	if modern.Note != "It was tested." || modern.Regarding.Name != "old" || modern.DeprecatedCount != 2 || modern.DeprecatedSource.Component != "tester" {
		t.Errorf("through events.k8s.io the event is %+v", modern)
	}
	_, err = core.EventsV1().Events(ns).Create(t.Context(), newModernEvent(ns, "new"), metav1.CreateOptions{})
	must(t, err)
	old, err := core.CoreV1().Events(ns).Get(t.Context(), "new", metav1.GetOptions{})
	must(t, err)
	if old.Message != "It was tested." || old.InvolvedObject.Name != "new" || old.ReportingController != "kubellm.io/tester" || old.EventTime.IsZero() {
		t.Errorf("through the core API the event is %+v", old)
	}
	// 记录器更新次数的方式：经新接口打补丁，旧接口看得到。
	_, err = core.EventsV1().Events(ns).Patch(t.Context(), "new", "application/strategic-merge-patch+json",
		[]byte(`{"series":{"count":5,"lastObservedTime":"2026-01-02T03:04:05.000000Z"}}`), metav1.PatchOptions{})
	must(t, err)
	if old, err = core.CoreV1().Events(ns).Get(t.Context(), "new", metav1.GetOptions{}); err != nil || old.Series == nil || old.Series.Count != 5 {
		t.Errorf("after the patch the event's series is %v (%v)", old.Series, err)
	}
	must(t, core.EventsV1().Events(ns).Delete(t.Context(), "old", metav1.DeleteOptions{}))
	if _, err := core.CoreV1().Events(ns).Get(t.Context(), "old", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the event deleted through events.k8s.io is still in the core API (%v)", err)
	}
}

// TestEventSelectors 保证按对象找得到事件，两个接口各用各的叫法，写错的叫法是 400。
func TestEventSelectors(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	ns := namespace(t, core)
	must(t, createEvent(t, core, ns, "old"))
	_, err := core.EventsV1().Events(ns).Create(t.Context(), newModernEvent(ns, "new"), metav1.CreateOptions{})
	must(t, err)
	for selector, want := range map[string]string{
		"involvedObject.name=old": "old", "involvedObject.uid=uid-of-it": "old", "involvedObject.kind=Secret,type=Warning": "new", "involvedObject.namespace=" + ns + ",type=Normal": "old",
		"reason=Tested,type=Warning": "new", "source=tester": "old", "metadata.name=new": "new", "reportingComponent=kubellm.io/tester": "new", "metadata.namespace=" + ns + ",type=Normal": "old",
	} {
		list, err := core.CoreV1().Events("").List(t.Context(), metav1.ListOptions{FieldSelector: selector + ",metadata.namespace=" + ns})
		if err != nil || len(list.Items) != 1 || list.Items[0].Name != want {
			t.Errorf("selecting %s gave %d events (%v), want %s", selector, len(list.Items), err, want)
		}
	}
	for selector, want := range map[string]string{"regarding.name=old": "old", "regarding.kind=Secret,type=Warning": "new", "reportingController=kubellm.io/tester": "new"} {
		list, err := core.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: selector})
		if err != nil || len(list.Items) != 1 || list.Items[0].Name != want {
			t.Errorf("selecting %s gave %d events (%v), want %s", selector, len(list.Items), err, want)
		}
	}
	if _, err := core.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=old"}); !apierrors.IsBadRequest(err) {
		t.Errorf("events.k8s.io took a selector of the core API: %v", err)
	}
	if _, err := core.CoreV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.name=old"}); !apierrors.IsBadRequest(err) {
		t.Errorf("the core API took a selector of events.k8s.io: %v", err)
	}
}

// TestInvalidEvents 保证不成形的事件被拒；没有命名空间的对象的事件有两个去处。
func TestInvalidEvents(t *testing.T) {
	t.Parallel()
	core := shared.admin.core(t)
	ns := namespace(t, core)
	elsewhere := newEvent(ns, "elsewhere")
	elsewhere.InvolvedObject.Namespace = "default"
	_, err := core.CoreV1().Events(ns).Create(t.Context(), elsewhere, metav1.CreateOptions{})
	isInvalid(t, err, "involvedObject.namespace", ns, "an event is where its object is")
	homeless := newEvent(ns, "homeless")
	homeless.InvolvedObject.Namespace = ""
	_, err = core.CoreV1().Events(ns).Create(t.Context(), homeless, metav1.CreateOptions{})
	isInvalid(t, err, "involvedObject.namespace", "kubellm-system", "events of cluster-scoped objects have their place")
	for _, place := range []string{"default", "kubellm-system"} {
		homeless := newEvent(place, unique("homeless"))
		homeless.InvolvedObject.Namespace = ""
		if _, err := core.CoreV1().Events(place).Create(t.Context(), homeless, metav1.CreateOptions{}); err != nil {
			t.Errorf("an event of a cluster-scoped object in %s: %v", place, err)
		}
	}
	for field, spoil := range map[string]func(*eventsv1.Event){
		"eventTime":           func(e *eventsv1.Event) { e.EventTime = metav1.MicroTime{} },
		"type":                func(e *eventsv1.Event) { e.Type = "Strange" },
		"action":              func(e *eventsv1.Event) { e.Action = "" },
		"reason":              func(e *eventsv1.Event) { e.Reason = "" },
		"reportingController": func(e *eventsv1.Event) { e.ReportingController = "" },
		"reportingInstance":   func(e *eventsv1.Event) { e.ReportingInstance = "" },
		"note":                func(e *eventsv1.Event) { e.Note = string(make([]byte, 1025)) },
		"deprecatedCount":     func(e *eventsv1.Event) { e.DeprecatedCount = 1 },
		"series":              func(e *eventsv1.Event) { e.Series = &eventsv1.EventSeries{Count: 1} },
	} {
		event := newModernEvent(ns, unique("invalid"))
		spoil(event)
		_, err := core.EventsV1().Events(ns).Create(t.Context(), event, metav1.CreateOptions{})
		isInvalid(t, err, field, "", "an event says who did what")
	}
	list, err := core.CoreV1().Events(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("%d invalid events are stored (%v)", len(list.Items), err)
	}
	kept, err := core.EventsV1().Events(ns).Create(t.Context(), newModernEvent(ns, "kept"), metav1.CreateOptions{})
	must(t, err)
	kept.Note = "It was not."
	if _, err := core.EventsV1().Events(ns).Update(t.Context(), kept, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("rewriting what happened gave %v, want 422", err)
	}
}

// TestEventsExpire 保证事件到时候自己消失，别的东西不会。
func TestEventsExpire(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{Args: []string{"--event-ttl=2s"}})
	core := p.admin.core(t)
	must(t, createEvent(t, core, "default", "short-lived"))
	_, err := core.CoreV1().Secrets("default").Create(t.Context(), secret("lasting"), metav1.CreateOptions{})
	must(t, err)
	before := time.Now()
	harness.Eventually(t, "the event to expire", patience, func(ctx context.Context) error {
		list, err := core.EventsV1().Events("default").List(ctx, metav1.ListOptions{})
		if err != nil {
			return harness.Permanent(err)
		}
		if len(list.Items) > 0 {
			return errors.New("it is still there")
		}
		return nil
	})
	t.Logf("it expired after %s", time.Since(before))
	if _, err := core.CoreV1().Secrets("default").Get(t.Context(), "lasting", metav1.GetOptions{}); err != nil {
		t.Errorf("a secret expired with the events: %v", err)
	}
}
