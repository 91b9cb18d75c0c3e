package review

import (
	"context"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// selfAccess 回答"我能不能做这件事"。
func selfAccess(evaluator authorizer.Authorizer) *review[*authorizationv1.SelfSubjectAccessReview] {
	return &review[*authorizationv1.SelfSubjectAccessReview]{
		group: authorizationv1.GroupName, plural: "selfsubjectaccessreviews", singular: "selfsubjectaccessreview",
		newObject: func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} },
		answer: func(ctx context.Context, who user.Info, question *authorizationv1.SelfSubjectAccessReview) error {
			spec := question.Spec
			if errs := validateSubjectOf(spec.ResourceAttributes, spec.NonResourceAttributes); len(errs) > 0 {
				return invalid("SelfSubjectAccessReview", errs)
			}
			question.Status = decide(ctx, evaluator, attributes(who, spec.ResourceAttributes, spec.NonResourceAttributes))
			return nil
		},
	}
}

// access 回答"他能不能做这件事"；谁可以这样问，由角色决定。
func access(evaluator authorizer.Authorizer) *review[*authorizationv1.SubjectAccessReview] {
	return &review[*authorizationv1.SubjectAccessReview]{
		group: authorizationv1.GroupName, plural: "subjectaccessreviews", singular: "subjectaccessreview",
		newObject: func() *authorizationv1.SubjectAccessReview { return &authorizationv1.SubjectAccessReview{} },
		answer: func(ctx context.Context, _ user.Info, question *authorizationv1.SubjectAccessReview) error {
			spec := question.Spec
			errs := validateSubjectOf(spec.ResourceAttributes, spec.NonResourceAttributes)
			if spec.User == "" && len(spec.Groups) == 0 {
				errs = append(errs, field.Required(field.NewPath("spec", "user"), "name the user or the groups to ask about"))
			}
			if len(errs) > 0 {
				return invalid("SubjectAccessReview", errs)
			}
			who := &user.DefaultInfo{Name: spec.User, UID: spec.UID, Groups: spec.Groups, Extra: map[string][]string{}}
			for key, values := range spec.Extra {
				who.Extra[key] = values
			}
			question.Status = decide(ctx, evaluator, attributes(who, spec.ResourceAttributes, spec.NonResourceAttributes))
			return nil
		},
	}
}

func decide(ctx context.Context, evaluator authorizer.Authorizer, asked authorizer.Attributes) authorizationv1.SubjectAccessReviewStatus {
	decision, reason, err := evaluator.Authorize(ctx, asked)
	status := authorizationv1.SubjectAccessReviewStatus{
		Allowed: decision == authorizer.DecisionAllow,
		Denied:  decision == authorizer.DecisionDeny,
		Reason:  reason,
	}
	if err != nil {
		status.EvaluationError = err.Error()
	}
	return status
}

// attributes 把提问写成请求路径上的样子。
func attributes(who user.Info, resource *authorizationv1.ResourceAttributes, path *authorizationv1.NonResourceAttributes) authorizer.Attributes {
	if resource == nil {
		return authorizer.AttributesRecord{User: who, Verb: path.Verb, Path: path.Path}
	}
	return authorizer.AttributesRecord{
		User: who, Verb: resource.Verb, Namespace: resource.Namespace,
		APIGroup: resource.Group, APIVersion: resource.Version,
		Resource: resource.Resource, Subresource: resource.Subresource, Name: resource.Name, ResourceRequest: true,
	}
}

func validateSubjectOf(resource *authorizationv1.ResourceAttributes, path *authorizationv1.NonResourceAttributes) field.ErrorList {
	if (resource == nil) == (path == nil) {
		return field.ErrorList{field.Required(field.NewPath("spec", "resourceAttributes"), "give exactly one of resourceAttributes and nonResourceAttributes")}
	}
	return nil
}

func invalid(kind string, errs field.ErrorList) error {
	return apierrors.NewInvalid(schema.GroupKind{Group: authorizationv1.GroupName, Kind: kind}, "", errs)
}
