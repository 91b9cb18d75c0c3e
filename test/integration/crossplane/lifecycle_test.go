package crossplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/test/harness"
)

func user(namespace, name string) *namespacediam.User {
	return &namespacediam.User{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// TestLifecycle 看一个用户从创建、修改、删去字段到删除的全程。
func TestLifecycle(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	mg := user(ns, "lifecycle")
	mg.Spec.ForProvider.DisplayName = ptrTo("Life Cycle")
	mg.Spec.ForProvider.Email = ptrTo("life@example.org")
	mg.Spec.ForProvider.Labels = map[string]string{"example.org/team": "blue"}
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg)
	got := platform.user(t, "lifecycle")
	var kubeSystem metav1.PartialObjectMetadata
	kubeSystem.SetGroupVersionKind(schemaNamespace)
	if err := shared.kube.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, &kubeSystem); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("crossplane/%s/User.iam.kubellm.m.crossplane.io/%s/lifecycle", kubeSystem.UID, ns); got.Annotations[meta.OwnerAnnotation] != want {
		t.Errorf("owner mark: got %q, want %q", got.Annotations[meta.OwnerAnnotation], want)
	}
	if got.Labels["example.org/team"] != "blue" || *got.Spec.Email != "life@example.org" {
		t.Errorf("the platform has labels %v and email %q", got.Labels, *got.Spec.Email)
	}
	if name := xpmeta.GetExternalName(mg); name != "lifecycle" {
		t.Errorf("external name: got %q, want the resource's own name", name)
	}
	if at := mg.Status.AtProvider; at == nil || at.UID != string(got.UID) || at.Owner != got.Annotations[meta.OwnerAnnotation] {
		t.Errorf("status.atProvider: got %+v, want the platform's user", at)
	}

	t.Log("a field that is no longer set is removed; the rest stays")
	before := mg.DeepCopy()
	mg.Spec.ForProvider.DisplayName = nil
	mg.Spec.ForProvider.Labels = nil
	mg.Spec.ForProvider.Groups = []string{"writers"}
	if err := shared.kube.Patch(t.Context(), mg, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	after := platform.awaitUser(t, "lifecycle", "changed", func(u *iamv1alpha1.User) error {
		if u.Spec.DisplayName != nil || len(u.Labels) != 0 || !slices.Equal(u.Spec.Groups, []string{"writers"}) {
			return fmt.Errorf("it has labels %v and spec %+v", u.Labels, u.Spec)
		}
		return nil
	})
	if after.UID != got.UID || *after.Spec.Email != "life@example.org" {
		t.Errorf("the user was made anew or lost its email: %+v", after)
	}

	t.Log("deleting removes the platform's user and the record of the use")
	if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(mg), mg); err != nil {
		t.Fatal(err)
	}
	usage := &namespaced.ProviderConfigUsage{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(mg.UID)}}
	if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(usage), usage); err != nil {
		t.Fatal(err)
	}
	if len(usage.Finalizers) == 0 {
		t.Error("the record of the use can vanish before the resource: it has no finalizer")
	}
	if err := shared.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, mg)
	platform.noUser(t, "lifecycle")
	// 记录在资源走了之后才放手。
	harness.Eventually(t, "the record of the use to be let go, so that it can be collected", promptly, func(ctx context.Context) error {
		if err := shared.kube.Get(ctx, client.ObjectKeyFromObject(usage), usage); err != nil {
			return client.IgnoreNotFound(err)
		}
		if len(usage.Finalizers) > 0 {
			return fmt.Errorf("it still has finalizers %q", usage.Finalizers)
		}
		return nil
	})
}

// TestDrift 看背后的改动不等轮询（一小时）就被修复。
func TestDrift(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	cases := map[string]struct {
		reason string
		patch  string
		check  func(*iamv1alpha1.User) error
	}{
		"field-changed": {
			reason: "a field of the configuration that was changed with kubectl is set back",
			patch:  `{"spec":{"email":"changed@example.org"}}`,
			check: func(u *iamv1alpha1.User) error {
				if *u.Spec.Email != "drift@example.org" {
					return fmt.Errorf("its email is %s", *u.Spec.Email)
				}
				return nil
			},
		},
		"group-added": {
			reason: "a group added by hand is taken away though the configuration sets no groups",
			patch:  `{"spec":{"groups":["intruders"]}}`,
			check: func(u *iamv1alpha1.User) error {
				if len(u.Spec.Groups) > 0 {
					return fmt.Errorf("its groups are %q", u.Spec.Groups)
				}
				return nil
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mg := user(ns, "drift-"+name)
			mg.Spec.ForProvider.Email = ptrTo("drift@example.org")
			if err := shared.kube.Create(t.Context(), mg); err != nil {
				t.Fatal(err)
			}
			awaitReady(t, shared, mg)
			before := platform.user(t, mg.Name)
			kubectl(t, platform, "patch", "user", mg.Name, "--type=merge", "-p", tc.patch)
			platform.awaitUser(t, mg.Name, "repaired: "+tc.reason, func(u *iamv1alpha1.User) error {
				if u.Generation < before.Generation+2 {
					return errors.New("the patch and its repair have not both been seen yet")
				}
				return tc.check(u)
			})
		})
	}
}

// TestExternalDelete 看背后删掉的对象被重新建出来，而且是新的一个。
func TestExternalDelete(t *testing.T) {
	t.Parallel()
	mg := user(shared.namespace(t), "deleted-outside")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg)
	before := platform.user(t, mg.Name)
	kubectl(t, platform, "delete", "user", mg.Name)
	platform.awaitUser(t, mg.Name, "made anew", func(u *iamv1alpha1.User) error {
		if u.UID == before.UID {
			return errors.New("it is the deleted one")
		}
		return nil
	})
	await(t, shared, mg, "showing the new user", promptly, func(mg *namespacediam.User) error {
		if mg.Status.AtProvider.UID == string(before.UID) {
			return errors.New("status.atProvider shows the deleted one")
		}
		return isReady(mg)
	})
}

// TestExternalDeleteWithFinalizer 看背后删除、却被 finalizer 拖住的对象：这段时间说它不就绪，消失之后重新建。
func TestExternalDeleteWithFinalizer(t *testing.T) {
	t.Parallel()
	mg := user(shared.namespace(t), "slowly-deleted")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg)
	before := platform.user(t, mg.Name)
	kubectl(t, platform, "patch", "user", mg.Name, "--type=merge", "-p", `{"metadata":{"finalizers":["example.org/slow"]}}`)
	kubectl(t, platform, "delete", "user", mg.Name, "--wait=false")
	await(t, shared, mg, "not ready while its user is being deleted", promptly, func(mg *namespacediam.User) error {
		if got := mg.GetCondition("Ready"); got.Status != "False" || got.Reason != "Deleting" {
			return fmt.Errorf("Ready is %s (%s): %s", got.Status, got.Reason, got.Message)
		}
		return nil
	})
	kubectl(t, platform, "patch", "user", mg.Name, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	platform.awaitUser(t, mg.Name, "made anew", func(u *iamv1alpha1.User) error {
		if u.UID == before.UID {
			return errors.New("it is the deleted one")
		}
		return nil
	})
	awaitReady(t, shared, mg)
}
