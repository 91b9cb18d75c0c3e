package crossplane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/test/harness"
)

// byHand 用 kubectl 在平台上建一个没有归属标记的用户。
func byHand(t *testing.T, name string) *iamv1alpha1.User {
	t.Helper()
	harness.MustKubectl(t, platform.Kubeconfig, fmt.Sprintf(`
apiVersion: iam.kubellm.io/v1alpha1
kind: User
metadata: {name: %s}
spec: {displayName: Made by hand, email: hand@example.org, groups: [hands]}
`, name), "create", "-f", "-")
	return platform.awaitUser(t, name, "observed by the platform", settled)
}

// settled 表示控制器写完了状态，此后版本不变就说明没有人动过它。
func settled(u *iamv1alpha1.User) error {
	if len(u.Status.Conditions) == 0 || u.Status.DefaultRoleBinding == "" {
		return errors.New("its status is not complete")
	}
	return nil
}

func (p *platformServer) unchanged(t *testing.T, before *iamv1alpha1.User) {
	t.Helper()
	if now := p.user(t, before.Name); now.UID != before.UID || now.Generation != before.Generation || fmt.Sprint(now.Annotations) != fmt.Sprint(before.Annotations) {
		t.Errorf("user %s was changed:\n%+v\nbefore:\n%+v", before.Name, now, before)
	}
}

// TestForeignObject 看不归我们的对象：报错指名占有者，什么也不改，删除被拒绝的资源不碰它。
func TestForeignObject(t *testing.T) {
	t.Parallel()
	before := byHand(t, "made-by-hand")
	mg := user(shared.namespace(t), "made-by-hand")
	mg.Spec.ForProvider.Email = ptrTo("mine@example.org")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitNotSynced(t, shared, mg, promptly, `User "made-by-hand"`, "held by", "kubectl-create", "adopt")
	platform.unchanged(t, before)
	if err := shared.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, mg)
	platform.unchanged(t, before)
}

// TestAdoption 看明确的接管：成功之后，配置里没有的字段真的消失，删除也真的删除。
func TestAdoption(t *testing.T) {
	t.Parallel()
	before := byHand(t, "to-be-adopted")
	ns := shared.namespace(t)

	t.Log("the annotation alone does not say which object is meant")
	mg := user(ns, "to-be-adopted")
	mg.Annotations = map[string]string{meta.AdoptAnnotation: "true"}
	mg.Spec.ForProvider.Email = ptrTo("adopted@example.org")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitNotSynced(t, shared, mg, promptly, meta.AdoptAnnotation, xpmeta.AnnotationKeyExternalName)
	platform.unchanged(t, before)

	t.Log("with the external name it adopts, and what the configuration lacks goes")
	shared.annotate(t, mg, xpmeta.AnnotationKeyExternalName, "to-be-adopted")
	awaitReady(t, shared, mg)
	after := platform.user(t, "to-be-adopted")
	if after.UID != before.UID || !strings.HasSuffix(after.Annotations[meta.OwnerAnnotation], "/"+ns+"/to-be-adopted") || after.Annotations[meta.AdoptAnnotation] != "" {
		t.Errorf("the object was not adopted as it is: uid %s (was %s), annotations %v", after.UID, before.UID, after.Annotations)
	}
	if after.Spec.DisplayName != nil || len(after.Spec.Groups) > 0 || *after.Spec.Email != "adopted@example.org" {
		t.Errorf("fields that the configuration does not set are still there: %+v", after.Spec)
	}

	t.Log("a field removed later goes as well")
	was := mg.DeepCopy()
	mg.Spec.ForProvider.Email = nil
	if err := shared.kube.Patch(t.Context(), mg, client.MergeFrom(was)); err != nil {
		t.Fatal(err)
	}
	platform.awaitUser(t, "to-be-adopted", "without an email", func(u *iamv1alpha1.User) error {
		if u.Spec.Email != nil {
			return fmt.Errorf("its email is %s", *u.Spec.Email)
		}
		return nil
	})
	if err := shared.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, mg)
	platform.noUser(t, "to-be-adopted")
}

// TestTakenOver 看一个资源的对象被另一个资源从它手里指名接管：原主不再就绪、说出新主，删除时不碰对象并留下事件。
func TestTakenOver(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	first := user(ns, "taken-over")
	first.Spec.ForProvider.Email = ptrTo("first@example.org")
	if err := shared.kube.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, first)
	mark := platform.user(t, "taken-over").Annotations[meta.OwnerAnnotation]

	t.Log("another holder named than the real one adopts nothing")
	second := user(ns, "second")
	second.Annotations = map[string]string{xpmeta.AnnotationKeyExternalName: "taken-over", meta.AdoptAnnotation: mark + "-not"}
	second.Spec.ForProvider.Email = ptrTo("second@example.org")
	if err := shared.kube.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	awaitNotSynced(t, shared, second, promptly, "held by", mark)

	shared.annotate(t, second, meta.AdoptAnnotation, mark)
	awaitReady(t, shared, second)
	taken := platform.awaitUser(t, "taken-over", "as the second wants it", func(u *iamv1alpha1.User) error {
		if *u.Spec.Email != "second@example.org" {
			return fmt.Errorf("its email is %s", *u.Spec.Email)
		}
		return nil
	})
	awaitNotSynced(t, shared, first, promptly, "held by", taken.Annotations[meta.OwnerAnnotation])
	if got := first.GetCondition("Ready"); got.Status != corev1.ConditionFalse {
		t.Errorf("a resource whose object was taken over is Ready %s: %s", got.Status, got.Message)
	}

	if err := shared.kube.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, first)
	platform.unchanged(t, taken)
	harness.Eventually(t, "an event that names the holder", promptly, func(ctx context.Context) error {
		events := &corev1.EventList{}
		if err := shared.kube.List(ctx, events, client.InNamespace(ns)); err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.InvolvedObject.Name == first.Name && e.Reason == "ExternalResourceNotOwned" && strings.Contains(e.Message, taken.Annotations[meta.OwnerAnnotation]) {
				return nil
			}
		}
		return fmt.Errorf("none among %d events", len(events.Items))
	})
}

// TestRivalAdopters 看两个都写着"接管"的资源：各接管一次就停下，不会无休止地互相抢夺。
func TestRivalAdopters(t *testing.T) {
	t.Parallel()
	before := byHand(t, "contested")
	watch, err := platform.iam.IamV1alpha1().Users().Watch(t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=contested", ResourceVersion: before.ResourceVersion,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	ns := shared.namespace(t)
	rivals := []*namespacediam.User{user(ns, "rival-a"), user(ns, "rival-b")}
	for _, mg := range rivals {
		mg.Annotations = map[string]string{xpmeta.AnnotationKeyExternalName: "contested", meta.AdoptAnnotation: "true"}
		if err := shared.kube.Create(t.Context(), mg); err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, "one of the rivals to hold the object and the other to be refused", promptly, func(ctx context.Context) error {
		synced := map[corev1.ConditionStatus]int{}
		for _, mg := range rivals {
			if err := shared.kube.Get(ctx, client.ObjectKeyFromObject(mg), mg); err != nil {
				return err
			}
			synced[mg.GetCondition("Synced").Status]++
		}
		if synced[corev1.ConditionTrue] != 1 || synced[corev1.ConditionFalse] != 1 {
			return fmt.Errorf("Synced is %v", synced)
		}
		return nil
	})
	// 有了主人之后三秒不再变，才算停下；同时数一共易手几次。
	var owners []string
	quiet := time.NewTimer(promptly)
	for settled := false; !settled; {
		select {
		case event := <-watch.ResultChan():
			now, ok := event.Object.(*iamv1alpha1.User)
			if !ok {
				t.Fatalf("the watch ended: %v", event.Object)
			}
			owner := now.Annotations[meta.OwnerAnnotation]
			if owner == "" || len(owners) > 0 && owners[len(owners)-1] == owner {
				continue
			}
			owners = append(owners, owner)
			if len(owners) > len(rivals) {
				t.Fatalf("the object changed hands again and again: %q", owners)
			}
			quiet.Reset(3 * time.Second)
		case <-quiet.C:
			settled = true
		}
	}
	if len(owners) == 0 {
		t.Fatal("nobody adopted the object")
	}
}

// annotate 用合并补丁设一个标注，免得与 provider 的写入相撞。
func (c *controlPlane) annotate(t *testing.T, o client.Object, key, value string) {
	t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if err := c.kube.Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}
