package external_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
)

// named 是只有名字的元数据。
func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func newUser(name string, spec iamv1alpha1.UserSpec) *iamv1alpha1.User {
	return &iamv1alpha1.User{ObjectMeta: named(name), Spec: spec}
}

// TestLifecycle 让每个种类以两种读取方式走完一生：不存在、创建、最新、改变、删去字段、删除。
func TestLifecycle(t *testing.T) {
	for name, mode := range map[string]external.ReadMode{"Informer": external.InformerReads, "Refresh": external.RefreshReads} {
		t.Run(name, func(t *testing.T) {
			t.Run("User", func(t *testing.T) {
				lifecycle(t, mode, kinds.User,
					newUser("life-"+name, iamv1alpha1.UserSpec{Email: ptr.To("a@x.io"), DisplayName: ptr.To("A")}),
					newUser("life-"+name, iamv1alpha1.UserSpec{Email: ptr.To("b@x.io")}))
			})
			t.Run("Role", func(t *testing.T) {
				rules := []iamv1alpha1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"models"}, Verbs: []string{"get"}}}
				lifecycle(t, mode, kinds.Role,
					&iamv1alpha1.Role{ObjectMeta: named("life-" + name), Spec: iamv1alpha1.RoleSpec{Description: ptr.To("old"), Rules: rules}},
					&iamv1alpha1.Role{ObjectMeta: named("life-" + name), Spec: iamv1alpha1.RoleSpec{Rules: append(rules, rules...)}})
			})
			t.Run("RoleBinding", func(t *testing.T) {
				role := iamv1alpha1.RoleRef{Name: "reader"}
				subjects := []iamv1alpha1.Subject{{Kind: iamv1alpha1.SubjectUser, Name: "alice"}}
				lifecycle(t, mode, kinds.RoleBinding,
					&iamv1alpha1.RoleBinding{ObjectMeta: named("life-" + name), Spec: iamv1alpha1.RoleBindingSpec{RoleRef: role, Subjects: subjects, AllNamespaces: ptr.To(true)}},
					&iamv1alpha1.RoleBinding{ObjectMeta: named("life-" + name), Spec: iamv1alpha1.RoleBindingSpec{RoleRef: role, Subjects: subjects, Namespaces: []string{"a"}}})
			})
			t.Run("Cluster", func(t *testing.T) {
				lifecycle(t, mode, kinds.Cluster,
					&clusterv1alpha1.Cluster{ObjectMeta: named("life-" + name), Spec: clusterv1alpha1.ClusterSpec{Region: ptr.To("north"), Zones: []string{"a"}}},
					&clusterv1alpha1.Cluster{ObjectMeta: named("life-" + name), Spec: clusterv1alpha1.ClusterSpec{Region: ptr.To("south")}})
			})
		})
	}
}

func lifecycle[T external.Object, L runtime.Object](t *testing.T, mode external.ReadMode, k *external.Kind[T, L], first, second T) {
	first.SetName(strings.ToLower(first.GetName()))
	second.SetName(strings.ToLower(second.GetName()))
	chain := connect(t, admin(t, sharedPlatform(t)), external.Options{Reads: mode})
	client := external.NewClient(chain.Platform, k)
	want := external.Desired[T]{Object: first, Owner: chain.owner}
	ctx := t.Context()

	seen := must[external.Observation[T]](t)(client.Observe(ctx, want))
	if seen.Exists {
		t.Fatalf("nothing was created yet, observed %+v", seen)
	}
	created := wrote[T](t)(client.Apply(ctx, want, nil))
	seen = must[external.Observation[T]](t)(client.Observe(ctx, want))
	if !seen.Exists || !seen.Owned || !seen.UpToDate || seen.Object.GetUID() != created.GetUID() {
		t.Fatalf("the created object must be seen at once, ours and up to date: %+v", seen)
	}

	want.Object = second
	seen = must[external.Observation[T]](t)(client.Observe(ctx, want))
	if seen.UpToDate || len(seen.Diff) < 2 {
		t.Fatalf("one field changed and one was removed, the difference is %q", seen.Diff)
	}
	wrote[T](t)(client.Apply(ctx, want, &seen.Object))
	seen = must[external.Observation[T]](t)(client.Observe(ctx, want))
	if !seen.UpToDate || seen.Object.GetUID() != created.GetUID() {
		t.Fatalf("after the update there must be no difference left, there is %q", seen.Diff)
	}

	if deletion := must[external.Deletion](t)(client.Delete(ctx, want)); deletion != external.Deleted {
		t.Errorf("got %s, want the object deleted", deletion)
	}
	if seen = must[external.Observation[T]](t)(client.Observe(ctx, want)); seen.Exists {
		t.Errorf("the deleted object is still seen: %+v", seen)
	}
	if deletion := must[external.Deletion](t)(client.Delete(ctx, want)); deletion != external.AlreadyGone {
		t.Errorf("got %s for an object that is gone", deletion)
	}
	_, err := client.Read(ctx, want.Key())
	wantClass(t, "reading what was deleted", err, external.ClassNotFound)
}
