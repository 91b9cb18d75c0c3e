package member

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestBookForgetsWhatItHasSorted 排好的一份只能用到那个模型的东西变了为止：
// 旧的会让控制器以为还在跑，或者把已经数过的 Pod 再数一遍。
func TestBookForgetsWhatItHasSorted(t *testing.T) {
	service := schema.GroupKind{Kind: "Service"}
	b := newBook(func() {})
	object := func(name, version string, owner types.UID) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "team", Name: name, ResourceVersion: version, Labels: map[string]string{modelv1alpha1.LabelModelUID: string(owner)}}
	}
	placed := func(name, version string, owner types.UID) client.Object {
		u := &unstructured.Unstructured{}
		meta := object(name, version, owner)
		u.SetNamespace(meta.Namespace)
		u.SetName(meta.Name)
		u.SetResourceVersion(meta.ResourceVersion)
		u.SetLabels(meta.Labels)
		return u
	}
	pod := func(name, version string, owner types.UID) client.Object {
		return &corev1.Pod{ObjectMeta: object(name, version, owner)}
	}
	key := func(name string) types.NamespacedName { return types.NamespacedName{Namespace: "team", Name: name} }
	for _, step := range []struct {
		reason string
		do     func()
		a, b   []string
	}{
		{"nothing was placed", func() {}, nil, nil},
		{"a service and a pod", func() { b.set(service, placed("s", "1", "a")); b.set(podKind, pod("p", "1", "a")) }, []string{"s1", "p1"}, nil},
		{"the pod has changed", func() { b.set(podKind, pod("p", "2", "a")) }, []string{"s1", "p2"}, nil},
		{"something of another model changes nothing", func() { b.set(service, placed("t", "1", "b")) }, []string{"s1", "p2"}, []string{"t1"}},
		{"the label names another model now", func() { b.set(service, placed("s", "3", "b")) }, []string{"p2"}, []string{"s3", "t1"}},
		{"the pod is gone", func() { b.remove(podKind, key("p")) }, nil, []string{"s3", "t1"}},
		{"listed anew without one of them", func() { b.drops(service, func(at types.NamespacedName) bool { return at.Name == "t" }) }, nil, []string{"t1"}},
	} {
		step.do()
		for owner, want := range map[types.UID][]string{"a": step.a, "b": step.b} {
			for range 2 {
				var got []string
				objects, pods := b.of(owner)
				for _, o := range objects {
					got = append(got, o.GetName()+o.GetResourceVersion())
				}
				for _, p := range pods {
					got = append(got, p.Name+p.ResourceVersion)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: model %s has %v, want %v", step.reason, owner, got, want)
				}
			}
		}
	}
}
