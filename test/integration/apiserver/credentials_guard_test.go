package apiserver

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

var everyVerbButCreate = []string{"get", "list", "update", "patch", "delete"}

// diversions 是能让别的程序或别的地址拿到令牌的改动，与拒绝时要点名的字段。
var diversions = map[string]map[string]any{
	"spec.engine.image":           {"engine": map[string]any{"image": "mine:1"}},
	"spec.engine.args":            {"engine": map[string]any{"args": []any{"--enforce-eager"}}},
	"spec.engine.env":             {"engine": map[string]any{"env": []any{map[string]any{"name": "HF_ENDPOINT", "value": "https://mine.example.org"}}}},
	"spec.source":                 {"source": map[string]any{"huggingFace": map[string]any{"repo": "mine/model"}}},
	"spec.placement.clusterNames": {"placement": map[string]any{"clusterNames": []any{"mine"}}},
	"spec.adapters":               {"adapters": []any{map[string]any{"name": "mine", "source": map[string]any{"huggingFace": map[string]any{"repo": "mine/adapter"}}}}},
}

// harmless 是不改变令牌去向的改动：只管伸缩的人不必拿得到它。
var harmless = map[string]map[string]any{
	"replicas":  {"spec": map[string]any{"scaling": map[string]any{"replicas": int64(2)}}},
	"failover":  {"spec": map[string]any{"placement": map[string]any{"failover": map[string]any{"afterSeconds": int64(60)}}}},
	"resources": {"spec": map[string]any{"resources": map[string]any{"cpu": "2"}}},
	"suspended": {"spec": map[string]any{"suspended": true}},
	"label":     labels("team", "search"),
}

// token 由管理员交给模型一份令牌。
func (p *platform) token(t *testing.T, name string) {
	t.Helper()
	in := &modelv1alpha1.ModelCredentials{Spec: modelv1alpha1.ModelCredentialsSpec{Data: map[string][]byte{"token": []byte("hf_of-the-admin")}}}
	_, err := p.admin.models.CreateCredentials(t.Context(), name, in, metav1.CreateOptions{})
	must(t, err)
}

// isWithheld 断言一次改动因缺权限被拒，话里说得出缺什么、对什么。
func isWithheld(t *testing.T, what string, err error, facts ...string) {
	t.Helper()
	if strings.Contains(errText(err), "Apply failed") { // 不强制的应用先碰上字段冲突。
		return
	}
	if !apierrors.IsForbidden(err) {
		t.Errorf("%s gave %v, want it forbidden", what, err)
	}
	for _, fact := range facts {
		if !strings.Contains(errText(err), fact) {
			t.Errorf("%s: the refusal does not say %s: %v", what, fact, err)
		}
	}
}

// TestHandedInTokenIsNotDiverted 保证不能交令牌的人，也不能换上自己的程序、参数、环境或来源把交来的令牌骗到手；
// 别的改动照旧；哪一种写法都一样。
func TestHandedInTokenIsNotDiverted(t *testing.T) {
	t.Parallel()
	editor, name := shared.limited(t, modelRule([]string{"models", "models/status", "models/scale"}, everyVerbButCreate))
	before := models.create(t, shared, unique("holder"))
	shared.token(t, before.GetName())
	before = models.get(t, shared, before.GetName())
	for field, spec := range diversions {
		t.Run(field, func(t *testing.T) {
			eachWay(t, func(t *testing.T, do way) {
				for _, dryRun := range []bool{true, false} {
					_, err := do(t.Context(), write{p: shared, as: editor, kind: models, name: before.GetName(), patch: map[string]any{"spec": spec}, dryRun: dryRun})
					isWithheld(t, "changing "+field, err, name, field, `"create"`, "models/credentials", before.GetName(), `"default"`)
				}
				// 绕道 /status 与 /scale 也写不进去。
				for _, subresource := range []string{"status", "scale"} {
					_, _ = do(t.Context(), write{p: shared, as: editor, kind: models, name: before.GetName(), patch: map[string]any{"spec": spec}, subresource: subresource, dryRun: subresource == "scale"})
				}
				unchanged(t, shared, models, before)
			})
		})
	}
	for what, patch := range harmless {
		eachWay(t, func(t *testing.T, do way) {
			if _, err := do(t.Context(), write{p: shared, as: editor, kind: models, name: before.GetName(), patch: patch, dryRun: true}); err != nil && !strings.Contains(err.Error(), "Apply failed") {
				t.Errorf("changing the %s needs no right to the token, but gave %v", what, err)
			}
		})
	}
	giver, _ := shared.limited(t, modelRule([]string{"models"}, everyVerbButCreate),
		v1alpha1.PolicyRule{APIGroups: []string{modelv1alpha1.GroupName}, Resources: []string{"models/credentials"}, Verbs: []string{"create"}, ResourceNames: []string{before.GetName()}})
	for field, spec := range diversions {
		if _, err := mergePatch(t.Context(), write{p: shared, as: giver, kind: models, name: before.GetName(), patch: map[string]any{"spec": spec}}); err != nil {
			t.Errorf("who may hand the token in may change %s, but got %v", field, err)
		}
	}
}

// TestNamedSecretIsNotDiverted 点名的 Secret 也一样：缺的是读它的权利。
func TestNamedSecretIsNotDiverted(t *testing.T) {
	t.Parallel()
	// 能交令牌不等于能读这个 Secret。
	editor, name := shared.limited(t, modelRule([]string{"models"}, everyVerbButCreate), modelRule([]string{"models/credentials"}, []string{"create"}))
	obj := models.object(unique("namer"))
	overlay(obj.Object, map[string]any{"spec": map[string]any{"source": map[string]any{"huggingFace": map[string]any{"tokenSecretRef": map[string]any{"name": "hf-secret", "key": "token"}}}}})
	before, err := models.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{})
	must(t, err)
	for field, spec := range diversions {
		eachWay(t, func(t *testing.T, do way) {
			_, err := do(t.Context(), write{p: shared, as: editor, kind: models, name: before.GetName(), patch: map[string]any{"spec": spec}})
			isWithheld(t, "changing "+field, err, name, field, `"get"`, "secrets", `"hf-secret"`, `"default"`, "tokenSecretRef")
			unchanged(t, shared, models, before)
		})
	}
	reader, _ := shared.limited(t, modelRule([]string{"models"}, everyVerbButCreate),
		v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"hf-secret"}})
	for field, spec := range diversions {
		if _, err := mergePatch(t.Context(), write{p: shared, as: reader, kind: models, name: before.GetName(), patch: map[string]any{"spec": spec}}); err != nil {
			t.Errorf("who may read the Secret may change %s, but got %v", field, err)
		}
	}
}

// TestCredentialsVersionIsNotForged 保证写状态的人冒充不了交凭据：改成空的能躲过上面的检查，改成别的能让控制器去取。
// 控制器自己也改不了它，所以用旧的读数写状态也退不回去。
func TestCredentialsVersionIsNotForged(t *testing.T) {
	t.Parallel()
	writer, _ := shared.limited(t, modelRule([]string{"models", "models/status"}, everyVerbButCreate), clusterRule([]string{"clusters", "clusters/status"}, everyVerbButCreate))
	model := models.create(t, shared, unique("versioned"))
	cluster := clusters.create(t, shared, unique("versioned"))
	shared.token(t, model.GetName())
	shared.handIn(t, cluster.GetName(), memberKubeconfig(t, ""))
	for _, of := range []struct {
		kind    kind
		targets []string
	}{
		{models, []string{model.GetName(), models.create(t, shared, unique("empty")).GetName()}},
		{clusters, []string{cluster.GetName(), clusters.create(t, shared, unique("empty")).GetName()}},
	} {
		k := of.kind
		for who, as := range map[string]*client{"a writer of status": writer, "a superuser": shared.admin, "the controller": shared.controller(t)} {
			eachWay(t, func(t *testing.T, do way) {
				for _, target := range of.targets {
					want := k.get(t, shared, target).Object["status"]
					for _, forged := range []any{"forged", "", nil} {
						patch := map[string]any{"status": map[string]any{"credentialsVersion": forged}}
						got, err := do(t.Context(), write{p: shared, as: as, kind: k, name: target, subresource: "status", patch: patch})
						if err != nil {
							t.Errorf("%s writing the status of a %s: %v", who, k.singular, err)
							continue
						}
						if is := fmt.Sprint(versionIn(got.Object["status"])); is != fmt.Sprint(versionIn(want)) {
							t.Errorf("%s made the version of a %s %q, was %q", who, k.singular, is, versionIn(want))
						}
						for _, entry := range got.GetManagedFields() {
							if strings.Contains(entry.FieldsV1.GetRawString(), "f:credentialsVersion") {
								t.Errorf("%s owns the version of a %s as %s", who, k.singular, entry.Manager)
							}
						}
					}
				}
			})
		}
	}
	_, err := mergePatch(t.Context(), write{p: shared, as: writer, kind: models, name: model.GetName(), patch: map[string]any{"spec": diversions["spec.engine.image"]}})
	isWithheld(t, "changing the image afterwards", err, "models/credentials")
}

func versionIn(status any) any {
	fields, _ := status.(map[string]any)
	return fields["credentialsVersion"]
}

// TestVerificationIsNotSwitchedOff 保证拿不到集群凭据的人，不能关掉证书校验，让站在中间的人拿到它。
func TestVerificationIsNotSwitchedOff(t *testing.T) {
	t.Parallel()
	editor, name := shared.limited(t, clusterRule([]string{"clusters"}, everyVerbButCreate))
	handed := clusters.create(t, shared, unique("handed"))
	shared.handIn(t, handed.GetName(), memberKubeconfig(t, ""))
	named := shared.cluster(t, clusterv1alpha1.ClusterSpec{Credentials: &clusterv1alpha1.CredentialsSource{
		KubeconfigSecretRef: &clusterv1alpha1.SecretKeyReference{Namespace: "default", Name: "member-secret"},
	}})
	off := map[string]any{"spec": map[string]any{"credentials": map[string]any{"insecureSkipTLSVerify": true}}}
	for target, facts := range map[string][]string{
		handed.GetName(): {`"create"`, "clusters/credentials", handed.GetName()},
		named.Name:       {`"get"`, "secrets", `"member-secret"`, `"default"`},
	} {
		before := clusters.get(t, shared, target)
		eachWay(t, func(t *testing.T, do way) {
			_, err := do(t.Context(), write{p: shared, as: editor, kind: clusters, name: target, patch: off})
			isWithheld(t, "switching verification off", err, append(facts, name, "insecureSkipTLSVerify")...)
			unchanged(t, shared, clusters, before)
		})
		for what, patch := range map[string]map[string]any{"region": clusters.change("eu"), "label": labels("a", "b")} {
			if _, err := mergePatch(t.Context(), write{p: shared, as: editor, kind: clusters, name: target, patch: patch}); err != nil {
				t.Errorf("changing the %s needs no right to the credentials, but gave %v", what, err)
			}
		}
	}
	empty := shared.cluster(t, clusterv1alpha1.ClusterSpec{})
	if _, err := mergePatch(t.Context(), write{p: shared, as: editor, kind: clusters, name: empty.Name, patch: off}); err != nil {
		t.Errorf("a cluster without credentials has none to lose, but got %v", err)
	}
	giver, _ := shared.limited(t, clusterRule([]string{"clusters"}, everyVerbButCreate), clusterRule([]string{"clusters/credentials"}, []string{"create"}, handed.GetName()))
	if _, err := mergePatch(t.Context(), write{p: shared, as: giver, kind: clusters, name: handed.GetName(), patch: off}); err != nil {
		t.Errorf("who may hand the kubeconfig in may, but got %v", err)
	}
}

// TestCredentialsByCanI 保证 kubectl auth can-i 不答应做不成的事：读回交来的凭据，扮成能读它的控制器。
func TestCredentialsByCanI(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason string
		args   []string
		want   string
	}{
		{"credentials are not given back, whatever a role allows", []string{"get", "models.model.kubellm.io", "--subresource=credentials", "-n", "default"}, "no"},
		{"nor those of a cluster", []string{"get", "clusters.cluster.kubellm.io", "--subresource=credentials"}, "no"},
		{"they are handed in", []string{"create", "models.model.kubellm.io", "--subresource=credentials", "-n", "default"}, "yes"},
		{"the controller is lent to nobody", []string{"impersonate", "users/system:kubellm-controller"}, "no"},
		{"others are lent", []string{"impersonate", "users/ada"}, "yes"},
	} {
		out, err := harness.Kubectl(t.Context(), shared.Kubeconfig, "", append([]string{"auth", "can-i"}, tc.args...)...)
		if answer := strings.TrimSpace(strings.SplitN(out+"\n", "\n", 2)[0]); !strings.HasPrefix(answer, tc.want) || (err == nil) != (tc.want == "yes") {
			t.Errorf("%s: kubectl auth can-i %v gave %q, %v", tc.reason, tc.args, out, err)
		}
	}
	m := shared.model(t, nil)
	shared.token(t, m.Name)
	for _, as := range [][]string{nil, {"--as=system:kubellm-controller"}, {"--as=system:kubellm-controller", "--as-group=system:masters"}} {
		out, err := harness.Kubectl(t.Context(), shared.Kubeconfig, "", append([]string{"get", "--raw", models.path(m.Name, "credentials")}, as...)...)
		if err == nil || !strings.Contains(err.Error(), "orbidden") || strings.Contains(out+err.Error(), "hf_of") {
			t.Errorf("reading the token %v gave %q, %v", as, out, err)
		}
	}
	got, err := shared.controller(t).models.GetCredentials(t.Context(), m.Name, metav1.GetOptions{})
	if err != nil || string(got.Spec.Data["token"]) != "hf_of-the-admin" {
		t.Errorf("the controller got %v, %v", ptr.Deref(got, modelv1alpha1.ModelCredentials{}).Status, err)
	}
}
