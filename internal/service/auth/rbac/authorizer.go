package rbac

import (
	"context"
	"errors"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// ErrNotSynced 表示权限数据还没有读全，此刻拒绝会是假话。
var ErrNotSynced = errors.New("roles and role bindings are still being read: try again in a moment")

var _ authorizer.Authorizer = &Authorizer{}

// Authorizer 用索引回答请求；不认识的一律没有意见，由链条末端拒绝。
type Authorizer struct {
	index *Index
}

// NewAuthorizer 由索引得到判断者。
func NewAuthorizer(index *Index) *Authorizer { return &Authorizer{index: index} }

// Authorize 找到第一条放行的规则即止。
func (a *Authorizer) Authorize(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if !attributes.IsResourceRequest() {
		return authorizer.DecisionNoOpinion, "", nil
	}
	var by *Grant
	a.index.visit(attributes.GetUser(), attributes.GetNamespace(), func(grant *Grant, rule *rbacv1.PolicyRule) bool {
		if !allows(rule, attributes) {
			return true
		}
		by = grant
		return false
	})
	// 已读到的授予是真的；没找到却还没读全，才不知道该怎么答。
	if by == nil && !a.index.HasSynced() {
		return authorizer.DecisionNoOpinion, "", ErrNotSynced
	}
	if by == nil {
		return authorizer.DecisionNoOpinion, "no role bound to the user or its groups permits it", nil
	}
	return authorizer.DecisionAllow, by.reason(), nil
}

// reason 写进审计日志：这次放行来自哪个绑定。
func (g *Grant) reason() string {
	if g.Role == "" {
		return "allowed by the rights built in for this component"
	}
	return fmt.Sprintf("allowed by role binding %q of role %q", g.Binding, g.Role)
}

// ConditionsAwareAuthorize 给出无条件的同一答案：平台的规则不含待定条件。
func (a *Authorizer) ConditionsAwareAuthorize(ctx context.Context, attributes authorizer.Attributes) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(a.Authorize(ctx, attributes))
}

// EvaluateConditions 从不会被需要，按约定失败即拒绝。
func (a *Authorizer) EvaluateConditions(context.Context, authorizer.ConditionsAwareDecision, authorizer.ConditionsData) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", authorizer.ErrorConditionEvaluationNotSupported
}
