package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// revision 由成员的 Deployment 控制器写下：Pod 的模板变过几次。
const revision = "deployment.kubernetes.io/revision"

// TestModelCarriesSecret 点名的 Secret：要的那个键的内容变了才换副本，恰好一次；贴标签、改别的键、重启控制器都不换。
func TestModelCarriesSecret(t *testing.T) {
	const first, second, third = "hf_first_0123456789", "hf_second_0123456789", "hf_third_0123456789"
	register(t, "carry-a", env.alpha, clusterv1alpha1.DeletionOrphan)
	register(t, "carry-b", env.beta, clusterv1alpha1.DeletionOrphan)
	c := &carrying{name: "gated", on: map[string]*harness.Member{"carry-a": env.alpha, "carry-b": env.beta}}
	c.writeSecret(t, first, "unrelated")
	deploySpec(t, c.name, `"source":{"huggingFace":{"repo":"meta/gated","tokenSecretRef":{"name":"gated","key":"token"}}},
"engine":{"type":"VLLM","image":"example.org/vllm:1"},"resources":{"accelerator":{"count":1}},
"placement":{"clusters":2,"clusterNames":["carry-a","carry-b"]}`)
	c.settles(t, "as it was created", first, 0)
	for _, step := range []struct {
		why    string
		do     func(t *testing.T)
		token  string
		rolled int
	}{
		{"a label says nothing about the content", func(t *testing.T) { c.labelSecret(t, "reviewed=yes") }, first, 0},
		{"another key is not the model's", func(t *testing.T) { c.writeSecret(t, first, "changed") }, first, 0},
		{"a controller that starts anew has forgotten what it put there", crashController, first, 0},
		{"while it was away the Secret was touched, not changed", away(func(t *testing.T) { c.labelSecret(t, "reviewed=again") }), first, 0},
		{"another token", func(t *testing.T) { c.writeSecret(t, second, "changed") }, second, 1},
		{"what somebody wrote into the member's Secrets is put right", c.tamper, second, 1},
		{"another token while the controller was away", away(func(t *testing.T) { c.writeSecret(t, third, "changed") }), third, 2},
		{"touched once more", func(t *testing.T) { c.labelSecret(t, "reviewed=no") }, third, 2},
	} {
		step.do(t)
		c.settles(t, step.why, step.token, step.rolled)
	}
	c.keepsQuiet(t, first, second, third)
}

// TestModelCarriesHandedIn 交来的凭据也一样：重启控制器、再交一遍同样的，副本都不换。
func TestModelCarriesHandedIn(t *testing.T) {
	const first, second = "hf_handed_0123456789", "hf_other_0123456789"
	register(t, "handed", env.beta, clusterv1alpha1.DeletionOrphan)
	c := &carrying{name: "given", on: map[string]*harness.Member{"handed": env.beta}}
	deploySpec(t, c.name, `"source":{"huggingFace":{"repo":"meta/gated"}},"engine":{"type":"VLLM","image":"example.org/vllm:1"},
"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":["handed"]}`)
	c.handIn(t, first)
	c.settles(t, "as it was handed in", first, 0)
	crashController(t)
	c.settles(t, "a controller that starts anew", first, 0)
	c.handIn(t, first)
	c.settles(t, "the same token once more", first, 0)
	c.handIn(t, second)
	c.settles(t, "another token", second, 1)
	crashController(t)
	c.settles(t, "a controller that starts anew with the other token", second, 1)
	c.keepsQuiet(t, first, second)
}

// carrying 是一个带着凭据的 Model，与它该在的成员。
type carrying struct {
	name string
	on   map[string]*harness.Member
	// began 是头一次安顿下来时各个成员上模板的版次。
	began map[string]int
	// asked 是改了几次与 Pod 无关的字段。
	asked int
}

// settles 等控制器看过此刻的一切，再看成员：Secret 里是 token，模板从头一次起恰好换过 rolled 次，副本都就绪。
func (c *carrying) settles(t *testing.T, why, token string, rolled int) {
	t.Helper()
	harness.Eventually(t, "the members to hold the credentials ("+why+")", promptly, func(ctx context.Context) error {
		var errs []error
		for name, member := range c.on {
			secret, err := member.Client().CoreV1().Secrets(workloads).Get(ctx, c.secretName(), metav1.GetOptions{})
			if err == nil && string(secret.Data[v1alpha1.CredentialToken]) != token {
				err = fmt.Errorf("%s holds another token", name)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	// 它答复了一次与 Pod 无关的改动，也就看过了之前的；晚换的由下一步的次数抓住。
	c.asked++
	change(t, c.name, fmt.Sprintf(`{"spec":{"placement":{"failover":{"afterSeconds":%d}}}}`, 1000+c.asked))
	m := awaitModel(t, c.name, "serving ("+why+")", promptly, serves())
	if len(m.Status.Placements) != len(c.on) {
		t.Fatalf("%s: it is placed on %s", why, placedOn(m))
	}
	if c.began == nil {
		c.began = c.revisions(t, m)
	}
	for name, now := range c.revisions(t, m) {
		if got := now - c.began[name]; got != rolled {
			t.Errorf("%s: the pods on %s were replaced %d times, want %d", why, name, got, rolled)
		}
	}
}

// revisions 是各个成员上模板的版次；Ready 说的副本真的都在。
func (c *carrying) revisions(t *testing.T, m *v1alpha1.Model) map[string]int {
	t.Helper()
	all := map[string]int{}
	for name, member := range c.on {
		d := placedDeployment(t, member, m)
		if d == nil || d.Status.ReadyReplicas != 1 || d.Status.UpdatedReplicas != 1 {
			t.Fatalf("the Model is Ready, but %s holds %+v", name, d)
		}
		n, err := strconv.Atoi(d.Annotations[revision])
		if err != nil {
			t.Fatal(err)
		}
		all[name] = n
	}
	return all
}

// secretName 是成员上的 Secret 的名字。
func (c *carrying) secretName() string { return c.name + "-credentials" }

// writeSecret 写平台上点名的 Secret：token 是模型要的，other 不是。
func (c *carrying) writeSecret(t *testing.T, token, other string) {
	t.Helper()
	secret := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":%q,"namespace":%q},"stringData":{"token":%q,"other":%q}}`, c.name, team, token, other)
	harness.MustKubectl(t, env.platform.Kubeconfig, secret, "apply", "--server-side", "--force-conflicts", "-f", "-")
	t.Cleanup(func() {
		ctx, cancel := cleanup()
		defer cancel()
		if _, err := harness.Kubectl(ctx, env.platform.Kubeconfig, "", "delete", "secret", c.name, "-n", team, "--ignore-not-found"); err != nil {
			t.Error(err)
		}
	})
}

func (c *carrying) labelSecret(t *testing.T, label string) {
	t.Helper()
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "label", "secret", c.name, "-n", team, "--overwrite", label)
}

// handIn 像用户那样把凭据经子资源交给平台。
func (c *carrying) handIn(t *testing.T, token string) {
	t.Helper()
	_, err := models(t).ModelV1alpha1().Models(team).CreateCredentials(t.Context(), c.name, &v1alpha1.ModelCredentials{
		Spec: v1alpha1.ModelCredentialsSpec{Data: map[string][]byte{v1alpha1.CredentialToken: []byte(token)}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// tamper 在成员上改写放着的凭据。
func (c *carrying) tamper(t *testing.T) {
	t.Helper()
	for _, member := range c.on {
		_, err := member.Client().CoreV1().Secrets(workloads).Patch(t.Context(), c.secretName(), types.MergePatchType, []byte(`{"stringData":{"token":"hf_stolen"}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// crashController 让控制器不打招呼就死，再起来。
func crashController(t *testing.T) {
	t.Helper()
	away(func(*testing.T) {})(t)
}

// away 在控制器死了的时候做 what。
func away(what func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		t.Helper()
		if err := env.controller.Kill(); err != nil {
			t.Fatal(err)
		}
		defer restartController(t)
		what(t)
	}
}

// keepsQuiet 要求凭据与它的摘要不在 Model、成员的 Deployment 与平台的日志里。
func (c *carrying) keepsQuiet(t *testing.T, tokens ...string) {
	t.Helper()
	texts := map[string]string{"the Model": harness.MustKubectl(t, env.platform.Kubeconfig, "", "get", "model", c.name, "-n", team, "-o", "json", "--show-managed-fields")}
	for name, member := range c.on {
		list, err := member.Client().AppsV1().Deployments(workloads).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		texts["the Deployments on "+name] = string(raw)
	}
	for _, log := range []string{env.controller.LogFile(), env.platform.LogFile()} {
		raw, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		texts[log] = string(raw)
	}
	for _, token := range tokens {
		sum := sha256.Sum256([]byte(token))
		for _, form := range []string{token, base64.StdEncoding.EncodeToString([]byte(token)), hex.EncodeToString(sum[:])[:16], base64.StdEncoding.EncodeToString(sum[:])[:16]} {
			for where, text := range texts {
				if strings.Contains(text, form) {
					t.Errorf("%s shows the token %q as %q", where, token, form)
				}
			}
		}
	}
}
