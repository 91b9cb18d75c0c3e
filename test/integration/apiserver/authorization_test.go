package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestNoRights 保证登录了但什么也没有的人：看得到有哪些 API，此外一律 403，并说出缺什么。
func TestNoRights(t *testing.T) {
	t.Parallel()
	name := unique("nobody")
	nobody := shared.as(t, name)
	for _, path := range []string{"/", "/apis", "/apis/iam.kubellm.io", apiPath, "/version", "/openapi/v2", "/openapi/v3", "/openapi/v3" + apiPath, "/healthz", "/readyz"} {
		if got := nobody.send(t, http.MethodGet, path, ""); got.code != http.StatusOK {
			t.Errorf("GET %s gave %d %.200s", path, got.code, got.body)
		}
	}
	for _, path := range []string{
		"/metrics", "/metrics/slis", "/debug/pprof/", "/logs", "/statusz", "/flagz", apiPath + "/watch/users", apiPath + "/users?watch=1",
	} {
		if got := nobody.send(t, http.MethodGet, path, ""); got.code != http.StatusForbidden {
			t.Errorf("GET %s gave %d %.200s", path, got.code, got.body)
		}
	}
	// 发现路径只放行它自己：别的写法混不进真正的资源或指标。
	for _, path := range []string{
		"//metrics", "/version/../metrics", "/apis/../metrics", "/openapi/../metrics", "/version%2f..%2fmetrics", "/api/../apis/iam.kubellm.io/v1alpha1/users",
		"/version/../apis/iam.kubellm.io/v1alpha1/users", "//apis/iam.kubellm.io/v1alpha1/users", "/apis//iam.kubellm.io/v1alpha1/users",
		"/apis/iam.kubellm.io//v1alpha1/users", "/apis/iam.kubellm.io/v1alpha1//users", "/apis/iam.kubellm.io/v1alpha1/./users", "/apis/iam.kubellm.io/v1alpha1/users/",
		"/apis/IAM.kubellm.io/v1alpha1/users", "/apis/iam.kubellm.io/v1alpha1/users%3flimit=1",
	} {
		if got := nobody.send(t, http.MethodGet, path, ""); got.code != http.StatusForbidden && got.code != http.StatusNotFound {
			t.Errorf("GET %s gave %d %.200s", path, got.code, got.body)
		}
	}
	for _, k := range kinds {
		for verb, try := range map[string]func() error{
			"list": func() error { _, err := k.client(nobody).List(t.Context(), metav1.ListOptions{}); return err },
			"get":  func() error { _, err := k.client(nobody).Get(t.Context(), "x", metav1.GetOptions{}); return err },
			"create": func() error {
				_, err := k.client(nobody).Create(t.Context(), k.object("x"), metav1.CreateOptions{})
				return err
			},
			"delete": func() error { return k.client(nobody).Delete(t.Context(), "x", metav1.DeleteOptions{}) },
			"deletecollection": func() error {
				return k.client(nobody).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
			},
			"patch": func() error {
				_, err := k.client(nobody).Patch(t.Context(), "x", types.MergePatchType, []byte("{}"), metav1.PatchOptions{})
				return err
			},
		} {
			err := try()
			if !apierrors.IsForbidden(err) {
				t.Errorf("%s %s gave %v", verb, k.plural, err)
				continue
			}
			for _, fact := range []string{name, verb, k.plural, k.version.Group} {
				if !strings.Contains(err.Error(), fact) {
					t.Errorf("the refusal to %s %s does not name %q: %v", verb, k.plural, fact, err)
				}
			}
		}
	}
}

// TestGrants 保证角色经每一种主体都能到手，范围与对象名都算数。
func TestGrants(t *testing.T) {
	t.Parallel()
	reader := shared.role(t, unique("reader"), rule([]string{"users"}, []string{"get", "list", "watch"}))
	target := shared.user(t, unique("target"))
	other := shared.user(t, unique("other"))
	narrow := shared.role(t, unique("narrow"), rule([]string{"users"}, []string{"get", "list", "watch"}, target))
	direct, byCertificate, bySpec, account := unique("direct"), unique("by-certificate"), unique("by-spec"), unique("account")
	group, team, pinned, inNamespace, sub := unique("group"), unique("team"), unique("pinned"), unique("in-namespace"), unique("sub")
	shared.bind(t, reader, nil, userSubject(direct))
	shared.bind(t, reader, nil, groupSubject(group))
	shared.bind(t, reader, nil, groupSubject(team))
	shared.bind(t, reader, nil, v1alpha1.Subject{Kind: v1alpha1.SubjectServiceAccount, Name: account, Namespace: "build"})
	shared.bind(t, reader, nil, v1alpha1.Subject{Kind: v1alpha1.SubjectServiceAccount, Name: account + "-test", Namespace: "test"})
	shared.bind(t, narrow, nil, userSubject(pinned))
	shared.bind(t, reader, []string{"default", "kubellm-system"}, userSubject(inNamespace))
	shared.bind(t, shared.role(t, unique("status"), rule([]string{"users/status"}, []string{"get"})), nil, userSubject(sub))
	shared.user(t, bySpec, team)
	shared.settle(t)

	get := func(name string) func(*client) error {
		return func(c *client) error { _, err := c.iam.Users().Get(t.Context(), name, metav1.GetOptions{}); return err }
	}
	list := func(options metav1.ListOptions) func(*client) error {
		return func(c *client) error { _, err := c.iam.Users().List(t.Context(), options); return err }
	}
	status := func(c *client) error {
		if got := c.send(t, http.MethodGet, users.path(target, "status"), ""); got.code != http.StatusOK {
			return &apierrors.StatusError{ErrStatus: got.status(t)}
		}
		return nil
	}
	only := metav1.ListOptions{FieldSelector: "metadata.name=" + target}
	cases := map[string]struct {
		reason string
		who    *client
		do     func(*client) error
		allow  bool
	}{
		"Direct":             {"the binding names him", shared.as(t, direct), get(target), true},
		"CertificateGroup":   {"his certificate names the group", shared.as(t, byCertificate, group), get(target), true},
		"SpecGroup":          {"his User names the group", shared.as(t, bySpec), get(target), true},
		"ServiceAccount":     {"the binding names the account", shared.as(t, "system:serviceaccount:build:"+account), get(target), true},
		"OtherNamespace":     {"an account of the same name elsewhere is another", shared.as(t, "system:serviceaccount:test:"+account), get(target), false},
		"OtherWayRound":      {"and the other way round", shared.as(t, "system:serviceaccount:build:"+account+"-test"), get(target), false},
		"UserNamedAsAccount": {"a user of the account's name is not it", shared.as(t, account), get(target), false},
		"UserNamedAsGroup":   {"a user of the group's name is not in it", shared.as(t, group), get(target), false},
		"GroupNamedAsUser":   {"a group of the user's name is not him", shared.as(t, unique("x"), direct), get(target), false},
		"OtherCase":          {"names differ by case", shared.as(t, strings.ToUpper(direct)), get(target), false},
		"NotGranted": {"reading is not deleting", shared.as(t, direct), func(c *client) error {
			return c.iam.Users().Delete(t.Context(), target, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
		}, false},
		"OtherKind":          {"users are not roles", shared.as(t, direct), func(c *client) error { _, err := c.iam.Roles().List(t.Context(), metav1.ListOptions{}); return err }, false},
		"Subresource":        {"an object is not its subresource", shared.as(t, direct), status, false},
		"OnlySubresource":    {"a subresource is granted by itself", shared.as(t, sub), status, true},
		"NotFromSubresource": {"nor is a subresource its object", shared.as(t, sub), get(target), false},
		"Namespaced":         {"a grant in namespaces does not reach objects that have none", shared.as(t, inNamespace), get(target), false},
		"NamespacedList":     {"nor their list", shared.as(t, inNamespace), list(metav1.ListOptions{}), false},
		"ResourceName":       {"the one that is named", shared.as(t, pinned), get(target), true},
		"OtherName":          {"no other", shared.as(t, pinned), get(other), false},
		"ListAll":            {"a list shows the others too", shared.as(t, pinned), list(metav1.ListOptions{}), false},
		"ListOne":            {"a list of the one that is named does not", shared.as(t, pinned), list(only), true},
		"ListByOther":        {"a selector that does not pin the name shows others", shared.as(t, pinned), list(metav1.ListOptions{FieldSelector: "metadata.name!=" + other}), false},
		"WatchOne": {"a watch of the one that is named", shared.as(t, pinned), func(c *client) error {
			w, err := c.iam.Users().Watch(t.Context(), only)
			if err == nil {
				w.Stop()
			}
			return err
		}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tc.do(tc.who)
			if tc.allow && err != nil || !tc.allow && !apierrors.IsForbidden(err) {
				t.Errorf("%s: got %v", tc.reason, err)
			}
		})
	}
}

// TestEveryoneGroup 保证能给"所有登录者"授权，而没登录的人不在其中。
func TestEveryoneGroup(t *testing.T) {
	t.Parallel()
	p := shared
	mark := unique("everyone")
	p.role(t, mark, rule([]string{"roles"}, []string{"get"}, mark))
	p.bind(t, mark, nil, groupSubject("system:authenticated"))
	p.settle(t)
	if _, err := p.as(t, unique("anyone")).iam.Roles().Get(t.Context(), mark, metav1.GetOptions{}); err != nil {
		t.Errorf("what is granted to all who log in: %v", err)
	}
	if got := mustClient(t, p.anonymous()).send(t, http.MethodGet, roles.path(mark), ""); got.code != http.StatusUnauthorized {
		t.Errorf("someone who did not log in got %d", got.code)
	}
}

// TestMonitoring 保证抓指标不必用超级用户的证书，而监控的身份除此之外什么也不能。
func TestMonitoring(t *testing.T) {
	t.Parallel()
	monitor := shared.as(t, "prometheus", "system:monitoring")
	if got := monitor.send(t, http.MethodGet, "/metrics", ""); got.code != http.StatusOK || !strings.Contains(got.body, "apiserver_request_total") {
		t.Errorf("GET /metrics gave %d %.200s", got.code, got.body)
	}
	for _, path := range []string{users.path(), "/debug/pprof/heap", "//metrics", "/metrics/../debug/pprof/heap"} {
		if got := monitor.send(t, http.MethodGet, path, ""); got.code != http.StatusForbidden && got.code != http.StatusNotFound {
			t.Errorf("GET %s gave %d %.200s", path, got.code, got.body)
		}
	}
	if got := monitor.send(t, http.MethodPost, "/metrics", ""); got.code < 400 {
		t.Errorf("POST /metrics gave %d", got.code)
	}
}

// TestRevocation 保证收回的每一种做法都很快生效。
func TestRevocation(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		revoke func(t *testing.T, who, role, binding string)
	}{
		"Binding": {"the grant is gone", func(t *testing.T, _, _, binding string) {
			must(t, shared.admin.iam.RoleBindings().Delete(t.Context(), binding, metav1.DeleteOptions{}))
		}},
		"Subject": {"he is no longer named", func(t *testing.T, _, _, binding string) {
			_, err := shared.admin.iam.RoleBindings().Patch(t.Context(), binding, types.MergePatchType, []byte(`{"spec":{"subjects":[]}}`), metav1.PatchOptions{})
			must(t, err)
		}},
		"Role": {"there is nothing to grant", func(t *testing.T, _, role, _ string) {
			must(t, shared.admin.iam.Roles().Delete(t.Context(), role, metav1.DeleteOptions{}))
		}},
		"Rule": {"the role permits it no longer", func(t *testing.T, _, role, _ string) {
			_, err := shared.admin.iam.Roles().Patch(t.Context(), role, types.MergePatchType, []byte(`{"spec":{"rules":[]}}`), metav1.PatchOptions{})
			must(t, err)
		}},
		"Reach": {"it reaches less far", func(t *testing.T, _, _, binding string) {
			_, err := shared.admin.iam.RoleBindings().Patch(t.Context(), binding, types.MergePatchType, []byte(`{"spec":{"allNamespaces":false,"namespaces":["one"]}}`), metav1.PatchOptions{})
			must(t, err)
		}},
		"Group": {"he is no longer in the group", func(t *testing.T, who, _, _ string) {
			_, err := shared.admin.iam.Users().Patch(t.Context(), who, types.MergePatchType, []byte(`{"spec":{"groups":[]}}`), metav1.PatchOptions{})
			must(t, err)
		}},
		"User": {"what his User gave him goes with it", func(t *testing.T, who, _, _ string) {
			must(t, shared.admin.iam.Users().Delete(t.Context(), who, metav1.DeleteOptions{}))
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			who, role := unique("revoked"), unique("revoked")
			shared.role(t, role, rule([]string{"users"}, []string{"list"}))
			binding := shared.bind(t, role, nil, groupSubject(who))
			shared.user(t, who, who)
			if name == "Subject" {
				binding = shared.bind(t, role, nil, userSubject(who))
				_, err := shared.admin.iam.Users().Patch(t.Context(), who, types.MergePatchType, []byte(`{"spec":{"groups":[]}}`), metav1.PatchOptions{})
				must(t, err)
			}
			c := shared.as(t, who)
			list := func(ctx context.Context) error {
				_, err := c.iam.Users().List(ctx, metav1.ListOptions{Limit: 1})
				return err
			}
			harness.Eventually(t, "the grant", patience, list)
			tc.revoke(t, who, role, binding)
			harness.Eventually(t, "the revocation", patience, func(ctx context.Context) error {
				if err := list(ctx); !apierrors.IsForbidden(err) {
					return fmt.Errorf("%s, but listing gives %w", tc.reason, orNil(err))
				}
				return nil
			})
		})
	}
}

// TestController 保证控制器的身份恰好够用：它要做的都行，别的都不行。
func TestController(t *testing.T) {
	t.Parallel()
	controller := mustClient(t, harness.Config(t, shared.ControllerKubeconfig))
	binding := unique("by-controller")
	existing := map[string]string{}
	for _, k := range kinds {
		existing[k.plural] = k.create(t, shared, unique("seen")).GetName()
	}
	dry := []string{metav1.DryRunAll}
	for _, k := range kinds {
		c, name := k.client(controller), existing[k.plural]
		statusPatch := []byte(`{"status":{"observedGeneration":1}}`)
		may := map[string]error{}
		_, may["list"] = c.List(t.Context(), metav1.ListOptions{Limit: 1})
		_, may["get"] = c.Get(t.Context(), name, metav1.GetOptions{})
		_, may["status"] = c.Patch(t.Context(), name, types.MergePatchType, statusPatch, metav1.PatchOptions{}, "status")
		_, may["apply status"] = apply(true)(t.Context(), write{p: shared, as: controller, kind: k, name: name, subresource: "status", patch: map[string]any{"status": observed()}})
		w, err := c.Watch(t.Context(), metav1.ListOptions{})
		if err == nil {
			w.Stop()
		}
		may["watch"] = err
		for verb, err := range may {
			if err != nil {
				t.Errorf("%s %s: %v", verb, k.plural, err)
			}
		}

		mayNot := map[string]error{}
		_, patching := c.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.org/kept"]}}`), metav1.PatchOptions{DryRun: dry})
		_, updating := put(t.Context(), write{p: shared, as: controller, kind: k, name: name, patch: k.change("no"), dryRun: true})
		if !k.finalized {
			mayNot["patch"], mayNot["update"] = patching, updating
		} else if patching != nil || updating != nil {
			t.Errorf("write the finalizers of %s: %v, %v", k.plural, patching, updating)
		}
		mayNot["deletecollection"] = c.DeleteCollection(t.Context(), metav1.DeleteOptions{DryRun: dry}, metav1.ListOptions{})
		if k.plural != roleBindings.plural {
			_, mayNot["create"] = c.Create(t.Context(), k.object(unique("no")), metav1.CreateOptions{DryRun: dry})
			mayNot["delete"] = c.Delete(t.Context(), name, metav1.DeleteOptions{DryRun: dry})
		}
		for verb, err := range mayNot {
			if !apierrors.IsForbidden(err) {
				t.Errorf("%s %s gave %v, want 403", verb, k.plural, err)
			}
		}
	}
	if _, err := controller.iam.RoleBindings().Create(t.Context(), newBinding(binding, "kubellm-user", nil, userSubject("ada")), metav1.CreateOptions{}); err != nil {
		t.Errorf("create a default binding: %v", err)
	}
	if err := controller.iam.RoleBindings().Delete(t.Context(), binding, metav1.DeleteOptions{}); err != nil {
		t.Errorf("delete a default binding: %v", err)
	}
	// 它在监控组里，服务器才接着记它的追踪；那个组还读得到指标，仅此而已。
	for _, path := range []string{"/debug/pprof/heap", "/statusz", "/apis/iam.kubellm.io/v1alpha1/watch/secrets"} {
		if got := controller.send(t, http.MethodGet, path, ""); got.code != http.StatusForbidden && got.code != http.StatusNotFound {
			t.Errorf("GET %s gave the controller %d", path, got.code)
		}
	}
	if err := impersonate(t, controller, "kubellm-admin", masters); !apierrors.IsForbidden(err) {
		t.Errorf("impersonating gave the controller %v", err)
	}
}

// impersonate 以另一个身份列出用户，返回得到的错误。
func impersonate(t *testing.T, c *client, user string, groups ...string) error {
	t.Helper()
	headers := []string{}
	if user != "" {
		headers = append(headers, "Impersonate-User", user)
	}
	for _, group := range groups {
		headers = append(headers, "Impersonate-Group", group)
	}
	got := c.send(t, http.MethodGet, users.path()+"?limit=1", "", headers...)
	if got.code == http.StatusOK {
		return nil
	}
	if !strings.HasPrefix(got.body, "{") {
		return errors.New(got.body)
	}
	return &apierrors.StatusError{ErrStatus: got.status(t)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
