package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iam "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/user"
	"github.com/kubellm/kubellm/test/harness"
)

// patience 是等控制器把状态写好的上限；平常几十毫秒就好。
const patience = 2 * time.Minute

// TestControllers 在同一进程里运行控制器，用它自己的有限权限，让竞争检测器看得到它。
func TestControllers(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	runInProcess(t, platform.ControllerKubeconfig)
	p := world{client(t, platform)}

	t.Run("NewUser", p.newUser)
	t.Run("EffectiveRoles", p.effectiveRoles)
	t.Run("SuspendedUser", p.suspendedUser)
	t.Run("DefaultBindingIsMadeOnce", p.defaultBindingIsMadeOnce)
	t.Run("RecreatedUser", p.recreatedUser)
	t.Run("TakenName", p.takenName)
	t.Run("LongName", p.longName)
	t.Run("BindingConditions", p.bindingConditions)
	t.Run("BindingHeals", p.bindingHeals)
}

// TestDeletedWhileControllerWasDown 用独立的进程，因为它要停下再起来。
func TestDeletedWhileControllerWasDown(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	p := world{client(t, platform)}
	controller := harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})

	p.createUser(t, "leaver", v1alpha1.UserSpec{})
	p.waitBinding(t, "default-leaver", func(*v1alpha1.RoleBinding) error { return nil })
	if err := controller.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.Users().Delete(t.Context(), "leaver", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := controller.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.waitNoBinding(t, "default-leaver")
}

// TestDefaultRoleOff 看关掉默认角色之后新用户什么也得不到。
func TestDefaultRoleOff(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	p := world{client(t, platform)}
	harness.NewController(t, harness.ManagerOptions{
		Kubeconfig: platform.ControllerKubeconfig, Args: []string{"--default-role="},
	})

	p.createUser(t, "plain", v1alpha1.UserSpec{})
	got := p.waitUser(t, "plain", hasCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonActive))
	if got.Status.DefaultRoleBinding != "" || len(got.Status.Roles) != 0 {
		t.Errorf("with default roles off the user got binding %q and roles %v", got.Status.DefaultRoleBinding, got.Status.Roles)
	}
	if _, err := p.RoleBindings().Get(t.Context(), "default-plain", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("with default roles off, getting the default binding gave %v, want not found", err)
	}
}

// world 是测试里管理员看到的平台。
type world struct{ iam.IamV1alpha1Interface }

func (p world) newUser(t *testing.T) {
	created := p.createUser(t, "ann", v1alpha1.UserSpec{})
	got := p.waitUser(t, "ann", hasRoles("kubellm-user"))
	if got.Status.DefaultRoleBinding != "default-ann" || got.Status.ObservedGeneration != got.Generation {
		t.Errorf("status is %+v", got.Status)
	}
	for condition, want := range map[string]string{
		v1alpha1.ConditionReady:     v1alpha1.ReasonActive,
		v1alpha1.ConditionSuspended: v1alpha1.ReasonNotSuspended,
	} {
		c := meta.FindStatusCondition(got.Status.Conditions, condition)
		if c == nil || c.Reason != want || c.ObservedGeneration != got.Generation {
			t.Errorf("condition %s is %+v, want reason %s", condition, c, want)
		}
	}
	binding := p.waitBinding(t, "default-ann", func(*v1alpha1.RoleBinding) error { return nil })
	want := v1alpha1.RoleBindingSpec{
		RoleRef:       v1alpha1.RoleRef{Name: "kubellm-user"},
		Subjects:      []v1alpha1.Subject{{Kind: v1alpha1.SubjectUser, Name: "ann"}},
		AllNamespaces: ptr.To(true),
	}
	if diff := cmp.Diff(want, binding.Spec); diff != "" {
		t.Errorf("the default binding's spec (-want +got):\n%s", diff)
	}
	if binding.Labels[user.DefaultForLabel] != string(created.UID) {
		t.Errorf("the default binding is labelled %v, want the user's uid %s", binding.Labels, created.UID)
	}
}

func (p world) effectiveRoles(t *testing.T) {
	p.createUser(t, "rob", v1alpha1.UserSpec{Groups: []string{"builders"}})
	p.waitUser(t, "rob", hasRoles("kubellm-user"))

	p.createBinding(t, "rob-z", "zeta", v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: "rob"})
	p.createBinding(t, "builders-a", "alpha", v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Name: "builders"})
	p.createBinding(t, "others", "alpha", v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: "builders"})
	p.createRole(t, "alpha")
	p.waitUser(t, "rob", hasRoles("alpha", "kubellm-user"))
	p.createRole(t, "zeta")
	p.waitUser(t, "rob", hasRoles("alpha", "kubellm-user", "zeta"))

	p.patchUser(t, "rob", `{"spec":{"groups":[]}}`)
	p.waitUser(t, "rob", hasRoles("kubellm-user", "zeta"))
	p.patchUser(t, "rob", `{"spec":{"groups":["builders"]}}`)
	p.waitUser(t, "rob", hasRoles("alpha", "kubellm-user", "zeta"))

	// 绑定换了主体：原来的人也要重新计算。
	p.patchBinding(t, "rob-z", `{"spec":{"subjects":[{"kind":"User","name":"ann"}]}}`)
	p.waitUser(t, "rob", hasRoles("alpha", "kubellm-user"))
	p.waitUser(t, "ann", hasRoles("kubellm-user", "zeta"))

	if err := p.Roles().Delete(t.Context(), "alpha", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitUser(t, "rob", hasRoles("kubellm-user"))
	if err := p.RoleBindings().Delete(t.Context(), "rob-z", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitUser(t, "ann", hasRoles("kubellm-user"))
}

func (p world) suspendedUser(t *testing.T) {
	p.createUser(t, "sue", v1alpha1.UserSpec{Suspended: ptr.To(true)})
	p.waitUser(t, "sue", hasCondition(v1alpha1.ConditionSuspended, metav1.ConditionTrue, v1alpha1.ReasonSuspended))
	p.waitUser(t, "sue", hasCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSuspended))
	p.patchUser(t, "sue", `{"spec":{"suspended":false}}`)
	p.waitUser(t, "sue", hasCondition(v1alpha1.ConditionSuspended, metav1.ConditionFalse, v1alpha1.ReasonNotSuspended))
}

func (p world) defaultBindingIsMadeOnce(t *testing.T) {
	p.createUser(t, "otto", v1alpha1.UserSpec{})
	p.waitUser(t, "otto", hasRoles("kubellm-user"))
	if err := p.RoleBindings().Delete(t.Context(), "default-otto", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitUser(t, "otto", hasRoles())
	// 再改一次用户：新的 generation 已被看过，绑定却没有回来。
	changed := p.patchUser(t, "otto", `{"spec":{"displayName":"Otto"}}`)
	p.waitUser(t, "otto", func(u *v1alpha1.User) error {
		if u.Status.ObservedGeneration != changed.Generation {
			return fmt.Errorf("generation %d is not observed yet", changed.Generation)
		}
		return nil
	})
	if _, err := p.RoleBindings().Get(t.Context(), "default-otto", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("getting the deleted default binding gave %v, want not found", err)
	}
}

func (p world) recreatedUser(t *testing.T) {
	p.createUser(t, "rita", v1alpha1.UserSpec{})
	p.waitUser(t, "rita", hasRoles("kubellm-user"))
	if err := p.Users().Delete(t.Context(), "rita", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	again := p.createUser(t, "rita", v1alpha1.UserSpec{})
	p.waitBinding(t, "default-rita", func(b *v1alpha1.RoleBinding) error {
		if got := b.Labels[user.DefaultForLabel]; got != string(again.UID) {
			return fmt.Errorf("the binding is still for uid %s, not %s", got, again.UID)
		}
		return nil
	})
	p.waitUser(t, "rita", hasRoles("kubellm-user"))

	if err := p.Users().Delete(t.Context(), "rita", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitNoBinding(t, "default-rita")
}

func (p world) takenName(t *testing.T) {
	p.createBinding(t, "default-tom", "kubellm-viewer", v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Name: "guests"})
	p.createUser(t, "tom", v1alpha1.UserSpec{})
	got := p.waitUser(t, "tom", hasCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonActive))
	if got.Status.DefaultRoleBinding != "" {
		t.Errorf("the status claims %q as the default binding, which an administrator made", got.Status.DefaultRoleBinding)
	}
	if err := p.Users().Delete(t.Context(), "tom", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// 另一个用户走完删除，说明 tom 的删除也已处理过：同一控制器按次序看到事件。
	p.createUser(t, "after-tom", v1alpha1.UserSpec{})
	p.waitUser(t, "after-tom", hasRoles("kubellm-user"))
	if _, err := p.RoleBindings().Get(t.Context(), "default-tom", metav1.GetOptions{}); err != nil {
		t.Errorf("the administrator's binding is gone with the user: %v", err)
	}
}

func (p world) longName(t *testing.T) {
	name := strings.Repeat("a", 253)
	p.createUser(t, name, v1alpha1.UserSpec{})
	got := p.waitUser(t, name, hasRoles("kubellm-user"))
	if len(got.Status.DefaultRoleBinding) > 253 || !strings.HasPrefix(got.Status.DefaultRoleBinding, "default-aaa") {
		t.Errorf("the default binding is called %q", got.Status.DefaultRoleBinding)
	}
}

func (p world) bindingConditions(t *testing.T) {
	p.createUser(t, "present", v1alpha1.UserSpec{})
	type expected struct {
		status  metav1.ConditionStatus
		reason  string
		message string
	}
	cases := map[string]struct {
		reason   string
		role     string
		subjects []v1alpha1.Subject
		want     map[string]expected
	}{
		"granting": {
			reason:   "role and user exist",
			role:     "kubellm-viewer",
			subjects: []v1alpha1.Subject{{Kind: v1alpha1.SubjectUser, Name: "present"}},
			want: map[string]expected{
				v1alpha1.ConditionRoleResolved:     {metav1.ConditionTrue, v1alpha1.ReasonRoleFound, "kubellm-viewer"},
				v1alpha1.ConditionSubjectsResolved: {metav1.ConditionTrue, v1alpha1.ReasonSubjectsFound, ""},
				v1alpha1.ConditionReady:            {metav1.ConditionTrue, v1alpha1.ReasonGranting, ""},
			},
		},
		"no-role": {
			reason:   "a binding to a missing role is accepted and says so",
			role:     "nowhere",
			subjects: []v1alpha1.Subject{{Kind: v1alpha1.SubjectUser, Name: "present"}},
			want: map[string]expected{
				v1alpha1.ConditionRoleResolved: {metav1.ConditionFalse, v1alpha1.ReasonRoleNotFound, "nowhere"},
				v1alpha1.ConditionReady:        {metav1.ConditionFalse, v1alpha1.ReasonRoleNotFound, "nowhere"},
			},
		},
		"no-user": {
			reason: "the missing users are named",
			role:   "kubellm-viewer",
			subjects: []v1alpha1.Subject{
				{Kind: v1alpha1.SubjectUser, Name: "present"},
				{Kind: v1alpha1.SubjectUser, Name: "ghost"},
			},
			want: map[string]expected{
				v1alpha1.ConditionSubjectsResolved: {metav1.ConditionFalse, v1alpha1.ReasonSubjectsNotFound, "ghost"},
				v1alpha1.ConditionReady:            {metav1.ConditionFalse, v1alpha1.ReasonSubjectsNotFound, "ghost"},
			},
		},
		"unchecked": {
			reason: "groups and service accounts cannot be checked, which the message admits",
			role:   "kubellm-viewer",
			subjects: []v1alpha1.Subject{
				{Kind: v1alpha1.SubjectGroup, Name: "anyone"},
				{Kind: v1alpha1.SubjectServiceAccount, Name: "bot", Namespace: "default"},
			},
			want: map[string]expected{
				v1alpha1.ConditionSubjectsResolved: {metav1.ConditionTrue, v1alpha1.ReasonSubjectsFound, "cannot be checked"},
				v1alpha1.ConditionReady:            {metav1.ConditionTrue, v1alpha1.ReasonGranting, ""},
			},
		},
		"no-subjects": {
			reason: "a binding without subjects does what it says: it grants nothing",
			role:   "kubellm-viewer",
			want: map[string]expected{
				v1alpha1.ConditionSubjectsResolved: {metav1.ConditionTrue, v1alpha1.ReasonNoSubjects, "nothing is granted"},
				v1alpha1.ConditionReady:            {metav1.ConditionTrue, v1alpha1.ReasonNoSubjects, ""},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p.createBinding(t, "conditions-"+name, tc.role, tc.subjects...)
			p.waitBinding(t, "conditions-"+name, func(b *v1alpha1.RoleBinding) error {
				for condition, want := range tc.want {
					c := meta.FindStatusCondition(b.Status.Conditions, condition)
					if c == nil || c.Status != want.status || c.Reason != want.reason ||
						!strings.Contains(c.Message, want.message) || c.ObservedGeneration != b.Generation {
						return fmt.Errorf("%s: condition %s is %+v, want %+v", tc.reason, condition, c, want)
					}
				}
				return nil
			})
		})
	}
}

func (p world) bindingHeals(t *testing.T) {
	p.createBinding(t, "early", "late-role", v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: "late-user"})
	ready := func(status metav1.ConditionStatus, reason string) func(*v1alpha1.RoleBinding) error {
		return func(b *v1alpha1.RoleBinding) error {
			return checkCondition(b.Status.Conditions, v1alpha1.ConditionReady, status, reason)
		}
	}
	p.waitBinding(t, "early", ready(metav1.ConditionFalse, v1alpha1.ReasonRoleNotFound))
	p.createRole(t, "late-role")
	p.waitBinding(t, "early", ready(metav1.ConditionFalse, v1alpha1.ReasonSubjectsNotFound))
	p.createUser(t, "late-user", v1alpha1.UserSpec{})
	p.waitBinding(t, "early", ready(metav1.ConditionTrue, v1alpha1.ReasonGranting))
	if err := p.Users().Delete(t.Context(), "late-user", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.waitBinding(t, "early", ready(metav1.ConditionFalse, v1alpha1.ReasonSubjectsNotFound))
}

// runInProcess 运行控制器直到测试结束，并要求它干净地停下；控制器与指标的名字在一个进程里只能登记一次，所以只有一个测试用它。
func runInProcess(t *testing.T, kubeconfig string) {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	options := NewOptions()
	options.Kubeconfig, options.MetricsBindAddress, options.HealthProbeBindAddress = kubeconfig, off, off
	if err := errors.Join(options.Validate()...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- Run(ctx, options) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("the controllers did not stop cleanly: %v", err)
		}
	})
}

func client(t *testing.T, platform *harness.Platform) iam.IamV1alpha1Interface {
	t.Helper()
	c, err := versioned.NewForConfig(harness.Config(t, platform.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	return c.IamV1alpha1()
}

func (p world) createUser(t *testing.T, name string, spec v1alpha1.UserSpec) *v1alpha1.User {
	t.Helper()
	u, err := p.Users().Create(t.Context(), &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (p world) createRole(t *testing.T, name string) {
	t.Helper()
	role := &v1alpha1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RoleSpec{Rules: []v1alpha1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"users"}, Verbs: []string{"get"}},
		}},
	}
	if _, err := p.Roles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (p world) createBinding(t *testing.T, name, role string, subjects ...v1alpha1.Subject) {
	t.Helper()
	binding := &v1alpha1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RoleBindingSpec{
			RoleRef: v1alpha1.RoleRef{Name: role}, Subjects: subjects, AllNamespaces: ptr.To(true),
		},
	}
	if _, err := p.RoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (p world) patchUser(t *testing.T, name, patch string) *v1alpha1.User {
	t.Helper()
	u, err := p.Users().Patch(t.Context(), name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (p world) patchBinding(t *testing.T, name, patch string) {
	t.Helper()
	if _, err := p.RoleBindings().Patch(t.Context(), name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (p world) waitUser(t *testing.T, name string, check func(*v1alpha1.User) error) *v1alpha1.User {
	t.Helper()
	var got *v1alpha1.User
	harness.Eventually(t, "user "+name, patience, func(ctx context.Context) (err error) {
		if got, err = p.Users().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		return check(got)
	})
	return got
}

func (p world) waitBinding(t *testing.T, name string, check func(*v1alpha1.RoleBinding) error) *v1alpha1.RoleBinding {
	t.Helper()
	var got *v1alpha1.RoleBinding
	harness.Eventually(t, "role binding "+name, patience, func(ctx context.Context) (err error) {
		if got, err = p.RoleBindings().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		return check(got)
	})
	return got
}

func (p world) waitNoBinding(t *testing.T, name string) {
	t.Helper()
	harness.Eventually(t, "role binding "+name+" to go", patience, func(ctx context.Context) error {
		_, err := p.RoleBindings().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there (get gave %w)", err)
	})
}

func hasRoles(want ...string) func(*v1alpha1.User) error {
	return func(u *v1alpha1.User) error {
		if !slices.Equal(u.Status.Roles, want) {
			return fmt.Errorf("status.roles is %v, want %v", u.Status.Roles, want)
		}
		return nil
	}
}

func hasCondition(condition string, status metav1.ConditionStatus, reason string) func(*v1alpha1.User) error {
	return func(u *v1alpha1.User) error {
		return checkCondition(u.Status.Conditions, condition, status, reason)
	}
}

func checkCondition(conditions []metav1.Condition, condition string, status metav1.ConditionStatus, reason string) error {
	c := meta.FindStatusCondition(conditions, condition)
	if c == nil || c.Status != status || c.Reason != reason {
		return fmt.Errorf("condition %s is %+v, want %s with reason %s", condition, c, status, reason)
	}
	return nil
}
