package validation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
)

// check 比较出错的字段与类别，而不是整句文字。
func check(t *testing.T, errs field.ErrorList, want []string) {
	t.Helper()
	got := make([]string, 0, len(errs))
	for _, err := range errs {
		got = append(got, string(err.Type)+" "+err.Field)
		if err.Detail == "" && err.Type != field.ErrorTypeRequired && err.Type != field.ErrorTypeDuplicate {
			t.Errorf("%s: the error does not say what is wrong: %v", err.Field, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors: got %v, want %v (%v)", got, want, errs.ToAggregate())
	}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("x%d", i)
	}
	return out
}

func invalid(fields ...string) []string {
	out := make([]string, 0, len(fields))
	for _, name := range fields {
		out = append(out, string(field.ErrorTypeInvalid)+" "+name)
	}
	return out
}

func errorOf(errorType field.ErrorType, name string) []string {
	return []string{string(errorType) + " " + name}
}

func TestValidateCluster(t *testing.T) {
	secret := func(ref cluster.SecretKeyReference) cluster.ClusterSpec {
		return cluster.ClusterSpec{Credentials: &cluster.CredentialsSource{KubeconfigSecretRef: &ref}}
	}
	heartbeat := func(interval, timeout, threshold int32) cluster.ClusterSpec {
		return cluster.ClusterSpec{Heartbeat: &cluster.Heartbeat{IntervalSeconds: &interval, TimeoutSeconds: &timeout, FailureThreshold: &threshold}}
	}
	taints := func(taints ...cluster.Taint) cluster.ClusterSpec { return cluster.ClusterSpec{Taints: taints} }
	prefix := func(prefix string) cluster.ClusterSpec {
		return cluster.ClusterSpec{WorkloadNamespacePrefix: &prefix}
	}
	const (
		ref       = "spec.credentials.kubeconfigSecretRef"
		prefixAt  = "spec.workloadNamespacePrefix"
		interval  = "spec.heartbeat.intervalSeconds"
		timeout   = "spec.heartbeat.timeoutSeconds"
		threshold = "spec.heartbeat.failureThreshold"
	)
	cases := map[string]struct {
		reason string
		name   string
		spec   cluster.ClusterSpec
		want   []string
	}{
		"empty":    {reason: "everything has a default or may be left out"},
		"reserved": {reason: "system: names belong to the platform", name: "system:x", want: invalid("metadata.name")},
		"complete": {reason: "ordinary values pass", spec: cluster.ClusterSpec{
			Credentials:             &cluster.CredentialsSource{KubeconfigSecretRef: &cluster.SecretKeyReference{Namespace: "kubellm-system", Name: "a.b", Key: ptr.To("kube.config")}, InsecureSkipTLSVerify: ptr.To(true)},
			Region:                  ptr.To("Zürich 1"),
			Zones:                   []string{"a", "b"},
			Taints:                  []cluster.Taint{{Key: "maintenance", Effect: cluster.TaintNoSchedule}, {Key: "maintenance", Effect: cluster.TaintNoExecute}, {Key: "example.org/team", Value: "a", Effect: cluster.TaintNoExecute}},
			WorkloadNamespacePrefix: ptr.To("llm-"),
			DeletionPolicy:          ptr.To(cluster.DeletionOrphan),
		}},

		"secret without names": {reason: "which Secret?", spec: secret(cluster.SecretKeyReference{}), want: append(errorOf(field.ErrorTypeRequired, ref+".namespace"), errorOf(field.ErrorTypeRequired, ref+".name")...)},
		"malformed secret":     {reason: "no Secret can have that name", spec: secret(cluster.SecretKeyReference{Namespace: "a.b", Name: "A"}), want: invalid(ref+".namespace", ref+".name")},
		"empty key":            {reason: "no Secret has an empty key", spec: secret(cluster.SecretKeyReference{Namespace: "a", Name: "b", Key: ptr.To("")}), want: invalid(ref + ".key")},
		"key with slash":       {reason: "no Secret can have that key", spec: secret(cluster.SecretKeyReference{Namespace: "a", Name: "b", Key: ptr.To("a/x")}), want: invalid(ref + ".key")},

		"empty region":   {reason: "set but empty is a slip, leaving it out is not", spec: cluster.ClusterSpec{Region: ptr.To("")}, want: invalid("spec.region")},
		"padded region":  {reason: "looks like another region", spec: cluster.ClusterSpec{Region: ptr.To("eu ")}, want: invalid("spec.region")},
		"long region":    {reason: "lists must stay readable", spec: cluster.ClusterSpec{Region: ptr.To(strings.Repeat("ü", 64))}, want: errorOf(field.ErrorTypeTooLong, "spec.region")},
		"limit in chars": {reason: "the limit counts characters, not bytes", spec: cluster.ClusterSpec{Region: ptr.To(strings.Repeat("ü", 63))}},
		"zone twice":     {reason: "a slip", spec: cluster.ClusterSpec{Zones: []string{"a", "b", "a"}}, want: errorOf(field.ErrorTypeDuplicate, "spec.zones[2]")},
		"empty zone":     {reason: "names nothing", spec: cluster.ClusterSpec{Zones: []string{""}}, want: invalid("spec.zones[0]")},
		"64 zones":       {reason: "the most there may be", spec: cluster.ClusterSpec{Zones: many(64)}},
		"65 zones":       {reason: "one too many", spec: cluster.ClusterSpec{Zones: many(65)}, want: errorOf(field.ErrorTypeTooMany, "spec.zones")},

		"unknown effect":    {reason: "Kubernetes has it, models do not", spec: taints(cluster.Taint{Key: "a", Effect: "PreferNoSchedule"}), want: errorOf(field.ErrorTypeNotSupported, "spec.taints[0].effect")},
		"no effect":         {reason: "does what?", spec: taints(cluster.Taint{Key: "a"}), want: errorOf(field.ErrorTypeRequired, "spec.taints[0].effect")},
		"no key":            {reason: "tolerate what?", spec: taints(cluster.Taint{Effect: cluster.TaintNoExecute}), want: errorOf(field.ErrorTypeRequired, "spec.taints[0].key")},
		"malformed key":     {reason: "not a label key", spec: taints(cluster.Taint{Key: "a b", Effect: cluster.TaintNoExecute}), want: invalid("spec.taints[0].key")},
		"malformed value":   {reason: "not a label value", spec: taints(cluster.Taint{Key: "a", Value: "b/c", Effect: cluster.TaintNoExecute}), want: invalid("spec.taints[0].value")},
		"taint twice":       {reason: "which value is to be tolerated?", spec: taints(cluster.Taint{Key: "a", Value: "b", Effect: cluster.TaintNoExecute}, cluster.Taint{Key: "a", Value: "c", Effect: cluster.TaintNoExecute}), want: errorOf(field.ErrorTypeDuplicate, "spec.taints[1]")},
		"too many taints":   {reason: "every model is compared with all of them", spec: taints(make([]cluster.Taint, 65)...), want: errorOf(field.ErrorTypeTooMany, "spec.taints")},
		"shortest":          {reason: "the lower bounds", spec: heartbeat(1, 1, 1)},
		"longest":           {reason: "the upper bounds", spec: heartbeat(3600, 300, 100)},
		"zero":              {reason: "never is not a rhythm; suspended is there for that", spec: heartbeat(0, 0, 0), want: invalid(interval, timeout, threshold)},
		"negative":          {reason: "time does not run backwards", spec: heartbeat(-30, -1, -3), want: invalid(interval, timeout, threshold)},
		"too long":          {reason: "a member that is gone must be noticed some day", spec: heartbeat(3601, 301, 101), want: invalid(interval, timeout, threshold)},
		"no prefix":         {reason: "a model in namespace kube-system would land in the member's", spec: prefix(""), want: invalid(prefixAt)},
		"longest prefix":    {reason: "32 characters leave room for a namespace", spec: prefix(strings.Repeat("a", 32))},
		"long prefix":       {reason: "no room is left", spec: prefix(strings.Repeat("a", 33)), want: errorOf(field.ErrorTypeTooLong, prefixAt)},
		"prefix with dot":   {reason: "namespaces have no dots", spec: prefix("a.b-"), want: invalid(prefixAt)},
		"capital prefix":    {reason: "namespaces have no capitals", spec: prefix("LLM-"), want: invalid(prefixAt)},
		"kube prefix":       {reason: "those namespaces are the member's own", spec: prefix("kube-x-"), want: invalid(prefixAt)},
		"half a kube":       {reason: "with the namespace e-system it would make kube-system", spec: prefix("kub"), want: invalid(prefixAt)},
		"unknown policy":    {reason: "Kubernetes spells others", spec: cluster.ClusterSpec{DeletionPolicy: ptr.To(cluster.DeletionPolicy("Delete"))}, want: errorOf(field.ErrorTypeNotSupported, "spec.deletionPolicy")},
		"lower case policy": {reason: "values are written with a capital", spec: cluster.ClusterSpec{DeletionPolicy: ptr.To(cluster.DeletionPolicy("orphan"))}, want: errorOf(field.ErrorTypeNotSupported, "spec.deletionPolicy")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			check(t, ValidateCluster(&cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: tc.name}, Spec: tc.spec}), tc.want)
		})
	}
}

// TestPrefixIsImmutable 换前缀就丢了已经放在成员上的东西；别的都能改。
func TestPrefixIsImmutable(t *testing.T) {
	of := func(prefix, region string) *cluster.Cluster {
		return &cluster.Cluster{Spec: cluster.ClusterSpec{WorkloadNamespacePrefix: &prefix, Region: &region}}
	}
	check(t, ValidateClusterUpdate(of("a-", "x"), of("b-", "x")), invalid("spec.workloadNamespacePrefix"))
	check(t, ValidateClusterUpdate(of("a-", "x"), of("a-", "y")), nil)
}
