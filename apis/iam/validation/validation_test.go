package validation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam"
)

// check 比较出错的字段，而不是整句文字。
func check(t *testing.T, errs field.ErrorList, want []string) {
	t.Helper()
	got := make([]string, 0, len(errs))
	for _, err := range errs {
		got = append(got, err.Field)
		if err.Detail == "" && err.Type != field.ErrorTypeRequired && err.Type != field.ErrorTypeDuplicate {
			t.Errorf("%s: the error does not say what is wrong: %v", err.Field, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("fields in error: got %v, want %v (%v)", got, want, errs.ToAggregate())
	}
}

func TestValidateUser(t *testing.T) {
	cases := map[string]struct {
		reason string
		name   string
		spec   iam.UserSpec
		want   []string
	}{
		"empty":             {reason: "every field is optional", name: "alice"},
		"complete":          {reason: "ordinary values pass", name: "alice", spec: iam.UserSpec{DisplayName: ptr.To("Alice"), Email: ptr.To("alice@example.com"), Groups: []string{"dev", "ops"}}},
		"reserved name":     {reason: "system: names belong to the platform", name: "system:admin", want: []string{"metadata.name"}},
		"no at sign":        {reason: "not a mail address", name: "a", spec: iam.UserSpec{Email: ptr.To("alice")}, want: []string{"spec.email"}},
		"display form":      {reason: "one address must have one spelling", name: "a", spec: iam.UserSpec{Email: ptr.To("Alice <alice@example.com>")}, want: []string{"spec.email"}},
		"two addresses":     {reason: "one user has one address", name: "a", spec: iam.UserSpec{Email: ptr.To("a@example.com,b@example.com")}, want: []string{"spec.email"}},
		"address literal":   {reason: "a domain is wanted", name: "a", spec: iam.UserSpec{Email: ptr.To("a@[127.0.0.1]")}, want: []string{"spec.email"}},
		"empty email":       {reason: "set but empty is a mistake, leaving it out is not", name: "a", spec: iam.UserSpec{Email: ptr.To("")}, want: []string{"spec.email"}},
		"long email":        {reason: "longer than mail allows", name: "a", spec: iam.UserSpec{Email: ptr.To(strings.Repeat("a", 255) + "@example.com")}, want: []string{"spec.email"}},
		"long display name": {reason: "shown to people", name: "a", spec: iam.UserSpec{DisplayName: ptr.To(strings.Repeat("ä", 257))}, want: []string{"spec.displayName"}},
		"limit in letters":  {reason: "the limit counts characters, not bytes", name: "a", spec: iam.UserSpec{DisplayName: ptr.To(strings.Repeat("ä", 256))}},
		"reserved group":    {reason: "would make a superuser", name: "a", spec: iam.UserSpec{Groups: []string{"dev", "system:masters"}}, want: []string{"spec.groups[1]"}},
		"empty group":       {reason: "names nothing", name: "a", spec: iam.UserSpec{Groups: []string{" "}}, want: []string{"spec.groups[0]"}},
		"padded group":      {reason: "looks like another group", name: "a", spec: iam.UserSpec{Groups: []string{" dev"}}, want: []string{"spec.groups[0]"}},
		"too many groups":   {reason: "every request of the user carries them", name: "a", spec: iam.UserSpec{Groups: many(257)}, want: []string{"spec.groups"}},
		"duplicate group":   {reason: "a slip", name: "a", spec: iam.UserSpec{Groups: []string{"dev", "dev"}}, want: []string{"spec.groups[1]"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			check(t, ValidateUser(&iam.User{ObjectMeta: metav1.ObjectMeta{Name: tc.name}, Spec: tc.spec}), tc.want)
		})
	}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("x%d", i)
	}
	return out
}

func TestValidateRole(t *testing.T) {
	good := iam.PolicyRule{APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{"get"}}
	cases := map[string]struct {
		reason string
		rules  []iam.PolicyRule
		want   []string
	}{
		"no rules":       {reason: "a role may be filled later"},
		"core group":     {reason: "the core group's name is empty", rules: []iam.PolicyRule{good}},
		"empty rule":     {reason: "permits nothing, so it is a slip", rules: []iam.PolicyRule{{}}, want: []string{"spec.rules[0].verbs", "spec.rules[0].apiGroups", "spec.rules[0].resources"}},
		"empty verb":     {reason: "matches nothing", rules: []iam.PolicyRule{good, {APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{""}}}, want: []string{"spec.rules[1].verbs"}},
		"empty resource": {reason: "matches nothing", rules: []iam.PolicyRule{{APIGroups: []string{""}, Resources: []string{""}, Verbs: []string{"get"}}}, want: []string{"spec.rules[0].resources"}},
		"subresources":   {reason: "all four forms of a resource", rules: []iam.PolicyRule{{APIGroups: []string{""}, Resources: []string{"*", "users", "users/status", "*/status"}, Verbs: []string{"get"}}}},
		"half resources": {reason: "the evaluator and the escalation check might read them differently", rules: []iam.PolicyRule{{APIGroups: []string{""}, Resources: []string{"users/", "/status", "a/b/c", "users/*"}, Verbs: []string{"get"}}}, want: []string{"spec.rules[0].resources[0]", "spec.rules[0].resources[1]", "spec.rules[0].resources[2]", "spec.rules[0].resources[3]"}},
		"too many rules": {reason: "comparing them takes time", rules: make([]iam.PolicyRule, 257), want: []string{"spec.rules"}},
		"too many names": {reason: "comparing them takes time", rules: []iam.PolicyRule{{APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{"get"}, ResourceNames: many(257)}}, want: []string{"spec.rules[0].resourceNames"}},
		"explosion":      {reason: "comparing it permission by permission would exhaust the server", rules: []iam.PolicyRule{{APIGroups: many(100), Resources: many(100), Verbs: many(100)}}, want: []string{"spec.rules"}},
		"empty name":     {reason: "an empty name would match requests without one", rules: []iam.PolicyRule{{APIGroups: []string{""}, Resources: []string{"users"}, Verbs: []string{"get"}, ResourceNames: []string{"a", ""}}}, want: []string{"spec.rules[0].resourceNames"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			check(t, ValidateRole(&iam.Role{ObjectMeta: metav1.ObjectMeta{Name: "r"}, Spec: iam.RoleSpec{Rules: tc.rules}}), tc.want)
		})
	}
}

func TestValidateRoleBinding(t *testing.T) {
	everywhere := func(subjects ...iam.Subject) iam.RoleBindingSpec {
		return iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "viewer"}, Subjects: subjects, AllNamespaces: ptr.To(true)}
	}
	cases := map[string]struct {
		reason string
		spec   iam.RoleBindingSpec
		want   []string
	}{
		"user":                {reason: "users need not look like object names: certificates may hold addresses", spec: everywhere(iam.Subject{Kind: iam.SubjectUser, Name: "alice@example.com"})},
		"group":               {reason: "groups are free text", spec: everywhere(iam.Subject{Kind: iam.SubjectGroup, Name: "Data Science"})},
		"everyone":            {reason: "all who authenticate may be granted something", spec: everywhere(iam.Subject{Kind: iam.SubjectGroup, Name: "system:authenticated"})},
		"service account":     {reason: "a service account has a namespace", spec: everywhere(iam.Subject{Kind: iam.SubjectServiceAccount, Name: "runner", Namespace: "ci"})},
		"no subjects":         {reason: "a binding may be filled later", spec: everywhere()},
		"no role":             {reason: "grants what?", spec: iam.RoleBindingSpec{AllNamespaces: ptr.To(true)}, want: []string{"spec.roleRef.name"}},
		"malformed role":      {reason: "no role can have that name", spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "A B"}, AllNamespaces: ptr.To(true)}, want: []string{"spec.roleRef.name"}},
		"nowhere":             {reason: "leaving it out must not mean everywhere", spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "viewer"}}, want: []string{"spec.namespaces"}},
		"both":                {reason: "contradicts itself", spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "viewer"}, Namespaces: []string{"a"}, AllNamespaces: ptr.To(true)}, want: []string{"spec.namespaces"}},
		"malformed namespace": {reason: "no namespace can have that name", spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "viewer"}, Namespaces: []string{"a", "B"}}, want: []string{"spec.namespaces[1]"}},
		"too many subjects":   {reason: "checking them takes time", spec: everywhere(make([]iam.Subject, 1025)...), want: []string{"spec.subjects"}},
		"too many namespaces": {reason: "checking them takes time", spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: "viewer"}, Namespaces: many(1025)}, want: []string{"spec.namespaces"}},
		"unknown kind":        {reason: "only three kinds exist", spec: everywhere(iam.Subject{Kind: "Robot", Name: "r"}), want: []string{"spec.subjects[0].kind"}},
		"reserved user":       {reason: "the platform's own identities are not granted to", spec: everywhere(iam.Subject{Kind: iam.SubjectUser, Name: "system:kubellm-controller"}), want: []string{"spec.subjects[0].name"}},
		"superusers":          {reason: "they hold everything already", spec: everywhere(iam.Subject{Kind: iam.SubjectGroup, Name: "system:masters"}), want: []string{"spec.subjects[0].name"}},
		"anonymous":           {reason: "nobody who has not authenticated is granted anything", spec: everywhere(iam.Subject{Kind: iam.SubjectGroup, Name: "system:unauthenticated"}), want: []string{"spec.subjects[0].name"}},
		"user with namespace": {reason: "users have none", spec: everywhere(iam.Subject{Kind: iam.SubjectUser, Name: "a", Namespace: "b"}), want: []string{"spec.subjects[0].namespace"}},
		"homeless account":    {reason: "which namespace?", spec: everywhere(iam.Subject{Kind: iam.SubjectServiceAccount, Name: "runner"}), want: []string{"spec.subjects[0].namespace"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			check(t, ValidateRoleBinding(&iam.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b"}, Spec: tc.spec}), tc.want)
		})
	}
}

// TestRoleRefIsImmutable 换角色必须留下删除与新建两条记录。
func TestRoleRefIsImmutable(t *testing.T) {
	binding := func(role string) *iam.RoleBinding {
		return &iam.RoleBinding{Spec: iam.RoleBindingSpec{RoleRef: iam.RoleRef{Name: role}}}
	}
	check(t, ValidateRoleBindingUpdate(binding("admin"), binding("viewer")), []string{"spec.roleRef"})
	check(t, ValidateRoleBindingUpdate(binding("viewer"), binding("viewer")), nil)
}
