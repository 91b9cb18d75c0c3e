package review

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/internal/registry"
)

// Install 登记各种提问的类型。
func Install(scheme *runtime.Scheme) {
	registry.RegisterAsHub(scheme, authorizationv1.SchemeGroupVersion,
		&authorizationv1.SelfSubjectAccessReview{}, &authorizationv1.SubjectAccessReview{}, &authorizationv1.SelfSubjectRulesReview{})
	registry.RegisterAsHub(scheme, authenticationv1.SchemeGroupVersion, &authenticationv1.SelfSubjectReview{})
}
