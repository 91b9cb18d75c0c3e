package core

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/randfill"
)

// TestEventConversion 换一副面孔不丢任何字段，列表与单个一样；新增的字段忘了搬，这里会发现。
func TestEventConversion(t *testing.T) {
	scheme := runtime.NewScheme()
	Install(scheme)
	fill := randfill.NewWithSeed(1).NilChance(0).NumElements(1, 3).Funcs(
		func(at *metav1.Time, c randfill.Continue) { *at = metav1.Unix(int64(c.Uint32()), 0) },
		func(at *metav1.MicroTime, c randfill.Continue) {
			*at = metav1.NewMicroTime(metav1.Unix(int64(c.Uint32()), 0).Time)
		},
		func(raw *metav1.FieldsV1, _ randfill.Continue) { *raw = *metav1.NewFieldsV1("{}") },
		func(*metav1.TypeMeta, randfill.Continue) {},
	)
	for range 20 {
		before := &corev1.EventList{}
		fill.Fill(before)
		other, after := &eventsv1.EventList{}, &corev1.EventList{}
		if err := scheme.Convert(before, other, nil); err != nil {
			t.Fatal(err)
		}
		if err := scheme.Convert(other, after, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, after, cmp.Comparer(func(a, b metav1.FieldsV1) bool { return a.Equal(b) })); diff != "" {
			t.Fatalf("the way there and back changed something (-before +after):\n%s", diff)
		}
		one, back := &eventsv1.Event{}, &corev1.Event{}
		if err := scheme.Convert(&before.Items[0], one, nil); err != nil {
			t.Fatal(err)
		}
		if err := scheme.Convert(one, back, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Items[0], *back, cmp.Comparer(func(a, b metav1.FieldsV1) bool { return a.Equal(b) })); diff != "" {
			t.Fatalf("a single event changed (-before +after):\n%s", diff)
		}
	}
}
