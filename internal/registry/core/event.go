package core

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubellm/kubellm/internal/registry"
)

// Event 声明核心组的事件；ttl 之后由 etcd 删掉。
func Event(ttl time.Duration) *registry.Resource[*corev1.Event, *corev1.EventList] {
	return &registry.Resource[*corev1.Event, *corev1.EventList]{
		Kind: "Event", Plural: "events", Singular: "event", ShortNames: []string{"ev"}, Namespaced: true, Uncategorized: true, TTL: ttl,
		New:     func() *corev1.Event { return &corev1.Event{} },
		NewList: func() *corev1.EventList { return &corev1.EventList{} },
		Columns: eventColumns(), BareTable: true,
		Fields:   eventFields("involvedObject", "reportingComponent"),
		Validate: validateEvent,
	}
}

// modernEvent 让同一份事件也以 events.k8s.io 的样子读写；新接口的规矩更严。
func modernEvent(event *registry.Resource[*corev1.Event, *corev1.EventList]) *registry.Resource[*corev1.Event, *corev1.EventList] {
	modern := *event
	modern.Group = eventsv1.GroupName
	modern.StoredAs = schema.GroupResource{Resource: event.Plural}
	modern.Fields = eventFields("regarding", "reportingController")
	modern.Validate = validateModernEvent
	modern.ValidateUpdate = validateModernEventUpdate
	return &modern
}

// eventFields 的路径随存储，叫法随组：核心组说 involvedObject，events.k8s.io 说 regarding。
func eventFields(object, reporter string) []registry.Field[*corev1.Event] {
	field := func(path, label string, value func(*corev1.Event) string) registry.Field[*corev1.Event] {
		return registry.Field[*corev1.Event]{Path: path, Label: label, Value: value}
	}
	return []registry.Field[*corev1.Event]{
		field("involvedObject.uid", object+".uid", func(e *corev1.Event) string { return string(e.InvolvedObject.UID) }),
		field("involvedObject.kind", object+".kind", func(e *corev1.Event) string { return e.InvolvedObject.Kind }),
		field("involvedObject.namespace", object+".namespace", func(e *corev1.Event) string { return e.InvolvedObject.Namespace }),
		field("involvedObject.name", object+".name", func(e *corev1.Event) string { return e.InvolvedObject.Name }),
		field("involvedObject.apiVersion", object+".apiVersion", func(e *corev1.Event) string { return e.InvolvedObject.APIVersion }),
		field("involvedObject.resourceVersion", object+".resourceVersion", func(e *corev1.Event) string { return e.InvolvedObject.ResourceVersion }),
		field("involvedObject.fieldPath", object+".fieldPath", func(e *corev1.Event) string { return e.InvolvedObject.FieldPath }),
		field("reason", "", func(e *corev1.Event) string { return e.Reason }),
		field("type", "", func(e *corev1.Event) string { return e.Type }),
		field("source", "", source),
		field("reportingComponent", reporter, func(e *corev1.Event) string { return e.ReportingController }),
	}
}
