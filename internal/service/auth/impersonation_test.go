package auth

import (
	"context"
	"testing"

	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// TestSystemIdentitiesAreNotLent 哪个角色都不能借出平台自己的身份。
func TestSystemIdentitiesAreNotLent(t *testing.T) {
	cases := map[string]struct {
		reason         string
		verb, resource string
		name           string
		denied         bool
	}{
		"controller":       {"it may bind every role", "impersonate", "users", "system:kubellm-controller", true},
		"superusers":       {"they may do everything", "impersonate", "groups", "system:masters", true},
		"constrained form": {"the newer verbs mean the same", "impersonate:user-info", "users", "system:kubellm-controller", true},
		"ordinary user":    {"left to roles", "impersonate", "users", "alice", false},
		"another verb":     {"left to roles", "get", "users", "system:x", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			decision, _, err := refuseSystemImpersonation(context.Background(), authorizer.AttributesRecord{Verb: tc.verb, Resource: tc.resource, Name: tc.name, ResourceRequest: true})
			if err != nil || (decision == authorizer.DecisionDeny) != tc.denied {
				t.Errorf("got %v, %v; denied: want %v", decision, err, tc.denied)
			}
		})
	}
}
