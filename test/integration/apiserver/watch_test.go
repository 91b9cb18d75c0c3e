package apiserver

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
)

// feed 是一条 watch 上的事件，读不到时测试失败而不是挂住。
type feed struct {
	t *testing.T
	w watch.Interface
}

func openWatch(t *testing.T, c *client, k kind, options metav1.ListOptions) *feed {
	t.Helper()
	w, err := k.client(c).Watch(t.Context(), options)
	if err != nil {
		t.Fatalf("watch %s: %v", k.plural, err)
	}
	t.Cleanup(w.Stop)
	return &feed{t: t, w: w}
}

// next 返回下一个事件的类型与对象。
func (f *feed) next() (watch.EventType, *unstructured.Unstructured) {
	f.t.Helper()
	select {
	case event, open := <-f.w.ResultChan():
		if !open {
			f.t.Fatal("the watch was closed")
		}
		obj, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			f.t.Fatalf("the watch sent %s %#v", event.Type, event.Object)
		}
		return event.Type, obj
	case <-time.After(patience):
		f.t.Fatal("no event came")
	}
	return "", nil
}

// expect 断言下一串事件是"类型 名字"。
func (f *feed) expect(want ...string) {
	f.t.Helper()
	var got []string
	for range want {
		event, obj := f.next()
		got = append(got, fmt.Sprintf("%s %s", event, obj.GetName()))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestWatchWithInitialEvents 保证一条 watch 就能得到现状与此后的变化，以书签分界：informer 不必先列表。
func TestWatchWithInitialEvents(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		batch := unique("initial")
		k.create(t, shared, batch+"-0", "batch", batch)
		k.create(t, shared, batch+"-1", "batch", batch)
		f := openWatch(t, shared.admin, k, metav1.ListOptions{
			LabelSelector:        "batch=" + batch,
			SendInitialEvents:    ptr.To(true),
			ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
			AllowWatchBookmarks:  true,
		})
		f.expect("ADDED "+batch+"-0", "ADDED "+batch+"-1")
		event, mark := f.next()
		if event != watch.Bookmark || mark.GetAnnotations()[metav1.InitialEventsAnnotationKey] != "true" || mark.GetResourceVersion() == "" {
			t.Errorf("after the initial events came %s %v, want a bookmark that ends them", event, mark.Object["metadata"])
		}
		k.create(t, shared, batch+"-2", "batch", batch)
		f.expect("ADDED " + batch + "-2")
	})
}

// TestWatchFollowsAnObject 保证从一个版本起看得到全部变化，标签离开选择器等于离开视野。
func TestWatchFollowsAnObject(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		name := unique("follow")
		obj := k.create(t, shared, name, "batch", name)
		f := openWatch(t, shared.admin, k, metav1.ListOptions{LabelSelector: "batch=" + name, ResourceVersion: obj.GetResourceVersion()})
		change := func(subresource string, patch map[string]any) {
			t.Helper()
			if _, err := mergePatch(t.Context(), write{p: shared, as: shared.admin, kind: k, name: name, subresource: subresource, patch: patch}); err != nil {
				t.Fatal(err)
			}
		}
		change("", k.change("changed"))
		change("status", map[string]any{"status": map[string]any{"observedGeneration": int64(2)}})
		change("", labels("batch", "other"))
		change("", k.change("unseen"))
		change("", labels("batch", name))
		if err := k.client(shared.admin).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		f.expect("MODIFIED "+name, "MODIFIED "+name, "DELETED "+name, "ADDED "+name, "DELETED "+name)
	})
}

// TestWatchSelectsFields 保证按字段的 watch 只看到相关的对象，字段变了就离开视野。
func TestWatchSelectsFields(t *testing.T) {
	t.Parallel()
	email := unique("watched") + "@example.org"
	name := unique("watched")
	before, err := users.client(shared.admin).List(t.Context(), metav1.ListOptions{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	byEmail := openWatch(t, shared.admin, users, metav1.ListOptions{FieldSelector: "spec.email=" + email, ResourceVersion: before.GetResourceVersion()})
	users.create(t, shared, unique("bystander"))
	k := users
	k.spec = map[string]any{"email": email}
	k.create(t, shared, name)
	for _, address := range []string{"gone@example.org", email} {
		if _, err := mergePatch(t.Context(), write{p: shared, as: shared.admin, kind: users, name: name, patch: map[string]any{"spec": map[string]any{"email": address}}}); err != nil {
			t.Fatal(err)
		}
	}
	byEmail.expect("ADDED "+name, "DELETED "+name, "ADDED "+name)

	role := unique("watched")
	byRole := openWatch(t, shared.admin, roleBindings, metav1.ListOptions{FieldSelector: "spec.roleRef.name=" + role, ResourceVersion: before.GetResourceVersion()})
	roleBindings.create(t, shared, unique("bystander"))
	binding := shared.bind(t, role, nil)
	byRole.expect("ADDED " + binding)
}
