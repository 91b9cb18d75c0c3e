package crossplane

import (
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	aSource  = "source: {huggingFace: {repo: a/b}}"
	anEngine = "engine: {type: VLLM}"
)

// modelManifest 是一个模型的清单；命名空间为空是集群级的。
func modelManifest(ns, name, forProvider string) string {
	return strings.Replace(header("Model", ns, name, ""), "iam.kubellm", "model.kubellm", 1) + "spec: {forProvider: {" + forProvider + "}}\n"
}

// TestModelBadInput 看写错的模型当场被拒：指名字段、说明原因，什么也没存下；边上的好值则收下。
func TestModelBadInput(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	good := aSource + ", " + anEngine
	cases := map[string]struct {
		reason      string
		forProvider string
		// says 为空表示该收下。
		says          []string
		clusterScoped bool
	}{
		"nothing":          {reason: "a model without files or engine is none", says: []string{"forProvider.source is required", "forProvider.engine.type is required"}},
		"no-engine-type":   {reason: "the engine is chosen, not guessed", forProvider: aSource + ", engine: {image: a}", says: []string{"forProvider.engine.type is required"}},
		"two-sources":      {reason: "the files come from one place", forProvider: "source: {huggingFace: {repo: a/b}, pvc: {claimName: a}}, " + anEngine, says: []string{"exactly one of huggingFace, oci, s3 and pvc"}},
		"no-source":        {reason: "the files come from somewhere", forProvider: "source: {}, " + anEngine, says: []string{"exactly one of huggingFace, oci, s3 and pvc"}},
		"adapter-sources":  {reason: "an adapter's files too", forProvider: good + ", adapters: [{name: a, source: {}}]", says: []string{"adapters[0].source", "exactly one"}},
		"engine":           {reason: "the engines are three", forProvider: aSource + ", engine: {type: Triton}", says: []string{"engine.type", "VLLM", "SGLang", "LlamaCpp"}},
		"negative":         {reason: "there are no fewer than no replicas", forProvider: good + ", scaling: {replicas: -1}", says: []string{"scaling.replicas"}},
		"two-scalings":     {reason: "either people or the member choose the number", forProvider: good + ", scaling: {replicas: 1, autoscaling: {maxReplicas: 2}}", says: []string{"replicas and autoscaling exclude"}},
		"scaled-to-none":   {reason: "nothing would wake a model without replicas", forProvider: good + ", scaling: {autoscaling: {minReplicas: 0, maxReplicas: 2}}", says: []string{"scaling.autoscaling.minReplicas"}},
		"min-over-max":     {reason: "the least is not more than the greatest", forProvider: good + ", scaling: {autoscaling: {minReplicas: 3, maxReplicas: 2}}", says: []string{"minReplicas must not be more than maxReplicas"}},
		"stuck-rollout":    {reason: "a rollout that can replace nothing waits for good", forProvider: good + ", rollout: {maxUnavailable: 0}", says: []string{"no replica could ever be replaced"}},
		"names-and-labels": {reason: "clusters are chosen in one way", forProvider: good + ", placement: {clusterNames: [a], clusterSelector: {}}", says: []string{"clusterSelector", "clusterNamesRefs", "exclude"}},
		"refs-and-labels":  {reason: "clusters are chosen in one way", forProvider: good + ", placement: {clusterNamesSelector: {}, clusterSelector: {}}", says: []string{"clusterSelector", "clusterNamesSelector", "exclude"}},
		"toleration":       {reason: "an empty key tolerates nothing with Equal", forProvider: good + ", placement: {tolerations: [{value: a}]}", says: []string{"placement.tolerations[0]", "Exists"}},
		"quantity":         {reason: "an amount is a number with a unit", forProvider: good + ", resources: {memory: much}", says: []string{"resources.memory"}},
		"inline-token":     {reason: "a token is never written out in a resource", forProvider: "source: {huggingFace: {repo: a/b, token: secret}}, " + anEngine, says: []string{"unknown field", "huggingFace.token"}},
		"other-namespace":  {reason: "a namespace's Secrets stay its own", forProvider: good + ", credentialsSecretRef: {namespace: kube-system, name: a}", says: []string{"unknown field", "credentialsSecretRef.namespace"}},
		"namespace-name":   {reason: "namespaces have names", forProvider: good + ", namespace: A/b", says: []string{"forProvider.namespace"}},
		"no-namespace":     {reason: "a cluster-scoped resource has no namespace of its own to go by", forProvider: good, says: []string{"forProvider.namespace", "Required"}, clusterScoped: true},
		"secret-namespace": {reason: "a cluster-scoped resource has no namespace of its own to look in", forProvider: good + ", namespace: a, credentialsSecretRef: {name: a}", says: []string{"credentialsSecretRef.namespace"}, clusterScoped: true},
		"everything": {reason: "what the platform takes is taken here", forProvider: good + ", namespace: a, servedName: a/b, resources: {accelerator: {resourceName: nvidia.com/gpu, count: 64, products: [a b]}, cpu: 500m, memory: 64Gi}, " +
			"placement: {clusterNames: [a], tolerations: [{operator: Exists}], strategy: Pack, failover: {afterSeconds: 30}}, scaling: {replicas: 0}, " +
			"cache: {size: 1Gi}, rollout: {type: Recreate}, startupTimeoutSeconds: 60, suspended: true, deletionPolicy: Orphan"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scope, namespace, name := "namespaced", ns, "bad-model-"+name
			if tc.clusterScoped {
				scope, namespace = "cluster-scoped", ""
			}
			mg := modelScopes[scope](ns, name)
			if tc.says == nil {
				shared.apply(t, modelManifest(namespace, name, tc.forProvider))
				return
			}
			message := shared.refused(t, modelManifest(namespace, name, tc.forProvider))
			for _, part := range tc.says {
				if !strings.Contains(message, part) {
					t.Errorf("%s: the message does not say %q: %s", tc.reason, part, message)
				}
			}
			if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(mg.Managed), mg.Managed); client.IgnoreNotFound(err) != nil || err == nil {
				t.Errorf("%s: something was stored: %v", tc.reason, err)
			}
		})
	}
}
