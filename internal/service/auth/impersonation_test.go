package auth

import (
	"context"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/kubellm/kubellm/internal/service/auth/rbac"
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

// TestControllerIsLentToNobody 连超级用户也扮不成控制器，别的身份他照样可以扮。
func TestControllerIsLentToNobody(t *testing.T) {
	service, err := NewService(Options{ClientCertificates: presented(""), Index: rbac.NewIndex(), Users: directory{}, Roles: noRoles{}})
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]authorizer.Decision{
		rbac.ControllerUser: authorizer.DecisionDeny, "system:kube-scheduler": authorizer.DecisionAllow, "alice": authorizer.DecisionAllow,
	}
	for _, verb := range []string{"impersonate", "impersonate:user-info"} {
		for name, want := range wanted {
			decision, _, err := service.Authorize(t.Context(), authorizer.AttributesRecord{
				User: &user.DefaultInfo{Name: "root", Groups: []string{user.SystemPrivilegedGroup}}, Verb: verb, Resource: "users", Name: name, ResourceRequest: true,
			})
			if err != nil || decision != want {
				t.Errorf("a superuser's %s of %s: got %v, %v; want %v", verb, name, decision, err, want)
			}
		}
	}
}
