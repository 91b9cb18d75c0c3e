package external_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"weak"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/test/harness"
)

// TestRefreshBudget 在真正的平台上刷新 200 个：至多 16 次 GET 和一次分页 LIST；销毁它们也不必逐个先取。
func TestRefreshBudget(t *testing.T) {
	t.Parallel()
	const refreshed, others = 200, 330
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	chain := connect(t, admin(t, platform), external.Options{Reads: external.RefreshReads})
	client := external.NewClient(chain.Platform, kinds.User)
	users := byHand(t, platform).IamV1alpha1().Users()
	each := func(n int, do func(i int) error) {
		t.Helper()
		var group errgroup.Group
		group.SetLimit(10)
		for i := range n {
			group.Go(func() error { return do(i) })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	desired := func(i int) userDesired {
		u := newUser(fmt.Sprintf("user-%03d", i), iamv1alpha1.UserSpec{})
		u.Labels = map[string]string{"of": "terraform"}
		return userDesired{Object: u, Owner: chain.owner}
	}
	each(refreshed, func(i int) error {
		_, err := client.Apply(t.Context(), desired(i), nil)
		return err
	})
	if got := chain.requests(t, ""); got != refreshed {
		t.Errorf("creating %d objects sent %d requests", refreshed, got)
	}
	each(others, func(i int) error {
		_, err := users.Create(t.Context(), newUser(fmt.Sprintf("other-%03d", i), iamv1alpha1.UserSpec{}), metav1.CreateOptions{})
		return err
	})

	each(refreshed, func(i int) error {
		seen, err := client.Observe(t.Context(), desired(i))
		if err == nil && !seen.UpToDate {
			err = fmt.Errorf("user %d: %s", i, seen.Diff)
		}
		return err
	})
	if gets, lists := chain.requests(t, "get"), chain.requests(t, "list"); gets > 16 || lists != 2 {
		t.Errorf("a refresh sent %d GETs and %d pages of a list, want at most 16 and the 2 pages of one list", gets, lists)
	}

	t.Run("NotInTheList", func(t *testing.T) {
		made := must[*iamv1alpha1.User](t)(users.Create(t.Context(), newUser("late", iamv1alpha1.UserSpec{}), metav1.CreateOptions{}))
		if read := must[*iamv1alpha1.User](t)(client.Read(t.Context(), external.Key{Name: "late"})); read.UID != made.UID {
			t.Errorf("read %v", read)
		}
	})
	t.Run("Written", func(t *testing.T) {
		changed := desired(7)
		changed.Object.Spec.Groups = []string{"g"}
		seen := must[userSeen](t)(client.Observe(t.Context(), changed))
		wrote[*iamv1alpha1.User](t)(client.Apply(t.Context(), changed, &seen.Object))
		if seen = must[userSeen](t)(client.Observe(t.Context(), changed)); !seen.UpToDate {
			t.Errorf("after a write the old list must not be used: %q", seen.Diff)
		}
	})
	t.Run("List", func(t *testing.T) {
		all := must[[]*iamv1alpha1.User](t)(client.List(t.Context(), "", labels.SelectorFromSet(labels.Set{"of": "terraform"}), ""))
		if len(all) != refreshed {
			t.Errorf("the selector gave %d objects, want %d", len(all), refreshed)
		}
		if all = must[[]*iamv1alpha1.User](t)(client.List(t.Context(), "", nil, "")); len(all) != refreshed+others+1 {
			t.Errorf("the list has %d objects", len(all))
		}
		if one := must[[]*iamv1alpha1.User](t)(client.List(t.Context(), "", nil, "metadata.name=late")); len(one) != 1 || one[0].Name != "late" {
			t.Errorf("the field selector gave %v", one)
		}
	})

	before := []int{chain.requests(t, "get"), chain.requests(t, "list"), chain.requests(t, "delete")}
	each(refreshed, func(i int) error {
		deletion, err := client.Delete(t.Context(), desired(i))
		if err == nil && deletion != external.Deleted {
			err = fmt.Errorf("user %d: %s", i, deletion)
		}
		return err
	})
	after := []int{chain.requests(t, "get"), chain.requests(t, "list"), chain.requests(t, "delete")}
	if gets, lists, deletes := after[0]-before[0], after[1]-before[1], after[2]-before[2]; gets > 16 || lists > 2 || deletes != refreshed {
		t.Errorf("destroying %d objects sent %d GETs, %d list pages and %d DELETEs", refreshed, gets, lists, deletes)
	}
	if left := must[[]*iamv1alpha1.User](t)(client.List(t.Context(), "", nil, "")); slices.ContainsFunc(left, func(u *iamv1alpha1.User) bool { return u.Labels["of"] == "terraform" }) {
		t.Error("some objects are left")
	}
}

// TestWritesAreNotKept 写过的对象不留在内存里：一次写几万个的进程不该全记着。
func TestWritesAreNotKept(t *testing.T) {
	s := newStage(t, "kubellm-test", iamv1alpha1.UserSpec{})
	s.reads(external.RefreshReads)
	written := weak.Make(s.create())
	harness.Eventually(t, "the written object to be forgotten", patience, func(context.Context) error {
		if runtime.GC(); written.Value() != nil {
			return errors.New("it is still referred to")
		}
		return nil
	})
}
