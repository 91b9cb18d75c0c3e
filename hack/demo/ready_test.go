package main

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLacks(t *testing.T) {
	object := func(name string, conditions ...metav1.Condition) conditioned {
		c := conditioned{Kind: "Model", Metadata: metav1.ObjectMeta{Name: name, Namespace: "team", Generation: 2}}
		c.Status.Conditions = conditions
		return c
	}
	is := func(kind string, status metav1.ConditionStatus, generation int64) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, ObservedGeneration: generation, Reason: kind + "Reason", Message: "because of " + kind}
	}
	for _, test := range []struct {
		reason string
		found  []conditioned
		// says 是话里非有不可的；空即个个就绪。
		says []string
		// silent 是不该提的。
		silent string
	}{
		{"all are ready", []conditioned{object("a", is("Synced", "True", 2), is("Ready", "True", 2))}, nil, ""},
		{"conditions without a generation count", []conditioned{object("a", is("Synced", "True", 0), is("Ready", "True", 0))}, nil, ""},
		{"nothing has been made yet", nil, []string{"none"}, ""},
		{"only what is not waited for is there", []conditioned{object("idle", is("Ready", "False", 2))}, []string{"none"}, "idle"},
		{
			"one is not ready: which one, and what the platform says",
			[]conditioned{object("a", is("Synced", "True", 2), is("Ready", "True", 2)), object("b", is("Synced", "True", 2), is("Ready", "False", 2)), object("idle")},
			[]string{"1 of 2", "team/b", "ReadyReason", "because of Ready"}, "team/a",
		},
		{"unknown is not ready", []conditioned{object("a", is("Synced", "True", 2), is("Ready", "Unknown", 2))}, []string{"team/a", "ReadyReason"}, ""},
		{"the first condition that lacks is named", []conditioned{object("a", is("Synced", "False", 2), is("Ready", "False", 2))}, []string{"SyncedReason"}, "ReadyReason"},
		{"a condition is not there yet", []conditioned{object("a", is("Synced", "True", 2))}, []string{"team/a", "Ready"}, "Synced"},
		{"ready, but said of the generation before", []conditioned{object("a", is("Synced", "True", 2), is("Ready", "True", 1))}, []string{"team/a", "latest"}, ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			err := batch{conditions: []string{"Synced", "Ready"}, except: []string{"idle"}}.lacks(test.found)
			if (err == nil) != (test.says == nil) {
				t.Fatalf("got %v, want something with %q", err, test.says)
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if test.silent != "" && strings.Contains(err.Error(), test.silent) {
				t.Errorf("%q speaks of %q", err, test.silent)
			}
		})
	}
}
