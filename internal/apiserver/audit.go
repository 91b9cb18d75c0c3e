package apiserver

import (
	"slices"

	auditapi "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// secretSubresources 的请求体或回答里有凭据。
var secretSubresources = []string{"credentials", "password", "token"}

// discreetAudit 不让审计策略把密文写进日志：策略写得再宽，这些请求也只记元数据。
type discreetAudit struct {
	audit.PolicyRuleEvaluator
}

func (d discreetAudit) EvaluatePolicyRule(attributes authorizer.Attributes) audit.RequestAuditConfig {
	config := d.PolicyRuleEvaluator.EvaluatePolicyRule(attributes)
	if carriesSecrets(attributes) && auditapi.LevelMetadata.Less(config.Level) {
		config.Level = auditapi.LevelMetadata
	}
	return config
}

func carriesSecrets(attributes authorizer.Attributes) bool {
	return attributes.GetAPIGroup() == "" && attributes.GetResource() == "secrets" ||
		slices.Contains(secretSubresources, attributes.GetSubresource())
}
