package member_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// clientOf 是一个普通的客户端，与平台的连接无关。
func clientOf(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// place 放上为 uid 放的一套：命名空间里各种各样的，PVC 有终结器，没有控制器替它摘。
func place(t *testing.T, c client.Client, namespace, uid string) {
	t.Helper()
	in := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{v1alpha1.LabelClusterUID: uid}}
	}
	pod := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "chat"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.org/engine:1"}}},
	}
	foreign := in("foreign")
	foreign.Labels = nil
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{v1alpha1.LabelClusterUID: uid}}},
		&appsv1.Deployment{ObjectMeta: in("chat"), Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: pod.Labels}, Template: pod}},
		&corev1.Service{ObjectMeta: in("chat"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}},
		&corev1.Secret{ObjectMeta: in("token")},
		&corev1.Secret{ObjectMeta: foreign},
		&corev1.ConfigMap{ObjectMeta: in("settings")},
		&corev1.PersistentVolumeClaim{ObjectMeta: in("models"), Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		}},
	}
	for _, object := range objects {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDrain 收走为一个 Cluster 放的一切，别人的一样不碰，命名空间留着；还在终止的、还没走完的 Pod 说出来。
func TestDrain(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	c := clientOf(t, m.Config())
	place(t, c, "ours", "u-1")
	place(t, c, "theirs", "u-2")
	serving := placePod(t, c, "ours", "chat-1", "u-1")
	placePod(t, c, "theirs", "chat-1", "u-2")
	finished := placePod(t, c, "ours", "chat-0", "u-1")
	finished.Status.Phase = corev1.PodFailed
	if err := c.Status().Update(t.Context(), finished); err != nil {
		t.Fatal(err)
	}
	drains := func(why string, want ...string) {
		t.Helper()
		if left, err := member.Drain(t.Context(), c, "u-1", patience); err != nil || !slices.Equal(left.Named, want) || left.Count != len(want) || left.AtLeast {
			t.Errorf("%s: left %v, want %v: %v", why, left, want, err)
		}
		stays(t, c, "ours", "u-1")
	}
	drains("the claim terminates", "PersistentVolumeClaim ours/models")
	gone(t, c, "ours", true)
	gone(t, c, "theirs", false)
	var foreign corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ours", Name: "foreign"}, &foreign); err != nil {
		t.Errorf("what bears no label is not KubeLLM's: %v", err)
	}

	var claim corev1.PersistentVolumeClaim
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ours", Name: "models"}, &claim); err != nil {
		t.Fatal(err)
	}
	claim.Finalizers = nil
	if err := c.Update(t.Context(), &claim); err != nil {
		t.Fatal(err)
	}
	drains("only what has not ended yet is waited for", "Pod ours/chat-1")
	if err := c.Delete(t.Context(), serving); err != nil {
		t.Fatal(err)
	}
	drains("nothing but the namespace is left")
	if left, err := member.Drain(t.Context(), c, "u-3", patience); err != nil || !left.None() {
		t.Errorf("nothing was placed for it: %v: %v", left, err)
	}
}

// placePod 放上一个为 uid 跑着的 Pod。
func placePod(t *testing.T, c client.Client, namespace, name, uid string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{v1alpha1.LabelClusterUID: uid}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.org/engine:1"}}},
	}
	if err := c.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

// stays 验证命名空间原样留着，还标着它是为谁造的。
func stays(t *testing.T, c client.Client, name, uid string) {
	t.Helper()
	var namespace corev1.Namespace
	err := c.Get(t.Context(), client.ObjectKey{Name: name}, &namespace)
	if err != nil || namespace.DeletionTimestamp != nil || namespace.Labels[v1alpha1.LabelClusterUID] != uid {
		t.Errorf("the namespace must stay as it is: deleted at %v, labels %v, %v", namespace.DeletionTimestamp, namespace.Labels, err)
	}
}

// gone 验证一套里没有终结器的都没了，或都还在。
func gone(t *testing.T, c client.Client, namespace string, want bool) {
	t.Helper()
	for name, object := range map[string]client.Object{
		"chat": &appsv1.Deployment{}, "token": &corev1.Secret{}, "settings": &corev1.ConfigMap{},
	} {
		err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)
		if apierrors.IsNotFound(err) != want {
			t.Errorf("%T %s/%s: gone must be %v: %v", object, namespace, name, want, err)
		}
	}
}

// TestDrainWithoutTheRight 一种不许删，说出是哪一种，其余照收；对命名空间什么权限也不要。
func TestDrainWithoutTheRight(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	place(t, clientOf(t, m.Config()), "ours", "u-1")
	kubeconfig, err := m.TokenKubeconfig(t.Context(), "default", "eyes", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"get", "list", "delete"}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "drainer"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"", "apps"}, Resources: []string{"deployments", "services", "configmaps", "persistentvolumeclaims"}, Verbs: all},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list"}},
	}}
	if _, err := m.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	grant(t, m, "drainer")
	c := clientOf(t, configOf(t, kubeconfig))
	harness.Eventually(t, "the right to be effective", patience, func(ctx context.Context) error {
		return c.List(ctx, &corev1.ConfigMapList{})
	})
	left, err := member.Drain(t.Context(), c, "u-1", patience)
	if member.ReasonOf(err) != member.Forbidden {
		t.Errorf("it must say that it may not: %v", err)
	}
	if want := []string{"Secret ours/token", "PersistentVolumeClaim ours/models"}; !slices.Equal(left.Named, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

// TestDrainInTurns 一轮的时间到了就停，说还剩多少；再短的一轮也收走一个，迟迟不走的挡不住后面的，所以总会收完，不算失败。
func TestDrainInTurns(t *testing.T) {
	t.Parallel()
	const objects = 5
	m := newMember(t)
	c := clientOf(t, m.Config())
	mine := map[string]string{v1alpha1.LabelClusterUID: "u-1"}
	lingering := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "lingering", Labels: mine, Finalizers: []string{"example.org/keep"}}}
	if err := errors.Join(c.Create(t.Context(), lingering), c.Delete(t.Context(), lingering)); err != nil {
		t.Fatal(err)
	}
	for i := range objects {
		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: fmt.Sprintf("settings-%d", i), Labels: mine}}
		if err := c.Create(t.Context(), settings); err != nil {
			t.Fatal(err)
		}
	}
	for remaining := objects - 1; remaining >= 0; remaining-- {
		left, err := member.Drain(t.Context(), c, "u-1", 0)
		if err != nil || left.Count != remaining {
			t.Fatalf("a turn without time leaves %d (%s), want %d: %v", left.Count, left, remaining, err)
		}
		if left.None() {
			t.Fatal("it says that nothing is left although it had no time to ask for everything")
		}
	}
	if left, err := member.Drain(t.Context(), c, "u-1", patience); err != nil || left.AtLeast || !slices.Equal(left.Named, []string{"Secret default/lingering"}) {
		t.Errorf("left: %s, want what lingers; %v", left, err)
	}
}
