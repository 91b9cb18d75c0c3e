package apiserver

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
)

// running 是在 a 与 b 上各跑着两个副本的模型。
func running(edit ...func(*v1alpha1.Model)) *v1alpha1.Model {
	m := &v1alpha1.Model{Spec: v1alpha1.ModelSpec{
		Source:  v1alpha1.ModelSource{HuggingFace: &v1alpha1.HuggingFaceSource{Repo: "a/b", TokenSecretRef: &v1alpha1.SecretKeyReference{Name: "hub", Key: "token"}}},
		Engine:  v1alpha1.Engine{Type: v1alpha1.EngineVLLM, Image: ptr.To("example.org/vllm:1")},
		Scaling: &v1alpha1.Scaling{Replicas: ptr.To[int32](2)}, Rollout: &v1alpha1.Rollout{},
	}}
	m.Name, m.Namespace, m.UID = "chat", "default", "1"
	m.Status.Placements = at(2, "a", "b")
	for _, e := range edit {
		e(m)
	}
	return m
}

func at(replicas int32, clusters ...string) []v1alpha1.ModelPlacement {
	var placements []v1alpha1.ModelPlacement
	for _, name := range clusters {
		placements = append(placements, v1alpha1.ModelPlacement{Cluster: name, ClusterUID: "uid-" + name, Namespace: "kubellm-default", Replicas: replicas})
	}
	return placements
}

// TestConsequences 计划说得出跑着的会怎样：换不换、怎么换；只改个数、只改换法、什么也不放的，不说会换。
func TestConsequences(t *testing.T) {
	longer := func(m *v1alpha1.Model) { m.Spec.Engine.ContextLength = ptr.To[int32](65536) }
	rollout := func(kind v1alpha1.RolloutType, surge, unavailable int32) func(*v1alpha1.Model) {
		return func(m *v1alpha1.Model) {
			m.Spec.Rollout = &v1alpha1.Rollout{Type: &kind, MaxSurge: &surge, MaxUnavailable: &unavailable}
		}
	}
	by := func(d v1alpha1.Delivery) func(*v1alpha1.Model) {
		return func(m *v1alpha1.Model) { m.Spec.Engine.Delivery = &d }
	}
	more := func(m *v1alpha1.Model) {
		m.Spec.Resources = &v1alpha1.Resources{Accelerator: &v1alpha1.AcceleratorRequest{Count: ptr.To[int32](2)}}
	}
	suspended := func(m *v1alpha1.Model) { m.Spec.Suspended = ptr.To(true) }
	type edits []func(*v1alpha1.Model)
	const stays = "what runs stays, and no replica is replaced"
	for name, c := range map[string]struct {
		why     string
		old, is edits
		after   []v1alpha1.ModelPlacement
		want    string
	}{
		"same":       {"nothing is changed", nil, nil, at(2, "a", "b"), stays},
		"template":   {"the pods have another argument", nil, edits{longer}, at(2, "a", "b"), "the replicas on a, b are replaced, one after the other"},
		"default":    {"what is written now is what held before", nil, edits{rollout(v1alpha1.RolloutRolling, 0, 1)}, at(2, "a", "b"), stays},
		"several":    {"two at a time may be missing, and one more be there", nil, edits{longer, rollout(v1alpha1.RolloutRolling, 1, 2)}, at(2, "a", "b"), "the replicas on a, b are replaced, up to 3 at a time"},
		"recreate":   {"no old one runs beside a new one", nil, edits{longer, rollout(v1alpha1.RolloutRecreate, 0, 1)}, at(2, "a", "b"), "the replicas on a, b are replaced, all at once"},
		"only how":   {"how replicas are replaced replaces none", nil, edits{rollout(v1alpha1.RolloutRecreate, 0, 1)}, at(2, "a", "b"), stays},
		"number":     {"more of the same", nil, nil, at(3, "a", "b"), "is resized on a (replicas 2 to 3), b (replicas 2 to 3)"},
		"both":       {"more, and other ones", nil, edits{longer}, at(3, "a", "b"), "is resized on a (replicas 2 to 3), b (replicas 2 to 3); the replicas on a, b are replaced, one after the other"},
		"moves":      {"what leaves is not replaced there", nil, edits{longer}, at(2, "b", "c"), "leaves a, is added to c; the replicas on b are replaced, one after the other"},
		"suspended":  {"none is left to be replaced", nil, edits{longer, suspended}, at(0, "a", "b"), "is resized on a (replicas 2 to 0), b (replicas 2 to 0)"},
		"kserve":     {"KServe rolls them out", edits{by(v1alpha1.DeliveryKServe)}, edits{by(v1alpha1.DeliveryKServe), longer}, at(2, "a", "b"), "the replicas on a, b are replaced, as KServe goes about it"},
		"kserve too": {"KServe's, and nothing is changed", edits{by(v1alpha1.DeliveryKServe)}, edits{by(v1alpha1.DeliveryKServe)}, at(2, "a", "b"), stays},
		"delivery":   {"the Deployment goes, KServe makes another", nil, edits{by(v1alpha1.DeliveryKServe)}, at(2, "a", "b"), "the replicas on a, b are replaced, all at once"},
		"secret": {"the plan does not see what the Secrets hold", nil, edits{func(m *v1alpha1.Model) { m.Spec.Source.HuggingFace.TokenSecretRef.Name = "hub-2" }}, at(2, "a", "b"),
			"the replicas on a, b are replaced if the credentials are other ones, one after the other"},
		"refused": {"the accelerators are not granted", nil, edits{more}, at(2, "a", "b"), "nothing is applied on a, b, and what runs there stays"},
		"earlier": {"the spec before was not granted either, so it is not what runs", edits{more}, edits{longer}, at(2, "a", "b"),
			"what runs on a, b is of an earlier spec, and its replicas are replaced where it differs"},
	} {
		old := running(c.old...)
		var clusters []clusterv1alpha1.Cluster
		for _, name := range []string{"a", "b", "c"} {
			on := clusterv1alpha1.Cluster{}
			on.Name, on.UID = name, old.UID
			clusters = append(clusters, on)
		}
		if got := consequences(running(c.is...), old, clusters, scheduler.Result{Placements: c.after}); got != c.want {
			t.Errorf("%s: %s: it says %q, want %q", name, c.why, got, c.want)
		}
	}
}

// TestNewModelHasNoConsequences 还没有放下的，没有什么跑着：说了放在哪里就够了。
func TestNewModelHasNoConsequences(t *testing.T) {
	for why, old := range map[string]*v1alpha1.Model{
		"it is created":         nil,
		"it was placed nowhere": running(func(m *v1alpha1.Model) { m.Status.Placements = nil }),
	} {
		m := running(func(m *v1alpha1.Model) { m.Status.Placements = nil })
		if got := (placer{}).Place(m, old, nil, nil, m.CreationTimestamp.Time); strings.Contains(got.Message, ";") || got.Message == "" {
			t.Errorf("%s: the plan says %q", why, got.Message)
		}
	}
}
