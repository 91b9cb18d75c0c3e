package requeue_test

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/requeue"
)

func TestEach(t *testing.T) {
	found := []v1alpha1.Model{
		{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "one"}},
		{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: "two"}},
	}
	got := requeue.Each(t.Context(), found, nil)
	if len(got) != 2 || got[0].String() != "a/one" || got[1].String() != "b/two" {
		t.Errorf("got %v, want one request for each object", got)
	}
	if got := requeue.Each(t.Context(), found, errors.New("the index is missing")); got != nil {
		t.Errorf("got %v although nothing could be found", got)
	}
}

func TestSooner(t *testing.T) {
	for _, c := range []struct {
		reason     string
		a, b, want time.Duration
	}{
		{"nothing waits", 0, 0, 0},
		{"only the first waits", 3, 0, 3},
		{"only the second waits", 0, 3, 3},
		{"the first is sooner", 2, 3, 2},
		{"the second is sooner", 3, 2, 2},
	} {
		if got := requeue.Sooner(c.a, c.b); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}
