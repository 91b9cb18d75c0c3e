package crossplane

import (
	"fmt"
	"strings"
	"testing"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
)

// TestTerraformHolds 看 Terraform 先有的对象：Crossplane 被拒并得知占有者，要了也不给，被拒的删掉也不碰它；
// 点名接管之后换成 Terraform 被拒，配置里没有的字段真的消失。
func TestTerraformHolds(t *testing.T) {
	t.Parallel()
	const name = "held-by-terraform"
	ns := shared.namespace(t)
	terraform := newWorkspace(t)
	terraform.user(t, name, "email = \"terraform@example.org\"\ndisplay_name = \"Made by Terraform\"\ngroups = [\"writers\"]")
	terraform.succeed(t, tfApply)
	before := platform.awaitUser(t, name, "observed by the platform", settled)
	holder := before.Annotations[meta.OwnerAnnotation]
	if !strings.HasPrefix(holder, "terraform/") {
		t.Fatalf("the user's mark is %q, want one of Terraform", holder)
	}

	second := user(ns, "second")
	second.Annotations = map[string]string{xpmeta.AnnotationKeyExternalName: name}
	second.Spec.ForProvider.Email = ptrTo("crossplane@example.org")
	shared.make(t, second)
	refusedBy(t, second, name, holder)
	platform.unchanged(t, before)

	t.Log("asking for it from somebody who does not hold it takes nothing, however often it is tried")
	shared.annotate(t, second, meta.AdoptAnnotation, holder+"-not")
	shared.awaitAttempts(t, second, 3)
	refusedBy(t, second, name, holder)
	platform.unchanged(t, before)

	t.Log("deleting the refused one leaves the object alone")
	shared.remove(t, second)
	awaitGone(t, shared, second)
	platform.unchanged(t, before)
	terraform.succeed(t, tfNothingToDo)

	t.Log("adopted by name it is Crossplane's, without what its configuration lacks")
	third := user(ns, "third")
	third.Annotations = map[string]string{xpmeta.AnnotationKeyExternalName: name, meta.AdoptAnnotation: holder}
	third.Spec.ForProvider.Email = ptrTo("crossplane@example.org")
	shared.make(t, third)
	awaitReady(t, shared, third)
	taken := platform.user(t, name)
	mark := taken.Annotations[meta.OwnerAnnotation]
	if taken.UID != before.UID || !strings.HasPrefix(mark, "crossplane/") {
		t.Errorf("the object was not adopted as it is: uid %s (was %s), mark %q", taken.UID, before.UID, mark)
	}
	if err := hasOnly("crossplane@example.org")(taken); err != nil {
		t.Errorf("what Terraform had set is still there: %v", err)
	}

	t.Log("Terraform learns whose it is now, and can neither take it back nor destroy it")
	terraform.succeed(t, []string{"plan"}, "will be created", mark)
	terraform.refuse(t, tfApply, mark, "import {")
	terraform.succeed(t, tfDestroy)
	platform.unchanged(t, taken)

	t.Log("a field removed later goes")
	was := third.DeepCopy()
	third.Spec.ForProvider.Email = nil
	if err := shared.kube.Patch(t.Context(), third, client.MergeFrom(was)); err != nil {
		t.Fatal(err)
	}
	platform.awaitUser(t, name, "without an email", hasOnly(""))
	shared.remove(t, third)
	awaitGone(t, shared, third)
	platform.noUser(t, name)
}

// TestCrossplaneHolds 是反过来：Terraform 被拒，销毁也不碰它；导入之后才归它，配置里没有的字段真的消失，
// 原来的托管资源从此被拒，删掉也不碰它。
func TestCrossplaneHolds(t *testing.T) {
	t.Parallel()
	const name = "held-by-crossplane"
	first := user(shared.namespace(t), name)
	first.Spec.ForProvider.Email = ptrTo("crossplane@example.org")
	first.Spec.ForProvider.DisplayName = ptrTo("Made by Crossplane")
	first.Spec.ForProvider.Groups = []string{"writers"}
	shared.make(t, first)
	awaitReady(t, shared, first)
	before := platform.user(t, name)
	holder := before.Annotations[meta.OwnerAnnotation]

	terraform := newWorkspace(t)
	terraform.user(t, name, `email = "terraform@example.org"`)
	terraform.refuse(t, tfApply, holder, "import {", fmt.Sprintf("id = %q", name))
	platform.unchanged(t, before)
	terraform.succeed(t, tfDestroy)
	platform.unchanged(t, before)

	t.Log("an import alone takes nothing; the apply after it does, without what its configuration lacks")
	terraform.succeed(t, []string{"import", "kubellm_user.it", name})
	platform.unchanged(t, before)
	terraform.succeed(t, tfApply)
	taken := platform.user(t, name)
	mark := taken.Annotations[meta.OwnerAnnotation]
	if taken.UID != before.UID || !strings.HasPrefix(mark, "terraform/") {
		t.Errorf("the object was not adopted as it is: uid %s (was %s), mark %q", taken.UID, before.UID, mark)
	}
	if err := hasOnly("terraform@example.org")(taken); err != nil {
		t.Errorf("what Crossplane had set is still there: %v", err)
	}

	t.Log("Crossplane learns whose it is now, keeps trying in vain, and its deletion leaves the object alone")
	refusedBy(t, first, name, mark)
	shared.awaitAttempts(t, first, 3)
	platform.unchanged(t, taken)
	shared.remove(t, first)
	awaitGone(t, shared, first)
	platform.unchanged(t, taken)
	terraform.succeed(t, tfNothingToDo)

	t.Log("a field removed later goes")
	terraform.user(t, name, "")
	terraform.succeed(t, tfApply)
	if err := hasOnly("")(platform.user(t, name)); err != nil {
		t.Error(err)
	}
	terraform.succeed(t, tfDestroy)
	platform.noUser(t, name)
}

// refusedBy 等托管资源说出平台上的对象归谁，并且不说自己就绪。
func refusedBy(t *testing.T, mg *namespacediam.User, name, holder string) {
	t.Helper()
	awaitNotSynced(t, shared, mg, promptly, fmt.Sprintf("User %q", name), "held by "+holder)
	awaitUnready(t, shared, mg, corev1.ConditionFalse, xpv2.ReasonUnavailable)
}

// hasOnly 检查用户除了这个邮件地址什么字段也没有；空为连它也没有。
func hasOnly(email string) func(*iamv1alpha1.User) error {
	return func(u *iamv1alpha1.User) error {
		got := ""
		if u.Spec.Email != nil {
			got = *u.Spec.Email
		}
		if got != email || u.Spec.DisplayName != nil || len(u.Spec.Groups) > 0 {
			return fmt.Errorf("want the email %q alone, got %+v", email, u.Spec)
		}
		return nil
	}
}
