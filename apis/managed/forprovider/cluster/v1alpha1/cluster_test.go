package v1alpha1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
)

func TestDesired(t *testing.T) {
	cases := map[string]struct {
		reason string
		params ClusterParameters
		want   clusterv1alpha1.Cluster
	}{
		"nothing": {reason: "What is not set is not wanted: no defaults, no empty credentials."},
		"everything": {
			reason: "Every field arrives under its own name.",
			params: ClusterParameters{
				Parameters:                  object.Parameters{Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}},
				PlatformKubeconfigSecretRef: &PlatformSecretReference{Namespace: "ns", Name: "secret", Key: ptr.To("key")},
				InsecureSkipTLSVerify:       ptr.To(true),
				Region:                      ptr.To("north"),
				Zones:                       []string{"a", "b"},
				Taints:                      []Taint{{Key: "k", Value: "v", Effect: clusterv1alpha1.TaintNoExecute}},
				Heartbeat:                   &Heartbeat{IntervalSeconds: ptr.To[int32](1), TimeoutSeconds: ptr.To[int32](2), FailureThreshold: ptr.To[int32](3)},
				WorkloadNamespacePrefix:     ptr.To("models-"),
				Suspended:                   ptr.To(true),
				DeletionPolicy:              ptr.To(clusterv1alpha1.DeletionOrphan),
			},
			want: clusterv1alpha1.Cluster{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}},
				Spec: clusterv1alpha1.ClusterSpec{
					Credentials: &clusterv1alpha1.CredentialsSource{
						KubeconfigSecretRef:   &clusterv1alpha1.SecretKeyReference{Namespace: "ns", Name: "secret", Key: ptr.To("key")},
						InsecureSkipTLSVerify: ptr.To(true),
					},
					Region:                  ptr.To("north"),
					Zones:                   []string{"a", "b"},
					Taints:                  []clusterv1alpha1.Taint{{Key: "k", Value: "v", Effect: clusterv1alpha1.TaintNoExecute}},
					Heartbeat:               &clusterv1alpha1.Heartbeat{IntervalSeconds: ptr.To[int32](1), TimeoutSeconds: ptr.To[int32](2), FailureThreshold: ptr.To[int32](3)},
					WorkloadNamespacePrefix: ptr.To("models-"),
					Suspended:               ptr.To(true),
					DeletionPolicy:          ptr.To(clusterv1alpha1.DeletionOrphan),
				},
			},
		},
		"insecure": {
			reason: "Not verifying is a matter of its own, wherever the kubeconfig comes from.",
			params: ClusterParameters{InsecureSkipTLSVerify: ptr.To(false)},
			want:   clusterv1alpha1.Cluster{Spec: clusterv1alpha1.ClusterSpec{Credentials: &clusterv1alpha1.CredentialsSource{InsecureSkipTLSVerify: ptr.To(false)}}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(&tc.want, tc.params.Desired()); diff != "" {
				t.Errorf("%s\nDesired(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestObserveCluster 看心跳不改变托管资源的状态，而其余的都改变。
func TestObserveCluster(t *testing.T) {
	seen := func(edit func(*clusterv1alpha1.Cluster)) *ClusterObservation {
		c := &clusterv1alpha1.Cluster{Status: clusterv1alpha1.ClusterStatus{
			Accelerators: []clusterv1alpha1.Accelerator{{Product: "a", Free: 2, Allocatable: 8, Capacity: 8}, {Product: "b", Free: 3, Allocatable: 4, Capacity: 8}},
			Conditions:   []metav1.Condition{{Type: clusterv1alpha1.ConditionCapacityKnown, Status: metav1.ConditionTrue}},
		}}
		edit(c)
		return ObserveCluster(c)
	}
	before := seen(func(*clusterv1alpha1.Cluster) {})
	cases := map[string]struct {
		reason  string
		edit    func(*clusterv1alpha1.Cluster)
		changes bool
		free    string
	}{
		"heartbeat":  {reason: "A heartbeat alone must not write the control plane.", edit: func(c *clusterv1alpha1.Cluster) { c.Status.LastHeartbeatTime = ptr.To(metav1.Now()) }, free: "5/12"},
		"version":    {reason: "A new version shows.", edit: func(c *clusterv1alpha1.Cluster) { c.Status.Version = "v1.37.2" }, changes: true, free: "5/12"},
		"pod placed": {reason: "Free accelerators show.", edit: func(c *clusterv1alpha1.Cluster) { c.Status.Accelerators[0].Free = 1 }, changes: true, free: "4/12"},
		"stale": {
			reason: "Numbers without evidence are said to be old.",
			edit:   func(c *clusterv1alpha1.Cluster) { c.Status.Conditions[0].Status = metav1.ConditionUnknown }, changes: true, free: "5/12 (stale)",
		},
		"none": {reason: "Without accelerators there is no sum.", edit: func(c *clusterv1alpha1.Cluster) { c.Status.Accelerators = nil }, changes: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			after := seen(tc.edit)
			if diff := cmp.Diff(before, after); (diff != "") != tc.changes {
				t.Errorf("%s\nObserveCluster(...): changes %t, want %t: %s", tc.reason, diff != "", tc.changes, diff)
			}
			if after.FreeAccelerators != tc.free {
				t.Errorf("%s\nfreeAccelerators: got %q, want %q", tc.reason, after.FreeAccelerators, tc.free)
			}
		})
	}
}
