package review

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// self 回答"我是谁"：凭据、登记的组与扮演都算过之后的身份。
func self() *review[*authenticationv1.SelfSubjectReview] {
	return &review[*authenticationv1.SelfSubjectReview]{
		group: authenticationv1.GroupName, plural: "selfsubjectreviews", singular: "selfsubjectreview",
		newObject: func() *authenticationv1.SelfSubjectReview { return &authenticationv1.SelfSubjectReview{} },
		answer: func(_ context.Context, who user.Info, question *authenticationv1.SelfSubjectReview) error {
			question.Status.UserInfo = authenticationv1.UserInfo{Username: who.GetName(), UID: who.GetUID(), Groups: who.GetGroups(), Extra: map[string]authenticationv1.ExtraValue{}}
			for key, values := range who.GetExtra() {
				question.Status.UserInfo.Extra[key] = values
			}
			return nil
		},
	}
}

// selfRules 回答"我在这个命名空间里都能做什么"。
func selfRules(evaluator authorizer.RuleResolver) *review[*authorizationv1.SelfSubjectRulesReview] {
	return &review[*authorizationv1.SelfSubjectRulesReview]{
		group: authorizationv1.GroupName, plural: "selfsubjectrulesreviews", singular: "selfsubjectrulesreview",
		newObject: func() *authorizationv1.SelfSubjectRulesReview { return &authorizationv1.SelfSubjectRulesReview{} },
		answer: func(ctx context.Context, who user.Info, question *authorizationv1.SelfSubjectRulesReview) error {
			if question.Spec.Namespace == "" {
				return invalid("SelfSubjectRulesReview", field.ErrorList{field.Required(field.NewPath("spec", "namespace"), "name the namespace to ask about")})
			}
			resources, paths, incomplete, err := evaluator.RulesFor(ctx, who, question.Spec.Namespace)
			status := authorizationv1.SubjectRulesReviewStatus{
				ResourceRules:    make([]authorizationv1.ResourceRule, 0, len(resources)),
				NonResourceRules: make([]authorizationv1.NonResourceRule, 0, len(paths)),
				Incomplete:       incomplete,
			}
			for _, rule := range resources {
				status.ResourceRules = append(status.ResourceRules, authorizationv1.ResourceRule{Verbs: rule.GetVerbs(), APIGroups: rule.GetAPIGroups(), Resources: rule.GetResources(), ResourceNames: rule.GetResourceNames()})
			}
			for _, rule := range paths {
				status.NonResourceRules = append(status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: rule.GetVerbs(), NonResourceURLs: rule.GetNonResourceURLs()})
			}
			if err != nil {
				status.EvaluationError = err.Error()
			}
			question.Status = status
			return nil
		},
	}
}
