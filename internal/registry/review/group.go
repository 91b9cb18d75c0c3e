package review

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/kubellm/kubellm/internal/registry"
)

// Evaluator 是请求路径上的判断者。
type Evaluator interface {
	authorizer.Authorizer
	authorizer.RuleResolver
}

// Groups 列出提问所在的组。
func Groups(evaluator Evaluator) []registry.Group {
	return []registry.Group{
		{
			Name:      authorizationv1.GroupName,
			Versions:  []schema.GroupVersion{authorizationv1.SchemeGroupVersion},
			Resources: []registry.Installer{selfAccess(evaluator), access(evaluator), selfRules(evaluator)},
			Protobuf:  true,
		},
		{
			Name:      authenticationv1.GroupName,
			Versions:  []schema.GroupVersion{authenticationv1.SchemeGroupVersion},
			Resources: []registry.Installer{self()},
			Protobuf:  true,
		},
	}
}
