package crossplane

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestClusterSecret 走完一份 kubeconfig 的一生：交入、换了内容、在平台上被人换掉、Secret 没了、托管资源删除。
func TestClusterSecret(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	for scope, build := range clusterScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			name := "secret-" + scope
			held := shared.kubeconfigSecret(t, ns, name, "kubeconfig", memberKubeconfig(t, nil))
			mg := build(ns, name)
			mg.params.DeletionPolicy = ptrTo(clusterv1alpha1.DeletionOrphan)
			if err := shared.kube.Create(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			first := awaitVersion(t, shared, mg, "", "the Secret handed in")
			generation := platform.cluster(t, name).Generation

			t.Log("a changed Secret is handed in again")
			held.Data["kubeconfig"] = memberKubeconfig(t, nil)
			if err := shared.kube.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			second := awaitVersion(t, shared, mg, first, "the changed Secret handed in")

			t.Log("what somebody else hands in does not last")
			kubectl(t, platform, "create", "--raw", "/apis/cluster.kubellm.io/v1alpha1/clusters/"+name+"/credentials", "-f", writeFile(t, credentialsOf(memberKubeconfig(t, nil))))
			awaitVersion(t, shared, mg, second, "its own Secret again")
			platform.awaitHandIns(t, shared.user(), name, 3)

			t.Log("without the Secret it says so and changes nothing")
			if err := shared.kube.Delete(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg.Managed, promptly, `Secret "`+name+`"`, `"`+ns+`"`, `"kubeconfig"`, "kubeconfigSecretRef")
			if now := platform.cluster(t, name); now.Generation != generation || now.Status.CredentialsVersion != mg.gave().Version {
				t.Errorf("the cluster on the platform was changed: generation %d, version %s", now.Generation, now.Status.CredentialsVersion)
			}
			platform.awaitHandIns(t, shared.user(), name, 3)

			t.Log("and it can be deleted without it")
			if err := shared.kube.Delete(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, shared, mg.Managed)
			platform.noCluster(t, name)
			shared.nothingShows(t)
		})
	}
}

// credentialsOf 是人用 kubectl 交入凭据的请求体。
func credentialsOf(kubeconfig []byte) string {
	return `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"ClusterCredentials","spec":{"kubeconfig":"` + base64.StdEncoding.EncodeToString(kubeconfig) + `"}}`
}

// TestClusterSecretLate 看 Secret 还不存在、缺了键、内容被拒：说清楚，改好了就接着做，不等轮询。
func TestClusterSecretLate(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	for scope, build := range clusterScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			name := "late-" + scope
			mg := build(ns, name)
			mg.params.DeletionPolicy = ptrTo(clusterv1alpha1.DeletionOrphan)
			if err := shared.kube.Create(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg.Managed, promptly, `Secret "`+name+`"`, "does not exist", `"kubeconfig"`)
			platform.noCluster(t, name)

			held := shared.kubeconfigSecret(t, ns, name, "config", memberKubeconfig(t, nil))
			awaitNotSynced(t, shared, mg.Managed, promptly, `key "kubeconfig"`, "missing", "config")
			platform.noCluster(t, name)

			command := memberKubeconfig(t, func(auth *clientcmdapi.AuthInfo) {
				auth.Exec = &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: memberToken, InteractiveMode: clientcmdapi.NeverExecInteractiveMode}
			})
			held.Data = map[string][]byte{"kubeconfig": command}
			if err := shared.kube.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg.Managed, promptly, "hand in the credentials", "exec")
			if refused := platform.cluster(t, name); refused.Status.CredentialsVersion != "" {
				t.Errorf("a kubeconfig that breaks a rule was kept, version %s", refused.Status.CredentialsVersion)
			}
			if gave := mg.gave(); gave != nil {
				t.Errorf("nothing was handed in, remembered is %+v", gave)
			}

			held.Data["kubeconfig"] = memberKubeconfig(t, nil)
			if err := shared.kube.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			awaitVersion(t, shared, mg, "", "the corrected Secret handed in")
			shared.nothingShows(t)
		})
	}
}

// TestClusterOtherKey 看引用改指同一个 Secret 的另一个键：那是另一份 kubeconfig。
func TestClusterOtherKey(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	held := shared.kubeconfigSecret(t, ns, "other-key", "kubeconfig", memberKubeconfig(t, nil))
	held.Data["next"] = memberKubeconfig(t, nil)
	if err := shared.kube.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	mg := clusterScopes["namespaced"](ns, "other-key")
	if err := shared.kube.Create(t.Context(), mg.Managed); err != nil {
		t.Fatal(err)
	}
	first := awaitVersion(t, shared, mg, "", "the first key handed in")
	if err := shared.kube.Patch(t.Context(), mg.Managed, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"forProvider":{"kubeconfigSecretRef":{"key":"next"}}}}`))); err != nil {
		t.Fatal(err)
	}
	awaitVersion(t, shared, mg, first, "the other key handed in")
	if gave := mg.gave(); gave.Key != "next" {
		t.Errorf("remembered is %+v, want the key next", gave)
	}
}

// TestClusterObserveOnly 看只观察的成员集群：不看 Secret，什么也不交。
func TestClusterObserveOnly(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	harness.MustKubectl(t, platform.Kubeconfig, "apiVersion: cluster.kubellm.io/v1alpha1\nkind: Cluster\nmetadata: {name: only-seen}\nspec: {region: north, suspended: true}\n", "create", "-f", "-")
	mg := clusterScopes["namespaced"](ns, "only-seen")
	shared.apply(t, strings.Replace(header("Cluster", ns, "only-seen", ""), "iam.kubellm", "cluster.kubellm", 1)+
		"spec: {managementPolicies: [Observe], forProvider: {kubeconfigSecretRef: {name: missing}}}\n")
	await(t, shared, mg.Managed, "synced, showing what was made by hand", promptly, func(got resource.Managed) error {
		if seen := mg.seen(); seen == nil || seen.Region == nil || *seen.Region != "north" {
			return fmt.Errorf("status.atProvider is %+v", seen)
		}
		return isSynced(got)
	})
	if sent := platform.handIns(t, shared.user(), "only-seen"); sent != 0 {
		t.Errorf("a resource that only looks handed credentials in %d times", sent)
	}
}
