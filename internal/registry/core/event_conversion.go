package core

import (
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
)

// addEventConversions 登记 events.k8s.io 的事件与存储用的核心组事件之间的换算；字段只是改了名，不丢东西。
func addEventConversions(scheme *runtime.Scheme) error {
	convert := func(from, to any, do conversion.ConversionFunc) error { return scheme.AddConversionFunc(from, to, do) }
	if err := convert((*eventsv1.Event)(nil), (*corev1.Event)(nil), func(from, to any, _ conversion.Scope) error {
		*to.(*corev1.Event) = *coreEvent(from.(*eventsv1.Event))
		return nil
	}); err != nil {
		return err
	}
	if err := convert((*corev1.Event)(nil), (*eventsv1.Event)(nil), func(from, to any, _ conversion.Scope) error {
		*to.(*eventsv1.Event) = *eventsEvent(from.(*corev1.Event))
		return nil
	}); err != nil {
		return err
	}
	if err := convert((*eventsv1.EventList)(nil), (*corev1.EventList)(nil), func(from, to any, _ conversion.Scope) error {
		in, out := from.(*eventsv1.EventList), to.(*corev1.EventList)
		out.ListMeta, out.Items = in.ListMeta, make([]corev1.Event, 0, len(in.Items))
		for i := range in.Items {
			out.Items = append(out.Items, *coreEvent(&in.Items[i]))
		}
		return nil
	}); err != nil {
		return err
	}
	return convert((*corev1.EventList)(nil), (*eventsv1.EventList)(nil), func(from, to any, _ conversion.Scope) error {
		in, out := from.(*corev1.EventList), to.(*eventsv1.EventList)
		out.ListMeta, out.Items = in.ListMeta, make([]eventsv1.Event, 0, len(in.Items))
		for i := range in.Items {
			out.Items = append(out.Items, *eventsEvent(&in.Items[i]))
		}
		return nil
	})
}

func coreEvent(in *eventsv1.Event) *corev1.Event {
	out := &corev1.Event{
		ObjectMeta:          in.ObjectMeta,
		InvolvedObject:      in.Regarding,
		Reason:              in.Reason,
		Message:             in.Note,
		Source:              in.DeprecatedSource,
		FirstTimestamp:      in.DeprecatedFirstTimestamp,
		LastTimestamp:       in.DeprecatedLastTimestamp,
		Count:               in.DeprecatedCount,
		Type:                in.Type,
		EventTime:           in.EventTime,
		Action:              in.Action,
		Related:             in.Related,
		ReportingController: in.ReportingController,
		ReportingInstance:   in.ReportingInstance,
	}
	if in.Series != nil {
		out.Series = &corev1.EventSeries{Count: in.Series.Count, LastObservedTime: in.Series.LastObservedTime}
	}
	return out
}

func eventsEvent(in *corev1.Event) *eventsv1.Event {
	out := &eventsv1.Event{
		ObjectMeta:               in.ObjectMeta,
		EventTime:                in.EventTime,
		ReportingController:      in.ReportingController,
		ReportingInstance:        in.ReportingInstance,
		Action:                   in.Action,
		Reason:                   in.Reason,
		Regarding:                in.InvolvedObject,
		Related:                  in.Related,
		Note:                     in.Message,
		Type:                     in.Type,
		DeprecatedSource:         in.Source,
		DeprecatedFirstTimestamp: in.FirstTimestamp,
		DeprecatedLastTimestamp:  in.LastTimestamp,
		DeprecatedCount:          in.Count,
	}
	if in.Series != nil {
		out.Series = &eventsv1.EventSeries{Count: in.Series.Count, LastObservedTime: in.Series.LastObservedTime}
	}
	return out
}
