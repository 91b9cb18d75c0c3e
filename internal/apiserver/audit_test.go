package apiserver

import (
	"testing"

	auditapi "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// always 是处处同一级别的策略。
type always auditapi.Level

func (a always) EvaluatePolicyRule(authorizer.Attributes) audit.RequestAuditConfig {
	return audit.RequestAuditConfig{Level: auditapi.Level(a), OmitManagedFields: true}
}

// TestAuditIsDiscreet 带密文的请求至多记元数据；策略要得更少的照样更少，别的请求不受影响。
func TestAuditIsDiscreet(t *testing.T) {
	cases := map[string]struct {
		reason                       string
		group, resource, subresource string
		policy, want                 auditapi.Level
	}{
		"secrets":         {"their bodies are secrets", "", "secrets", "", auditapi.LevelRequestResponse, auditapi.LevelMetadata},
		"secrets, bodies": {"requests alone are too", "", "secrets", "", auditapi.LevelRequest, auditapi.LevelMetadata},
		"secrets, none":   {"less stays less", "", "secrets", "", auditapi.LevelNone, auditapi.LevelNone},
		"credentials":     {"a kubeconfig goes in", "cluster.kubellm.io", "clusters", "credentials", auditapi.LevelRequestResponse, auditapi.LevelMetadata},
		"password":        {"a password goes in", "iam.kubellm.io", "users", "password", auditapi.LevelRequestResponse, auditapi.LevelMetadata},
		"token":           {"a token comes out", "iam.kubellm.io", "apikeys", "token", auditapi.LevelRequestResponse, auditapi.LevelMetadata},
		"others":          {"what is no secret is recorded as asked", "cluster.kubellm.io", "clusters", "", auditapi.LevelRequestResponse, auditapi.LevelRequestResponse},
		"namesake":        {"another group's secrets are its own affair", "example.org", "secrets", "", auditapi.LevelRequestResponse, auditapi.LevelRequestResponse},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			got := discreetAudit{always(tc.policy)}.EvaluatePolicyRule(authorizer.AttributesRecord{APIGroup: tc.group, Resource: tc.resource, Subresource: tc.subresource, ResourceRequest: true})
			if got.Level != tc.want || !got.OmitManagedFields {
				t.Errorf("got %+v, want level %s and the rest as the policy says", got, tc.want)
			}
		})
	}
}
