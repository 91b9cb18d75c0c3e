package crossplane

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterscopedcluster "github.com/kubellm/kubellm/apis/managed/clusterscoped/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
	namespacedcluster "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
)

func TestSecretOf(t *testing.T) {
	own := func(ref *secret.Reference) client.Object {
		mg := &namespacedcluster.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}
		mg.Spec.ForProvider.KubeconfigSecretRef = ref
		return mg
	}
	anywhere := func(ref *secret.NamespacedReference) client.Object {
		mg := &clusterscopedcluster.Cluster{}
		mg.Spec.ForProvider.KubeconfigSecretRef = ref
		return mg
	}
	cases := map[string]struct {
		reason string
		object client.Object
		want   string
		key    string
	}{
		"namespaced":         {reason: "A namespaced resource reads Secrets of its own namespace alone.", object: own(&secret.Reference{Name: "s"}), want: "ns/s", key: "kubeconfig"},
		"with key":           {reason: "The key is the one named.", object: own(&secret.Reference{Name: "s", Key: secret.Key{Key: ptr.To("k")}}), want: "ns/s", key: "k"},
		"cluster-scoped":     {reason: "A cluster-scoped one names the namespace.", object: anywhere(&secret.NamespacedReference{Namespace: "other", Reference: secret.Reference{Name: "s"}}), want: "other/s", key: "kubeconfig"},
		"none":               {reason: "Without a reference no Secret wakes it.", object: own(nil)},
		"none, cluster":      {reason: "Without a reference no Secret wakes it.", object: anywhere(nil)},
		"takes no secret in": {reason: "A kind that takes no secret in is woken by none.", object: &namespacediam.User{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(secretOf(tc.object), " "); got != tc.want {
				t.Errorf("%s\nsecretOf(...): got %q, want %q", tc.reason, got, tc.want)
			}
			if holder, ok := tc.object.(secretHolder); ok && tc.key != "" && holder.SecretSource().Key != tc.key {
				t.Errorf("%s\nSecretSource(): got key %q, want %q", tc.reason, holder.SecretSource().Key, tc.key)
			}
		})
	}
}

// TestLastHandover 看缓存里的托管资源落后时仍记得刚交过的那一份，赶上之后以它的状态为准。
func TestLastHandover(t *testing.T) {
	mg := &namespacedcluster.Cluster{ObjectMeta: metav1.ObjectMeta{UID: "uid", ResourceVersion: "10"}}
	s := newSecrets(nil, nil)
	if last := s.last(mg); last != nil {
		t.Errorf("nothing was handed in, got %+v", last)
	}
	written := mg.DeepCopy()
	written.ResourceVersion = "20"
	written.SetHandover(&secret.Handover{UID: "a", ResourceVersion: "1", Version: "v1"})
	s.note(written)
	if last := s.last(mg); last == nil || last.Version != "v1" {
		t.Errorf("the cache is behind: it would be handed in again, got %+v", last)
	}
	other := mg.DeepCopy()
	other.UID = "other"
	if last := s.last(other); last != nil {
		t.Errorf("another resource received nothing, got %+v", last)
	}
	caughtUp := written.DeepCopy()
	caughtUp.ResourceVersion = "21"
	caughtUp.SetHandover(nil)
	if last := s.last(caughtUp); last != nil {
		t.Errorf("what the resource says now counts, got %+v", last)
	}
	if len(s.noted) != 0 {
		t.Errorf("what the cache has caught up with is not kept: %v", s.noted)
	}
}

func TestSourceText(t *testing.T) {
	base := secret.Handover{UID: "a", ResourceVersion: "1", Key: "k", Version: "v1"}
	cases := map[string]struct {
		reason string
		edit   func(*secret.Handover)
		same   bool
	}{
		"another Secret":   {reason: "A Secret made anew is another.", edit: func(h *secret.Handover) { h.UID = "b" }},
		"changed Secret":   {reason: "A changed Secret is to be handed in.", edit: func(h *secret.Handover) { h.ResourceVersion = "2" }},
		"another key":      {reason: "Another key of the same Secret is another kubeconfig.", edit: func(h *secret.Handover) { h.Key = "l" }},
		"platform version": {reason: "The platform's version is no part of the source.", edit: func(h *secret.Handover) { h.Version = "v2" }, same: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			edited := base
			tc.edit(&edited)
			if same := sourceText(base) == sourceText(edited); same != tc.same {
				t.Errorf("%s\nsourceText(...): same %t, want %t", tc.reason, same, tc.same)
			}
		})
	}
}

func TestStripSecret(t *testing.T) {
	full := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "s", UID: "uid", ResourceVersion: "1",
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "t0p-s3cret"}, Labels: map[string]string{"a": "b"},
	}}
	stripped, err := StripSecret(full)
	if err != nil {
		t.Fatal(err)
	}
	got := stripped.(*metav1.PartialObjectMetadata)
	if got.Namespace != "ns" || got.Name != "s" || got.UID != "uid" || got.ResourceVersion != "1" {
		t.Errorf("StripSecret(...): got %+v, want what tells a Secret and its version", got.ObjectMeta)
	}
	if got.Annotations != nil || got.Labels != nil {
		t.Errorf("StripSecret(...): annotations can hold the content: %+v", got.ObjectMeta)
	}
	if _, err := StripSecret(&corev1.Secret{}); err == nil {
		t.Error("StripSecret(...): a whole Secret must not get into the cache")
	}
}
