package apiserver

import (
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// manageIAM 是受委托管理用户与角色的人持有的规则：能写一切，但没有 escalate 与 bind。
func manageIAM() v1alpha1.PolicyRule {
	return rule(
		[]string{"users", "roles", "rolebindings", "users/status", "roles/status", "rolebindings/status"},
		[]string{"get", "list", "watch", "create", "update", "patch", "delete"})
}

// secretReader 是受委托的人没有的权限。
func secretReader() v1alpha1.PolicyRule {
	return v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}
}

// TestEscalationByRole 保证没有人能把自己没有的权限写进角色：新建与每一种改法，含试运行。
func TestEscalationByRole(t *testing.T) {
	t.Parallel()
	iam := v1alpha1.GroupName
	held := rule([]string{"users"}, []string{"get"}, "ada")
	cases := map[string]struct {
		reason  string
		rule    v1alpha1.PolicyRule
		missing []string
	}{
		"OtherResource":    {"he does not hold it", secretReader(), []string{"get", "secrets"}},
		"OtherVerb":        {"writing is not deleting collections", rule([]string{"users"}, []string{"deletecollection"}), []string{"deletecollection", "users"}},
		"EveryVerb":        {"all the verbs that he knows are not all verbs", rule([]string{"users"}, []string{"*"}), []string{"users"}},
		"EveryResource":    {"all the resources that he knows are not all", v1alpha1.PolicyRule{APIGroups: []string{iam}, Resources: []string{"*"}, Verbs: []string{"get"}}, []string{"get"}},
		"EveryGroup":       {"one group is not all", v1alpha1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"users"}, Verbs: []string{"get"}}, []string{"users"}},
		"OtherGroup":       {"the same name in another group is another", v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{"get"}}, []string{"users"}},
		"Everything":       {"this is a superuser", v1alpha1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}, []string{"*"}},
		"Subresource":      {"a subresource is not held with its object", rule([]string{"users/password"}, []string{"create"}), []string{"users/password"}},
		"EverySubresource": {"nor are all of that name", rule([]string{"*/status"}, []string{"get"}), []string{"*/status"}},
		"Escalate":         {"the way out of all this", rule([]string{"roles"}, []string{"escalate"}), []string{"escalate", "roles"}},
		"Bind":             {"the other way out", rule([]string{"roles"}, []string{"bind"}), []string{"bind", "roles"}},
		"BindOne":          {"even for one role", rule([]string{"roles"}, []string{"bind"}, "kubellm-admin"), []string{"bind", "roles"}},
		"Impersonate":      {"to be another is to hold what he holds", v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"users", "groups"}, Verbs: []string{"impersonate"}}, []string{"impersonate"}},
		"SecondRule":       {"a rule that he holds does not carry another along", v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets", "users"}, Verbs: []string{"get", "list"}}, []string{"secrets"}},
		"VerbInCapitals":   {"verbs differ by case", rule([]string{"users"}, []string{"GET"}), []string{"GET"}},
	}
	attacker, who := shared.limited(t, manageIAM())
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := map[string]any{"spec": map[string]any{"rules": plain(t, held, tc.rule)}}
			create := roles.object(unique("escalating"))
			overlay(create.Object, spec)
			_, err := roles.client(attacker).Create(t.Context(), create, metav1.CreateOptions{})
			isEscalation(t, err, tc.reason, append(tc.missing, who, "escalate")...)
			_, err = apply(false)(t.Context(), write{p: shared, as: attacker, kind: roles, name: create.GetName(), patch: spec})
			isEscalation(t, err, tc.reason, append(tc.missing, who, "escalate")...)
			absent(t, shared, roles, create.GetName())

			mine := roles.object(unique("mine"))
			overlay(mine.Object, map[string]any{"spec": map[string]any{"rules": plain(t, held)}})
			before, err := roles.client(attacker).Create(t.Context(), mine, metav1.CreateOptions{FieldManager: "applier"})
			must(t, err)
			eachWay(t, func(t *testing.T, do way) {
				for _, dryRun := range []bool{true, false} {
					_, err := do(t.Context(), write{p: shared, as: attacker, kind: roles, name: before.GetName(), patch: spec, dryRun: dryRun})
					if !strings.Contains(errText(err), "Apply failed") {
						isEscalation(t, err, tc.reason, append(tc.missing, who, "escalate")...)
					}
				}
				// 绕道 /status 写进去的规则必须消失，而不是生效。
				if _, err := do(t.Context(), write{p: shared, as: attacker, kind: roles, name: before.GetName(), patch: spec, subresource: "status"}); err != nil {
					t.Errorf("writing through /status: %v", err)
				}
				if got := roles.get(t, shared, before.GetName()); got.GetGeneration() != 1 {
					t.Errorf("through /status the role became %v", got.Object["spec"])
				}
			})
		})
	}
}

// TestEscalationByBinding 保证没有人能授予自己没有的角色：授给自己、授给组、改大范围，都一样。
func TestEscalationByBinding(t *testing.T) {
	t.Parallel()
	strong := shared.role(t, unique("strong"), manageIAM(), secretReader())
	local := shared.role(t, unique("local"), secretReader())
	who := unique("limited")
	// 他在 one 里持有 local，别处没有。
	shared.bind(t, local, []string{"one"}, userSubject(who))
	shared.bind(t, shared.role(t, who, manageIAM()), nil, userSubject(who))
	everywhere := shared.bind(t, strong, nil, userSubject("someone-else"))
	inOne := shared.bind(t, local, []string{"one"}, userSubject("someone-else"))
	inTwo := shared.bind(t, local, []string{"two"}, userSubject("someone-else"))
	dangling := shared.bind(t, unique("no-such-role"), nil, userSubject("someone-else"))
	shared.settle(t)
	attacker := shared.as(t, who)

	creates := map[string]struct {
		reason  string
		binding *v1alpha1.RoleBinding
		facts   []string
	}{
		"Himself":         {"he does not hold it", newBinding("", strong, nil, userSubject(who)), []string{strong, "secrets", "bind"}},
		"HisGroup":        {"nor through a group", newBinding("", strong, nil, groupSubject(unique("group"))), []string{strong, "secrets", "bind"}},
		"Everyone":        {"nor through everyone", newBinding("", strong, nil, groupSubject("system:authenticated")), []string{strong, "secrets"}},
		"ServiceAccount":  {"nor through a service account", newBinding("", strong, nil, v1alpha1.Subject{Kind: v1alpha1.SubjectServiceAccount, Name: "ci", Namespace: "one"}), []string{strong, "secrets"}},
		"Another":         {"nor for someone else", newBinding("", strong, nil, userSubject("accomplice")), []string{strong, "secrets"}},
		"Nobody":          {"nor for nobody yet: subjects are added later", newBinding("", strong, nil), []string{strong, "secrets"}},
		"BuiltIn":         {"the built-in roles are roles like others", newBinding("", "kubellm-admin", nil, userSubject(who)), []string{"kubellm-admin"}},
		"OneNamespace":    {"a part of it is still more than he has", newBinding("", strong, []string{"two"}, userSubject(who)), []string{strong, "secrets", `"two"`}},
		"OtherNamespace":  {"what he holds in one namespace he does not hold in another", newBinding("", local, []string{"one", "two"}, userSubject(who)), []string{local, "secrets", `"two"`}},
		"AllNamespaces":   {"nor everywhere", newBinding("", local, nil, userSubject(who)), []string{local, "secrets", "everywhere"}},
		"MissingRole":     {"whoever makes the role later would make the grant", newBinding("", unique("no-such-role"), nil, userSubject(who)), []string{"does not exist", "bind"}},
		"MissingRoleInNS": {"in a namespace too", newBinding("", unique("no-such-role"), []string{"one"}, userSubject(who)), []string{"does not exist", "bind"}},
	}
	for name, tc := range creates {
		t.Run(name, func(t *testing.T) {
			tc.binding.Name = unique("escalating")
			_, err := attacker.iam.RoleBindings().Create(t.Context(), tc.binding, metav1.CreateOptions{})
			isEscalation(t, err, tc.reason, tc.facts...)
			_, err = apply(false)(t.Context(), write{p: shared, as: attacker, kind: roleBindings, name: tc.binding.Name, patch: map[string]any{"spec": plain(t, tc.binding.Spec)[0]}})
			isEscalation(t, err, tc.reason, tc.facts...)
			absent(t, shared, roleBindings, tc.binding.Name)
		})
	}

	updates := map[string]struct {
		reason string
		name   string
		spec   map[string]any
	}{
		"AddHimself":      {"a grant that stands is not his to extend", everywhere, map[string]any{"subjects": plain(t, userSubject(who))}},
		"AddEveryone":     {"nor to open to all", everywhere, map[string]any{"subjects": plain(t, groupSubject("system:authenticated"))}},
		"Widen":           {"what he holds in one namespace he cannot grant in another", inOne, map[string]any{"namespaces": []any{"one", "two"}}},
		"WidenToAll":      {"nor everywhere", inOne, map[string]any{"namespaces": []any{}, "allNamespaces": true}},
		"AddWhereHeLacks": {"nor to someone where he does not hold it", inTwo, map[string]any{"subjects": plain(t, userSubject(who))}},
		"Dangling":        {"the role may come later", dangling, map[string]any{"subjects": plain(t, userSubject(who))}},
	}
	for name, tc := range updates {
		t.Run(name, func(t *testing.T) {
			before := roleBindings.get(t, shared, tc.name)
			eachWay(t, func(t *testing.T, do way) {
				_, err := do(t.Context(), write{p: shared, as: attacker, kind: roleBindings, name: tc.name, patch: map[string]any{"spec": tc.spec}})
				if !strings.Contains(errText(err), "Apply failed") {
					isEscalation(t, err, tc.reason)
				}
				unchanged(t, shared, roleBindings, before)
			})
		})
	}
	t.Run("ThroughStatus", func(t *testing.T) {
		eachWay(t, func(t *testing.T, do way) {
			patch := map[string]any{"spec": map[string]any{"subjects": plain(t, userSubject(who))}, "status": map[string]any{"observedGeneration": int64(1)}}
			after, err := do(t.Context(), write{p: shared, as: attacker, kind: roleBindings, name: everywhere, patch: patch, subresource: "status"})
			must(t, err)
			if strings.Contains(encode(t, after.Object["spec"]), who) {
				t.Errorf("through /status the binding became %v", after.Object["spec"])
			}
		})
	})
}

// TestEscalationByGroup 保证把人加进组等于授予组里的一切：加自己、加别人、新建时就带上，都要先持有。
func TestEscalationByGroup(t *testing.T) {
	t.Parallel()
	strong := shared.role(t, unique("strong"), secretReader())
	powerful, dangling, harmless := unique("powerful"), unique("dangling"), unique("harmless")
	shared.bind(t, strong, nil, groupSubject(powerful))
	shared.bind(t, unique("no-such-role"), nil, groupSubject(dangling))
	shared.bind(t, shared.role(t, unique("weak"), rule([]string{"users"}, []string{"get"})), nil, groupSubject(harmless))
	attacker, who := shared.limited(t, manageIAM())
	shared.user(t, who)
	already := shared.user(t, unique("already"), powerful)

	for _, name := range []string{who, unique("new")} {
		for group, facts := range map[string][]string{powerful: {powerful, strong, "secrets"}, dangling: {dangling, "does not exist"}} {
			t.Run(group, func(t *testing.T) {
				if name != who {
					_, err := attacker.iam.Users().Create(t.Context(), newUser(name, harmless, group), metav1.CreateOptions{})
					isEscalation(t, err, "a new user is in no group that its maker could not give", facts...)
					absent(t, shared, users, name)
					return
				}
				before := users.get(t, shared, who)
				patch := map[string]any{"spec": map[string]any{"groups": []any{harmless, group}}}
				eachWay(t, func(t *testing.T, do way) {
					_, err := do(t.Context(), write{p: shared, as: attacker, kind: users, name: who, patch: patch})
					isEscalation(t, err, "nobody adds himself to a group that holds more", facts...)
					patch["status"] = map[string]any{"roles": []any{strong}}
					after, err := do(t.Context(), write{p: shared, as: attacker, kind: users, name: who, patch: patch, subresource: "status", dryRun: true})
					must(t, err)
					if strings.Contains(encode(t, after.Object["spec"]), group) {
						t.Errorf("through /status the user became %v", after.Object["spec"])
					}
					delete(patch, "status")
					unchanged(t, shared, users, before)
				})
			})
		}
	}
	t.Run("Allowed", func(t *testing.T) {
		_, err := mergePatch(t.Context(), write{p: shared, as: attacker, kind: users, name: who, patch: map[string]any{"spec": map[string]any{"groups": []any{harmless, unique("unbound")}}}})
		if err != nil {
			t.Errorf("a group whose roles he holds: %v", err)
		}
		_, err = mergePatch(t.Context(), write{p: shared, as: attacker, kind: users, name: already, patch: map[string]any{"spec": map[string]any{"displayName": "Ada", "groups": []any{harmless, powerful}}}})
		if err != nil {
			t.Errorf("a member of long standing keeps his group when something else changes: %v", err)
		}
	})
}

// TestHarmlessChanges 保证不涉及授予的改动不受越权检查：给别人的强角色加标签是日常。
func TestHarmlessChanges(t *testing.T) {
	t.Parallel()
	strong := shared.role(t, unique("strong"), secretReader())
	group := unique("powerful")
	binding := shared.bind(t, strong, nil, groupSubject(group))
	member := shared.user(t, unique("member"), group)
	attacker, _ := shared.limited(t, manageIAM())
	for _, target := range []struct {
		kind  kind
		name  string
		patch map[string]any
	}{
		{roles, strong, labels("team", "a")},
		{roles, strong, map[string]any{"spec": map[string]any{"description": "Reads secrets."}}},
		{roleBindings, binding, labels("team", "a")},
		{users, member, labels("team", "a")},
		{users, member, map[string]any{"spec": map[string]any{"displayName": "Ada"}}},
	} {
		eachWay(t, func(t *testing.T, do way) {
			w := write{p: shared, as: attacker, kind: target.kind, name: target.name, patch: target.patch}
			_, err := do(t.Context(), w)
			if strings.Contains(errText(err), "Apply failed") {
				_, err = apply(true)(t.Context(), w)
			}
			if err != nil {
				t.Errorf("%s %s: %v", target.kind.singular, target.name, err)
			}
		})
	}
}

// TestGrantingWhatOneHolds 保证守规矩的委托可行：持有的可以再授，escalate 与 bind 按名放行，超级用户不受限。
func TestGrantingWhatOneHolds(t *testing.T) {
	t.Parallel()
	strong := shared.role(t, unique("strong"), secretReader())
	missing, named := unique("no-such-role"), unique("named")
	group := unique("powerful")
	shared.bind(t, strong, nil, groupSubject(group))
	delegate, _ := shared.limited(t, manageIAM(), v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets", "configmaps"}, Verbs: []string{"get", "list"}})
	binder, _ := shared.limited(t, manageIAM(), rule([]string{"roles"}, []string{"bind"}, strong, missing))
	escalator, _ := shared.limited(t, manageIAM(), rule([]string{"roles"}, []string{"escalate"}, named))
	// bind 只在某个命名空间里到手：角色不在任何命名空间里，所以不算数。
	local := unique("local-binder")
	shared.bind(t, shared.role(t, local, rule([]string{"roles"}, []string{"bind", "escalate"})), []string{"one"}, userSubject(local))
	shared.bind(t, shared.role(t, unique("manager"), manageIAM()), nil, userSubject(local))
	shared.settle(t)
	localBinder := shared.as(t, local)

	bind := func(role string, namespaces ...string) func(*client) error {
		return func(c *client) error {
			_, err := c.iam.RoleBindings().Create(t.Context(), newBinding(unique("granted"), role, namespaces, userSubject("ada")), metav1.CreateOptions{})
			return err
		}
	}
	writeRole := func(name string, rules ...v1alpha1.PolicyRule) func(*client) error {
		return func(c *client) error {
			_, err := c.iam.Roles().Create(t.Context(), newRole(name, rules...), metav1.CreateOptions{})
			return err
		}
	}
	join := func(c *client) error {
		_, err := c.iam.Users().Create(t.Context(), newUser(unique("joined"), group), metav1.CreateOptions{})
		return err
	}
	cases := []struct {
		reason string
		as     *client
		do     func(*client) error
		allow  bool
	}{
		{"a role that he fully holds he can grant", delegate, bind(strong), true},
		{"in a namespace too", delegate, bind(strong, "one", "two"), true},
		{"and through a group", delegate, join, true},
		{"what he holds he can write into a role", delegate, writeRole(unique("held"), secretReader(), manageIAM()), true},
		{"and narrow it", delegate, writeRole(unique("narrow"), rule([]string{"users"}, []string{"get"}, "ada")), true},
		{"an empty role grants nothing", delegate, writeRole(unique("empty")), true},
		{"bind on this role lets him grant it", binder, bind(strong), true},
		{"and add members to its groups", binder, join, true},
		{"bind on a role that does not exist yet", binder, bind(missing), true},
		{"bind on one role is not bind on another", binder, bind("kubellm-admin"), false},
		{"bind does not let him write roles", binder, writeRole(unique("written"), secretReader()), false},
		{"escalate on this role lets him write it", escalator, writeRole(named, secretReader()), true},
		{"escalate on one role is not escalate on another", escalator, writeRole(unique("unnamed"), secretReader()), false},
		{"escalate does not let him grant", escalator, bind(strong), false},
		{"verbs held in one namespace do not reach roles", localBinder, bind(strong, "one"), false},
		{"neither to write them", localBinder, writeRole(unique("local"), secretReader()), false},
		{"superusers are exempt", shared.as(t, unique("root"), masters), bind(unique("anything")), true},
		{"in everything", shared.as(t, unique("root"), masters), writeRole(unique("anything"), v1alpha1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}), true},
	}
	// 一份清单里先是角色、紧接着是绑定：后者不该因为索引晚几毫秒而说角色不存在。
	for range 20 {
		name := unique("in-one-go")
		must(t, writeRole(name, secretReader())(delegate))
		must(t, bind(name)(delegate))
	}
	for _, tc := range cases {
		err := tc.do(tc.as)
		if tc.allow && err != nil {
			t.Errorf("%s: %v", tc.reason, err)
		}
		if !tc.allow {
			isEscalation(t, err, tc.reason)
		}
	}
}

// TestPatchingIsNotCreating 保证只有 patch 的人不能借 SSA 建出新对象。
func TestPatchingIsNotCreating(t *testing.T) {
	t.Parallel()
	patcher, _ := shared.limited(t, rule([]string{"users", "roles", "rolebindings"}, []string{"patch"}), clusterRule([]string{"clusters"}, []string{"patch"}), modelRule([]string{"models"}, []string{"patch"}), rule([]string{"roles"}, []string{"bind", "escalate"}))
	for _, k := range kinds {
		name := unique("patched")
		_, err := apply(true)(t.Context(), write{p: shared, as: patcher, kind: k, name: name, patch: map[string]any{"spec": k.spec}})
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "create") {
			t.Errorf("applying a new %s gave %v", k.singular, err)
		}
		absent(t, shared, k, name)
	}
}

// TestStatusWriters 保证只能写状态的人写不了别的，哪怕请求里什么都带上。
func TestStatusWriters(t *testing.T) {
	t.Parallel()
	writer, _ := shared.limited(t, rule([]string{"users/status", "roles/status", "rolebindings/status"}, []string{"get", "update", "patch"}),
		clusterRule([]string{"clusters/status"}, []string{"get", "update", "patch"}), modelRule([]string{"models/status"}, []string{"get", "update", "patch"}))
	for _, k := range kinds {
		name := k.create(t, shared, unique("only-status")).GetName()
		if _, err := put(t.Context(), write{p: shared, as: writer, kind: k, name: name, subresource: "status", patch: map[string]any{"status": observed()}}); err != nil {
			t.Errorf("write the status of a %s: %v", k.singular, err)
		}
		if _, err := put(t.Context(), write{p: shared, as: writer, kind: k, name: name, patch: k.change("no")}); !apierrors.IsForbidden(err) {
			t.Errorf("write the spec of a %s: %v", k.singular, err)
		}
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			got := writer.send(t, method, k.path(name, "status"), "{}", "Content-Type", jsonType)
			if got.code != http.StatusForbidden && got.code != http.StatusMethodNotAllowed {
				t.Errorf("%s of a status gave %d", method, got.code)
			}
		}
	}
}

// TestImpersonation 保证借用身份要有 impersonate；平台自己的身份除了超级用户谁也借不走，
// 否则持有通配规则的人就能以控制器之名授予任何角色。
func TestImpersonation(t *testing.T) {
	t.Parallel()
	impersonates := func(resources ...string) v1alpha1.PolicyRule {
		return v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: resources, Verbs: []string{"impersonate"}}
	}
	ada := unique("ada")
	shared.bind(t, "kubellm-viewer", nil, userSubject(ada))
	nobody, _ := shared.limited(t, manageIAM())
	support, _ := shared.limited(t, impersonates("users", "groups"))
	wildcard, _ := shared.limited(t, v1alpha1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"users"}, Verbs: []string{"*"}})
	cases := []struct {
		reason string
		as     *client
		user   string
		groups []string
		allow  bool
	}{
		{"nobody becomes another without the verb", nobody, ada, nil, false},
		{"nor joins a group", nobody, ada, []string{"dev"}, false},
		{"nor becomes a superuser", nobody, ada, []string{masters}, false},
		{"nor the controller", nobody, "system:kubellm-controller", nil, false},
		{"nor himself with more", nobody, "", []string{masters}, false},
		{"support staff see what a user sees", support, ada, nil, true},
		{"in his groups", support, ada, []string{"dev"}, true},
		{"but superusers are made by certificate only", support, ada, []string{masters}, false},
		{"and the platform's identities are not lent", support, "system:kubellm-controller", nil, false},
		{"nor is its loopback identity", support, "system:apiserver", []string{masters}, false},
		{"who manages users everywhere does not manage the platform's", wildcard, "system:kubellm-controller", nil, false},
		{"a superuser is not limited", shared.admin, "system:kube-scheduler", []string{masters}, true},
		{"but credentials that were handed in are for the controller alone", shared.admin, "system:kubellm-controller", nil, false},
		{"whatever groups are asked for", shared.admin, "system:kubellm-controller", []string{masters}, false},
	}
	for _, tc := range cases {
		err := impersonate(t, tc.as, tc.user, tc.groups...)
		if tc.allow != (err == nil) {
			t.Errorf("%s: acting as %q in %v gave %v", tc.reason, tc.user, tc.groups, err)
		}
	}
	// 借来的身份不带走自己的权限：以 ada 行事时只有 ada 的。
	got := support.send(t, http.MethodDelete, users.path(ada), "", "Impersonate-User", ada)
	if got.code != http.StatusForbidden || !strings.Contains(got.body, ada) {
		t.Errorf("acting as a viewer, deleting gave %d %s", got.code, got.body)
	}
}

// TestDeletingIsNotClearing 保证会删一个的人不会一次清空。
func TestDeletingIsNotClearing(t *testing.T) {
	t.Parallel()
	attacker, _ := shared.limited(t, manageIAM())
	for _, k := range kinds {
		obj := k.create(t, shared, unique("cleared"))
		err := k.client(attacker).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name=" + obj.GetName()})
		if !apierrors.IsForbidden(err) {
			t.Errorf("clearing %s gave %v", k.plural, err)
		}
		unchanged(t, shared, k, obj)
	}
}

// TestHalfSubresource 保证绕过了校验的规则（资源名以斜线结尾）也不会被判断成整个资源：
// 判断者与越权比较对同一条规则必须说同样的话。
func TestHalfSubresource(t *testing.T) {
	t.Parallel()
	name := unique("half")
	patch := []byte(`[{"op":"add","path":"/spec/rules","value":[{"apiGroups":["iam.kubellm.io"],"resources":["users/"],"verbs":["list"]}]}]`)
	shared.role(t, name)
	if _, err := shared.admin.iam.Roles().Patch(t.Context(), name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		return // 存不下就无从生效。
	}
	shared.bind(t, name, nil, userSubject(name))
	shared.settle(t)
	if _, err := shared.as(t, name).iam.Users().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf(`a rule on "users/" lists users: %v`, err)
	}
}

// isEscalation 断言越权被拒：403，说出会授予什么、怎样才行，而不是因为连写的权限都没有。
func isEscalation(t *testing.T, err error, reason string, facts ...string) {
	t.Helper()
	if !apierrors.IsForbidden(err) || strings.Contains(errText(err), "cannot create resource") || strings.Contains(errText(err), "cannot update resource") || strings.Contains(errText(err), "cannot patch resource") {
		t.Errorf("%s, but the answer was %v", reason, err)
		return
	}
	for _, fact := range facts {
		if !strings.Contains(err.Error(), fact) {
			t.Errorf("%s: the refusal does not name %q: %v", reason, fact, err)
		}
	}
}

// plain 把带类型的值变成动态客户端用的形状。
func plain[T any](t *testing.T, values ...T) []any {
	t.Helper()
	list := &unstructured.Unstructured{}
	if err := list.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"x","values":` + encode(t, values) + `}`)); err != nil {
		t.Fatal(err)
	}
	return list.Object["values"].([]any)
}
