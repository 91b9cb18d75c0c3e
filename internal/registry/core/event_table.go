package core

import (
	"cmp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubellm/kubellm/internal/registry"
)

// source 是报告者；新接口写下的事件没有 source，报告者在 reportingController 里。
func source(event *corev1.Event) string {
	return cmp.Or(event.Source.Component, event.ReportingController)
}

// eventColumns 与上游 kubectl get events 的列相同。
func eventColumns() []registry.Column[*corev1.Event] {
	return []registry.Column[*corev1.Event]{
		{Name: "Last Seen", Description: "Time since the event was last seen.", Value: func(e *corev1.Event) any { return since(lastSeen(e)) }},
		{Name: "Type", Description: "Normal or Warning.", Value: func(e *corev1.Event) any { return e.Type }},
		{Name: "Reason", Description: "Why the event was reported, in one word.", Value: func(e *corev1.Event) any { return e.Reason }},
		{Name: "Object", Description: "What the event is about.", Value: object},
		{Name: "Subobject", Description: "The part of the object that the event is about.", Wide: true, Value: func(e *corev1.Event) any { return e.InvolvedObject.FieldPath }},
		{Name: "Source", Description: "Who reported the event.", Wide: true, Value: func(e *corev1.Event) any { return source(e) }},
		{Name: "Message", Description: "What happened.", Value: func(e *corev1.Event) any { return e.Message }},
		{Name: "First Seen", Description: "Time since the event was first seen.", Wide: true, Value: func(e *corev1.Event) any { return since(firstSeen(e)) }},
		{Name: "Count", Type: "integer", Description: "How often the event was seen.", Wide: true, Value: count},
		{Name: "Name", Description: "Name of the event.", Wide: true, Value: func(e *corev1.Event) any { return e.Name }},
	}
}

func object(event *corev1.Event) any {
	return strings.ToLower(event.InvolvedObject.Kind) + "/" + event.InvolvedObject.Name
}

func firstSeen(event *corev1.Event) time.Time {
	if !event.FirstTimestamp.IsZero() {
		return event.FirstTimestamp.Time
	}
	return event.EventTime.Time
}

func lastSeen(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	default:
		return firstSeen(event)
	}
}

func count(event *corev1.Event) any {
	if event.Series != nil {
		return event.Series.Count
	}
	return max(event.Count, 1)
}

// since 与表格的年龄列同一种写法。
func since(seen time.Time) string {
	if seen.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(seen))
}
