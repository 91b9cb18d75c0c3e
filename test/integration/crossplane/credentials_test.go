package crossplane

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

func clusterConfig(name string) *xpv2.ProviderConfigReference {
	return &xpv2.ProviderConfigReference{Kind: "ClusterProviderConfig", Name: name}
}

// kubeconfig 是平台上一个管理员的自足 kubeconfig。
func (p *platformServer) kubeconfig(t *testing.T, user string) []byte {
	t.Helper()
	return p.kubeconfigOf(t, harness.Identity{User: user, Groups: []string{"system:masters"}})
}

func (p *platformServer) kubeconfigOf(t *testing.T, id harness.Identity) []byte {
	t.Helper()
	raw, err := os.ReadFile(harness.KubeconfigFor(t, p, id))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// keys 把 kubeconfig 拆成 Kubernetes 惯用的 Secret 键。
func keys(t *testing.T, kubeconfig []byte) map[string][]byte {
	t.Helper()
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"tls.crt": cfg.CertData, "tls.key": cfg.KeyData, "ca.crt": cfg.CAData}
}

// TestBadCredentials 看坏凭据：原因写在同步状况里，不泄露凭据，平台上什么也没有；换上好的之后自己好。
// 好过之后再坏，不沿用坏之前的就绪；再换上好的，又自己好。
func TestBadCredentials(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	good := platform.kubeconfig(t, shared.user())
	otherCA, err := harness.NewCA("unrelated")
	if err != nil {
		t.Fatal(err)
	}
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	without := func(key string) map[string][]byte {
		data := keys(t, good)
		delete(data, key)
		return data
	}
	with := func(key string, value []byte) map[string][]byte {
		data := keys(t, good)
		data[key] = value
		return data
	}
	inKubeconfig := func(raw []byte) map[string][]byte { return map[string][]byte{"kubeconfig": raw} }
	cases := map[string]struct {
		reason string
		data   map[string][]byte
		says   []string
	}{
		"truncated": {
			reason: "a kubeconfig that was cut off while copying",
			data:   inKubeconfig(good[:len(good)*2/3]),
			says:   []string{"kubeconfig", "bad-truncated", systemNamespace},
		},
		"empty": {
			reason: "a kubeconfig that names no cluster must not become localhost",
			data:   inKubeconfig([]byte("apiVersion: v1\nkind: Config\n")),
			says:   []string{"kubeconfig", "bad-empty"},
		},
		"wrong-key": {
			reason: "the Secret has the kubeconfig under another key",
			data:   map[string][]byte{"config": good},
			says:   []string{`"kubeconfig"`, "missing", "config"},
		},
		"command": {
			reason: "a kubeconfig that would run a command in the provider",
			data: inKubeconfig([]byte(fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"+
				"clusters: [{name: c, cluster: {server: %q}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [/tmp/x], interactiveMode: Never}}}]\n", platform.URL))),
			says: []string{"exec", "bad-command"},
		},
		"no-client-key": {
			reason: "a certificate without its key",
			data:   without("tls.key"),
			says:   []string{"tls.crt", "tls.key"},
		},
		"no-identity": {
			reason: "a Secret that says nothing about who to be",
			data:   map[string][]byte{"ca.crt": otherCA.PEM},
			says:   []string{"token", "tls.crt", "ca.crt"},
		},
		"wrong-ca": {
			reason: "the platform's certificate was signed by another authority",
			data:   with("ca.crt", otherCA.PEM),
			says:   []string{platform.URL, "certificate"},
		},
		"expired": {
			reason: "the client certificate has expired",
			data:   inKubeconfig(platform.kubeconfigOf(t, harness.Identity{User: "expired", Expired: true})),
			says:   []string{platform.URL, "expired"},
		},
		"unknown-token": {
			reason: "a token that the platform does not know",
			data:   map[string][]byte{"token": []byte("s3cr3t-t0ken"), "ca.crt": keys(t, good)["ca.crt"]},
			says:   []string{platform.URL, "token"},
		},
		"nobody-there": {
			reason: "nothing listens at the server's address",
			data:   inKubeconfig(bytes.ReplaceAll(good, []byte(platform.URL), []byte(fmt.Sprintf("https://127.0.0.1:%d", port)))),
			says:   []string{fmt.Sprintf("https://127.0.0.1:%d", port), "refused"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := "bad-" + name
			secret := shared.secret(t, config, tc.data)
			spec := secretConfig(config)
			if _, isKubeconfig := tc.data["kubeconfig"]; !isKubeconfig && name != "wrong-key" {
				spec.Server, spec.Credentials.SecretRef.Key = &platform.URL, nil
			}
			shared.config(t, config, spec)
			mg := user(ns, config)
			mg.Spec.ProviderConfigReference = clusterConfig(config)
			if err := shared.kube.Create(t.Context(), mg); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg, promptly, tc.says...)
			platform.noUser(t, config)

			// 还原成好的：内容与键都换掉，配置若写错了键则不变。
			fixed := keys(t, good)
			fixed["kubeconfig"] = good
			secret.Data = fixed
			shared.update(t, secret)
			await(t, shared, mg, "ready with good credentials", 2*promptly, isReady[*namespacediam.User])
			before := platform.user(t, config)

			secret.Data = tc.data
			shared.update(t, secret)
			awaitUnready(t, shared, mg, corev1.ConditionUnknown, notObserved)
			awaitNotSynced(t, shared, mg, promptly, tc.says...)
			for _, condition := range mg.Status.Conditions {
				if strings.Contains(condition.Message, "s3cr3t") || strings.Contains(condition.Message, "BEGIN") {
					t.Errorf("%s: the message gives credentials away: %s", tc.reason, condition.Message)
				}
			}
			platform.unchanged(t, before)

			secret.Data = fixed
			shared.update(t, secret)
			await(t, shared, mg, "ready with good credentials again", 2*promptly, isReady[*namespacediam.User])
		})
	}
}

// TestMissingConfig 看配置或 Secret 不存在：说出该做什么，补上之后自己好。
func TestMissingConfig(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	mg := user(ns, "missing-config")
	mg.Spec.ProviderConfigReference = clusterConfig("late")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitNotSynced(t, shared, mg, promptly, `ClusterProviderConfig "late"`, "does not exist")
	shared.config(t, "late", secretConfig("late"))
	awaitNotSynced(t, shared, mg, promptly, `Secret "late"`, systemNamespace, "does not exist")
	shared.secret(t, "late", map[string][]byte{"kubeconfig": platform.kubeconfig(t, shared.user())})
	awaitReady(t, shared, mg)
}

// TestInjectedIdentity 看 provider 自己的身份：去的是它自己的集群；那里没有平台，错误就指名那里。
func TestInjectedIdentity(t *testing.T) {
	t.Parallel()
	shared.config(t, "injected", namespaced.ClusterProviderConfigSpec{
		Credentials: namespaced.ClusterCredentials{Source: namespaced.CredentialsSourceInjectedIdentity},
	})
	mg := user(shared.namespace(t), "injected")
	mg.Spec.ProviderConfigReference = clusterConfig("injected")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitNotSynced(t, shared, mg, promptly, shared.URL)
}

// TestNamespacedConfig 看命名空间自己的配置：Secret 在同一命名空间，凭据按键存放；引用别处的 Secret 写不出来。
func TestNamespacedConfig(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "own"}, Type: corev1.SecretTypeTLS, Data: keys(t, platform.kubeconfig(t, "namespaced"))}
	if err := shared.kube.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	shared.apply(t, fmt.Sprintf(`
apiVersion: kubellm.m.crossplane.io/v1alpha1
kind: ProviderConfig
metadata: {name: own, namespace: %s}
spec:
  server: %s
  credentials: {source: Secret, secretRef: {name: own}}
`, ns, platform.URL))
	mg := user(ns, "by-own-config")
	mg.Spec.ProviderConfigReference = &xpv2.ProviderConfigReference{Kind: "ProviderConfig", Name: "own"}
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg)

	t.Log("a config in use cannot be deleted before its users")
	config := &namespaced.ProviderConfig{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "own"}}
	if err := shared.kube.Delete(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	usage := &namespaced.ProviderConfigUsage{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(mg.UID)}}
	// 删命名空间与前台删除会先删使用记录；记录要撑到托管资源删完。
	if err := shared.kube.Delete(t.Context(), usage); err != nil {
		t.Fatal(err)
	}
	if err := shared.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, mg)
	platform.noUser(t, "by-own-config")
	awaitGone(t, shared, usage)
	awaitGone(t, shared, config)
}

// TestForcedRemoval 看有人强行拿掉托管资源的 finalizer：使用记录不会因此永远删不掉。
func TestForcedRemoval(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	mg := user(ns, "forced")
	if err := shared.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg)
	usage := &namespaced.ProviderConfigUsage{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(mg.UID)}}
	harness.MustKubectl(t, shared.Kubeconfig, "", "annotate", "users.iam.kubellm.m.crossplane.io", "-n", ns, "forced", "crossplane.io/paused=true")
	harness.MustKubectl(t, shared.Kubeconfig, "", "patch", "users.iam.kubellm.m.crossplane.io", "-n", ns, "forced", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	if err := shared.kube.Delete(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, mg)
	// 测试里没有垃圾回收器，由测试代劳。
	if err := shared.kube.Delete(t.Context(), usage); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, shared, usage)
}
