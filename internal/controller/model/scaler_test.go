package model

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// TestScalerThatCannotBeRemoved 无权动 ScaledObject：要它的放不成；不再要的照跑，说得出来，记着它，有权了就收走；
// 与它无关的不受牵连。对着 KEDA 自己发布的 CRD。
func TestScalerThatCannotBeRemoved(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	harness.InstallCRD(t, server.Kubeconfig, "scaledobjects.yaml")
	s := newStage(t, server)
	s.model.Spec.Source.HuggingFace.TokenSecretRef = nil
	bounded := s.bounded(t, server)
	auto := &v1alpha1.Scaling{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 3, TargetRequestsPerReplica: ptr.To[int32](8)}}
	fixed := &v1alpha1.Scaling{Replicas: ptr.To[int32](1)}
	for _, step := range []struct {
		why     string
		do      func()
		scaling *v1alpha1.Scaling
		as      client.Client
		// refused 是放不成，leftover 是放成了、说得出有收不走的，there 是成员上有，marked 是 Deployment 上记着。
		refused, leftover, there, marked bool
	}{
		{"it never asked for autoscaling", func() {}, fixed, bounded, false, false, false, false},
		{"it cannot be autoscaled without the right", func() {}, auto, bounded, true, false, false, true},
		{"what it asks for is placed", func() {}, auto, s.c, false, false, true, true},
		{"it is not wanted any more and cannot be removed", func() {}, fixed, bounded, false, true, true, true},
		{"so it stays, and it is said again", func() {}, fixed, bounded, false, true, true, true},
		{"a controller that starts anew knows of it", func() { s.Reconciler = &Reconciler{Client: s.c, Live: s.c} }, fixed, bounded, false, true, true, true},
		{"with the right it goes, and has not been seen to be gone yet", func() {}, fixed, s.c, false, false, false, true},
		{"nothing is left", func() {}, fixed, bounded, false, true, false, true},
		{"nothing is left, and that can be seen", func() {}, fixed, s.c, false, false, false, false},
		{"it is of no concern any more", func() {}, fixed, bounded, false, false, false, false},
	} {
		step.do()
		s.model.Spec.Scaling = step.scaling
		at := s.round(t, step.as, false)
		if refused := apierrors.IsForbidden(at.err); refused != step.refused || !refused && at.err != nil {
			t.Errorf("%s: refused: %t, want %t: %v", step.why, refused, step.refused, at.err)
		}
		if leftover := len(at.leftover) > 0; leftover != step.leftover || leftover && at.retry == 0 {
			t.Errorf("%s: left over is %v, tried again in %s", step.why, at.leftover, at.retry)
		}
		if there := s.hasScaler(t); there != step.there {
			t.Errorf("%s: a ScaledObject is there: %t, want %t", step.why, there, step.there)
		}
		if _, marked := s.deployment(t).Labels[engine.LabelAutoscaled]; marked != step.marked {
			t.Errorf("%s: the Deployment is marked: %t, want %t", step.why, marked, step.marked)
		}
	}
}

// TestScalerIsInherited 接手别人以 Orphan 留下的：连同留下的 ScaledObject，不然它还照从前那个模型伸缩。
func TestScalerIsInherited(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	harness.InstallCRD(t, server.Kubeconfig, "scaledobjects.yaml")
	s := newStage(t, server)
	s.model.Spec.Source.HuggingFace.TokenSecretRef = nil
	s.Reconciler = &Reconciler{Client: newPlatform(t).Client}
	s.model.Spec.Scaling = &v1alpha1.Scaling{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 3, TargetRequestsPerReplica: ptr.To[int32](8)}}
	if at := s.round(t, s.c, false); at.err != nil || !s.hasScaler(t) {
		t.Fatalf("the former Model is not autoscaled: %v", at.err)
	}
	s.model.UID, s.model.Spec.Scaling = "heir", &v1alpha1.Scaling{Replicas: ptr.To[int32](1)}
	for range 3 {
		if at := s.round(t, s.c, false); at.err != nil {
			t.Fatal(at.err)
		}
	}
	if d := s.deployment(t); s.hasScaler(t) || d.Labels[v1alpha1.LabelModelUID] != "heir" || d.Labels[engine.LabelAutoscaled] != "" {
		t.Errorf("the ScaledObject of the former Model is there: %t; the labels are %v", s.hasScaler(t), d.Labels)
	}
}

// TestGoingWithoutTheRight 没有自动伸缩过的 Model，不许看 ScaledObject 也走得掉；可能留下一个的走不掉，说得出缺什么权。
func TestGoingWithoutTheRight(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	harness.InstallCRD(t, server.Kubeconfig, "scaledobjects.yaml")
	s := newStage(t, server)
	bounded := s.bounded(t, server)
	s.on.Status.Capabilities = []cluster.Capability{cluster.CapabilityKEDA}
	marked := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{engine.LabelAutoscaled: "true"}}}
	for _, step := range []struct {
		why     string
		scaling *v1alpha1.Scaling
		goes    bool
	}{
		{"it was never autoscaled", nil, true},
		{"it is autoscaled", &v1alpha1.Scaling{Autoscaling: &v1alpha1.Autoscaling{MaxReplicas: 3}}, false},
		{"it was, and that is remembered", nil, false},
	} {
		s.model.Spec.Scaling = step.scaling
		left, err := strays(t.Context(), bounded, s.model, s.on, s.scaled(s.model, s.on, member.Observation{}))
		if goes := err == nil && left.None(); goes != step.goes || !goes && member.ReasonOf(err) != member.Forbidden {
			t.Errorf("%s: it goes: %t, want %t (%v)", step.why, goes, step.goes, err)
		}
	}
	s.Reconciler = &Reconciler{}
	if !s.scaled(s.model, s.on, member.Observation{Objects: []client.Object{marked}}) || !s.scaled(s.model, s.on, member.Observation{}) {
		t.Error("what the Deployment is marked with is not remembered once it is gone")
	}
}

// hasScaler 问成员有没有那个 ScaledObject。
func (s *stage) hasScaler(t *testing.T) bool {
	t.Helper()
	there := &metav1.PartialObjectMetadata{}
	there.SetGroupVersionKind(member.ScaledObject)
	err := s.c.Get(t.Context(), client.ObjectKey{Namespace: "kubellm-team-a", Name: "chat"}, there)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return err == nil
}

// bounded 是除 KEDA 的种类之外什么都能动的人。
func (s *stage) bounded(t *testing.T, server *harness.KubeAPIServer) client.Client {
	t.Helper()
	const who = "bounded"
	for _, object := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: who}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{corev1.GroupName, appsv1.GroupName}, Resources: []string{rbacv1.ResourceAll}, Verbs: []string{rbacv1.VerbAll},
		}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: who}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: who},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: who}}},
	} {
		if err := s.c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	config := harness.Config(t, server.Kubeconfig)
	config.Impersonate.UserName = who
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the rights of "+who+" to take effect", patience, func(ctx context.Context) error {
		return c.List(ctx, &appsv1.DeploymentList{})
	})
	return c
}
