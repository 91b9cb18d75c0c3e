package apiserver

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// modelRule 是 model 组里的一条规则。
func modelRule(resources, verbs []string) v1alpha1.PolicyRule {
	return v1alpha1.PolicyRule{APIGroups: []string{modelv1alpha1.GroupName}, Resources: resources, Verbs: verbs}
}

// newModel 是一份合格的模型；change 改掉其中一处。
func newModel(change func(*modelv1alpha1.ModelSpec)) *modelv1alpha1.Model {
	m := &modelv1alpha1.Model{ObjectMeta: metav1.ObjectMeta{Name: unique("chat"), Namespace: metav1.NamespaceDefault}, Spec: modelv1alpha1.ModelSpec{
		Source: modelv1alpha1.ModelSource{HuggingFace: &modelv1alpha1.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}},
		Engine: modelv1alpha1.Engine{Type: modelv1alpha1.EngineVLLM},
	}}
	if change != nil {
		change(&m.Spec)
	}
	return m
}

// model 由管理员建一个模型。
func (p *platform) model(t testing.TB, change func(*modelv1alpha1.ModelSpec)) *modelv1alpha1.Model {
	t.Helper()
	created, err := p.admin.models.Create(t.Context(), newModel(change), metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create a model: %v", err)
	}
	return created
}

// TestInvalidModels 保证坏的模型得到指名字段、说明原因的 422，且什么也没存下。
func TestInvalidModels(t *testing.T) {
	t.Parallel()
	type (
		object = map[string]any
		list   = []any
	)
	replicas := func(n int64) object { return object{"replicas": n} }
	for name, tc := range map[string]struct {
		reason string
		spec   object
		field  string
		says   string
	}{
		"TwoSources": {"which of them?",
			object{"source": object{"pvc": object{"claimName": "models"}}}, "spec.source", "exactly one"},
		"NoSource": {"from where?",
			object{"source": object{"huggingFace": nil}}, "spec.source", "exactly one"},
		"LlamaCppKServe": {"KServe does not run it",
			object{"source": object{"huggingFace": object{"file": "a.gguf"}}, "engine": object{"type": "LlamaCpp", "delivery": "KServe"}}, "spec.engine.delivery", "Deployment"},
		"RWOSpread": {"the second replica would wait for good",
			object{"cache": object{"size": "1Gi", "accessMode": "ReadWriteOnce"}, "scaling": replicas(2)}, "spec.cache.accessMode", "ReadWriteMany"},
		"CollidingArgs": {"the platform would look elsewhere",
			object{"engine": object{"args": list{"--port=9000"}}}, "spec.engine.args[0]", "--port"},
		"CollidingEnv": {"the platform sets it",
			object{"engine": object{"env": list{object{"name": "HF_TOKEN", "value": "x"}}}}, "spec.engine.env[0].name", "HF_TOKEN"},
		"NegativeReplicas": {"less than none",
			object{"scaling": replicas(-1)}, "spec.scaling.replicas", "between 0 and 1000"},
		"NamesAndSelector": {"which of them?",
			object{"placement": object{"clusterNames": list{"a"}, "clusterSelector": object{"matchLabels": object{"a": "b"}}}}, "spec.placement.clusterSelector", "not by both"},
		"SelectorMalformed": {"no label is called that",
			object{"placement": object{"clusterSelector": object{"matchLabels": object{"a b": "c"}}}}, "spec.placement.clusterSelector", "a b"},
		"NeverReplaced": {"no replica could go or come",
			object{"rollout": object{"maxSurge": int64(0), "maxUnavailable": int64(0)}}, "spec.rollout.maxUnavailable", "replaced"},
		"UpsideDown": {"no number is between",
			object{"scaling": object{"replicas": nil, "autoscaling": object{"minReplicas": int64(3), "maxReplicas": int64(2)}}}, "spec.scaling.autoscaling.minReplicas", "maxReplicas"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := models.object(unique("invalid"))
			overlay(obj.Object, map[string]any{"spec": tc.spec})
			for _, dryRun := range [][]string{{metav1.DryRunAll}, nil} {
				_, err := models.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{DryRun: dryRun})
				isInvalid(t, err, tc.field, tc.says, tc.reason)
			}
			absent(t, shared, models, obj.GetName())
			before := models.create(t, shared, unique("valid"))
			patch := encode(t, map[string]any{"spec": tc.spec})
			_, err := models.client(shared.admin).Patch(t.Context(), before.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			isInvalid(t, err, tc.field, tc.says, tc.reason)
			unchanged(t, shared, models, before)
		})
	}
}

// TestModelImmutables 保证换不得的换不了，干跑时就说。
func TestModelImmutables(t *testing.T) {
	t.Parallel()
	before := models.create(t, shared, unique("immutable"))
	for field, patch := range map[string]string{
		"spec.engine.type":     `{"spec":{"engine":{"type":"SGLang"}}}`,
		"spec.engine.delivery": `{"spec":{"engine":{"delivery":"KServe"}}}`,
		"spec.servedName":      `{"spec":{"servedName":"other"}}`,
	} {
		for _, dryRun := range [][]string{{metav1.DryRunAll}, nil} {
			_, err := models.client(shared.admin).Patch(t.Context(), before.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{DryRun: dryRun})
			isInvalid(t, err, field, "immutable", "it is another model then")
			if !strings.Contains(errText(err), "delete") {
				t.Errorf("the message does not say what to do: %v", err)
			}
		}
	}
	unchanged(t, shared, models, before)
}

// TestModelAccepts 保证此刻还满足不了的也收下：有没有那种卡、选不选得中集群，由条件去说。
func TestModelAccepts(t *testing.T) {
	t.Parallel()
	for reason, change := range map[string]func(*modelv1alpha1.ModelSpec){
		"no cluster has such accelerators yet": func(s *modelv1alpha1.ModelSpec) {
			s.Resources = &modelv1alpha1.Resources{Accelerator: &modelv1alpha1.AcceleratorRequest{Products: []string{"NVIDIA-X9000"}}}
		},
		"the selector matches no cluster yet": func(s *modelv1alpha1.ModelSpec) {
			s.Placement = &modelv1alpha1.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"no": "such"}}}
		},
		"the named cluster does not exist yet": func(s *modelv1alpha1.ModelSpec) {
			s.Placement = &modelv1alpha1.Placement{ClusterNames: []string{"not-yet"}}
		},
	} {
		if _, err := shared.admin.models.Create(t.Context(), newModel(change), metav1.CreateOptions{}); err != nil {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

// TestModelNeedsItsNamespace 保证命名空间不存在时什么也建不进去。
func TestModelNeedsItsNamespace(t *testing.T) {
	t.Parallel()
	obj := models.object("nowhere")
	obj.SetNamespace("not-there")
	_, err := shared.admin.dynamic.Resource(models.resource()).Namespace("not-there").Create(t.Context(), obj, metav1.CreateOptions{})
	if !apierrors.IsNotFound(err) || !strings.Contains(errText(err), "not-there") {
		t.Errorf("creating in a namespace that does not exist gave %v", err)
	}
}

// TestRemovedAcceleratorIsGone 保证用服务端应用去掉卡就真的没有卡了：默认值不能替人留着一张。
func TestRemovedAcceleratorIsGone(t *testing.T) {
	t.Parallel()
	name := unique("removed")
	manifest := func(resources string) string {
		return "apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata: {name: " + name + ", namespace: default}\nspec:\n  source: {huggingFace: {repo: a/b}}\n  engine: {type: VLLM}\n  resources: " + resources + "\n"
	}
	kubectl(t, manifest(`{cpu: "1", accelerator: {count: 2}}`), "apply", "--server-side", "-f", "-")
	kubectl(t, manifest(`{cpu: "1"}`), "apply", "--server-side", "-f", "-")
	found, err := shared.admin.models.Get(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	if found.Spec.Resources.Accelerator != nil {
		t.Errorf("after its removal the accelerator is %+v", found.Spec.Resources.Accelerator)
	}
}

// TestScale 保证 kubectl scale 改得了副本数，记得下是谁改的，用着自动伸缩时说得出为什么不行。
func TestScale(t *testing.T) {
	t.Parallel()
	m := shared.model(t, nil)
	_, err := shared.controller(t).models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(`{"status":{"replicas":4,"selector":"a=b"}}`), metav1.PatchOptions{}, "status")
	must(t, err)
	contains(t, "kubectl scale", kubectl(t, "", "scale", "model", m.Name, "--replicas=3"), "scaled")
	found, err := shared.admin.models.Get(t.Context(), m.Name, metav1.GetOptions{})
	must(t, err)
	if *found.Spec.Scaling.Replicas != 3 || found.Generation != 2 {
		t.Errorf("after scaling: %d replicas, generation %d", *found.Spec.Scaling.Replicas, found.Generation)
	}
	scale, err := shared.admin.models.GetScale(t.Context(), m.Name, metav1.GetOptions{})
	must(t, err)
	if scale.Spec.Replicas != 3 || scale.Status.Replicas != 4 || scale.Status.Selector != "a=b" || scale.UID != m.UID {
		t.Errorf("the scale is %+v", scale)
	}
	table := strings.Fields(kubectl(t, "", "get", "model", m.Name, "--subresource=scale"))
	if want := []string{"NAME", "DESIRED", "AVAILABLE", "AGE", m.Name, "3", "4"}; len(table) < len(want) || !slices.Equal(table[:len(want)], want) {
		t.Errorf("kubectl get --subresource=scale prints %v", table)
	}
	if _, err := harness.Kubectl(t.Context(), shared.Kubeconfig, "", "scale", "model", m.Name, "--replicas=5", "--current-replicas=2"); err == nil {
		t.Error("kubectl scale ignored --current-replicas")
	}
	stale := scale.DeepCopy()
	stale.ResourceVersion, stale.Spec.Replicas = m.ResourceVersion, 7
	if _, err := shared.admin.models.UpdateScale(t.Context(), m.Name, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("scaling by an old version gave %v", err)
	}
	recreated := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, UID: "another"}, Spec: autoscalingv1.ScaleSpec{Replicas: 7}}
	if _, err := shared.admin.models.UpdateScale(t.Context(), m.Name, recreated, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("scaling another model of the same name gave %v", err)
	}
	_, err = shared.admin.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(`{"spec":{"replicas":-1}}`), metav1.PatchOptions{}, "scale")
	isInvalid(t, err, "spec.scaling.replicas", "between 0 and 1000", "less than none")

	_, err = shared.admin.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(`{"spec":{"scaling":{"replicas":null,"autoscaling":{"maxReplicas":4}}}}`), metav1.PatchOptions{})
	must(t, err)
	_, err = harness.Kubectl(t.Context(), shared.Kubeconfig, "", "scale", "model", m.Name, "--replicas=2")
	if err == nil || !strings.Contains(err.Error(), "autoscaling") {
		t.Errorf("scaling by hand with autoscaling gave %v", err)
	}
}

// TestScaleOwnership 保证 kubectl scale 之后，仍写着旧副本数的 apply 看得出冲突，别的字段照旧归它。
func TestScaleOwnership(t *testing.T) {
	t.Parallel()
	name := unique("owned")
	manifest := "apiVersion: model.kubellm.io/v1alpha1\nkind: Model\nmetadata: {name: " + name + ", namespace: default}\nspec:\n  source: {huggingFace: {repo: a/b}}\n  engine: {type: VLLM}\n  scaling: {replicas: 2}\n"
	kubectl(t, manifest, "apply", "--server-side", "-f", "-")
	kubectl(t, "", "scale", "model", name, "--replicas=3")
	_, err := harness.Kubectl(t.Context(), shared.Kubeconfig, manifest, "apply", "--server-side", "-f", "-")
	if err == nil || !strings.Contains(err.Error(), ".spec.scaling.replicas") || strings.Contains(err.Error(), ".spec.source") {
		t.Errorf("applying after kubectl scale gave %v", err)
	}
	without := strings.ReplaceAll(manifest, "  scaling: {replicas: 2}\n", "")
	kubectl(t, without, "apply", "--server-side", "-f", "-")
	found, err := shared.admin.models.Get(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	if *found.Spec.Scaling.Replicas != 3 {
		t.Errorf("an apply that leaves the replicas out set them to %d", *found.Spec.Scaling.Replicas)
	}
}

// TestScaleIsARightOfItsOwn 保证只管伸缩的人改不了别的，也不必能读 Secret。
func TestScaleIsARightOfItsOwn(t *testing.T) {
	t.Parallel()
	m := shared.model(t, func(s *modelv1alpha1.ModelSpec) {
		s.Source.HuggingFace.TokenSecretRef = &modelv1alpha1.SecretKeyReference{Name: "hf", Key: "token"}
	})
	scaler, _ := shared.limited(t, modelRule([]string{"models/scale"}, []string{"get", "update", "patch"}))
	scale, err := scaler.models.GetScale(t.Context(), m.Name, metav1.GetOptions{})
	must(t, err)
	scale.Spec.Replicas = 2
	_, err = scaler.models.UpdateScale(t.Context(), m.Name, scale, metav1.UpdateOptions{})
	must(t, err)
	if _, err := scaler.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(`{"spec":{"scaling":{"replicas":3}}}`), metav1.PatchOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("changing the model itself gave %v", err)
	}
}

// TestModelSecretNeedsItsReader 保证没有读某个 Secret 权利的人，既不能让模型用它，也不能改它的去向。
func TestModelSecretNeedsItsReader(t *testing.T) {
	t.Parallel()
	editor, name := shared.limited(t, modelRule([]string{"models"}, []string{"get", "create", "update", "patch"}))
	withToken := func(s *modelv1alpha1.ModelSpec) {
		s.Source.HuggingFace.TokenSecretRef = &modelv1alpha1.SecretKeyReference{Name: "hf-secret", Key: "token"}
	}
	refused := func(what string, err error) {
		t.Helper()
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s gave %v", what, err)
		}
		for _, fact := range []string{name, "get", `"hf-secret"`, `"default"`, "tokenSecretRef"} {
			if !strings.Contains(errText(err), fact) {
				t.Errorf("%s: the refusal does not say %s: %v", what, fact, err)
			}
		}
	}
	_, err := editor.models.Create(t.Context(), newModel(withToken), metav1.CreateOptions{})
	refused("creating", err)
	m := shared.model(t, withToken)
	for what, patch := range map[string]string{
		"another image": `{"spec":{"engine":{"image":"mine:1"}}}`,
		"another repo":  `{"spec":{"source":{"huggingFace":{"repo":"mine/model"}}}}`,
		"arguments":     `{"spec":{"engine":{"args":["--enforce-eager"]}}}`,
	} {
		_, err := editor.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		refused(what, err)
	}
	for what, patch := range map[string]string{
		"replicas": `{"spec":{"scaling":{"replicas":2}}}`, "a label": `{"metadata":{"labels":{"a":"b"}}}`,
		"no Secret": `{"spec":{"source":{"huggingFace":{"tokenSecretRef":null}}}}`,
	} {
		if _, err := editor.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
			t.Errorf("%s needs no right to the Secret, but gave %v", what, err)
		}
	}
}

// TestModelsByKubectl 保证 kubectl get models 看得出在哪里、好了几个，也找得出放在某个集群上的模型。
func TestModelsByKubectl(t *testing.T) {
	t.Parallel()
	m := shared.model(t, func(s *modelv1alpha1.ModelSpec) {
		s.Scaling, s.Placement = &modelv1alpha1.Scaling{Replicas: ptr.To[int32](2)}, &modelv1alpha1.Placement{Clusters: ptr.To[int32](2)}
	})
	on := unique("gpu")
	m.Status = modelv1alpha1.ModelStatus{
		Endpoint: "http://chat.example.org", ReadyReplicas: 1,
		Placements: []modelv1alpha1.ModelPlacement{{Cluster: on, Replicas: 2, Product: "NVIDIA-H100"}, {Cluster: on + "-b", Replicas: 2}},
		Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Loading", LastTransitionTime: metav1.Now()}},
		Plan:       &modelv1alpha1.Plan{Time: metav1.Now(), Message: "a lie"},
	}
	stored, err := shared.controller(t).models.UpdateStatus(t.Context(), m, metav1.UpdateOptions{})
	must(t, err)
	if stored.Status.Plan != nil {
		t.Error("a plan was stored")
	}
	contains(t, "kubectl get", kubectl(t, "", "get", "models", m.Name), "ENGINE", "READY", "REPLICAS", "CLUSTERS", "ENDPOINT", "AGE", "VLLM", "False", "1/4", on+","+on+"-b", "http://chat.example.org")
	contains(t, "kubectl get -o wide", kubectl(t, "", "get", "mdl", m.Name, "-o", "wide"), "SOURCE", "PRODUCT", "REASON", "hf://Qwen/Qwen3-8B", "NVIDIA-H100", "Loading")
	for _, selector := range []string{"status.placements.cluster=" + on, "status.placements.cluster=" + on + "-b", "spec.engine.type=VLLM,status.placements.cluster=" + on} {
		if out := kubectl(t, "", "get", "models", "-A", "--field-selector", selector, "-o", "name"); strings.TrimSpace(out) != "model.model.kubellm.io/"+m.Name {
			t.Errorf("selecting %s found %q", selector, out)
		}
	}
	for _, selector := range []string{"status.placements.cluster=" + on + "-c", "metadata.name=" + m.Name + ",status.placements.cluster!=" + on} {
		if out := kubectl(t, "", "get", "models", "-A", "--field-selector", selector, "-o", "name"); strings.TrimSpace(out) != "" {
			t.Errorf("selecting %s found %q", selector, out)
		}
	}
}

// TestModelsOfACluster 保证按集群选模型走索引：只取出放在那里的，不扫全部；一处也没放的用空值选，跟随的人看得到它放上去。
func TestModelsOfACluster(t *testing.T) {
	t.Parallel()
	on, team := unique("gpu"), unique("team")
	labelled := func() *modelv1alpha1.Model {
		m := newModel(nil)
		m.Labels = map[string]string{"team": team}
		created, err := shared.admin.models.Create(t.Context(), m, metav1.CreateOptions{})
		must(t, err)
		return created
	}
	selected := func(cluster string) string {
		return kubectl(t, "", "get", "models", "-A", "-l", "team="+team, "--field-selector", "status.placements.cluster="+cluster, "-o", "name")
	}
	placed, waiting := labelled(), labelled()
	following := openWatch(t, shared.admin, models, metav1.ListOptions{FieldSelector: "status.placements.cluster=" + on})
	placed.Status.Placements = []modelv1alpha1.ModelPlacement{{Cluster: on + "-a", Replicas: 1}, {Cluster: on, Replicas: 1}}
	_, err := shared.controller(t).models.UpdateStatus(t.Context(), placed, metav1.UpdateOptions{})
	must(t, err)
	following.expect("ADDED " + placed.Name)
	if got := strings.TrimSpace(selected(on)); got != "model.model.kubellm.io/"+placed.Name {
		t.Errorf("on %s there is %q", on, got)
	}
	if got := strings.TrimSpace(selected("")); got != "model.model.kubellm.io/"+waiting.Name {
		t.Errorf("placed nowhere is %q", got)
	}
	metrics := shared.admin.send(t, http.MethodGet, "/metrics", "")
	if !strings.Contains(metrics.body, `apiserver_cache_list_total{group="model.kubellm.io",index="f:status.placements.cluster",resource="models"}`) {
		t.Error("no list was answered from the index")
	}
}

// TestModelCredentials 保证令牌交得了，只有控制器取得回，不合来源的不收，删了模型也就没了。
func TestModelCredentials(t *testing.T) {
	t.Parallel()
	m := shared.model(t, nil)
	of := func(data map[string]string) *modelv1alpha1.ModelCredentials {
		in := &modelv1alpha1.ModelCredentials{Spec: modelv1alpha1.ModelCredentialsSpec{Data: map[string][]byte{}}}
		for key, value := range data {
			in.Spec.Data[key] = []byte(value)
		}
		return in
	}
	const token = "hf_t0ken-nobody-may-see"
	_, err := shared.admin.models.CreateCredentials(t.Context(), m.Name, of(map[string]string{"accessKeyID": token}), metav1.CreateOptions{})
	isInvalid(t, err, "spec.data[accessKeyID]", "token", "the Hub takes no keys")
	if strings.Contains(errText(err), token) {
		t.Error("the refusal repeats the credentials")
	}
	controller := shared.controller(t).models
	if _, err := controller.GetCredentials(t.Context(), m.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("nothing was kept, but the controller got %v", err)
	}
	got, err := shared.admin.models.CreateCredentials(t.Context(), m.Name, of(map[string]string{"token": token}), metav1.CreateOptions{})
	must(t, err)
	if len(got.Spec.Data) != 0 || got.Status.Version == "" || got.Name != m.Name || got.Namespace != m.Namespace || got.UID != m.UID {
		t.Errorf("the answer is %+v", got)
	}
	kept, err := controller.GetCredentials(t.Context(), m.Name, metav1.GetOptions{})
	must(t, err)
	if string(kept.Spec.Data["token"]) != token || kept.Status.Version != got.Status.Version {
		t.Errorf("the controller got version %q, want %q", kept.Status.Version, got.Status.Version)
	}
	found, err := shared.admin.models.Get(t.Context(), m.Name, metav1.GetOptions{})
	must(t, err)
	if found.Status.CredentialsVersion != got.Status.Version || found.Generation != m.Generation {
		t.Errorf("the model shows version %q in generation %d", found.Status.CredentialsVersion, found.Generation)
	}
	if answer := shared.admin.send(t, http.MethodGet, models.path(m.Name, "credentials"), ""); answer.code != http.StatusForbidden || strings.Contains(answer.body, "hf_") {
		t.Errorf("the administrator reads them: %d", answer.code)
	}
	must(t, shared.admin.models.Delete(t.Context(), m.Name, metav1.DeleteOptions{}))
	again := newModel(nil)
	again.Name = m.Name
	_, err = shared.admin.models.Create(t.Context(), again, metav1.CreateOptions{})
	must(t, err)
	if _, err := controller.GetCredentials(t.Context(), m.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a model of the same name inherited them: %v", err)
	}
	stale := of(map[string]string{"token": token})
	stale.UID = m.UID
	if _, err := shared.admin.models.CreateCredentials(t.Context(), m.Name, stale, metav1.CreateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("credentials for the deleted model gave %v", err)
	}
}

// TestModelDefaults 保证没写的都写明了，而换写法的人不必去掉他没写过的。
func TestModelDefaults(t *testing.T) {
	t.Parallel()
	m := shared.model(t, nil)
	spec := m.Spec
	if *spec.Engine.Delivery != "Deployment" || *spec.Scaling.Replicas != 1 || *spec.Placement.Clusters != 1 || *spec.StartupTimeoutSeconds != 3600 ||
		*spec.Rollout.MaxSurge != 0 || *spec.Rollout.MaxUnavailable != 1 || *spec.Suspended || *spec.DeletionPolicy != "Delete" || spec.Resources.SharedMemory.String() != "1Gi" {
		t.Errorf("spec: %+v", spec)
	}
	patched, err := shared.admin.models.Patch(t.Context(), m.Name, types.MergePatchType, []byte(`{"spec":{"scaling":{"autoscaling":{"maxReplicas":3}},"rollout":{"type":"Recreate"}}}`), metav1.PatchOptions{})
	must(t, err)
	if patched.Spec.Scaling.Replicas != nil || patched.Spec.Rollout.MaxSurge != nil || ptr.Deref(patched.Spec.Scaling.Autoscaling.MinReplicas, 0) != 1 {
		t.Errorf("spec: %+v", patched.Spec)
	}
	var status apierrors.APIStatus
	long := newModel(nil)
	long.Name = strings.Repeat("a", 41)
	_, err = shared.admin.models.Create(t.Context(), long, metav1.CreateOptions{})
	if !errors.As(err, &status) || !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "40 characters") {
		t.Errorf("a name of 41 characters gave %v", err)
	}
}
