package external

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestHealth(t *testing.T) {
	start := time.Now()
	after := start.Add
	fill := func(h *health) { h.open = h; h.refreshed(start) }
	unauthorized, refused := apierrors.NewUnauthorized("no"), errors.New("connection refused")
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "users"}, "", nil)
	cases := map[string]struct {
		reason string
		steps  []func(*health)
		want   trust
	}{
		"Fresh":       {reason: "nothing was read yet", want: unsynced},
		"NeverSynced": {reason: "failing before the first fill gives nothing to distrust", steps: []func(*health){func(h *health) { h.broke(start, refused); h.age(after(time.Hour), StaleAfter) }}, want: unsynced},
		"Watching":    {reason: "filled by the watch that is open", steps: []func(*health){fill, func(h *health) { h.age(after(time.Hour), StaleAfter) }}, want: trusted},
		"JustBroken":  {reason: "a short break is bridged", steps: []func(*health){fill, func(h *health) { h.broke(start, refused); h.age(after(29*time.Second), StaleAfter) }}, want: trusted},
		"LongBroken":  {reason: "30 s after the watch broke", steps: []func(*health){fill, func(h *health) { h.broke(start, refused); h.age(after(30*time.Second), StaleAfter) }}, want: stale},
		"BrokenAgain": {reason: "failed attempts to reconnect do not restart the clock", steps: []func(*health){fill, func(h *health) {
			h.broke(start, refused)
			h.broke(after(25*time.Second), refused)
			h.age(after(31*time.Second), StaleAfter)
		}}, want: stale},
		"Back":         {reason: "a watch that holds makes it trusted again", steps: []func(*health){fill, func(h *health) { h.broke(start, refused); h.age(after(time.Minute), StaleAfter); h.alive() }}, want: trusted},
		"Unauthorized": {reason: "401 invalidates at once", steps: []func(*health){fill, func(h *health) { h.broke(start, unauthorized) }}, want: unauthenticated},
		"ThenRefused":  {reason: "an outage does not make refused credentials good", steps: []func(*health){fill, func(h *health) { h.broke(start, unauthorized); h.broke(after(time.Second), refused) }}, want: unauthenticated},
		"Forbidden":    {reason: "403 means reading one by one", steps: []func(*health){func(h *health) { h.broke(start, denied) }}, want: forbidden},
		"ListedOnly":   {reason: "a list without a watch is fresh now and ages", steps: []func(*health){func(h *health) { h.broke(start, refused); h.refreshed(after(time.Minute)) }, func(h *health) { h.age(after(time.Minute+StaleAfter), StaleAfter) }}, want: stale},
		"ListedAgain": {reason: "a list after the cache went stale is fresh", steps: []func(*health){fill, func(h *health) {
			h.broke(start, refused)
			h.age(after(time.Minute), StaleAfter)
			h.refreshed(after(time.Minute))
		}}, want: trusted},
		"ListNotWatch": {reason: "who may list but not watch would pay a list for every look", steps: []func(*health){func(h *health) { h.broke(start, denied); h.refreshed(start) }}, want: forbidden},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := &health{}
			for _, step := range tc.steps {
				step(h)
			}
			if got := h.trust(); got != tc.want {
				t.Errorf("%s: got %d, want %d", tc.reason, got, tc.want)
			}
		})
	}
}

func TestRefusedIsRetriedLessAndLess(t *testing.T) {
	h, now := &health{}, time.Now()
	var last time.Duration
	for range 10 {
		h.broke(now, apierrors.NewUnauthorized("no"))
		if wait := h.nextTry.Sub(now); wait < last || wait > unauthenticatedPause {
			t.Fatalf("waits %s after %s", wait, last)
		} else {
			last = wait
		}
	}
	if last != unauthenticatedPause {
		t.Errorf("ends at %s", last)
	}
	h.alive()
	h.broke(now, apierrors.NewUnauthorized("no"))
	if wait := h.nextTry.Sub(now); wait != firstPause {
		t.Errorf("after it was good once it begins anew, but waits %s", wait)
	}
}
