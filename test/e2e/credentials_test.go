package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/kubeconfig"
	"github.com/kubellm/kubellm/test/harness"
)

// TestCredentialsRotated 换一份好的 kubeconfig：平台换用新的，期间一直就绪。
func TestCredentialsRotated(t *testing.T) {
	name := "rotated"
	before := register(t, name, env.beta, v1alpha1.DeletionOrphan)
	// 一两次探测赶不上也不作数：这里问的是换凭据时说不说就绪。
	steady(t, name)
	ready := follow(t, before, v1alpha1.ConditionReady)
	handIn(t, name, harness.MemberKubeconfig(t, env.beta, harness.Identity{User: "rotated", Groups: []string{"system:masters"}}, 30*24*time.Hour))
	after := await(t, name, "using the new credentials", func(c *v1alpha1.Cluster) error {
		if c.Status.CredentialsVersion == before.Status.CredentialsVersion || c.Status.ObservedCredentialsVersion != c.Status.CredentialsVersion {
			return fmt.Errorf("the version is %q, observed %q, before %q", c.Status.CredentialsVersion, c.Status.ObservedCredentialsVersion, before.Status.CredentialsVersion)
		}
		return has(v1alpha1.ConditionCredentialsValid, metav1.ConditionTrue, v1alpha1.ReasonAccepted)(c)
	})
	if !after.Status.CredentialsExpireAt.After(before.Status.CredentialsExpireAt.Time) {
		t.Errorf("the credentials expire at %s, before at %s", after.Status.CredentialsExpireAt, before.Status.CredentialsExpireAt)
	}
	awaitReady(t, name)
	ready.want(t, metav1.ConditionTrue)
}

// TestCredentialsExpire 证书快到期时说快到期，到期的那一刻说已到期，不等心跳失败去猜。
func TestCredentialsExpire(t *testing.T) {
	name := "expiring"
	create(t, name, v1alpha1.DeletionOrphan)
	handIn(t, name, harness.MemberKubeconfig(t, env.beta, admin, time.Minute))
	await(t, name, "about to expire", has(v1alpha1.ConditionCredentialsValid, metav1.ConditionTrue, v1alpha1.ReasonExpiresSoon))
	await(t, name, "expired", all(
		has(v1alpha1.ConditionCredentialsValid, metav1.ConditionFalse, v1alpha1.ReasonExpired),
		has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonExpired)))

	handIn(t, name, harness.MemberKubeconfig(t, env.beta, admin, time.Hour))
	awaitReady(t, name)
}

// TestCredentialsBroken 坏凭据要么当场被拒、什么也不存，要么在条件里说清楚；换上好的就恢复。
func TestCredentialsBroken(t *testing.T) {
	name := "broken"
	before := register(t, name, env.beta, v1alpha1.DeletionOrphan)
	good := harness.MemberKubeconfig(t, env.beta, admin, time.Hour)
	for reason, kubeconfig := range map[string][]byte{
		"cut short":      good[:len(good)/2],
		"not YAML":       []byte("\x00\x01"),
		"runs a command": withExec(t),
	} {
		if err := tryHandIn(t, name, kubeconfig); err == nil {
			t.Errorf("a kubeconfig that is %s was accepted", reason)
		}
	}
	if c := awaitReady(t, name); c.Status.CredentialsVersion != before.Status.CredentialsVersion {
		t.Error("refused credentials must change nothing")
	}

	stranger, err := harness.NewCA("stranger")
	if err != nil {
		t.Fatal(err)
	}
	client, err := stranger.IssueClient(admin)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := harness.EncodeKubeconfig(env.beta.APIServer.URL, memberCA(t, env.beta), clientcmdapi.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key})
	if err != nil {
		t.Fatal(err)
	}
	handIn(t, name, foreign)
	await(t, name, "refused by the member", all(
		has(v1alpha1.ConditionCredentialsValid, metav1.ConditionFalse, v1alpha1.ReasonUnauthorized),
		has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonUnauthorized)))

	handIn(t, name, harness.MemberKubeconfig(t, env.beta, harness.Identity{User: "nobody"}, time.Hour))
	await(t, name, "without the rights it needs", has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonForbidden))

	handIn(t, name, good)
	awaitReady(t, name)
}

// TestMemberSwapped 凭据通往另一个集群时不许把别人的数字写进来。
func TestMemberSwapped(t *testing.T) {
	name := "swapped"
	before := register(t, name, env.beta, v1alpha1.DeletionOrphan)
	handIn(t, name, harness.MemberKubeconfig(t, env.alpha, admin, time.Hour))
	after := await(t, name, "refusing the other member", all(
		has(v1alpha1.ConditionCredentialsValid, metav1.ConditionFalse, v1alpha1.ReasonMemberChanged),
		has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonMemberChanged)))
	if after.Status.ID != before.Status.ID || fmt.Sprint(after.Status.Accelerators) != fmt.Sprint(before.Status.Accelerators) {
		t.Errorf("id %s and accelerators %+v must stay those of the member it stands for", after.Status.ID, after.Status.Accelerators)
	}
	handIn(t, name, harness.MemberKubeconfig(t, env.beta, admin, time.Hour))
	awaitReady(t, name)
}

// TestSecretReference 由 Secret 给凭据：没有也收下并说出来，改好了由监视得知。
func TestSecretReference(t *testing.T) {
	name := "by-secret"
	create(t, name, v1alpha1.DeletionOrphan)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "cluster", name, "--type=merge",
		`--patch={"spec":{"credentials":{"kubeconfigSecretRef":{"namespace":"kubellm-system","name":"by-secret"}}}}`)
	await(t, name, "missing its Secret", all(
		has(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound),
		says(v1alpha1.ConditionReady, "kubellm-system", "by-secret")))

	good := string(harness.MemberKubeconfig(t, env.beta, admin, time.Hour))
	for _, step := range []struct {
		key, value, reason string
		// names 是话里非有不可的：哪个 Secret、哪个键、犯了哪条规则。
		names []string
	}{
		{"other", good, v1alpha1.ReasonSecretKeyMissing, []string{"kubellm-system", "by-secret", `"kubeconfig"`}},
		{"kubeconfig", string(harness.CutShort([]byte(good))), v1alpha1.ReasonKubeconfigMalformed, []string{string(kubeconfig.Malformed)}},
		{"kubeconfig", string(withExec(t)), v1alpha1.ReasonKubeconfigRefused, []string{string(kubeconfig.Exec)}},
	} {
		applySecret(t, "by-secret", step.key, step.value)
		refused := await(t, name, step.reason, all(
			has(v1alpha1.ConditionCredentialsValid, metav1.ConditionFalse, step.reason),
			has(v1alpha1.ConditionReady, metav1.ConditionFalse, step.reason),
			says(v1alpha1.ConditionCredentialsValid, step.names...),
			says(v1alpha1.ConditionReady, step.names...)))
		if said := conditionsText(refused); harness.Repeats(said, []byte(good)) {
			t.Errorf("the conditions repeat the kubeconfig: %s", said)
		}
	}
	applySecret(t, "by-secret", "kubeconfig", good)
	awaitReady(t, name)
}

// says 见 harness.ConditionSays。
func says(kind string, facts ...string) func(*v1alpha1.Cluster) error {
	return func(c *v1alpha1.Cluster) error { return harness.ConditionSays(c.Status.Conditions, kind, facts...) }
}

// applySecret 写一个 Secret，只有这一个键。
func applySecret(t *testing.T, name, key, value string) {
	t.Helper()
	secret := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":%q,"namespace":"kubellm-system"},"stringData":{%q:%q}}`, name, key, value)
	harness.MustKubectl(t, env.platform.Kubeconfig, secret, "apply", "--server-side", "--force-conflicts", "-f", "-")
	t.Cleanup(func() {
		c, cancel := cleanup()
		defer cancel()
		if _, err := harness.Kubectl(c, env.platform.Kubeconfig, "", "delete", "secret", "--namespace=kubellm-system", name, "--ignore-not-found"); err != nil {
			t.Error(err)
		}
	})
}

// withExec 是会让平台执行命令的 kubeconfig。
func withExec(t *testing.T) []byte {
	t.Helper()
	raw, err := harness.EncodeKubeconfig(env.beta.APIServer.URL, memberCA(t, env.beta), clientcmdapi.AuthInfo{
		Exec: &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "/bin/true", InteractiveMode: clientcmdapi.NeverExecInteractiveMode},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func memberCA(t *testing.T, m *harness.Member) []byte {
	t.Helper()
	config := m.Config()
	if len(config.CAData) == 0 {
		t.Fatal(errors.New("the member's configuration has no CA"))
	}
	return config.CAData
}
