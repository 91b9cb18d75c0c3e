package apiserver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// memberSecret 在每一份交来的 kubeconfig 里；除了控制器，它不该在任何地方再出现。
const memberSecret = "member-t0ken-nobody-may-see"

// memberKubeconfig 是一份合格的 kubeconfig，令牌里带上 mark 以便分辨。
func memberKubeconfig(t testing.TB, mark string) []byte {
	t.Helper()
	raw, err := harness.EncodeKubeconfig("https://member.example.org:6443", nil, clientcmdapi.AuthInfo{Token: memberSecret + mark})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func credentialsOf(kubeconfig []byte) *clusterv1alpha1.ClusterCredentials {
	return &clusterv1alpha1.ClusterCredentials{Spec: clusterv1alpha1.ClusterCredentialsSpec{Kubeconfig: kubeconfig}}
}

// controller 是平台控制器的客户端，唯一能取回凭据的人。
func (p *platform) controller(t testing.TB) *client {
	t.Helper()
	return mustClient(t, harness.Config(t, p.ControllerKubeconfig))
}

// cluster 由管理员建一个集群。
func (p *platform) cluster(t testing.TB, spec clusterv1alpha1.ClusterSpec) *clusterv1alpha1.Cluster {
	t.Helper()
	created, err := p.admin.clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: unique("member")}, Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create a cluster: %v", err)
	}
	return created
}

// handIn 由管理员交凭据，返回它的版本。
func (p *platform) handIn(t testing.TB, name string, kubeconfig []byte) string {
	t.Helper()
	got, err := p.admin.clusters.CreateCredentials(t.Context(), name, credentialsOf(kubeconfig), metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("hand in the credentials of cluster %s: %v", name, err)
	}
	return got.Status.Version
}

// holds 断言控制器取得到的内容与版本，且状态公布的正是这个版本。
func (p *platform) holds(t testing.TB, name string, kubeconfig []byte, version string) {
	t.Helper()
	got, err := p.controller(t).clusters.GetCredentials(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("the controller reads the credentials of cluster %s: %v", name, err)
	}
	if string(got.Spec.Kubeconfig) != string(kubeconfig) || got.Status.Version != version {
		t.Errorf("cluster %s: the controller got %d bytes of version %q, want %d of %q", name, len(got.Spec.Kubeconfig), got.Status.Version, len(kubeconfig), version)
	}
	p.shows(t, name, version)
}

func (p *platform) shows(t testing.TB, name, version string) {
	t.Helper()
	found, err := p.admin.clusters.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if found.Status.CredentialsVersion != version {
		t.Errorf("cluster %s shows credentials of version %q, want %q", name, found.Status.CredentialsVersion, version)
	}
}

// holdsNone 断言什么也没有存下。
func (p *platform) holdsNone(t testing.TB, name string) {
	t.Helper()
	if _, err := p.controller(t).clusters.GetCredentials(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("cluster %s: no credentials were kept, but the controller got %v", name, err)
	}
	p.shows(t, name, "")
}

// TestCredentials 保证交来的凭据立刻可用，换一次就换一个版本，回答里没有它，控制器写状态也丢不了版本。
func TestCredentials(t *testing.T) {
	t.Parallel()
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	shared.holdsNone(t, member.Name)
	kubeconfig := memberKubeconfig(t, "")
	got, err := shared.admin.clusters.CreateCredentials(t.Context(), member.Name, credentialsOf(kubeconfig), metav1.CreateOptions{})
	must(t, err)
	if len(got.Spec.Kubeconfig) != 0 || got.Status.Version == "" || got.Name != member.Name || got.UID != member.UID {
		t.Errorf("the answer is %+v", got)
	}
	shared.holds(t, member.Name, kubeconfig, got.Status.Version)

	again := shared.handIn(t, member.Name, kubeconfig)
	if again == got.Status.Version {
		t.Error("the same kubeconfig handed in again has the same version, so whoever waits for it waits for ever")
	}
	shared.holds(t, member.Name, kubeconfig, again)

	patch := `{"status":{"observedGeneration":1,"id":"x"}}`
	_, err = shared.controller(t).clusters.Patch(t.Context(), member.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	must(t, err)
	_, err = shared.admin.clusters.Patch(t.Context(), member.Name, types.MergePatchType, []byte(`{"spec":{"region":"eu"}}`), metav1.PatchOptions{})
	must(t, err)
	shared.holds(t, member.Name, kubeconfig, again)
}

// TestCredentialsByKubectl 保证不用生成的客户端也交得了，uid 与名字可以不写。
func TestCredentialsByKubectl(t *testing.T) {
	t.Parallel()
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	kubeconfig := memberKubeconfig(t, "")
	file := filepath.Join(t.TempDir(), "credentials.json")
	must(t, os.WriteFile(file, []byte(`{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"ClusterCredentials","spec":{"kubeconfig":"`+base64.StdEncoding.EncodeToString(kubeconfig)+`"}}`), 0o600))
	out := kubectl(t, "", "create", "--raw", clusters.path(member.Name, "credentials"), "-f", file)
	var answered clusterv1alpha1.ClusterCredentials
	must(t, json.Unmarshal([]byte(out), &answered))
	if strings.Contains(out, memberSecret) || len(answered.Spec.Kubeconfig) > 0 {
		t.Error("kubectl was shown the credentials")
	}
	shared.holds(t, member.Name, kubeconfig, answered.Status.Version)
}

// TestCredentialsAtTheLimit 保证说好的 1 MiB 真的收得下。
func TestCredentialsAtTheLimit(t *testing.T) {
	t.Parallel()
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	kubeconfig := append(memberKubeconfig(t, ""), '#')
	kubeconfig = append(kubeconfig, strings.Repeat("x", 1<<20-len(kubeconfig))...)
	shared.holds(t, member.Name, kubeconfig, shared.handIn(t, member.Name, kubeconfig))
}

// TestCredentialsReaders 保证除了控制器谁也读不回凭据，只读的人也交不了。
func TestCredentialsReaders(t *testing.T) {
	t.Parallel()
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	kubeconfig := memberKubeconfig(t, "")
	version := shared.handIn(t, member.Name, kubeconfig)
	viewer := unique("viewer")
	shared.bind(t, "kubellm-viewer", nil, userSubject(viewer))
	everything, _ := shared.limited(t, v1alpha1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
	creator, _ := shared.limited(t, clusterRule([]string{"clusters/credentials"}, []string{"create"}))
	editor, _ := shared.limited(t, clusterRule([]string{"clusters", "clusters/status"}, []string{"*"}))
	cases := map[string]struct {
		reason string
		as     *client
		handIn bool
	}{
		"superuser":  {"even superusers only replace them", shared.admin, true},
		"everything": {"a role with every right does not reach them", everything, true},
		"creator":    {"handing in is a right of its own", creator, true},
		"viewer":     {"looking is not handing in", shared.as(t, viewer), false},
		"editor":     {"writing clusters is not handing in", editor, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tc.as.send(t, http.MethodGet, clusters.path(member.Name, "credentials"), "")
			if got.code != http.StatusForbidden || strings.Contains(got.body, base64.StdEncoding.EncodeToString([]byte(memberSecret))[:20]) {
				t.Errorf("%s: reading gave %d", tc.reason, got.code)
			}
			_, err := tc.as.clusters.CreateCredentials(t.Context(), member.Name, credentialsOf(kubeconfig), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if tc.handIn != (err == nil) || err != nil && !apierrors.IsForbidden(err) {
				t.Errorf("%s: handing in gave %v", tc.reason, err)
			}
		})
	}
	if _, err := shared.controller(t).clusters.CreateCredentials(t.Context(), member.Name, credentialsOf(kubeconfig), metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the controller reads credentials and hands in none, but got %v", err)
	}
	shared.holds(t, member.Name, kubeconfig, version)

	// 凭据库没有自己的路径，也没有人看得出有它。
	for _, path := range []string{"/apis/internal.kubellm.io", "/apis/internal.kubellm.io/v1", "/apis/internal.kubellm.io/v1/credentials/" + string(member.UID)} {
		if got := shared.admin.send(t, http.MethodGet, path, ""); got.code != http.StatusNotFound {
			t.Errorf("GET %s gave %d", path, got.code)
		}
	}
	for _, path := range []string{"/apis", "/openapi/v2", "/openapi/v3"} {
		if got := shared.admin.send(t, http.MethodGet, path, ""); got.code != http.StatusOK || strings.Contains(got.body, "internal.kubellm.io") {
			t.Errorf("%s gave %d and shows the store of credentials", path, got.code)
		}
	}
}

// TestCredentialsRefused 保证不合格的 kubeconfig 得到指名规则的 422，回答里没有内容，什么也没存下。
func TestCredentialsRefused(t *testing.T) {
	t.Parallel()
	whole := memberKubeconfig(t, "")
	replace := func(old, with string) []byte { return []byte(strings.Replace(string(whole), old, with, 1)) }
	token := "token: " + memberSecret
	if !strings.Contains(string(whole), token) {
		t.Fatalf("the kubeconfig is written in another way: this test breaks it in the wrong place")
	}
	cases := map[string]struct {
		reason     string
		kubeconfig []byte
		says       string
	}{
		"empty":          {"nothing is handed in", nil, "Required"},
		"truncated":      {"half of it got lost", whole[:len(whole)/2], "cut short"},
		"rubbish":        {"no kubeconfig at all", []byte(memberSecret), "rule Malformed"},
		"exec":           {"commands would run on the platform", replace(token, "exec: {apiVersion: client.authentication.k8s.io/v1, command: "+memberSecret+", interactiveMode: Never}"), "rule Exec"},
		"token file":     {"files would be read on the platform", replace(token, "tokenFile: /"+memberSecret), "rule TokenFile"},
		"key file":       {"files would be read on the platform", replace(token, "client-certificate: /a\n    client-key: /"+memberSecret), "rule FilePath"},
		"password":       {"no basic auth", replace(token, "username: a\n    password: "+memberSecret), "rule BasicAuth"},
		"auth provider":  {"no plugins", replace(token, "auth-provider: {name: "+memberSecret+"}"), "rule AuthProvider"},
		"insecure":       {"nobody has spelled it out", replace("server:", "insecure-skip-tls-verify: true\n    server:"), "rule InsecureTLS"},
		"plain HTTP":     {"nobody has spelled it out", replace("https://", "http://"), "rule PlainHTTP"},
		"anonymous":      {"no identity", replace(token, "{}"), "rule"},
		"one byte more":  {"would fill the store", append(append(memberKubeconfig(t, ""), '#'), strings.Repeat("x", 1<<20-len(whole))...), "rule TooLarge"},
		"no such member": {"the context names no cluster", replace("cluster: kubellm\n", "cluster: "+memberSecret+"\n"), "rule"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
			_, err := shared.admin.clusters.CreateCredentials(t.Context(), member.Name, credentialsOf(tc.kubeconfig), metav1.CreateOptions{})
			isInvalid(t, err, "spec.kubeconfig", tc.says, tc.reason)
			if strings.Contains(errText(err), memberSecret) || strings.Contains(errText(err), base64.StdEncoding.EncodeToString([]byte(memberSecret))[:20]) {
				t.Errorf("%s: the refusal shows what was handed in", tc.reason)
			}
			shared.holdsNone(t, member.Name)
		})
	}
	t.Run("spelled out", func(t *testing.T) {
		member := shared.cluster(t, clusterv1alpha1.ClusterSpec{Credentials: &clusterv1alpha1.CredentialsSource{InsecureSkipTLSVerify: ptr.To(true)}})
		insecure := cases["insecure"].kubeconfig
		shared.holds(t, member.Name, insecure, shared.handIn(t, member.Name, insecure))
	})
}

// TestCredentialsGarbage 保证读不懂的请求体得到 4xx，回答里没有内容。
func TestCredentialsGarbage(t *testing.T) {
	t.Parallel()
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	head := `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"ClusterCredentials","spec":`
	for what, body := range map[string]string{
		"no base64":      head + `{"kubeconfig":"` + memberSecret + `"}}`,
		"a plain file":   string(memberKubeconfig(t, "")),
		"another type":   head + `{"kubeconfig":{"token":"` + memberSecret + `"}}}`,
		"half":           head + `{"kubeconfig":"` + memberSecret,
		"another field":  head + `{"kubeConfig":"` + memberSecret + `"}}`,
		"another kind":   `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"Cluster","metadata":{"name":"` + member.Name + `"},"spec":{}}`,
		"another member": `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"ClusterCredentials","metadata":{"name":"other"},"spec":{}}`,
	} {
		got := shared.admin.send(t, http.MethodPost, clusters.path(member.Name, "credentials")+"?fieldValidation=Strict", body, "Content-Type", jsonType)
		if got.code < 400 || got.code >= 500 || got.status(t).Message == "" {
			t.Errorf("posting %s gave %d", what, got.code)
		}
		if strings.Contains(got.body, memberSecret) {
			t.Errorf("the refusal of %s shows what was handed in: %s", what, got.body)
		}
	}
	shared.holdsNone(t, member.Name)
}

// TestCredentialsOfTheRightCluster 保证凭据只交给认定的、没有指 Secret 的集群；干跑什么也不留。
func TestCredentialsOfTheRightCluster(t *testing.T) {
	t.Parallel()
	kubeconfig := memberKubeconfig(t, "")
	handIn := func(name string, uid types.UID, dryRun ...string) error {
		in := credentialsOf(kubeconfig)
		in.Name, in.UID = name, uid
		_, err := shared.admin.clusters.CreateCredentials(t.Context(), name, in, metav1.CreateOptions{DryRun: dryRun})
		return err
	}
	if err := handIn(unique("missing"), ""); !apierrors.IsNotFound(err) {
		t.Errorf("a cluster that does not exist gave %v", err)
	}
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	if err := handIn(member.Name, "another"); !apierrors.IsConflict(err) || !strings.Contains(err.Error(), string(member.UID)) {
		t.Errorf("the UID of another cluster gave %v", err)
	}
	if err := handIn(member.Name, member.UID, metav1.DryRunAll); err != nil {
		t.Errorf("a dry run gave %v", err)
	}
	shared.holdsNone(t, member.Name)
	must(t, handIn(member.Name, member.UID))

	pointed := shared.cluster(t, clusterv1alpha1.ClusterSpec{Credentials: &clusterv1alpha1.CredentialsSource{
		KubeconfigSecretRef: &clusterv1alpha1.SecretKeyReference{Namespace: "default", Name: "elsewhere"},
	}})
	isInvalid(t, handIn(pointed.Name, pointed.UID), "spec.kubeconfig", "elsewhere", "the cluster takes its kubeconfig from a Secret")
	shared.holdsNone(t, pointed.Name)
}

// TestCredentialsEndWithTheirCluster 保证重建的同名集群什么也继承不到，而试着删一下不会丢掉凭据。
func TestCredentialsEndWithTheirCluster(t *testing.T) {
	t.Parallel()
	kubeconfig := memberKubeconfig(t, "")
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	version := shared.handIn(t, member.Name, kubeconfig)
	must(t, shared.admin.clusters.Delete(t.Context(), member.Name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}))
	shared.holds(t, member.Name, kubeconfig, version)

	_, err := shared.admin.clusters.Patch(t.Context(), member.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.org/kept"]}}`), metav1.PatchOptions{})
	must(t, err)
	must(t, shared.admin.clusters.Delete(t.Context(), member.Name, metav1.DeleteOptions{}))
	// 还没真正消失：控制器要靠这份凭据去清空成员，失效了也还能换。
	shared.holds(t, member.Name, kubeconfig, version)
	renewed := memberKubeconfig(t, "-renewed")
	shared.holds(t, member.Name, renewed, shared.handIn(t, member.Name, renewed))
	_, err = shared.admin.clusters.Patch(t.Context(), member.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	must(t, err)
	_, err = shared.admin.clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: member.Name}}, metav1.CreateOptions{})
	must(t, err)
	shared.holdsNone(t, member.Name)
	stale := credentialsOf(kubeconfig)
	stale.UID = member.UID
	if _, err := shared.admin.clusters.CreateCredentials(t.Context(), member.Name, stale, metav1.CreateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("credentials meant for the old cluster gave %v", err)
	}
	shared.holdsNone(t, member.Name)
}

// TestCredentialsRace 保证同时交来的凭据各有各的版本，最后公布的版本与存着的内容是一对。
func TestCredentialsRace(t *testing.T) {
	t.Parallel()
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	const writers = 8
	var (
		group sync.WaitGroup
		lock  sync.Mutex
		by    = map[string][]byte{}
	)
	for i := range writers {
		kubeconfig := memberKubeconfig(t, strings.Repeat("x", i))
		group.Go(func() {
			got, err := shared.admin.clusters.CreateCredentials(t.Context(), member.Name, credentialsOf(kubeconfig), metav1.CreateOptions{})
			if err != nil {
				t.Errorf("hand in: %v", err)
				return
			}
			lock.Lock()
			defer lock.Unlock()
			by[got.Status.Version] = kubeconfig
		})
	}
	group.Wait()
	if len(by) != writers {
		t.Errorf("%d writers got %d versions", writers, len(by))
	}
	found, err := shared.admin.clusters.Get(t.Context(), member.Name, metav1.GetOptions{})
	must(t, err)
	shared.holds(t, member.Name, by[found.Status.CredentialsVersion], found.Status.CredentialsVersion)
}

// TestCredentialsAreNotLogged 保证日志与审计开到最细，也看不到交来的与取走的内容。
func TestCredentialsAreNotLogged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	audit, policy := filepath.Join(dir, "audit.log"), filepath.Join(dir, "policy.yaml")
	must(t, os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n"), 0o600))
	p := start(t, harness.PlatformOptions{Args: []string{"--v=10", "--audit-policy-file=" + policy, "--audit-log-path=" + audit}})
	kubeconfig := memberKubeconfig(t, "")
	member := p.cluster(t, clusterv1alpha1.ClusterSpec{Region: ptr.To("region-to-be-found")})
	p.holds(t, member.Name, kubeconfig, p.handIn(t, member.Name, kubeconfig))
	refused := []byte(strings.Replace(string(kubeconfig), "token:", "tokenFile:", 1))
	if _, err := p.admin.clusters.CreateCredentials(t.Context(), member.Name, credentialsOf(refused), metav1.CreateOptions{}); err == nil {
		t.Error("a token file was accepted")
	}
	must(t, p.Stop())
	audited := string(read(t, audit))
	for _, fact := range []string{`"subresource":"credentials"`, "region-to-be-found"} {
		if !strings.Contains(audited, fact) {
			t.Errorf("the audit log does not show %s: this test looks in the wrong place", fact)
		}
	}
	for what, text := range map[string]string{"the audit log": audited, "the server's log": string(read(t, p.LogFile()))} {
		for _, secret := range spellings(kubeconfig, refused) {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the credentials", what)
			}
		}
	}
}

// spellings 是秘密可能现身的写法：原文，与它在文件里的位置上的 base64。
func spellings(files ...[]byte) []string {
	out := []string{memberSecret}
	for _, file := range files {
		encoded := base64.StdEncoding.EncodeToString(file)
		at := strings.Index(string(file), memberSecret) * 4 / 3
		out = append(out, encoded[at:at+20])
	}
	return out
}
