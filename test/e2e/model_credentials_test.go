package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestModelSecretComesAndGoes 点名的 Secret：只有要的那个键到得了成员，Pod 指着它；Secret 没了说得出来，
// 跑着的不动，回来了也不换；照删除策略收走或留下；控制器的日志开到最细、数据落了盘，哪里也没有令牌。
func TestModelSecretComesAndGoes(t *testing.T) {
	const token, handed, others = "hf_comes_and_goes_0123456789", "hf_handed_over_0123456789", "somebody-elses-password-0123456789"
	verbose := verboseController(t)
	register(t, "secretive", env.beta, clusterv1alpha1.DeletionOrphan)
	c := &carrying{name: "private", on: map[string]*harness.Member{"secretive": env.beta}}
	c.writeSecret(t, token, others)
	const spec = `"source":{"huggingFace":{"repo":"meta/gated"%s}},
"engine":{"type":"VLLM","image":"example.org/vllm:1"},"resources":{"accelerator":{"count":1}},"placement":{"clusterNames":["secretive"]}`
	deploySpec(t, c.name, fmt.Sprintf(spec, `,"tokenSecretRef":{"name":"private","key":"token"}`))
	m := awaitModel(t, c.name, "serving", promptly, serves("secretive"))
	c.reachesPod(t, m, token)

	running := podUIDs(podsOf(t, env.beta, m))
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "secret", c.name, "-n", team)
	m = awaitModel(t, c.name, "missing its Secret", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, "secretive"))
	if m.Status.ReadyReplicas != 1 || !podUIDs(podsOf(t, env.beta, m)).Equal(running) {
		t.Errorf("what runs must go on without the Secret: %+v", m.Status.Placements)
	}
	c.writeSecret(t, token, others)
	m = awaitModel(t, c.name, "serving with the Secret again", promptly, serves("secretive"))
	if !podUIDs(podsOf(t, env.beta, m)).Equal(running) {
		t.Error("the pods were replaced, though the token is the same")
	}

	change(t, c.name, `{"spec":{"deletionPolicy":"Orphan"}}`)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", c.name, "-n", team, "--timeout=3m")
	if _, err := c.onMember(t); err != nil || !podUIDs(podsOf(t, env.beta, m)).Equal(running) {
		t.Errorf("Orphan leaves what runs, and the credentials it runs with: %v", err)
	}
	deploySpec(t, c.name, fmt.Sprintf(spec, ""))
	c.handIn(t, handed)
	harness.Eventually(t, "the token that was handed in to take the place of what was left", promptly, func(context.Context) error {
		secret, err := c.onMember(t)
		if err == nil && string(secret.Data[v1alpha1.CredentialToken]) != handed {
			err = errors.New("another one is there")
		}
		return err
	})
	c.reachesPod(t, awaitModel(t, c.name, "taking over what was left", promptly, observed(serves("secretive"))), handed)
	harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", c.name, "-n", team, "--timeout=3m")
	if _, err := c.onMember(t); !apierrors.IsNotFound(err) {
		t.Errorf("the copy of the Secret is left on the member: %v", err)
	}
	unwritten(t, verbose, token, handed, others)
}

// verboseController 让控制器在这个测试里把什么都写进日志。
func verboseController(t *testing.T) *harness.Manager {
	t.Helper()
	if err := env.controller.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { restartController(t) })
	return harness.NewController(t, harness.ManagerOptions{Kubeconfig: env.platform.ControllerKubeconfig, Args: []string{"--log-level=debug"}})
}

// observed 另外要求平台看到的是最后交的那一份凭据。
func observed(check func(*v1alpha1.Model) error) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		if m.Status.ObservedCredentialsVersion != m.Status.CredentialsVersion {
			return fmt.Errorf("observed is %q of %q", m.Status.ObservedCredentialsVersion, m.Status.CredentialsVersion)
		}
		return check(m)
	}
}

// onMember 是成员上的那一份。
func (c *carrying) onMember(t *testing.T) (*corev1.Secret, error) {
	t.Helper()
	return env.beta.Client().CoreV1().Secrets(workloads).Get(t.Context(), c.secretName(), metav1.GetOptions{})
}

// reachesPod 要求成员上恰好有要的那个键，Pod 由环境变量指着它，自己并不写着。
func (c *carrying) reachesPod(t *testing.T, m *v1alpha1.Model, token string) {
	t.Helper()
	secret, err := c.onMember(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(maps.Keys(secret.Data)); len(got) != 1 || string(secret.Data[v1alpha1.CredentialToken]) != token {
		t.Errorf("the Secret on the member has the keys %v, want the token alone", got)
	}
	for _, pod := range podsOf(t, env.beta, m) {
		if pod.DeletionTimestamp != nil {
			// 交出令牌之前的那一个正在走。
			continue
		}
		var refers bool
		for _, v := range pod.Spec.Containers[0].Env {
			refers = refers || v.Name == "HF_TOKEN" && v.Value == "" && v.ValueFrom.SecretKeyRef.Name == c.secretName() && v.ValueFrom.SecretKeyRef.Key == v1alpha1.CredentialToken
		}
		if !refers {
			t.Errorf("pod %s is not given the token: %+v", pod.Name, pod.Spec.Containers[0].Env)
		}
	}
}

func podUIDs(pods []corev1.Pod) sets.Set[types.UID] {
	uids := sets.New[types.UID]()
	for _, pod := range pods {
		uids.Insert(pod.UID)
	}
	return uids
}

// unwritten 要求 secrets 不在平台写到磁盘的任何东西里，也不在控制器的日志与事件里；不加密的键找得到，所以找法是对的。
func unwritten(t *testing.T, verbose *harness.Manager, secrets ...string) {
	t.Helper()
	const control = "/models/" + team + "/private"
	events := harness.MustKubectl(t, env.platform.Kubeconfig, "", "get", "events", "-A", "-o", "json")
	texts := map[string][]byte{"the events": []byte(events)}
	for _, file := range append(files(t, env.platform.Dir), verbose.LogFile(), env.platform.LogFile()) {
		raw, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			// 运行着的 etcd 会收走旧文件。
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = raw
	}
	found := false
	for where, text := range texts {
		found = found || strings.HasPrefix(where, env.platform.Dir) && bytes.Contains(text, []byte(control))
		for _, secret := range secrets {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret)} {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("%s holds a secret in plain text", where)
				}
			}
		}
	}
	if !found {
		t.Errorf("not even the key of the model was found in %s: the search is blind", env.platform.Dir)
	}
}

// files 是 dir 之下的全部文件。
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
