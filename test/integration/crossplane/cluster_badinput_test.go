package crossplane

import (
	"errors"
	"strings"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// clusterManifest 是一个成员集群的清单；命名空间为空是集群级的。
func clusterManifest(ns, name, forProvider string) string {
	return strings.Replace(header("Cluster", ns, name, ""), "iam.kubellm", "cluster.kubellm", 1) + "spec: {forProvider: {" + forProvider + "}}\n"
}

// TestClusterBadInput 看写错的成员集群当场被拒：指名字段、说明原因，什么也没存下；边上的好值则收下。
func TestClusterBadInput(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	cases := map[string]struct {
		reason      string
		forProvider string
		// says 为空表示该收下。
		says          []string
		clusterScoped bool
	}{
		"two-kubeconfigs":    {reason: "the kubeconfig comes from one place", forProvider: "kubeconfigSecretRef: {name: a}, platformKubeconfigSecretRef: {namespace: a, name: a}", says: []string{"kubeconfigSecretRef", "platformKubeconfigSecretRef", "exclude"}},
		"other-namespace":    {reason: "a namespace's Secrets stay its own", forProvider: "kubeconfigSecretRef: {namespace: kube-system, name: a}", says: []string{"unknown field", "kubeconfigSecretRef.namespace"}},
		"cluster-scoped-two": {reason: "the kubeconfig comes from one place", forProvider: "kubeconfigSecretRef: {namespace: a, name: a}, platformKubeconfigSecretRef: {namespace: a, name: a}", says: []string{"kubeconfigSecretRef", "platformKubeconfigSecretRef", "exclude"}, clusterScoped: true},
		"no-namespace":       {reason: "a cluster-scoped resource has no namespace of its own to look in", forProvider: "kubeconfigSecretRef: {name: a}", says: []string{"kubeconfigSecretRef.namespace"}, clusterScoped: true},
		"no-secret-name":     {reason: "a Secret is told by its name", forProvider: "kubeconfigSecretRef: {key: a}", says: []string{"kubeconfigSecretRef.name"}},
		"bad-key":            {reason: "keys of Secrets have no slashes", forProvider: "kubeconfigSecretRef: {name: a, key: a/b}", says: []string{"kubeconfigSecretRef.key"}},
		"inline":             {reason: "a kubeconfig is never written out in a resource", forProvider: "kubeconfig: secret", says: []string{"unknown field", "forProvider.kubeconfig"}},
		"negative-interval":  {reason: "time does not run backwards", forProvider: "heartbeat: {intervalSeconds: -1}", says: []string{"heartbeat.intervalSeconds"}},
		"no-failures":        {reason: "a threshold of none would never be reached", forProvider: "heartbeat: {failureThreshold: 0}", says: []string{"heartbeat.failureThreshold"}},
		"long-timeout":       {reason: "a probe ends within five minutes", forProvider: "heartbeat: {timeoutSeconds: 301}", says: []string{"heartbeat.timeoutSeconds"}},
		"taint-effect":       {reason: "the effects are two", forProvider: "taints: [{key: a, effect: Never}]", says: []string{"taints[0].effect", "NoSchedule", "NoExecute"}},
		"taint-key":          {reason: "a taint's key is a label key", forProvider: "taints: [{key: 'a b', effect: NoSchedule}]", says: []string{"taints[0].key"}},
		"taint-twice":        {reason: "two taints of one key and effect would contradict each other", forProvider: "taints: [{key: a, value: b, effect: NoSchedule}, {key: a, value: c, effect: NoSchedule}]", says: []string{"taints", "same key and effect"}},
		"zone-twice":         {reason: "a zone listed twice is a slip", forProvider: "zones: [a, a]", says: []string{"zones", "twice"}},
		"empty-zone":         {reason: "a zone has a name", forProvider: "zones: ['']", says: []string{"zones[0]"}},
		"padded-region":      {reason: "what cannot be seen makes no difference", forProvider: "region: 'north '", says: []string{"region"}},
		"kube-prefix":        {reason: "models must not run in the member's own namespaces", forProvider: "workloadNamespacePrefix: kube-", says: []string{"workloadNamespacePrefix", "member's own"}},
		"short-kube-prefix":  {reason: "a namespace could complete it to the member's own", forProvider: "workloadNamespacePrefix: ku", says: []string{"workloadNamespacePrefix", "member's own"}},
		"policy":             {reason: "the policies are two", forProvider: "deletionPolicy: Delete", says: []string{"deletionPolicy", "Drain", "Orphan"}},
		"everything": {reason: "what the platform takes is taken here", forProvider: "suspended: true, region: a b, zones: [a, b], taints: [{key: example.org/t, effect: NoExecute}, {key: example.org/t, effect: NoSchedule}], " +
			"heartbeat: {intervalSeconds: 3600, timeoutSeconds: 300, failureThreshold: 100}, workloadNamespacePrefix: models-, deletionPolicy: Orphan, insecureSkipTLSVerify: true"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			name := "bad-cluster-" + name
			if tc.says == nil {
				shared.apply(t, clusterManifest(ns, name, tc.forProvider))
				await(t, shared, clusterScopes["namespaced"](ns, name).Managed, "synced", promptly, isSynced)
				return
			}
			scope, namespace := "namespaced", ns
			if tc.clusterScoped {
				scope, namespace = "cluster-scoped", ""
			}
			message := shared.refused(t, clusterManifest(namespace, name, tc.forProvider))
			for _, part := range tc.says {
				if !strings.Contains(message, part) {
					t.Errorf("%s: the message does not say %q: %s", tc.reason, part, message)
				}
			}
			mg := clusterScopes[scope](ns, name)
			if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(mg.Managed), mg.Managed); client.IgnoreNotFound(err) != nil || err == nil {
				t.Errorf("%s: something was stored: %v", tc.reason, err)
			}
		})
	}
}

// TestClusterPrefixIsImmutable 看平台上的集群改不得前缀，当场被拒；写明默认的那个不算改。
func TestClusterPrefixIsImmutable(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	const bare = "suspended: true"
	prefixed := func(prefix string) string { return bare + ", workloadNamespacePrefix: " + prefix }
	cases := map[string]struct{ reason, was, same, other string }{
		"prefixed":   {"it was written", prefixed("a-"), prefixed("a-"), prefixed("b-")},
		"unprefixed": {"the default holds where it was not", bare, prefixed("kubellm-"), prefixed("b-")},
		"removed":    {"the default would hold then", prefixed("a-"), prefixed("a-"), bare},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			built := clusterScopes["namespaced"](ns, "prefix-"+name)
			mg := built.Managed
			shared.apply(t, clusterManifest(ns, mg.GetName(), tc.was))
			// 看见平台的那一个写了前缀，才比得出改没改。
			await(t, shared, mg, "observed", promptly, func(got resource.Managed) error {
				if seen := built.seen(); seen == nil || seen.WorkloadNamespacePrefix == nil {
					return errors.New("the prefix of the platform's Cluster has not been seen")
				}
				return isSynced(got)
			})
			shared.apply(t, clusterManifest(ns, mg.GetName(), tc.same))
			message := shared.refused(t, clusterManifest(ns, mg.GetName(), tc.other))
			for _, part := range []string{"spec.forProvider.workloadNamespacePrefix", "cannot be changed"} {
				if !strings.Contains(message, part) {
					t.Errorf("%s: the message does not say %q: %s", tc.reason, part, message)
				}
			}
			shared.apply(t, clusterManifest(ns, mg.GetName(), tc.was))
			await(t, shared, mg, "synced as before", promptly, isSynced)
		})
	}
}
