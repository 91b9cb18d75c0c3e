package v1alpha1

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// everything 写满一个模型；两边只有指向平台 Secret 的字段不同名。
const everything = `
source: {huggingFace: {repo: a/b, revision: main, file: f, platformTokenSecretRef: {name: s, key: k}}}
engine: {type: VLLM, image: i, args: [--a], env: [{name: A, value: b}], contextLength: 1, delivery: KServe}
servedName: n
resources: {accelerator: {resourceName: r/g, count: 2, products: [p]}, cpu: "8", memory: 64Gi, sharedMemory: 2Gi}
placement:
  clusterNames: [c]
  clusterSelector: {matchLabels: {a: b}}
  tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute}]
  clusters: 2
  strategy: Pack
  failover: {afterSeconds: 60}
scaling: {replicas: 2, autoscaling: {minReplicas: 1, maxReplicas: 3, targetRequestsPerReplica: 4}}
adapters:
- {name: oci, source: {oci: {image: i, platformPullSecretRef: {name: s, key: k}}}}
- {name: s3, source: {s3: {bucket: b, prefix: p, endpoint: e, region: r, platformCredentialsSecretRef: {name: s}}}}
- {name: pvc, source: {pvc: {claimName: c, path: p}}}
cache: {size: 1Ti, storageClassName: fast, accessMode: ReadWriteOnce}
rollout: {type: Rolling, maxSurge: 1, maxUnavailable: 2}
startupTimeoutSeconds: 60
suspended: true
deletionPolicy: Orphan
`

func TestDesired(t *testing.T) {
	onPlatform := strings.NewReplacer("platformTokenSecretRef", "tokenSecretRef", "platformPullSecretRef", "pullSecretRef",
		"platformCredentialsSecretRef", "credentialsSecretRef").Replace
	cases := map[string]struct{ reason, params, spec string }{
		"nothing":        {reason: "What is not set is not wanted: no defaults."},
		"everything":     {reason: "Every field arrives under its own name.", params: everything, spec: onPlatform(everything)},
		"empty sections": {reason: "A section without fields wants nothing in it.", params: "{engine: {}, placement: {}, scaling: {}, rollout: {}}", spec: "{placement: {}, scaling: {}, rollout: {}}"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var params ModelParameters
			var want modelv1alpha1.Model
			if err := yaml.UnmarshalStrict([]byte(tc.params), &params); err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict([]byte(tc.spec), &want.Spec); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, params.Desired()); diff != "" {
				t.Errorf("%s\nDesired(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestObserveModel 看什么改变托管资源的状态，以及列里显示什么。
func TestObserveModel(t *testing.T) {
	seen := func(edit func(*modelv1alpha1.Model)) *ModelObservation {
		m := &modelv1alpha1.Model{Spec: modelv1alpha1.ModelSpec{
			Scaling: &modelv1alpha1.Scaling{Replicas: ptr.To[int32](2)}, Placement: &modelv1alpha1.Placement{Clusters: ptr.To[int32](2)},
		}, Status: modelv1alpha1.ModelStatus{
			ServedName: "qwen", Endpoint: "http://qwen", Replicas: 3, ReadyReplicas: 3,
			Placements: []modelv1alpha1.ModelPlacement{{Cluster: "a", Replicas: 2}, {Cluster: "b", Replicas: 2}},
		}}
		edit(m)
		return ObserveModel(m)
	}
	before := seen(func(*modelv1alpha1.Model) {})
	cases := map[string]struct {
		reason             string
		edit               func(*modelv1alpha1.Model)
		changes            bool
		replicas, clusters string
	}{
		"other models": {
			reason: "What others take of the clusters must not write the control plane.", replicas: "3/4", clusters: "a,b",
			edit: func(m *modelv1alpha1.Model) {
				m.Status.RejectedClusters = []modelv1alpha1.RejectedCluster{{Cluster: "c", Message: "1 < 2"}}
				m.Status.Placements[0].ObservedReplicas = 1
			},
		},
		"ready": {reason: "A replica more shows.", edit: func(m *modelv1alpha1.Model) { m.Status.ReadyReplicas = 4 }, changes: true, replicas: "4/4", clusters: "a,b"},
		"phase": {reason: "How far a placement has come shows.", changes: true, replicas: "3/4", clusters: "a,b",
			edit: func(m *modelv1alpha1.Model) { m.Status.Placements[1].Phase = modelv1alpha1.PlacementFailed }},
		"one unseen": {reason: "What is seen elsewhere still counts.", changes: true, replicas: "3/4", clusters: "a,b",
			edit: func(m *modelv1alpha1.Model) { m.Status.Placements[1].Phase = modelv1alpha1.PlacementUnreachable }},
		"unseen": {reason: "Nobody knows how many are ready where nothing can be seen.", changes: true, replicas: "?/4", clusters: "a,b",
			edit: func(m *modelv1alpha1.Model) {
				m.Status.ReadyReplicas = 0
				for i := range m.Status.Placements {
					m.Status.Placements[i].Phase = modelv1alpha1.PlacementUnreachable
				}
			}},
		"elastic": {reason: "The least is wanted, whatever is reserved.", changes: true, replicas: "3/2", clusters: "a,b",
			edit: func(m *modelv1alpha1.Model) {
				m.Spec.Scaling = &modelv1alpha1.Scaling{Autoscaling: &modelv1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 2}}
			}},
		"suspended": {reason: "None is wanted.", changes: true, replicas: "3/0", clusters: "a,b", edit: func(m *modelv1alpha1.Model) { m.Spec.Suspended = ptr.To(true) }},
		"nowhere":   {reason: "A model that is nowhere has no replicas to count.", edit: func(m *modelv1alpha1.Model) { m.Status.Placements = nil }, changes: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			after := seen(tc.edit)
			if diff := cmp.Diff(before, after); (diff != "") != tc.changes {
				t.Errorf("%s\nObserveModel(...): changes %t, want %t: %s", tc.reason, diff != "", tc.changes, diff)
			}
			if after.Replicas != tc.replicas || after.ClusterNames != tc.clusters {
				t.Errorf("%s\ngot replicas %q on %q, want %q on %q", tc.reason, after.Replicas, after.ClusterNames, tc.replicas, tc.clusters)
			}
		})
	}
}

func TestConnectionDetails(t *testing.T) {
	cases := map[string]struct {
		reason                        string
		model                         modelv1alpha1.Model
		endpoint, cluster, servedName string
	}{
		"by default": {reason: "The platform says what the model is called.", endpoint: "http://qwen", cluster: "north", servedName: "qwen",
			model: modelv1alpha1.Model{ObjectMeta: metav1.ObjectMeta{Name: "qwen"}, Status: modelv1alpha1.ModelStatus{Endpoint: "http://qwen", EndpointCluster: "north", ServedName: "qwen"}}},
		"not placed": {reason: "An address that no longer holds is taken back.", servedName: "large",
			model: modelv1alpha1.Model{Spec: modelv1alpha1.ModelSpec{ServedName: ptr.To("large")}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ObserveModel(&tc.model).ConnectionDetails()
			endpoint, given := got["endpoint"]
			if !given || string(endpoint) != tc.endpoint || string(got["cluster"]) != tc.cluster || string(got["servedName"]) != tc.servedName {
				t.Errorf("%s\ngot endpoint %q in %q and name %q, want %q in %q and %q", tc.reason, endpoint, got["cluster"], got["servedName"], tc.endpoint, tc.cluster, tc.servedName)
			}
		})
	}
	if details := (*ModelObservation)(nil).ConnectionDetails(); details != nil {
		t.Errorf("nothing was observed, got %d keys", len(details))
	}
}
