package crossplane

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
)

// TestModelReferences 看模型按引用、按选择器指向成员集群，两种作用域都看；引用解析不了时等着，集群一有就好。
func TestModelReferences(t *testing.T) {
	t.Parallel()
	for scope, build := range modelScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			kubectl(t, platform, "create", "namespace", ns)
			own, inPlatform := ns, ""
			if scope == "cluster-scoped" {
				own, inPlatform = "", "namespace: "+ns+", "
			}
			cases := map[string]struct {
				reason, placement string
				want              []string
			}{
				"ref":      {"a reference gives the cluster's external name", "clusterNamesRefs: [{name: " + scope + "-b}]", []string{scope + "-west"}},
				"selector": {"a selector gives the external names of all that it finds", "clusterNamesSelector: {matchLabels: {pick: " + scope + "}}", []string{scope + "-east", scope + "-west"}},
			}
			place := func(name string) {
				shared.apply(t, modelManifest(own, scope+"-by-"+name, inPlatform+aSource+", "+anEngine+", suspended: true, placement: {"+cases[name].placement+"}"))
			}
			place("ref")
			waiting := build(ns, scope+"-by-ref")
			awaitNotSynced(t, shared, waiting.Managed, promptly, "spec.forProvider.placement.clusterNames", scope+"-b")
			nowhere := build(ns, scope+"-nowhere")
			shared.apply(t, modelManifest(own, nowhere.GetName(), inPlatform+aSource+", "+anEngine+", suspended: true, placement: {clusterNamesSelector: {matchLabels: {pick: nothing}}}"))
			awaitNotSynced(t, shared, nowhere.Managed, promptly, "spec.forProvider.placement.clusterNames", "Cluster", "pick=nothing")
			for name, external := range map[string]string{"a": "east", "b": "west"} {
				shared.apply(t, strings.Replace(header("Cluster", own, scope+"-"+name, "pick: "+scope), "iam.kubellm", "cluster.kubellm", 1)+
					"  annotations: {crossplane.io/external-name: "+scope+"-"+external+"}\nspec: {forProvider: {suspended: true, deletionPolicy: Orphan}}\n")
			}
			// 选择器只解析一次，所以要选的 provider 都看见了才用它。
			for _, name := range []string{"a", "b"} {
				await(t, shared, clusterScopes[scope](ns, scope+"-"+name).Managed, "synced", promptly, isSynced)
			}
			place("selector")
			for name, tc := range cases {
				mg := build(ns, scope+"-by-"+name)
				await(t, shared, mg.Managed, "synced", promptly, func(got resource.Managed) error {
					found, err := platform.iam.ModelV1alpha1().Models(ns).Get(t.Context(), mg.GetName(), metav1.GetOptions{})
					if err != nil {
						return err
					}
					if placement := found.Spec.Placement; placement == nil || !slices.Equal(placement.ClusterNames, tc.want) {
						return fmt.Errorf("%s: placement is %+v, want the clusters %q", tc.reason, placement, tc.want)
					}
					return isSynced(got)
				})
			}
		})
	}
}
