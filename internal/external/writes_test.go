package external

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// at 给出某个 uid 与资源版本的用户。
func at(uid, version string) *iamv1alpha1.User {
	u := user()
	u.UID, u.ResourceVersion = types.UID(uid), version
	return u
}

func TestReadYourWrites(t *testing.T) {
	cases := map[string]struct {
		reason  string
		how     writeKind
		written *iamv1alpha1.User
		age     time.Duration
		cached  *iamv1alpha1.User
		// version 是缓存已看到的资源版本。
		version string
		want    verdict
		// object 是该给出的版本。
		object string
		done   bool
	}{
		"CreatedNotSeen":      {reason: "what was just created exists although the cache has not heard of it", how: wroteObject, written: at("a", "10"), version: "9", want: present, object: "10"},
		"UpdatedNotSeen":      {reason: "an older cached object is not used; versions compare as numbers", how: wroteObject, written: at("a", "10"), cached: at("a", "9"), version: "9", want: present, object: "10"},
		"UpdatedSeen":         {reason: "the cache has caught up", how: wroteObject, written: at("a", "10"), cached: at("a", "10"), version: "10", want: present, object: "10", done: true},
		"ChangedAfterwards":   {reason: "the cache is further than our write", how: wroteObject, written: at("a", "10"), cached: at("a", "12"), version: "12", want: present, object: "12", done: true},
		"DeletedAfterwards":   {reason: "the cache is further and the object is gone", how: wroteObject, written: at("a", "10"), version: "11", want: absent, done: true},
		"NothingSeen":         {reason: "a cache that was never filled is behind every write", how: wroteObject, written: at("a", "10"), want: present, object: "10"},
		"RestoredFromBackup":  {reason: "resource versions may go back; a write is not believed forever", how: wroteObject, written: at("a", "10"), age: time.Hour, cached: at("a", "5"), version: "6", want: present, object: "5", done: true},
		"RemovedNotSeen":      {reason: "what was just deleted is gone although the cache still has it", how: removedObject, written: at("a", "10"), cached: at("a", "10"), version: "10", want: absent},
		"RemovedBehind":       {reason: "the cache may even be behind what was deleted", how: removedObject, written: at("a", "10"), cached: at("a", "8"), version: "8", want: absent},
		"RemovedSeen":         {reason: "the cache has caught up", how: removedObject, written: at("a", "10"), version: "11", want: absent, done: true},
		"RemovedBeforeCreate": {reason: "the creation has not even been seen: it must not appear later", how: removedObject, written: at("a", "10"), version: "9", want: absent},
		"Recreated":           {reason: "another uid is another object", how: removedObject, written: at("a", "10"), cached: at("b", "12"), version: "12", want: present, object: "12", done: true},
		"RemovedButChanged":   {reason: "a newer state of the same uid is the truth", how: removedObject, written: at("a", "10"), cached: at("a", "11"), version: "11", want: present, object: "11", done: true},
		"Removing":            {reason: "with finalizers the platform has to be asked", how: removingObject, written: at("a", "10"), cached: at("a", "10"), version: "10", want: unsure},
		"RemovingSeen":        {reason: "the deletion timestamp has arrived", how: removingObject, written: at("a", "10"), cached: at("a", "11"), version: "11", want: present, object: "11", done: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := write[*iamv1alpha1.User]{at: time.Now().Add(-tc.age), object: tc.written, how: tc.how}
			object, v, done := w.answer(tc.cached, tc.cached != nil, tc.version)
			if v != tc.want || done != tc.done {
				t.Errorf("%s: got verdict %d (done %t), want %d (%t)", tc.reason, v, done, tc.want, tc.done)
			}
			if v == present && object.ResourceVersion != tc.object {
				t.Errorf("%s: got version %s, want %s", tc.reason, object.ResourceVersion, tc.object)
			}
		})
	}
}
