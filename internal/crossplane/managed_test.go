package crossplane

import (
	"errors"
	"testing"
	"time"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	managedapis "github.com/kubellm/kubellm/apis/managed"
	clusterscopediam "github.com/kubellm/kubellm/apis/managed/clusterscoped/iam/v1alpha1"
	forprovider "github.com/kubellm/kubellm/apis/managed/forprovider/cluster/v1alpha1"
	namespacedcluster "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

// TestManagedKinds 保证表里的每个种类都登记过、两种作用域成对出现。
func TestManagedKinds(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := managedapis.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	scopes := map[string][2]int{}
	for _, kind := range managedKinds {
		gvk, err := apiutil.GVKForObject(kind.object, scheme)
		if err != nil {
			t.Fatal(err)
		}
		n := scopes[gvk.Kind]
		if _, legacy := kind.object.(resource.LegacyManaged); legacy {
			n[1]++
		} else {
			n[0]++
		}
		scopes[gvk.Kind] = n
	}
	for kind, n := range scopes {
		if n != [2]int{1, 1} {
			t.Errorf("%s: got %d namespaced and %d cluster-scoped entries, want one of each", kind, n[0], n[1])
		}
	}
}

func TestOwnerMark(t *testing.T) {
	cases := map[string]struct {
		reason string
		group  string
		mg     metav1.Object
		want   string
	}{
		"namespaced": {
			reason: "Namespace and name tell managed resources of one kind apart.",
			group:  "iam.kubellm.m.crossplane.io",
			mg:     &metav1.ObjectMeta{Namespace: "ns", Name: "alice"},
			want:   "crossplane/id/User.iam.kubellm.m.crossplane.io/ns/alice",
		},
		"cluster-scoped": {
			reason: "The segment of the namespace is there, and empty.",
			group:  "iam.kubellm.crossplane.io",
			mg:     &metav1.ObjectMeta{Name: "alice"},
			want:   "crossplane/id/User.iam.kubellm.crossplane.io//alice",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := ownerMark("id", schema.GroupKind{Group: tc.group, Kind: "User"}, tc.mg); got != tc.want {
				t.Errorf("%s\nownerMark(...): got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestDesiredFor(t *testing.T) {
	mg := &namespacediam.User{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "mr"}}
	if got := externalKey(mg); got != (external.Key{Name: "mr"}) {
		t.Errorf("externalKey(...): got %v, want the resource's own name", got)
	}
	xpmeta.SetExternalName(mg, "alice")
	want := desiredFor(mg, "mark")
	if want.Object.GetName() != "alice" || want.Object.GetNamespace() != "" || want.Owner != "mark" {
		t.Errorf("desiredFor(...): got %s/%s owned by %s, want alice without namespace", want.Object.GetNamespace(), want.Object.GetName(), want.Owner)
	}
}

func TestConfigOf(t *testing.T) {
	modern := func(kind string) resource.Managed {
		mg := &namespacediam.User{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}
		mg.Spec.ProviderConfigReference = &xpv2.ProviderConfigReference{Kind: kind, Name: "pc"}
		return mg
	}
	legacy := &clusterscopediam.User{}
	legacy.Spec.ProviderConfigReference = &xpv2.Reference{Name: "pc"}
	cases := map[string]struct {
		reason string
		mg     resource.Managed
		want   string
		fails  bool
	}{
		"cluster":    {reason: "A ClusterProviderConfig has no namespace.", mg: modern("ClusterProviderConfig"), want: `ClusterProviderConfig "pc"`},
		"namespaced": {reason: "A ProviderConfig is one of the resource's own namespace.", mg: modern("ProviderConfig"), want: `ProviderConfig "pc" in namespace "ns"`},
		"legacy":     {reason: "A cluster-scoped resource has its own kind of config.", mg: legacy, want: `ProviderConfig "pc"`},
		"unknown":    {reason: "Another kind is a mistake.", mg: modern("Secret"), fails: true},
		"none":       {reason: "No reference is a mistake.", mg: &namespacediam.User{}, fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := configOf(tc.mg)
			if (err != nil) != tc.fails {
				t.Fatalf("%s\nconfigOf(...): got error %v", tc.reason, err)
			}
			if err == nil && got.String() != tc.want {
				t.Errorf("%s\nconfigOf(...): got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestReadyCondition(t *testing.T) {
	cases := map[string]struct {
		reason string
		r      external.Readiness
		want   xpv2.Condition
	}{
		"ready":     {"The platform's reason is kept.", external.Readiness{Status: metav1.ConditionTrue, Reason: "Active"}, xpv2.Condition{Status: corev1.ConditionTrue, Reason: "Active"}},
		"no reason": {"Crossplane's own reason stands in.", external.Readiness{Status: metav1.ConditionTrue}, xpv2.Condition{Status: corev1.ConditionTrue, Reason: xpv2.ReasonAvailable}},
		"not ready": {"The message says why.", external.Readiness{Status: metav1.ConditionFalse, Reason: "RoleNotFound", Message: "no role"}, xpv2.Condition{Status: corev1.ConditionFalse, Reason: "RoleNotFound", Message: "no role"}},
		"unknown":   {"No evidence is no answer.", external.Readiness{Status: metav1.ConditionUnknown}, xpv2.Condition{Status: corev1.ConditionUnknown, Reason: xpv2.ReasonUnavailable}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.want.Type = xpv2.TypeReady
			if got := readyCondition(tc.r); !got.Equal(tc.want) {
				t.Errorf("%s\nreadyCondition(...): got %+v, want %+v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestUnready(t *testing.T) {
	cases := map[string]struct {
		reason string
		class  external.Class
		want   corev1.ConditionStatus
	}{
		"unreachable":     {"Old evidence is none.", external.ClassUnreachable, corev1.ConditionUnknown},
		"unauthenticated": {"The platform gives no answer to strangers.", external.ClassUnauthenticated, corev1.ConditionUnknown},
		"taken over":      {"What another manages is not ours that is ready.", external.ClassOwnedByAnother, corev1.ConditionFalse},
		"forbidden":       {"Who may not look does not know.", external.ClassForbidden, corev1.ConditionUnknown},
		"internal":        {"An answer that makes no sense says nothing about the object.", external.ClassInternal, corev1.ConditionUnknown},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mg := &namespacediam.User{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			mg.SetConditions(xpv2.Available())
			cause := &external.Error{Class: tc.class}
			if err := unready(mg, cause); !errors.Is(err, cause) {
				t.Errorf("%s\nunready(...): got error %v, want the cause", tc.reason, err)
			}
			if got := mg.GetCondition(xpv2.TypeReady); got.Status != tc.want || got.Reason == "" || got.Message == "" || got.ObservedGeneration != 2 {
				t.Errorf("%s\nunready(...): got Ready %+v, want %q of generation 2, with a reason and a message", tc.reason, got, tc.want)
			}
		})
	}
}

func TestExplainDeletion(t *testing.T) {
	deleting := func(drained metav1.ConditionStatus) *namespacedcluster.Cluster {
		mg := &namespacedcluster.Cluster{}
		mg.Status.AtProvider = &forprovider.ClusterObservation{Conditions: []metav1.Condition{{Type: "Drained", Status: drained, Reason: "MemberUnavailable", Message: "it is gone"}}}
		mg.SetConditions(xpv2.Deleting())
		return mg
	}
	before := deleting(metav1.ConditionFalse)
	explainDeletion(before, nil)
	old := before.GetCondition(xpv2.TypeReady)
	old.LastTransitionTime = metav1.NewTime(time.Now().Add(-time.Hour))
	before.SetConditions(xpv2.Available())
	before.SetConditions(old)
	cases := map[string]struct {
		reason string
		mg     *namespacedcluster.Cluster
		before any
		want   string
		same   bool
	}{
		"waits":       {reason: "What the platform waits for is said.", mg: deleting(metav1.ConditionFalse), want: "MemberUnavailable: it is gone"},
		"still waits": {reason: "Saying the same again is no transition.", mg: deleting(metav1.ConditionFalse), before: before, want: "MemberUnavailable: it is gone", same: true},
		"drained":     {reason: "Nothing is waited for.", mg: deleting(metav1.ConditionTrue)},
		"not seen":    {reason: "The platform has said nothing.", mg: func() *namespacedcluster.Cluster { mg := deleting(""); mg.Status.AtProvider = nil; return mg }()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			explainDeletion(tc.mg, tc.before)
			got := tc.mg.GetCondition(xpv2.TypeReady)
			if got.Message != tc.want || got.Reason != xpv2.ReasonDeleting {
				t.Errorf("%s\nexplainDeletion(...): got %s: %q, want %q", tc.reason, got.Reason, got.Message, tc.want)
			}
			if same := got.LastTransitionTime.Equal(&old.LastTransitionTime); same != tc.same {
				t.Errorf("%s\nexplainDeletion(...): the time of the transition is kept: %t, want %t", tc.reason, same, tc.same)
			}
		})
	}
	other := &namespacediam.User{}
	other.SetConditions(xpv2.Deleting())
	if explainDeletion(other, nil); other.GetCondition(xpv2.TypeReady).Message != "" {
		t.Error("explainDeletion(...): a kind whose deletion waits for nothing has nothing to say")
	}
}

func TestJitter(t *testing.T) {
	const interval = 10 * time.Minute
	ready, unready := &namespacediam.User{}, &namespacediam.User{}
	ready.SetConditions(xpv2.Available())
	lowest, highest := interval, interval
	for range 1000 {
		d := jitter(0.1)(ready, interval)
		lowest, highest = min(lowest, d), max(highest, d)
	}
	if lowest < 9*time.Minute || highest > 11*time.Minute {
		t.Errorf("got intervals from %s to %s, want them within a tenth of %s", lowest, highest, interval)
	}
	if highest-lowest < time.Minute {
		t.Errorf("got intervals from %s to %s, want them spread out", lowest, highest)
	}
	if d := jitter(0)(unready, interval); d != unreadyPollInterval {
		t.Errorf("got interval %s for a resource that is not ready, want %s", d, unreadyPollInterval)
	}
	if d := jitter(0)(unready, time.Second); d != time.Second {
		t.Errorf("got interval %s for a resource that is not ready and polled each second", d)
	}
}

func TestUsageFor(t *testing.T) {
	gvk := schema.GroupVersionKind{Group: "iam.kubellm.m.crossplane.io", Version: "v1alpha1", Kind: "User"}
	mg := func(config string) *namespacediam.User {
		mg := &namespacediam.User{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "mr", UID: "uid"}}
		mg.Spec.ProviderConfigReference = &xpv2.ProviderConfigReference{Kind: "ClusterProviderConfig", Name: config}
		return mg
	}
	first, err := usageFor(mg("a"), gvk)
	if err != nil {
		t.Fatal(err)
	}
	if first.GetName() != "uid" || first.GetNamespace() != "ns" || len(first.GetFinalizers()) == 0 || metav1.GetControllerOf(first).UID != "uid" {
		t.Errorf("usageFor(...): got %+v, want a record named by the uid, owned by the resource, with a finalizer", first)
	}
	second, err := usageFor(mg("b"), gvk)
	if err != nil {
		t.Fatal(err)
	}
	if !sameUsage(first, first) || sameUsage(first, second) {
		t.Error("sameUsage: a record of the same use must not be written again, one of another config must")
	}
	first.SetFinalizers(nil)
	same, _ := usageFor(mg("a"), gvk)
	if sameUsage(first, same) {
		t.Error("sameUsage: a record without its finalizer must be written again")
	}
	first.SetDeletionTimestamp(&metav1.Time{Time: time.Now()})
	if !sameUsage(first, second) {
		t.Error("sameUsage: a record that is being deleted cannot be changed any more")
	}
}
