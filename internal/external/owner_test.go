package external_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/test/harness"
)

type (
	userDesired = external.Desired[*iamv1alpha1.User]
	userSeen    = external.Observation[*iamv1alpha1.User]
	userClient  = external.Client[*iamv1alpha1.User, *iamv1alpha1.UserList]
)

// stage 是一个工具链、它的用户客户端与背后改东西的人。
type stage struct {
	*toolchain
	*userClient
	t    *testing.T
	want userDesired
}

// newStage 备好一个名字取自测试的用户；多个工具链可以想要同一个。
func newStage(t *testing.T, manager string, spec iamv1alpha1.UserSpec) *stage {
	t.Helper()
	chain := connect(t, admin(t, sharedPlatform(t)), external.Options{Reads: external.InformerReads, FieldManager: manager})
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	return &stage{toolchain: chain, userClient: external.NewClient(chain.Platform, kinds.User), t: t,
		want: userDesired{Object: newUser(name, spec), Owner: chain.owner}}
}

// reads 换成以这种方式读取的连接。
func (s *stage) reads(mode external.ReadMode) {
	s.t.Helper()
	s.toolchain = connect(s.t, admin(s.t, sharedPlatform(s.t)), external.Options{Reads: mode})
	s.userClient = external.NewClient(s.Platform, kinds.User)
}

// observe 观察一次。
func (s *stage) observe() userSeen {
	s.t.Helper()
	return must[userSeen](s.t)(s.Observe(s.t.Context(), s.want))
}

// eventually 等到观察符合。
func (s *stage) eventually(what string, ok func(userSeen) bool) userSeen {
	s.t.Helper()
	var seen userSeen
	harness.Eventually(s.t, what, patience, func(context.Context) error {
		if seen = s.observe(); !ok(seen) {
			return errors.New("the last observation differs: " + seen.Diff.String())
		}
		return nil
	})
	return seen
}

// create 创建想要的用户。
func (s *stage) create() *iamv1alpha1.User {
	s.t.Helper()
	return wrote[*iamv1alpha1.User](s.t)(s.Apply(s.t.Context(), s.want, nil))
}

// kubectl 用真正的 kubectl 在背后改。
func (s *stage) kubectl(args ...string) {
	s.t.Helper()
	harness.MustKubectl(s.t, sharedPlatform(s.t).Kubeconfig, "", args...)
}

// stored 是平台上现在的对象。
func (s *stage) stored() *iamv1alpha1.User {
	s.t.Helper()
	return must[*iamv1alpha1.User](s.t)(byHand(s.t, sharedPlatform(s.t)).IamV1alpha1().Users().Get(s.t.Context(), s.want.Key().Name, metav1.GetOptions{}))
}

func TestDriftIsRepaired(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("a@x.io")})
	s.create()
	s.kubectl("patch", "user", s.want.Key().Name, "--type=merge", "-p", `{"spec":{"email":"evil@x.io","groups":["admins"],"displayName":"D"}}`)

	seen := s.eventually("the drift to be pushed", func(o userSeen) bool { return !o.UpToDate })
	if got := seen.Diff.String(); !strings.Contains(got, `spec.groups: [], is ["admins"]`) || !strings.Contains(got, "evil@x.io") || strings.Contains(got, "displayName") {
		t.Errorf("a group added by hand is drift although none is configured, a display name is not: %s", got)
	}
	repaired := wrote[*iamv1alpha1.User](t)(s.Apply(t.Context(), s.want, &seen.Object))
	if *repaired.Spec.Email != "a@x.io" || len(repaired.Spec.Groups) != 0 || ptr.Deref(repaired.Spec.DisplayName, "") != "D" {
		t.Errorf("the repair must restore what is ours and leave the rest: %+v", repaired.Spec)
	}
	if seen = s.observe(); !seen.UpToDate {
		t.Errorf("after the repair there is still %s", seen.Diff)
	}
}

func TestMetadataConflictIsNotForced(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
	s.want.Object.Labels = map[string]string{"team": "red"}
	created := s.create()
	s.kubectl("label", "--overwrite", "user", created.Name, "team=blue")

	_, err := s.Apply(t.Context(), s.want, &created)
	wantClass(t, "somebody else's label is not taken by force", err, external.ClassConflict)
	for _, fact := range []string{"metadata.labels.team", "kubectl-label", created.Name, s.Server()} {
		if !strings.Contains(err.Error(), fact) {
			t.Errorf("the error does not name %q: %v", fact, err)
		}
	}
	if got := s.stored().Labels["team"]; got != "blue" {
		t.Errorf("a refused apply changed the label to %q", got)
	}
}

func TestOwnedByAnother(t *testing.T) {
	cases := map[string]struct {
		reason string
		// hold 让另一个人先占着对象，返回该被指名的占有者。
		hold func(t *testing.T, first, second *stage) string
	}{
		"Kubectl": {
			reason: "an object made with kubectl, with another value (the server answers with field conflicts)",
			hold: func(t *testing.T, _, second *stage) string {
				second.kubectl("create", "--field-manager=kubectl-create", "-f", manifest(t, second.want.Key().Name, "other@x.io"))
				return "field managers kubectl-create"
			},
		},
		"KubectlSameValues": {
			reason: "an object made with kubectl that happens to be as wanted must not be adopted silently",
			hold: func(t *testing.T, _, second *stage) string {
				second.kubectl("create", "--field-manager=kubectl-create", "-f", manifest(t, second.want.Key().Name, "a@x.io"))
				return "field managers kubectl-create"
			},
		},
		"OtherToolchain": {
			reason: "an object of another toolchain, that is another field manager",
			hold: func(_ *testing.T, first, _ *stage) string {
				first.create()
				return first.want.Owner
			},
		},
		"OtherInstance": {
			reason: "an object of another instance of the same toolchain: same field manager, another mark",
			hold: func(_ *testing.T, _, second *stage) string {
				mine := second.want
				mine.Owner = "kubellm-test/another-workspace"
				wrote[*iamv1alpha1.User](second.t)(second.Apply(second.t.Context(), mine, nil))
				return mine.Owner
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			first := newStage(t, "kubellm-crossplane", iamv1alpha1.UserSpec{Email: ptr.To("first@x.io")})
			second := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("a@x.io")})
			holder := tc.hold(t, first, second)
			before := second.stored()

			seen := second.eventually("the object to be seen", func(o userSeen) bool { return o.Exists })
			if seen.Owned || seen.UpToDate || seen.HeldBy != holder {
				t.Errorf("%s: observed owned=%t upToDate=%t held by %q", tc.reason, seen.Owned, seen.UpToDate, seen.HeldBy)
			}
			for how, observed := range map[string]**iamv1alpha1.User{"create": nil, "update": &seen.Object} {
				_, err := second.Apply(t.Context(), second.want, observed)
				wantClass(t, tc.reason+": "+how, err, external.ClassOwnedByAnother)
				if external.HolderOf(err) != holder || !strings.Contains(err.Error(), holder) {
					t.Errorf("%s: %s names holder %q, want %q: %v", tc.reason, how, external.HolderOf(err), holder, err)
				}
			}
			if deletion := must[external.Deletion](t)(second.Delete(t.Context(), second.want)); deletion != external.NotOurs {
				t.Errorf("%s: deleting it gave %s", tc.reason, deletion)
			}
			if after := second.stored(); after.ResourceVersion != before.ResourceVersion {
				t.Errorf("%s: the object was changed from %+v to %+v", tc.reason, before, after)
			}
		})
	}
}

func TestAdopt(t *testing.T) {
	cases := map[string]struct {
		reason string
		hold   func(t *testing.T, first, second *stage)
	}{
		"Kubectl": {
			reason: "an object made with kubectl",
			hold: func(t *testing.T, _, second *stage) {
				second.kubectl("create", "-f", manifest(t, second.want.Key().Name, "other@x.io"))
			},
		},
		"OtherToolchain": {
			reason: "an object of another toolchain",
			hold:   func(_ *testing.T, first, _ *stage) { first.create() },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			first := newStage(t, "kubellm-crossplane", iamv1alpha1.UserSpec{Email: ptr.To("first@x.io"), DisplayName: ptr.To("D")})
			second := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("a@x.io"), DisplayName: ptr.To("D")})
			tc.hold(t, first, second)
			seen := second.eventually("the object to be seen", func(o userSeen) bool { return o.Exists })

			_, err := second.Adopt(t.Context(), second.want, "somebody/else")
			wantClass(t, "adoption is only from the holder that was agreed on", err, external.ClassOwnedByAnother)

			adopted := wrote[*iamv1alpha1.User](t)(second.Adopt(t.Context(), second.want, seen.Holder))
			if adopted.UID != seen.Object.UID || adopted.Annotations[meta.OwnerAnnotation] != second.want.Owner || *adopted.Spec.Email != "a@x.io" {
				t.Errorf("%s: adopted %+v", tc.reason, adopted)
			}
			if _, left := adopted.Annotations[meta.AdoptAnnotation]; left {
				t.Errorf("%s: the adopt annotation is left behind", tc.reason)
			}
			second.want.Object.Spec.DisplayName = nil
			if seen = second.observe(); !strings.Contains(seen.Diff.String(), "spec.displayName: no longer wanted") {
				t.Errorf("%s: a field removed after the adoption is no difference: %q", tc.reason, seen.Diff)
			}
			after := wrote[*iamv1alpha1.User](t)(second.Apply(t.Context(), second.want, &seen.Object))
			if after.Spec.DisplayName != nil {
				t.Errorf("%s: the removed field stays %q", tc.reason, *after.Spec.DisplayName)
			}
			if seen = second.observe(); !seen.UpToDate {
				t.Errorf("%s: left over %q", tc.reason, seen.Diff)
			}
		})
	}
}

func TestAdoptTakesLabels(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
	name := s.want.Key().Name
	s.kubectl("create", "-f", manifest(t, name, "a@x.io"))
	s.kubectl("label", "user", name, "team=red", "keep=yes")
	wrote[*iamv1alpha1.User](t)(s.Adopt(t.Context(), s.want, "", []string{"metadata", "labels", "team"}))
	if labels := s.stored().Labels; labels["team"] != "" || labels["keep"] != "yes" {
		t.Errorf("only the label that was taken over and is not wanted goes, left are %v", labels)
	}
}

// TestAdoptOnlyTheOneMeant 删了又建的同名对象，占有者没变也不是人说要接管的那个。
func TestAdoptOnlyTheOneMeant(t *testing.T) {
	for name, owner := range map[string]func(*stage) string{
		"Unmarked": func(*stage) string { return "" },
		"OurMark":  func(s *stage) string { return s.want.Owner },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("a@x.io")})
			s.want.Object.UID = s.recreate("").UID
			again := s.recreate(owner(s))
			_, err := s.Adopt(t.Context(), s.want, "")
			wantClass(t, "it was deleted and made anew after it was seen", err, external.ClassOwnedByAnother)
			if now := s.stored(); now.ResourceVersion != again.ResourceVersion {
				t.Errorf("the new object was changed: %+v", now)
			}
			s.want.Object.UID = again.UID
			if adopted := wrote[*iamv1alpha1.User](t)(s.Adopt(t.Context(), s.want, "")); adopted.UID != again.UID || *adopted.Spec.Email != "a@x.io" {
				t.Errorf("the one that is meant is adopted: %+v", adopted)
			}
		})
	}
}

// recreate 在背后（删掉后）建一个同名的，owner 是写在上面的标记，可为空。
func (s *stage) recreate(owner string) *iamv1alpha1.User {
	s.t.Helper()
	users, name := byHand(s.t, sharedPlatform(s.t)).IamV1alpha1().Users(), s.want.Key().Name
	if err := users.Delete(s.t.Context(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		s.t.Fatal(err)
	}
	again := newUser(name, iamv1alpha1.UserSpec{})
	if owner != "" {
		again.Annotations = map[string]string{meta.OwnerAnnotation: owner}
	}
	return must[*iamv1alpha1.User](s.t)(users.Create(s.t.Context(), again, metav1.CreateOptions{}))
}

func TestNoResurrection(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{Email: ptr.To("a@x.io")})
	created := s.create()
	users := byHand(t, sharedPlatform(t)).IamV1alpha1().Users()
	if err := users.Delete(t.Context(), created.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Apply(t.Context(), s.want, &created)
	wantClass(t, "an update of what was deleted meanwhile", err, external.ClassNotFound)
	if seen := s.eventually("the deletion to be pushed", func(o userSeen) bool { return !o.Exists }); seen.Exists {
		t.Error("the apply brought the deleted object back")
	}

	must[*iamv1alpha1.User](t)(users.Create(t.Context(), newUser(created.Name, iamv1alpha1.UserSpec{}), metav1.CreateOptions{}))
	_, err = s.Apply(t.Context(), s.want, &created)
	wantClass(t, "an update of what was deleted and made anew by somebody", err, external.ClassNotFound)
	if stored := s.stored(); stored.Spec.Email != nil {
		t.Errorf("the new object was changed: %+v", stored.Spec)
	}
}

func TestDelete(t *testing.T) {
	users := byHand(t, sharedPlatform(t)).IamV1alpha1().Users()
	t.Run("ChangedMeanwhile", func(t *testing.T) {
		for name, mode := range map[string]external.ReadMode{"Informer": external.InformerReads, "Refresh": external.RefreshReads} {
			t.Run(name, func(t *testing.T) {
				s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
				s.reads(mode)
				s.create()
				s.kubectl("label", "user", s.want.Key().Name, "x=y")
				if got := must[external.Deletion](t)(s.Delete(t.Context(), s.want)); got != external.Deleted {
					t.Errorf("a change by somebody else must not keep us from deleting: %s", got)
				}
			})
		}
	})
	t.Run("ChangedHands", func(t *testing.T) {
		s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
		s.create()
		s.observe()
		other := newStage(t, "kubellm-crossplane", iamv1alpha1.UserSpec{})
		wrote[*iamv1alpha1.User](t)(other.Adopt(t.Context(), other.want, s.want.Owner))
		if got := must[external.Deletion](t)(s.Delete(t.Context(), s.want)); got != external.NotOurs {
			t.Errorf("what another has adopted is not ours to delete: %s", got)
		}
		if stored := s.stored(); stored.DeletionTimestamp != nil {
			t.Error("the adopted object was deleted")
		}
	})
	t.Run("MadeAnew", func(t *testing.T) {
		for name, mode := range map[string]external.ReadMode{"Informer": external.InformerReads, "Refresh": external.RefreshReads} {
			t.Run(name, func(t *testing.T) {
				s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
				s.reads(mode)
				first := s.create()
				again := s.recreate(s.want.Owner)
				s.eventually("the new object to be seen", func(o userSeen) bool { return o.Exists && o.Object.UID == again.UID })

				s.want.Object.UID = first.UID
				if got := must[external.Deletion](t)(s.Delete(t.Context(), s.want)); got != external.NotOurs || s.requests(t, "delete") != 0 {
					t.Errorf("a copy with our mark is not what we mean: %s after %d requests", got, s.requests(t, "delete"))
				}
				s.want.Object.UID = again.UID
				if got := must[external.Deletion](t)(s.Delete(t.Context(), s.want)); got != external.Deleted {
					t.Errorf("the one that is meant is deleted: %s", got)
				}
			})
		}
	})
	t.Run("MadeAnewAfterTheList", func(t *testing.T) {
		s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
		s.reads(external.RefreshReads)
		s.create()
		nobody := userDesired{Object: newUser("nobody-here", iamv1alpha1.UserSpec{}), Owner: s.want.Owner}
		for s.requests(t, "list") == 0 {
			must[external.Deletion](t)(s.Delete(t.Context(), nobody))
		}
		s.want.Object.UID = s.recreate(s.want.Owner).UID
		if got := must[external.Deletion](t)(s.Delete(t.Context(), s.want)); got != external.Deleted {
			t.Errorf("a list from before says nothing about the one that is meant: %s", got)
		}
	})
	t.Run("Finalizer", func(t *testing.T) {
		s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
		created := s.create()
		s.kubectl("patch", "user", created.Name, "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/hold"]}}`)
		s.eventually("the finalizer to be pushed", func(o userSeen) bool { return len(o.Object.Finalizers) == 1 })
		for range 2 {
			if got := must[external.Deletion](t)(s.Delete(t.Context(), s.want)); got != external.Terminating {
				t.Errorf("an object with a finalizer is terminating, got %s", got)
			}
		}
		if seen := s.observe(); !seen.Exists || !seen.Deleting {
			t.Errorf("a terminating object exists and is being deleted: %+v", seen)
		}
		err := runOut(t, "example.com/hold", func(ctx context.Context) error { return s.WaitGone(ctx, s.want.Key(), created.UID) })
		wantClass(t, "the finalizer still holds it", err, external.ClassNotReady)
		if !strings.Contains(err.Error(), "example.com/hold") {
			t.Errorf("the error does not name the finalizer: %v", err)
		}
		gone := make(chan error, 1)
		go func() { gone <- s.WaitGone(t.Context(), s.want.Key(), created.UID) }()
		_, err = users.Patch(t.Context(), created.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-gone; err != nil {
			t.Errorf("the object is gone: %v", err)
		}
	})
}

func TestImmutable(t *testing.T) {
	chain := connect(t, admin(t, sharedPlatform(t)), external.Options{})
	client := external.NewClient(chain.Platform, kinds.RoleBinding)
	want := external.Desired[*iamv1alpha1.RoleBinding]{Owner: chain.owner, Object: &iamv1alpha1.RoleBinding{
		ObjectMeta: named("immutable"), Spec: iamv1alpha1.RoleBindingSpec{RoleRef: iamv1alpha1.RoleRef{Name: "a"}, AllNamespaces: ptr.To(true)}}}
	created := wrote[*iamv1alpha1.RoleBinding](t)(client.Apply(t.Context(), want, nil))
	want.Object.Spec.RoleRef.Name = "b"
	patches := chain.requests(t, "patch")
	_, err := client.Apply(t.Context(), want, &created)
	wantClass(t, "the role of a binding cannot be changed", err, external.ClassInvalid)
	if !strings.Contains(err.Error(), "spec.roleRef.name") || !strings.Contains(err.Error(), "create it anew") {
		t.Errorf("the error must name the field and the way out: %v", err)
	}
	if sent := chain.requests(t, "patch") - patches; sent != 0 {
		t.Errorf("%d requests were sent for a change that cannot be made", sent)
	}
}
