package provider

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clusterOutputs 是数据源看到的；资源自己不显示会变的事实。
const clusterOutputs = `
data "kubellm_cluster" "it" {
  name       = kubellm_cluster.it.name
  depends_on = [kubellm_cluster.it]
}

data "kubellm_clusters" "east" {
  region     = "us-east-1"
  depends_on = [kubellm_cluster.it]
}

output "one" {
  value = data.kubellm_cluster.it
}

output "many" {
  value = data.kubellm_clusters.east.clusters[*].name
}
`

// life 是一个集群的一生：建成即就绪，换凭据，别人换了凭据，导入到另一个工作区，销毁；凭据始终不露面。
func (f *fleet) life(t *testing.T) {
	name := unique("life")
	byCertificate, byToken, byOther := f.kubeconfig(t, time.Hour), f.tokenKubeconfig(t), f.kubeconfig(t, 2*time.Hour)
	var said strings.Builder
	log := filepath.Join(t.TempDir(), "trace.log")
	w := f.workspace(t)
	w.env = append(w.env, "TF_LOG=TRACE", "TF_LOG_PATH="+log)
	config := func(version int) string {
		return clusterBlock(name, version, `region = "us-east-1"`) + clusterOutputs
	}

	w.write(t, "main.tf", config(1))
	w.give(byCertificate)
	said.WriteString(w.succeed(t, "plan", "-out=saved"))
	said.WriteString(w.succeed(t, "show", "-json", "saved"))
	said.WriteString(w.succeed(t, "apply", "saved"))
	first := f.ready(t, "once created, it is ready", name)
	w.seesCluster(t, name, string(f.memberID(t)))

	w.give(byToken)
	w.emptyPlan(t, "another kubeconfig under the same version is no change")
	w.write(t, "main.tf", config(2))
	said.WriteString(w.apply(t))
	second := f.ready(t, "another version is ready with the new credentials", name)
	if second.Status.CredentialsVersion == first.Status.CredentialsVersion || second.UID != first.UID {
		t.Error("the kubeconfig of the new version was not handed in to the same cluster")
	}
	w.emptyPlan(t, "after handing in, the plan is empty")

	f.handIn(t, name, byOther)
	contains(t, "somebody else's credentials show in the plan", w.changes(t), "The kubeconfig of the cluster", "changed outside of Terraform", "kubeconfig_wo_version = 2")
	said.WriteString(w.apply(t))
	third := f.ready(t, "its own credentials were handed in again", name)
	if versions := []string{first.Status.CredentialsVersion, second.Status.CredentialsVersion}; strings.Contains(strings.Join(versions, " "), third.Status.CredentialsVersion) {
		t.Errorf("after %v the platform holds %s: nothing was handed in again", versions, third.Status.CredentialsVersion)
	}
	w.emptyPlan(t, "after handing in again, the plan is empty")
	w.write(t, "main.tf", clusterBlock(name, 2, `workload_namespace_prefix = "team-"`))
	contains(t, "another prefix is another cluster", w.changes(t), "must be replaced")

	imported := f.workspace(t)
	imported.give(byCertificate)
	imported.write(t, "main.tf", config(1)+fmt.Sprintf("import {\n  to = kubellm_cluster.it\n  id = %q\n}\n", name))
	said.WriteString(imported.apply(t))
	if fourth := f.ready(t, "the configuration's credentials were handed in after the import", name); fourth.Status.CredentialsVersion == third.Status.CredentialsVersion || fourth.UID != first.UID {
		t.Error("the import did not hand in its kubeconfig to the same cluster")
	}
	imported.emptyPlan(t, "after the import, the plan is empty")
	said.WriteString(imported.destroy(t))
	f.gone(t, "when destroy returns, the cluster is gone", name)

	places := map[string]string{"the output": said.String(), "the trace log": contentOf(t, log)}
	for _, at := range []*workspace{w, imported} {
		for _, file := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
			places[file+" of "+at.dir] = contentOf(t, filepath.Join(at.dir, file))
		}
	}
	showNoSecrets(t, places, byCertificate, byToken)
}

// tokenKubeconfig 用成员里一个 ServiceAccount 的令牌登录。
func (f *fleet) tokenKubeconfig(t *testing.T) string {
	t.Helper()
	const account = "kubellm"
	_, err := f.member.Client().RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "kube-system", Name: account}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := f.member.TokenKubeconfig(t.Context(), "kube-system", account, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return string(kubeconfig)
}

// memberID 是成员真正的身份。
func (f *fleet) memberID(t *testing.T) string {
	t.Helper()
	namespace, err := f.member.Client().CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(namespace.UID)
}

// changes 是一次必须有事可做的计划。
func (w *workspace) changes(t *testing.T) string {
	t.Helper()
	out, err := w.run(t, "plan", "-detailed-exitcode")
	if err == nil {
		t.Fatalf("the plan is empty\n%s", out)
	}
	return out
}

// seesCluster 检查数据源一个与多个看到的事实。
func (w *workspace) seesCluster(t *testing.T, name, id string) {
	t.Helper()
	var outputs struct {
		One struct {
			Value struct {
				MemberID     string `json:"member_id"`
				Endpoint     string `json:"endpoint"`
				Version      string `json:"version"`
				ExpireAt     string `json:"credentials_expire_at"`
				Ready        bool   `json:"ready"`
				Nodes        struct{ Total, Ready, Schedulable int }
				Heartbeat    map[string]int
				Accelerators []struct {
					Product    string
					Memory     string
					Free       int
					Largest    int                         `json:"largest_free_block"`
					FreeBlocks []struct{ Size, Nodes int } `json:"free_blocks"`
				}
			}
		}
		Many struct{ Value []string }
	}
	out := w.succeed(t, "output", "-json")
	if err := json.Unmarshal([]byte(out), &outputs); err != nil {
		t.Fatal(err)
	}
	one := outputs.One.Value
	if one.MemberID != id || !one.Ready || one.Nodes.Schedulable != 2 || one.Heartbeat["failure_threshold"] != 3 ||
		!strings.HasPrefix(one.Endpoint, "https://") || !strings.HasPrefix(one.Version, "v1.") || len(one.Accelerators) != 1 {
		t.Fatalf("the data source shows %s", out)
	}
	if _, err := time.Parse(time.RFC3339, one.ExpireAt); err != nil {
		t.Errorf("the credentials expire at %q: %v", one.ExpireAt, err)
	}
	gpu := one.Accelerators[0]
	if gpu.Product != "NVIDIA-H100-80GB-HBM3" || gpu.Memory == "" || gpu.Free != 16 || gpu.Largest != 8 ||
		len(gpu.FreeBlocks) != 1 || gpu.FreeBlocks[0] != (struct{ Size, Nodes int }{Size: 8, Nodes: 2}) {
		t.Errorf("the data source shows the accelerators %+v", gpu)
	}
	if len(outputs.Many.Value) != 1 || outputs.Many.Value[0] != name {
		t.Errorf("the data source of many shows %v, want %s", outputs.Many.Value, name)
	}
}

// showNoSecrets 在各处找 kubeconfig 里的秘密。
func showNoSecrets(t *testing.T, places map[string]string, kubeconfigs ...string) {
	t.Helper()
	if !strings.Contains(places["the trace log"], "Platform request") || !strings.Contains(places["the output"], "kubeconfig_wo_version") {
		t.Fatal("the test looks at the wrong places: the provider's log or the plan is not there")
	}
	for _, kubeconfig := range kubeconfigs {
		for what, secret := range fingerprints(t, kubeconfig) {
			for place, text := range places {
				if strings.Contains(text, secret) {
					t.Errorf("%s shows the %s", place, what)
				}
			}
		}
	}
}
