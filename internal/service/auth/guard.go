package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	rbacvalidation "k8s.io/component-helpers/auth/rbac/validation"

	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
)

// Guard 不让任何人授予自己没有的东西：写规则要先持有它或有 escalate，
// 绑定角色要先持有其规则或有 bind，把人加进组等同于给他组里的全部绑定。
type Guard interface {
	// ConfirmRules 判断请求者能否把这些规则写进名为 role 的角色。
	ConfirmRules(ctx context.Context, role string, rules []rbacv1.PolicyRule) error
	// ConfirmBinding 判断请求者能否在给定范围内授予角色。
	ConfirmBinding(ctx context.Context, binding, role string, namespaces []string, allNamespaces bool) error
	// ConfirmGroup 判断请求者能否把用户加进组。
	ConfirmGroup(ctx context.Context, user, group string) error
	// ConfirmSecret 判断请求者能否让平台替他读一个 Secret，或改变它的去向：他自己要能读它。
	ConfirmSecret(ctx context.Context, use SecretUse, namespace, name string) error
	// ConfirmHandedIn 判断请求者能否改变交来的凭据的去向：他自己要能交它。
	ConfirmHandedIn(ctx context.Context, use HandedInUse) error
	// MayList 判断请求者看不看得到一个种类的全部对象；看不到不是错误。
	MayList(ctx context.Context, resource schema.GroupResource) (bool, error)
}

// SecretUse 说明谁要用一个 Secret：拒绝时要讲得出是哪个对象的哪个字段点的名。
type SecretUse struct {
	Resource    schema.GroupResource
	Name, Field string
	// Changed 是请求改了的、决定密文到谁手里的字段；只是点了名的为空。
	Changed []string
}

// HandedInUse 说明谁手里有交来的凭据，请求又改了哪些决定它去向的字段。
type HandedInUse struct {
	Resource        schema.GroupResource
	Namespace, Name string
	Changed         []string
}

// CredentialsSubresource 是收下凭据的子资源的名字。
const CredentialsSubresource = "credentials"

type guard struct {
	index      *rbac.Index
	authorizer authorizer.Authorizer
	// everyone 是请求路径上的整条授权链，连超级用户与外来的授权者都在内。
	everyone authorizer.Authorizer
	roles    RoleGetter
}

// RoleGetter 直接读角色。授予是少有的事，而索引晚几毫秒：
// 刚建好角色就建绑定的人（apply 一个文件、terraform apply）不该被告知角色不存在。
type RoleGetter interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*v1alpha1.Role, error)
}

var _ Guard = &guard{}

// ConfirmRules 见接口。
func (g *guard) ConfirmRules(ctx context.Context, role string, rules []rbacv1.PolicyRule) error {
	who, exempt, err := g.requester(ctx, "escalate", role)
	if err != nil || exempt {
		return err
	}
	return g.confirm(who, "roles", role, fmt.Sprintf("write role %q", role), "escalate", rules, "")
}

// ConfirmBinding 见接口。
func (g *guard) ConfirmBinding(ctx context.Context, binding, role string, namespaces []string, allNamespaces bool) error {
	return g.confirmGrant(ctx, "rolebindings", binding, fmt.Sprintf("grant role %q by role binding %q", role, binding), role, namespaces, allNamespaces)
}

// ConfirmGroup 见接口。
func (g *guard) ConfirmGroup(ctx context.Context, name, group string) error {
	for _, grant := range g.index.GroupGrants(group) {
		doing := fmt.Sprintf("add user %q to group %q, which role binding %q grants role %q", name, group, grant.Binding, grant.Role)
		if err := g.confirmGrant(ctx, "users", name, doing, grant.Role, grant.Namespaces, grant.AllNamespaces); err != nil {
			return err
		}
	}
	return nil
}

// ConfirmSecret 见接口。
func (g *guard) ConfirmSecret(ctx context.Context, use SecretUse, namespace, name string) error {
	doing := fmt.Sprintf("let the platform use Secret %q in namespace %q, which %s names", name, namespace, use.Field)
	if len(use.Changed) > 0 {
		doing = fmt.Sprintf("set %s, because that decides who is given Secret %q in namespace %q, which %s names",
			strings.Join(use.Changed, ", "), name, namespace, use.Field)
	}
	return g.confirmHeld(ctx, use.Resource, use.Name, doing, `get it first (verb "get" on secrets in that namespace)`, authorizer.AttributesRecord{
		Verb: "get", APIVersion: "v1", Resource: "secrets", Namespace: namespace, Name: name, ResourceRequest: true,
	})
}

// ConfirmHandedIn 见接口。
func (g *guard) ConfirmHandedIn(ctx context.Context, use HandedInUse) error {
	right := use.Resource.Resource + "/" + CredentialsSubresource
	doing := fmt.Sprintf("set %s, because that decides who is given the credentials that were handed in through %s", strings.Join(use.Changed, ", "), right)
	where := ""
	if use.Namespace != "" {
		where = fmt.Sprintf(" in namespace %q", use.Namespace)
	}
	obtain := fmt.Sprintf(`hand them in first (verb "create" on %s.%s %q%s)`, right, use.Resource.Group, use.Name, where)
	return g.confirmHeld(ctx, use.Resource, use.Name, doing, obtain, authorizer.AttributesRecord{
		Verb: "create", APIGroup: use.Resource.Group, APIVersion: "*", Resource: use.Resource.Resource, Subresource: CredentialsSubresource,
		Namespace: use.Namespace, Name: use.Name, ResourceRequest: true,
	})
}

// confirmHeld 要求请求者持有一项权限，才做得了 doing；obtain 说出缺的是哪一项。
func (g *guard) confirmHeld(ctx context.Context, resource schema.GroupResource, name, doing, obtain string, right authorizer.AttributesRecord) error {
	who, allowed, err := g.allowed(ctx, right)
	switch {
	case err != nil:
		return apierrors.NewInternalError(fmt.Errorf("check the right to %s: %w", doing, err))
	case allowed:
		return nil
	}
	return apierrors.NewForbidden(resource, name, fmt.Errorf("user %q cannot %s: obtain the right to %s", who.GetName(), doing, obtain))
}

// MayList 见接口。
func (g *guard) MayList(ctx context.Context, resource schema.GroupResource) (bool, error) {
	_, allowed, err := g.allowed(ctx, authorizer.AttributesRecord{
		Verb: "list", APIGroup: resource.Group, APIVersion: "*", Resource: resource.Resource, ResourceRequest: true,
	})
	return allowed, err
}

// allowed 拿请求者去问请求路径上的整条授权链。
func (g *guard) allowed(ctx context.Context, attributes authorizer.AttributesRecord) (user.Info, bool, error) {
	who, ok := request.UserFrom(ctx)
	if !ok {
		return nil, false, errors.New("the request carries no user")
	}
	attributes.User = who
	decision, _, err := g.everyone.Authorize(ctx, attributes)
	return who, decision == authorizer.DecisionAllow, err
}

func (g *guard) confirmGrant(ctx context.Context, resource, name, doing, role string, namespaces []string, allNamespaces bool) error {
	who, exempt, err := g.requester(ctx, "bind", role)
	if err != nil || exempt {
		return err
	}
	found, err := g.roles.Get(ctx, role, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return apierrors.NewInternalError(fmt.Errorf("read role %q to compare its rules: %w", role, err))
	}
	if err != nil {
		// 角色不存在就无从比较；日后有人建出它来，授予会立刻生效。
		return forbidden(resource, name, fmt.Errorf("cannot %s: the role does not exist, so what it grants cannot be compared with your own rights; create the role first, or ask for the verb \"bind\" on roles %q", doing, role))
	}
	rules := rbac.Compile(found.Spec.Rules)
	if allNamespaces {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		// 逐个命名空间比较可能很久；请求已被放弃就不必再算。
		if ctx.Err() != nil {
			return apierrors.NewTimeoutError(fmt.Sprintf("compare the rights of user %q with those of role %q: %v", who.GetName(), role, context.Cause(ctx)), 0)
		}
		if err := g.confirm(who, resource, name, doing, "bind", rules, namespace); err != nil {
			return err
		}
	}
	return nil
}

// requester 取请求者；超级用户与持有豁免动词的人不必比较规则。
func (g *guard) requester(ctx context.Context, verb, role string) (user.Info, bool, error) {
	who, ok := request.UserFrom(ctx)
	if !ok {
		return nil, false, apierrors.NewInternalError(fmt.Errorf("check the right to %s role %q: the request carries no user", verb, role))
	}
	if slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup) {
		return who, true, nil
	}
	decision, _, err := g.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User: who, Verb: verb, APIGroup: iam.GroupName, APIVersion: "*", Resource: "roles", Name: role, ResourceRequest: true,
	})
	if err != nil {
		return nil, false, apierrors.NewInternalError(fmt.Errorf("check the right to %s role %q: %w", verb, role, err))
	}
	return who, decision == authorizer.DecisionAllow, nil
}

func (g *guard) confirm(who user.Info, resource, name, doing, verb string, rules []rbacv1.PolicyRule, namespace string) error {
	covered, missing := rbacvalidation.Covers(g.index.Rules(who, namespace), rules)
	if covered {
		return nil
	}
	where := "everywhere"
	if namespace != "" {
		where = fmt.Sprintf("in namespace %q", namespace)
	}
	return forbidden(resource, name, fmt.Errorf("user %q cannot %s: it would grant what you do not hold %s: %s; obtain these rights or the verb %q on roles first",
		who.GetName(), doing, where, describe(missing), verb))
}

// describe 列出缺少的权限；很多时只列前几条，错误信息才读得完。
func describe(rules []rbacv1.PolicyRule) string {
	const most = 5
	var parts []string
	for i, rule := range rules {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(rules)-most))
			break
		}
		part := strings.Join(rule.Verbs, ",") + " " + resources(rule)
		if len(rule.ResourceNames) > 0 {
			part += " " + strings.Join(rule.ResourceNames, ",")
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

func resources(rule rbacv1.PolicyRule) string {
	name := strings.Join(rule.Resources, ",")
	if group := strings.Join(rule.APIGroups, ","); group != "" {
		name += "." + group
	}
	return name
}

func forbidden(resource, name string, err error) error {
	return apierrors.NewForbidden(schema.GroupResource{Group: iam.GroupName, Resource: resource}, name, err)
}
