package provider

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// fleet 是成员集群的测试共用的：有控制器的平台，和一个真实的成员；另起一个平台，控制器的请求才不会算进别的测试的账里。
type fleet struct {
	platform *harness.Platform
	member   *harness.Member
}

// memberAdmin 是平台在成员里的身份。
var memberAdmin = harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{
		platform: harness.NewPlatform(t, harness.PlatformOptions{}),
		member:   harness.NewMember(t, harness.MemberOptions{}),
	}
	harness.NewController(t, harness.ManagerOptions{Kubeconfig: f.platform.ControllerKubeconfig})
	err := f.member.AddGPUNodes(t.Context(), harness.GPUNodes{
		Prefix: "h100", Count: 2, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestClusters 的各段共用一个成员，一个成员只能归一个集群，所以逐段进行，每段收拾好自己的；最后一段弄死成员。
func TestClusters(t *testing.T) {
	f := newFleet(t)
	t.Run("Life", f.life)
	t.Run("RefusedKubeconfig", f.refusedKubeconfig)
	t.Run("Terminal", f.terminal)
	t.Run("NotReadyInTime", f.notReadyInTime)
	t.Run("CredentialsForbidden", f.credentialsForbidden)
	t.Run("Examples", f.examples)
	t.Run("DocumentationExamples", f.documentationExamples)
	t.Run("UnreachableAtDestroy", f.unreachableAtDestroy)
}

// kubeconfig 是成员的一份新的 kubeconfig。
func (f *fleet) kubeconfig(t *testing.T, ttl time.Duration) string {
	t.Helper()
	return string(harness.MemberKubeconfig(t, f.member, memberAdmin, ttl))
}

// workspace 是连接这个平台的工作目录，kubeconfig 从瞬时的变量来。
func (f *fleet) workspace(t *testing.T) *workspace {
	t.Helper()
	w := newUserWorkspace(t, f.platform.Kubeconfig)
	w.write(t, "variables.tf", "variable \"kubeconfig\" {\n  type      = string\n  ephemeral = true\n}\n")
	return w
}

// give 换上另一份 kubeconfig。
func (w *workspace) give(kubeconfig string) { w.env = append(w.env, "TF_VAR_kubeconfig="+kubeconfig) }

// clusterBlock 是一个交入 kubeconfig 的集群；心跳快，测试才不用久等。
func clusterBlock(name string, version int, attributes string) string {
	return fmt.Sprintf(`resource "kubellm_cluster" "it" {
  name                  = %q
  kubeconfig_wo         = var.kubeconfig
  kubeconfig_wo_version = %d
  heartbeat             = { interval_seconds = 1, timeout_seconds = 10 }
  %s
}
`, name, version, attributes)
}

func (f *fleet) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	return harness.MustKubectl(t, f.platform.Kubeconfig, stdin, args...)
}

// cluster 读出平台上的集群。
func (f *fleet) cluster(t *testing.T, name string) *clusterv1alpha1.Cluster {
	t.Helper()
	out := &clusterv1alpha1.Cluster{}
	if err := json.Unmarshal([]byte(f.kubectl(t, "", "get", "clusters", name, "-o", "json")), out); err != nil {
		t.Fatalf("read cluster %s: %v", name, err)
	}
	return out
}

// ready 要求集群以最后交入的凭据就绪，返回它。
func (f *fleet) ready(t *testing.T, reason, name string) *clusterv1alpha1.Cluster {
	t.Helper()
	c := f.cluster(t, name)
	condition := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ConditionReady)
	if condition == nil || condition.Status != metav1.ConditionTrue || condition.ObservedGeneration != c.Generation ||
		c.Status.ObservedCredentialsVersion != c.Status.CredentialsVersion {
		t.Fatalf("%s: cluster %s is not ready with the credentials last handed in: %+v", reason, name, c.Status)
	}
	return c
}

// gone 要求平台上没有这个集群。
func (f *fleet) gone(t *testing.T, reason, name string) {
	t.Helper()
	if out := f.kubectl(t, "", "get", "clusters", name, "--ignore-not-found", "-o", "name"); out != "" {
		t.Errorf("%s: cluster %s is stored", reason, name)
	}
}

// handIn 是别人直接向平台交入一份 kubeconfig。
func (f *fleet) handIn(t *testing.T, name, kubeconfig string) {
	t.Helper()
	body := fmt.Sprintf(`{"apiVersion": "cluster.kubellm.io/v1alpha1", "kind": "ClusterCredentials", "metadata": {"name": %q}, "spec": {"kubeconfig": %q}}`,
		name, base64.StdEncoding.EncodeToString([]byte(kubeconfig)))
	f.kubectl(t, body, "create", "--raw", "/apis/cluster.kubellm.io/v1alpha1/clusters/"+name+"/credentials", "-f", "-")
}

// fingerprints 是一份 kubeconfig 里任何地方都不该出现的片段，包括请求里编码之后的样子。
func fingerprints(t *testing.T, kubeconfig string) map[string]string {
	t.Helper()
	loaded, err := clientcmd.Load([]byte(kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(kubeconfig))
	out := map[string]string{"encoded kubeconfig": encoded[len(encoded)/2 : len(encoded)/2+60]}
	for _, user := range loaded.AuthInfos {
		if user.Token != "" {
			out["token"] = user.Token
		}
		if len(user.ClientKeyData) > 0 {
			// 私钥的一整行足以认出它，又不受换行如何转义的影响。
			out["client key"] = strings.Split(string(user.ClientKeyData), "\n")[1]
			key := base64.StdEncoding.EncodeToString(user.ClientKeyData)
			out["encoded client key"] = key[len(key)/2 : len(key)/2+60]
		}
	}
	if len(out) == 1 {
		t.Fatal("the kubeconfig has no credentials, so the test would show nothing")
	}
	return out
}
