package apiserver

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// TestInvalid 保证坏输入得到指名字段、说明原因的 422，且什么也没存下：创建与每一种更新写法都一样。
func TestInvalid(t *testing.T) {
	t.Parallel()
	rules := func(rule map[string]any) map[string]any { return map[string]any{"rules": []any{rule}} }
	binds := func(subject map[string]any) map[string]any {
		return map[string]any{"subjects": []any{subject}}
	}
	beat := func(field string, value int64) map[string]any {
		return map[string]any{"heartbeat": map[string]any{field: value}}
	}
	taint := func(key, effect string) map[string]any {
		return map[string]any{"taints": []any{map[string]any{"key": key, "effect": effect}}}
	}
	secretRef := func(name, namespace string) map[string]any {
		return map[string]any{"credentials": map[string]any{"kubeconfigSecretRef": map[string]any{"name": name, "namespace": namespace}}}
	}
	cases := map[string]struct {
		reason string
		kind   kind
		spec   map[string]any
		field  string
		says   string
	}{
		"EmailWithoutAt":      {"a word is no address", users, map[string]any{"email": "ada"}, "spec.email", "name@domain"},
		"EmailWithoutDomain":  {"nor is half of one", users, map[string]any{"email": "ada@"}, "spec.email", "name@domain"},
		"EmailWithoutName":    {"nor the other half", users, map[string]any{"email": "@example.org"}, "spec.email", "name@domain"},
		"EmailWithSpace":      {"a space splits it", users, map[string]any{"email": "ada b@example.org"}, "spec.email", "name@domain"},
		"EmailTwice":          {"two at signs", users, map[string]any{"email": "ada@b@example.org"}, "spec.email", "name@domain"},
		"EmailList":           {"two addresses", users, map[string]any{"email": "ada@example.org,bob@example.org"}, "spec.email", "name@domain"},
		"EmailWithName":       {"a second spelling of one address defeats selectors", users, map[string]any{"email": "Ada <ada@example.org>"}, "spec.email", "name@domain"},
		"EmailEmpty":          {"an empty address is a slip; leave it out", users, map[string]any{"email": ""}, "spec.email", "name@domain"},
		"EmailLiteral":        {"an address literal is no domain", users, map[string]any{"email": "ada@[127.0.0.1]"}, "spec.email", "domain"},
		"EmailWithLineBreak":  {"a line break would forge mail headers", users, map[string]any{"email": "ada@example.org\nbcc: x@y.z"}, "spec.email", "name@domain"},
		"EmailTooLong":        {"no mail system takes it", users, map[string]any{"email": strings.Repeat("a", 250) + "@example.org"}, "spec.email", "254"},
		"DisplayNameTooLong":  {"lists must stay readable", users, map[string]any{"displayName": strings.Repeat("a", 257)}, "spec.displayName", "256"},
		"GroupReserved":       {"nobody makes himself a superuser", users, map[string]any{"groups": []any{"dev", "system:masters"}}, "spec.groups[1]", `"system:"`},
		"GroupOfPlatform":     {"nor any other identity of the platform", users, map[string]any{"groups": []any{"system:anything"}}, "spec.groups[0]", `"system:"`},
		"GroupTwice":          {"a repeated group is a slip", users, map[string]any{"groups": []any{"dev", "ops", "dev"}}, "spec.groups[2]", "Duplicate"},
		"GroupEmpty":          {"a group has a name", users, map[string]any{"groups": []any{""}}, "spec.groups[0]", "name"},
		"GroupPadded":         {"white space makes another group that looks the same", users, map[string]any{"groups": []any{" dev"}}, "spec.groups[0]", "white space"},
		"RuleWithoutVerbs":    {"it would permit nothing", roles, rules(map[string]any{"apiGroups": []any{"*"}, "resources": []any{"*"}}), "spec.rules[0].verbs", "Required"},
		"RuleWithoutGroups":   {"it would permit nothing", roles, rules(map[string]any{"verbs": []any{"get"}, "resources": []any{"users"}}), "spec.rules[0].apiGroups", "Required"},
		"RuleWithoutResource": {"it would permit nothing", roles, rules(map[string]any{"verbs": []any{"get"}, "apiGroups": []any{""}}), "spec.rules[0].resources", "Required"},
		"RuleEmptyVerb":       {"no verb is empty", roles, rules(map[string]any{"verbs": []any{"get", ""}, "apiGroups": []any{""}, "resources": []any{"users"}}), "spec.rules[0].verbs", "empty"},
		"RuleEmptyName":       {"no object has no name", roles, rules(map[string]any{"verbs": []any{"get"}, "apiGroups": []any{""}, "resources": []any{"users"}, "resourceNames": []any{""}}), "spec.rules[0].resourceNames", "empty"},
		"RuleHalfSubresource": {"a trailing slash names no subresource", roles, rules(map[string]any{"verbs": []any{"get"}, "apiGroups": []any{""}, "resources": []any{"users/"}}), "spec.rules[0].resources", "users/"},
		"DescriptionTooLong":  {"lists must stay readable", roles, map[string]any{"description": strings.Repeat("a", 1025)}, "spec.description", "1024"},
		"NowhereBound":        {"what is not said is never everything", roleBindings, map[string]any{"allNamespaces": false}, "spec.namespaces", "allNamespaces"},
		"EverywhereAndSome":   {"one of the two is a slip", roleBindings, map[string]any{"allNamespaces": true, "namespaces": []any{"one"}}, "spec.namespaces", "allNamespaces"},
		"NamespaceTwice":      {"a repeated namespace is a slip", roleBindings, map[string]any{"allNamespaces": false, "namespaces": []any{"one", "one"}}, "spec.namespaces[1]", "Duplicate"},
		"NamespaceStar":       {"there is allNamespaces for that", roleBindings, map[string]any{"allNamespaces": false, "namespaces": []any{"*"}}, "spec.namespaces[0]", "*"},
		"SubjectUnknown":      {"a robot is no subject", roleBindings, binds(map[string]any{"kind": "Robot", "name": "r2"}), "spec.subjects[0].kind", `"ServiceAccount"`},
		"SubjectLowerCase":    {"kinds are written with a capital", roleBindings, binds(map[string]any{"kind": "user", "name": "ada"}), "spec.subjects[0].kind", `"User"`},
		"HeartbeatNegative":   {"time does not run backwards", clusters, beat("intervalSeconds", -30), "spec.heartbeat.intervalSeconds", "between 1 and 3600"},
		"TimeoutNegative":     {"time does not run backwards", clusters, beat("timeoutSeconds", -1), "spec.heartbeat.timeoutSeconds", "between 1 and 300"},
		"ThresholdNegative":   {"fewer than none cannot fail", clusters, beat("failureThreshold", -3), "spec.heartbeat.failureThreshold", "between 1 and 100"},
		"ThresholdZero":       {"unreachable from the start", clusters, beat("failureThreshold", 0), "spec.heartbeat.failureThreshold", "between 1 and 100"},
		"TaintUnknownEffect":  {"models have no preference", clusters, taint("maintenance", "PreferNoSchedule"), "spec.taints[0].effect", `"NoSchedule"`},
		"TaintWithoutEffect":  {"it does nothing", clusters, taint("maintenance", ""), "spec.taints[0].effect", "NoSchedule"},
		"TaintMalformedKey":   {"not a label key", clusters, taint("a b", "NoSchedule"), "spec.taints[0].key", "alphanumeric"},
		"ZoneTwice":           {"a repeated zone is a slip", clusters, map[string]any{"zones": []any{"a", "a"}}, "spec.zones[1]", "Duplicate"},
		"RegionEmpty":         {"leave it out", clusters, map[string]any{"region": ""}, "spec.region", "leave it out"},
		"PolicyUnknown":       {"there are two", clusters, map[string]any{"deletionPolicy": "Delete"}, "spec.deletionPolicy", `"Orphan"`},
		"SecretWithoutName":   {"which Secret?", clusters, secretRef("", "default"), "spec.credentials.kubeconfigSecretRef.name", "Required"},
		"SecretMalformed":     {"no namespace can have that name", clusters, secretRef("member", "A.B"), "spec.credentials.kubeconfigSecretRef.namespace", "lower"},
		"SubjectWithoutKind":  {"a subject has a kind", roleBindings, binds(map[string]any{"name": "ada"}), "spec.subjects[0].kind", "Required"},
		"SubjectWithoutName":  {"a subject has a name", roleBindings, binds(map[string]any{"kind": "User"}), "spec.subjects[0].name", "Required"},
		"SubjectReserved":     {"the platform's own identities are not granted roles", roleBindings, binds(map[string]any{"kind": "User", "name": "system:kubellm-controller"}), "spec.subjects[0].name", `"system:"`},
		"SubjectMasters":      {"nor is the superusers' group", roleBindings, binds(map[string]any{"kind": "Group", "name": "system:masters"}), "spec.subjects[0].name", `"system:"`},
		"UserWithNamespace":   {"a user has no namespace", roleBindings, binds(map[string]any{"kind": "User", "name": "ada", "namespace": "one"}), "spec.subjects[0].namespace", "no namespace"},
		"AccountNowhere":      {"a service account has one", roleBindings, binds(map[string]any{"kind": "ServiceAccount", "name": "ci"}), "spec.subjects[0].namespace", "namespace"},
		"RoleNameMalformed":   {"no role can have this name", roleBindings, map[string]any{"roleRef": map[string]any{"name": "Kubellm-Admin"}}, "spec.roleRef.name", "lower"},
		"RoleNameMissing":     {"a binding names a role", roleBindings, map[string]any{"roleRef": map[string]any{"name": ""}}, "spec.roleRef.name", "Required"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := tc.kind.object(unique("invalid"))
			overlay(obj.Object, map[string]any{"spec": tc.spec})
			_, err := tc.kind.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{})
			isInvalid(t, err, tc.field, tc.says, tc.reason)
			absent(t, shared, tc.kind, obj.GetName())

			before := tc.kind.create(t, shared, unique("valid"))
			eachWay(t, func(t *testing.T, do way) {
				_, err := do(t.Context(), write{p: shared, as: shared.admin, kind: tc.kind, name: before.GetName(), patch: map[string]any{"spec": tc.spec}})
				if !strings.Contains(errText(err), "Apply failed") { // 不强制的应用先碰上字段冲突。
					isInvalid(t, err, tc.field, tc.says, tc.reason)
				}
				unchanged(t, shared, tc.kind, before)
			})
		})
	}
}

// TestRoleRefIsImmutable 保证换角色只能删了重建：审计里一次授权就是一个对象。
func TestRoleRefIsImmutable(t *testing.T) {
	t.Parallel()
	before := roleBindings.create(t, shared, unique("immutable"))
	for _, dryRun := range []bool{true, false} {
		eachWay(t, func(t *testing.T, do way) {
			patch := map[string]any{"spec": map[string]any{"roleRef": map[string]any{"name": "kubellm-admin"}}}
			_, err := do(t.Context(), write{p: shared, as: shared.admin, kind: roleBindings, name: before.GetName(), patch: patch, dryRun: dryRun})
			if !strings.Contains(errText(err), "Apply failed") {
				isInvalid(t, err, "spec.roleRef", "immutable", "the role of a binding does not change")
				if !strings.Contains(errText(err), "kubellm-viewer") || !strings.Contains(errText(err), "delete") {
					t.Errorf("the message says neither what the role is nor what to do: %v", err)
				}
			}
			unchanged(t, shared, roleBindings, before)
		})
	}
}

// TestBindingBeforeItsRole 保证先建绑定后建角色可行：声明式工具不保证次序。
func TestBindingBeforeItsRole(t *testing.T) {
	t.Parallel()
	binding := newBinding(unique("early"), unique("not-yet"), nil, userSubject("ada"))
	if _, err := shared.admin.iam.RoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Errorf("binding a role that does not exist: %v", err)
	}
}

// TestInvalidNames 保证名字成形，保留的名字说得出为什么。
func TestInvalidNames(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		for name, says := range map[string]string{
			"Ada": "lower", "ada lovelace": "lower", "ada_lovelace": "lower", "-ada": "lower", "ada@example.org": "lower",
			"system:masters": "reserved", "system:kubellm-controller": "reserved", strings.Repeat("a", 254): cmp.Or(k.longest, "253"),
		} {
			_, err := k.client(shared.admin).Create(t.Context(), k.object(name), metav1.CreateOptions{})
			isInvalid(t, err, "metadata.name", says, "the name "+name+" is not usable")
		}
		_, err := k.client(shared.admin).Create(t.Context(), k.object(""), metav1.CreateOptions{})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "name") {
			t.Errorf("an object without a name gave %v", err)
		}
		generated := k.object("")
		generated.SetGenerateName("system:")
		if _, err := k.client(shared.admin).Create(t.Context(), generated, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
			t.Errorf("generateName system: gave %v", err)
		}
	})
}

// TestUnknownFields 保证拼错的字段不会被悄悄吞掉：严格时拒绝，否则警告。
func TestUnknownFields(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		misspelt := k.object(unique("unknown"))
		overlay(misspelt.Object, map[string]any{"spec": map[string]any{"dispalyName": "Ada"}})
		twice := `{"apiVersion":"` + k.version.String() + `","kind":"` + k.kind + `","metadata":{"name":"` + misspelt.GetName() + `"},"spec":{},"spec":` + encode(t, k.spec) + `}`
		for says, body := range map[string]string{"dispalyName": encode(t, misspelt.Object), "duplicate": twice} {
			got := shared.admin.send(t, http.MethodPost, k.path()+"?fieldValidation=Strict", body, "Content-Type", jsonType)
			if got.code != http.StatusBadRequest || !strings.Contains(got.body, says) {
				t.Errorf("strict validation of %s gave %d %.300s", says, got.code, got.body)
			}
			absent(t, shared, k, misspelt.GetName())
			got = shared.admin.send(t, http.MethodPost, k.path()+"?fieldValidation=Warn&dryRun=All", body, "Content-Type", jsonType)
			if got.code != http.StatusCreated || !strings.Contains(got.header.Get("Warning"), says) {
				t.Errorf("lenient validation of %s gave %d with warning %q", says, got.code, got.header.Get("Warning"))
			}
		}
		stored := k.create(t, shared, unique("known"))
		for contentType, tc := range map[string]struct {
			body string
			code int
		}{
			mergeType:                                {`{"spec":{"dispalyName":"Ada"}}`, http.StatusUnprocessableEntity},
			"application/json-patch+json":            {`[{"op":"add","path":"/spec/dispalyName","value":"Ada"}]`, http.StatusUnprocessableEntity},
			"application/apply-patch+yaml":           {`{"apiVersion":"` + k.version.String() + `","kind":"` + k.kind + `","spec":{"dispalyName":"Ada"}}`, http.StatusBadRequest},
			"application/strategic-merge-patch+json": {`{"spec":{"dispalyName":"Ada"}}`, http.StatusUnprocessableEntity},
		} {
			got := shared.admin.send(t, http.MethodPatch, k.path(stored.GetName())+"?fieldValidation=Strict&fieldManager=m", tc.body, "Content-Type", contentType)
			if got.code != tc.code || !strings.Contains(got.status(t).Message, "dispalyName") {
				t.Errorf("strict validation of a %s gave %d %.300s, want %d naming the field", contentType, got.code, got.body, tc.code)
			}
			unchanged(t, shared, k, stored)
		}
	})
}

// TestGarbage 保证读不懂的请求体得到 4xx 和原因，服务器绝不因此出 500 或崩溃。
func TestGarbage(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		stored := k.create(t, shared, unique("garbage"))
		other := "Role"
		if k.kind == "Role" {
			other = "User"
		}
		posts := map[string]string{
			"nothing": "", "null": "null", "a list": "[]", "a word": "hello", "half": `{"apiVersion":`,
			"another kind":    `{"apiVersion":"` + k.version.String() + `","kind":"` + other + `","metadata":{"name":"x"}}`,
			"another version": `{"apiVersion":"` + k.version.Group + `/v9","kind":"` + k.kind + `","metadata":{"name":"x"}}`,
			"a wrong type":    `{"apiVersion":"` + k.version.String() + `","kind":"` + k.kind + `","metadata":{"name":"x"},"spec":"hello"}`,
			"depth":           strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000),
		}
		for what, body := range posts {
			got := shared.admin.send(t, http.MethodPost, k.path(), body, "Content-Type", jsonType)
			if got.code < 400 || got.code >= 500 || got.status(t).Message == "" {
				t.Errorf("posting %s gave %d %.300s", what, got.code, got.body)
			}
		}
		patches := map[string]string{
			"null": "null", "a list": "[]", "half": `{"spec":`, "a wrong type": `{"spec":[]}`, "no metadata": `{"metadata":null}`,
			"another name": `{"metadata":{"name":"other"}}`, "another kind": `{"kind":"` + other + `"}`,
			"a bad label": `{"metadata":{"labels":{"a b":"c"}}}`, "a list with null": `{"spec":{"` + k.field + `":[null]}}`,
		}
		for what, body := range patches {
			got := shared.admin.send(t, http.MethodPatch, k.path(stored.GetName()), body, "Content-Type", mergeType)
			if got.code < 400 || got.code >= 500 || got.status(t).Message == "" {
				t.Errorf("patching with %s gave %d %.300s", what, got.code, got.body)
			}
		}
		huge := k.object(unique("huge"))
		huge.SetAnnotations(map[string]string{"big": strings.Repeat("x", 4<<20)})
		got := shared.admin.send(t, http.MethodPost, k.path(), encode(t, huge.Object), "Content-Type", jsonType)
		if got.code != http.StatusRequestEntityTooLarge {
			t.Errorf("posting 4 MiB gave %d %.300s", got.code, got.body)
		}
		unchanged(t, shared, k, stored)
	})
}

// TestKubectlRefusesTypos 保证用 kubectl 的人拼错字段时看得到是哪个，且没有存下。
func TestKubectlRefusesTypos(t *testing.T) {
	t.Parallel()
	name := unique("typo")
	manifest := "apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: " + name + "}\nspec: {emial: ada@example.org}\n"
	for _, args := range [][]string{{"apply"}, {"apply", "--server-side"}, {"create"}} {
		_, err := harness.Kubectl(t.Context(), shared.Kubeconfig, manifest, append(args, "-f", "-")...)
		if err == nil || !strings.Contains(err.Error(), "emial") {
			t.Errorf("kubectl %v gave %v, want it to name the field", args, err)
		}
	}
	absent(t, shared, users, name)
}

// isInvalid 断言一个 422：错误指名字段，并说出这一句。
func isInvalid(t *testing.T, err error, field, says, reason string) {
	t.Helper()
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		t.Errorf("%s, but the answer was %v", reason, err)
		return
	}
	for _, cause := range status.Status().Details.Causes {
		if strings.HasPrefix(cause.Field, field) && strings.Contains(err.Error(), says) {
			return
		}
	}
	t.Errorf("%s: the answer does not name %s and say %q: %v", reason, field, says, err)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func encode(t testing.TB, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
