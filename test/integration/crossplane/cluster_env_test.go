package crossplane

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	clusterscopedcluster "github.com/kubellm/kubellm/apis/managed/clusterscoped/cluster/v1alpha1"
	forprovider "github.com/kubellm/kubellm/apis/managed/forprovider/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
	namespacedcluster "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// memberToken 是成员的令牌；它绝不许出现在 Secret 之外的任何地方。
const memberToken = "t0p-s3cret-m3mber-t0ken"

// clusterScopes 是两种作用域；同样的测试两边都跑。
var clusterScopes = map[string]func(ns, name string) clusterResource{
	"namespaced": func(ns, name string) clusterResource {
		mg := &namespacedcluster.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
		mg.Spec.ForProvider.KubeconfigSecretRef = &secret.Reference{Name: name}
		return clusterResource{Managed: mg, params: &mg.Spec.ForProvider.ClusterParameters,
			seen:   func() *forprovider.ClusterObservation { return mg.Status.AtProvider },
			gave:   func() *secret.Handover { return mg.Status.Credentials },
			plural: "clusters.cluster.kubellm.m.crossplane.io"}
	},
	"cluster-scoped": func(ns, name string) clusterResource {
		mg := &clusterscopedcluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
		mg.Spec.ForProvider.KubeconfigSecretRef = &secret.NamespacedReference{Namespace: ns, Reference: secret.Reference{Name: name}}
		return clusterResource{Managed: mg, params: &mg.Spec.ForProvider.ClusterParameters,
			seen:   func() *forprovider.ClusterObservation { return mg.Status.AtProvider },
			gave:   func() *secret.Handover { return mg.Status.Credentials },
			plural: "clusters.cluster.kubellm.crossplane.io"}
	},
}

// clusterResource 是两种作用域之一的成员集群，连同它共用的那部分。
type clusterResource struct {
	resource.Managed
	params *forprovider.ClusterParameters
	seen   func() *forprovider.ClusterObservation
	gave   func() *secret.Handover
	plural string
}

// memberKubeconfig 是一份合乎规则、但没有人在那个地址上的 kubeconfig；edit 可把它改坏。
func memberKubeconfig(t *testing.T, edit func(*clientcmdapi.AuthInfo)) []byte {
	t.Helper()
	ca, err := harness.NewCA("member")
	if err != nil {
		t.Fatal(err)
	}
	auth := clientcmdapi.AuthInfo{Token: memberToken}
	if edit != nil {
		edit(&auth)
	}
	raw, err := harness.EncodeKubeconfig("https://127.0.0.1:1", ca.PEM, auth)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// kubeconfigSecret 在控制面建一个 Secret。
func (c *controlPlane) kubeconfigSecret(t *testing.T, ns, name, key string, kubeconfig []byte) *corev1.Secret {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: map[string][]byte{key: kubeconfig}}
	if err := c.kube.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// cluster 取平台上的成员集群，必须存在。
func (p *platformServer) cluster(t *testing.T, name string) *clusterv1alpha1.Cluster {
	t.Helper()
	found, err := p.iam.ClusterV1alpha1().Clusters().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// noCluster 断言平台上没有这个成员集群。
func (p *platformServer) noCluster(t *testing.T, name string) {
	t.Helper()
	if _, err := p.iam.ClusterV1alpha1().Clusters().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("cluster %s: got error %v, want not found", name, err)
	}
}

// awaitVersion 等平台上的凭据版本变成另一个，而托管资源记着它。
func awaitVersion(t *testing.T, c *controlPlane, mg clusterResource, before, what string) string {
	t.Helper()
	var version string
	await(t, c, mg.Managed, "synced with "+what, promptly, func(got resource.Managed) error {
		found, err := platform.iam.ClusterV1alpha1().Clusters().Get(t.Context(), mg.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		version = found.Status.CredentialsVersion
		if version == "" || version == before {
			return fmt.Errorf("the platform has version %q", version)
		}
		if gave := mg.gave(); gave == nil || gave.Version != version {
			return fmt.Errorf("the platform has version %q, remembered is %+v", version, gave)
		}
		return isSynced(got)
	})
	return version
}

func isSynced(mg resource.Managed) error {
	if got := mg.GetCondition("Synced"); got.Status != corev1.ConditionTrue {
		return fmt.Errorf("Synced is %s (%s): %s", got.Status, got.Reason, got.Message)
	}
	return nil
}

// handIns 数出 provider 向平台交过几次这个成员集群或模型的凭据，成功与否都算。
func (p *platformServer) handIns(t *testing.T, user, name string) int {
	t.Helper()
	raw, err := p.auditLog()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef struct{ Subresource, Name string }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		ref := event.ObjectRef
		if event.User.Username == user && ref.Subresource == "credentials" && ref.Name == name {
			count++
		}
	}
	return count
}

// awaitHandIns 等审计日志里出现 want 次交入；多了就是错。
func (p *platformServer) awaitHandIns(t *testing.T, user, name string, want int) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("the credentials of %s to be handed in %d times", name, want), promptly, func(context.Context) error {
		if got := p.handIns(t, user, name); got != want {
			return fmt.Errorf("they were handed in %d times", got)
		}
		return nil
	})
}

// nothingShows 查秘密没有出现在状态、事件、日志与平台的审计日志里。
func (c *controlPlane) nothingShows(t *testing.T) {
	t.Helper()
	audit, err := os.ReadFile(platform.audit)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{
		"the audit log of the platform": string(audit),
		"the provider's log":            c.provider.LogTail(100_000),
		"the events":                    harness.MustKubectl(t, c.Kubeconfig, "", "get", "events", "-A", "-o", "yaml"),
		"the platform's models":         harness.MustKubectl(t, platform.Kubeconfig, "", "get", "models", "-A", "-o", "yaml"),
		"the platform's clusters":       harness.MustKubectl(t, platform.Kubeconfig, "", "get", "clusters", "-o", "yaml"),
	}
	plurals := []string{}
	for scope := range clusterScopes {
		plurals = append(plurals, clusterScopes[scope]("", "").plural, modelScopes[scope]("", "").plural)
	}
	for _, plural := range plurals {
		places[plural] = harness.MustKubectl(t, c.Kubeconfig, "", "get", plural, "-A", "-o", "yaml")
	}
	for place, text := range places {
		if len(text) == 0 {
			t.Errorf("%s: nothing was looked at", place)
		}
		if strings.Contains(text, memberToken) {
			t.Errorf("%s shows the secret", place)
		}
	}
}
