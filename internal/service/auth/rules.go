package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/kubellm/kubellm/internal/service/auth/rbac"
)

// selfReviews 是每个登录者都能问的：只关于他自己，不透露别人的事。
var selfReviews = map[string]sets.Set[string]{
	"authorization.k8s.io":  sets.New("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
	"authentication.k8s.io": sets.New("selfsubjectreviews"),
}

func authorizeSelfReviews(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	asked := attributes.IsResourceRequest() && attributes.GetVerb() == "create" && attributes.GetSubresource() == "" &&
		selfReviews[attributes.GetAPIGroup()].Has(attributes.GetResource())
	if !asked || !slices.Contains(attributes.GetUser().GetGroups(), user.AllAuthenticated) {
		return authorizer.DecisionNoOpinion, "", nil
	}
	return authorizer.DecisionAllow, "every authenticated user may ask about himself", nil
}

// RulesFor 列出一个身份在命名空间里能做的事，与请求路径同一出处。
func (s *service) RulesFor(_ context.Context, who user.Info, namespace string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	all := []string{"*"}
	if slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup) {
		return []authorizer.ResourceRuleInfo{&authorizer.DefaultResourceRuleInfo{Verbs: all, APIGroups: all, Resources: all}},
			[]authorizer.NonResourceRuleInfo{&authorizer.DefaultNonResourceRuleInfo{Verbs: all, NonResourceURLs: all}}, false, nil
	}
	var resources []authorizer.ResourceRuleInfo
	for _, rule := range s.index.Rules(who, namespace) {
		resources = append(resources, &authorizer.DefaultResourceRuleInfo{Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames})
	}
	var paths []authorizer.NonResourceRuleInfo
	if slices.Contains(who.GetGroups(), user.AllAuthenticated) {
		for group, names := range selfReviews {
			resources = append(resources, &authorizer.DefaultResourceRuleInfo{Verbs: []string{"create"}, APIGroups: []string{group}, Resources: sets.List(names)})
		}
		paths = append(paths, &authorizer.DefaultNonResourceRuleInfo{Verbs: []string{strings.ToLower(http.MethodGet)}, NonResourceURLs: discoveryURLs()})
	}
	if !s.index.HasSynced() {
		return resources, paths, true, rbac.ErrNotSynced
	}
	return resources, paths, false, nil
}

// discoveryURLs 是登录者都能看的路径及其下面的一切。
func discoveryURLs() []string {
	var urls []string
	for _, path := range sets.List(discoveryPaths) {
		urls = append(urls, path)
		if path != "/" {
			urls = append(urls, path+"/*")
		}
	}
	return urls
}
