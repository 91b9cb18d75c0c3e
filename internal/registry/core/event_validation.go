package core

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// maxEventWord 是事件里各个短语的长度上限，maxEventNote 是说明的，与上游相同。
	maxEventWord = 128
	maxEventNote = 1024
)

// validateEvent 校验两个组共同的规矩；带 eventTime 的是新式事件，要说清谁报告、做了什么。
func validateEvent(event *corev1.Event) field.ErrorList {
	errs := validateEventNamespace(event)
	if event.EventTime.IsZero() {
		return errs
	}
	for _, message := range validation.IsQualifiedName(event.ReportingController) {
		errs = append(errs, field.Invalid(field.NewPath("reportingController"), event.ReportingController, message))
	}
	for name, value := range map[string]string{"reportingInstance": event.ReportingInstance, "action": event.Action, "reason": event.Reason} {
		errs = append(errs, validateEventWord(field.NewPath(name), value)...)
	}
	if len(event.Message) > maxEventNote {
		errs = append(errs, field.TooLong(field.NewPath("note"), "", maxEventNote))
	}
	return errs
}

func validateEventWord(path *field.Path, value string) field.ErrorList {
	switch {
	case value == "":
		return field.ErrorList{field.Required(path, "an event with an eventTime has one")}
	case len(value) > maxEventWord:
		return field.ErrorList{field.TooLong(path, "", maxEventWord)}
	}
	return nil
}

// validateEventNamespace 让事件与它所说的对象在一起：看得到对象的人才看得到它的事件。
// 没有命名空间的对象（用户、集群）的事件放在内置的命名空间里。
func validateEventNamespace(event *corev1.Event) field.ErrorList {
	about := event.InvolvedObject.Namespace
	if about == event.Namespace || about == "" && slices.Contains(BuiltinNamespaces, event.Namespace) {
		return nil
	}
	message := fmt.Sprintf("must be the namespace of the event, %q", event.Namespace)
	if about == "" {
		message = fmt.Sprintf("events about objects without a namespace belong to one of %v", BuiltinNamespaces)
	}
	return field.ErrorList{field.Invalid(field.NewPath("involvedObject", "namespace"), about, message)}
}

// validateModernEvent 是经 events.k8s.io 写下的事件：只用新字段，旧字段留给核心组。
func validateModernEvent(event *corev1.Event) field.ErrorList {
	errs := validateEvent(event)
	if event.EventTime.IsZero() {
		errs = append(errs, field.Required(field.NewPath("eventTime"), "when the event happened"))
	}
	if event.Type != corev1.EventTypeNormal && event.Type != corev1.EventTypeWarning {
		errs = append(errs, field.NotSupported(field.NewPath("type"), event.Type, []string{corev1.EventTypeNormal, corev1.EventTypeWarning}))
	}
	if series := event.Series; series != nil && (series.Count < 2 || series.LastObservedTime.IsZero()) {
		errs = append(errs, field.Invalid(field.NewPath("series"), series.Count, "needs a count of at least 2 and a lastObservedTime"))
	}
	for name, set := range map[string]bool{
		"deprecatedFirstTimestamp": !event.FirstTimestamp.IsZero(),
		"deprecatedLastTimestamp":  !event.LastTimestamp.IsZero(),
		"deprecatedCount":          event.Count != 0,
		"deprecatedSource":         event.Source != corev1.EventSource{},
	} {
		if set {
			errs = append(errs, field.Forbidden(field.NewPath(name), "needs to be unset; it is for events of the core API only"))
		}
	}
	return errs
}

// validateModernEventUpdate 只放 series 与元数据过去：事件是记录，不能事后改口。
func validateModernEventUpdate(event, old *corev1.Event) field.ErrorList {
	merged := event.DeepCopy()
	merged.TypeMeta, merged.ObjectMeta, merged.Series = old.TypeMeta, old.ObjectMeta, old.Series
	if apiequality.Semantic.DeepEqual(merged, old) {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath(""), "only series and metadata of an event can be changed")}
}
