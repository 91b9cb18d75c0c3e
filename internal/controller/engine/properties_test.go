package engine

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

func render(t *testing.T, in Input) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Render(in)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*unstructured.Unstructured, len(objects))
	for i, object := range objects {
		out[i] = object.(*unstructured.Unstructured)
	}
	return out
}

func ofKind(objects []*unstructured.Unstructured, kind string) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetKind() == kind {
			return object
		}
	}
	return nil
}

// strs 收集一个值里的全部字符串。
func strs(value any) []string {
	var out []string
	switch v := value.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, item := range v {
			out = append(out, strs(item)...)
		}
	case map[string]any:
		for _, item := range v {
			out = append(out, strs(item)...)
		}
	}
	return out
}

// TestRenderingIsDeterministic 同样的输入、列表换个次序的输入，都是同一份：否则副本会无故重启。
func TestRenderingIsDeterministic(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		first, err := Manifests(in)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(in.Model.Spec.Adapters)
		slices.Reverse(in.Model.Spec.Engine.Env)
		if a := in.Model.Spec.Resources; a != nil && a.Accelerator != nil {
			slices.Reverse(a.Accelerator.Products)
		}
		for range 5 {
			again, err := Manifests(in)
			if err != nil {
				t.Fatal(err)
			}
			if again != first {
				t.Fatalf("rendered differently:\n%s\nthen\n%s", first, again)
			}
		}
	})
}

func TestRenderingLeavesItsInputAlone(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		before := in.Model.DeepCopy()
		render(t, in)
		if !equality.Semantic.DeepEqual(before, in.Model) {
			t.Error("the Model that was given was changed; it comes from a shared cache")
		}
	})
}

// TestEveryObjectIsMarked 收走与观察都凭标签认；命名空间是共用的，只有集群的。
func TestEveryObjectIsMarked(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		for _, object := range render(t, in) {
			got := object.GetLabels()
			if got[cluster.LabelClusterUID] != in.Placement.ClusterUID {
				t.Errorf("%s %s lacks the Cluster's label", object.GetKind(), object.GetName())
			}
			if object.GetKind() == "Namespace" {
				if _, marked := got[model.LabelModelUID]; marked {
					t.Error("the namespace is shared by models and must bear no Model's label")
				}
				continue
			}
			if got[model.LabelModelUID] != string(in.Model.UID) {
				t.Errorf("%s %s lacks the Model's label", object.GetKind(), object.GetName())
			}
			if object.GetNamespace() != in.Placement.Namespace {
				t.Errorf("%s %s is in namespace %q, not in the placement's", object.GetKind(), object.GetName(), object.GetNamespace())
			}
		}
	})
}

func TestPodsAreMarkedAndSelected(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		objects := render(t, in)
		path := []string{"spec", "template", "metadata", "labels"}
		workload := ofKind(objects, "Deployment")
		if workload == nil {
			workload, path = ofKind(objects, "LLMInferenceService"), []string{"spec", "labels"}
		}
		got, _, _ := unstructured.NestedStringMap(workload.Object, path...)
		if got[model.LabelModelUID] != string(in.Model.UID) || got[cluster.LabelClusterUID] != in.Placement.ClusterUID {
			t.Errorf("the pods lack the platform's labels, so that the member's cache would drop them: %v", got)
		}
		selects, err := labels.Parse(Selector(in.Model))
		if err != nil {
			t.Fatal(err)
		}
		if !selects.Matches(labels.Set(got)) {
			t.Errorf("the selector %s does not select pods with the labels %v", selects, got)
		}
	})
}

// TestTheSelectorNeverChanges 它在成员上不可变：凡是用户改得动的、会随重建而变的，都不能在里面。
func TestTheSelectorNeverChanges(t *testing.T) {
	want := selector(base().Model)
	each(t, func(t *testing.T, in Input) {
		in.Model.UID = "33333333-3333-3333-3333-333333333333"
		deployment := ofKind(render(t, in), "Deployment")
		if deployment == nil {
			t.Skip("KServe makes the selector")
		}
		got, _, _ := unstructured.NestedStringMap(deployment.Object, "spec", "selector", "matchLabels")
		if !maps.Equal(got, want) {
			t.Errorf("selector %v, elsewhere %v", got, want)
		}
	})
}

// TestNoCredentialsOutsideSecrets 凭证只在 Secret 里，计划里连那里也没有。
func TestNoCredentialsOutsideSecrets(t *testing.T) {
	secrets := []string{tokenValue, accessKeyValue, secretKeyValue, "Tm90Rm9yQW55RXllcw"}
	each(t, func(t *testing.T, in Input) {
		for _, object := range render(t, in) {
			if object.GetKind() == "Secret" {
				continue
			}
			for _, s := range strs(object.Object) {
				if slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(s, secret) }) {
					t.Errorf("%s %s holds a credential", object.GetKind(), object.GetName())
				}
			}
		}
		plan, err := Manifests(in)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plan, "\ndata:") || strings.Contains(plan, "stringData") {
			t.Error("the plan shows the contents of a Secret")
		}
	})
}

// TestOnlyNeededCredentialsReachTheMember 交进来的多于来源用得上的，多的不到成员上去。
func TestOnlyNeededCredentialsReachTheMember(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		needed := CredentialKeys(in.Model)
		for _, object := range render(t, in) {
			data, _, _ := unstructured.NestedMap(object.Object, "data")
			for key := range data {
				if key == corev1.DockerConfigJsonKey {
					key = model.CredentialDockerConfigJSON
				}
				if !slices.Contains(needed, key) {
					t.Errorf("Secret %s holds %s, which the sources do not need", object.GetName(), key)
				}
			}
		}
	})
}

// TestThePlanShowsWhatIsApplied 计划里没有凭证，凭引用推断的那份应与有凭证的一样。
func TestThePlanShowsWhatIsApplied(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		in.Model.Status.CredentialsVersion = in.CredentialsVersion
		applied, err := Manifests(in)
		if err != nil {
			t.Fatal(err)
		}
		in.Credentials = nil
		planned, err := Manifests(in)
		if err != nil {
			t.Fatal(err)
		}
		if in.CredentialsVersion != "" && applied != planned {
			t.Errorf("planned and applied differ:\n%s\nand\n%s", planned, applied)
		}
	})
}

// TestNoShell 命令一律是参数列表：没有 shell，也没有把字符串当命令的参数。
func TestNoShell(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		for _, object := range render(t, in) {
			for _, s := range strs(object.Object) {
				if base := s[strings.LastIndex(s, "/")+1:]; base == "sh" || base == "bash" || s == "-c" || s == "eval" {
					t.Errorf("%s %s holds %q", object.GetKind(), object.GetName(), s)
				}
			}
		}
	})
}

func podOf(t *testing.T, in Input) corev1.PodSpec {
	t.Helper()
	e, err := engineOf(in.Model)
	if err != nil {
		t.Fatal(err)
	}
	in.Model = defaulted(in.Model)
	return podSpec(in, e)
}

// TestUserArgumentsComeLastAndUnchanged 后写的参数为准，所以用户的在最后；$ 加倍之后 kubelet 不会把它换成变量的值。
func TestUserArgumentsComeLastAndUnchanged(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe makes the command")
		}
		in.Model.Spec.Engine.Args = []string{"--first", "$(HF_TOKEN)", "a b;c"}
		args := podOf(t, in).Containers[0].Args
		if got, want := args[len(args)-3:], []string{"--first", "$$(HF_TOKEN)", "a b;c"}; !slices.Equal(got, want) {
			t.Errorf("the last arguments are %q, want %q", got, want)
		}
	})
}

// TestPodsAreHardened 满足 restricted 级别的各条；成员可能强制它，也可能不管。
func TestPodsAreHardened(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe hardens the pod")
		}
		pod := podOf(t, in)
		if !ptr.Deref(pod.SecurityContext.RunAsNonRoot, false) || ptr.Deref(pod.SecurityContext.RunAsUser, 0) == 0 {
			t.Error("the pod may run as root")
		}
		if ptr.Deref(pod.AutomountServiceAccountToken, true) || ptr.Deref(pod.EnableServiceLinks, true) {
			t.Error("the pod is given a token or service links")
		}
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			if s := c.SecurityContext; ptr.Deref(s.AllowPrivilegeEscalation, true) || !slices.Contains(s.Capabilities.Drop, "ALL") {
				t.Errorf("container %s is not hardened", c.Name)
			}
		}
		for _, v := range pod.Volumes {
			if v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory && v.EmptyDir.SizeLimit == nil {
				t.Errorf("volume %s may take all the node's memory", v.Name)
			}
		}
	})
}

// TestStartupIsGivenItsTime 启动的期限向上取整，成员的期限在它之后。
func TestStartupIsGivenItsTime(t *testing.T) {
	for _, c := range []struct {
		timeout, failures int32
		why               string
	}{
		{60, 6, "the least that is accepted"},
		{3600, 360, "the default"},
		{3605, 361, "a started period counts, so that nothing gives up early"},
		{86400, 8640, "the most that is accepted"},
	} {
		in := base()
		in.Model.Spec.StartupTimeoutSeconds = ptr.To(c.timeout)
		probe := podOf(t, in).Containers[0].StartupProbe
		if probe.FailureThreshold != c.failures || probe.PeriodSeconds != 10 {
			t.Errorf("timeout %d (%s): %d failures of %d s", c.timeout, c.why, probe.FailureThreshold, probe.PeriodSeconds)
		}
		deadline, _, _ := unstructured.NestedInt64(ofKind(render(t, in), "Deployment").Object, "spec", "progressDeadlineSeconds")
		if deadline != int64(c.timeout)+600 {
			t.Errorf("timeout %d (%s): progress deadline %d", c.timeout, c.why, deadline)
		}
	}
}

// TestRotationRestartsPods 版本变了模板就变；用不到凭证的模型不受影响。
func TestRotationRestartsPods(t *testing.T) {
	for _, c := range []struct {
		source  string
		restart bool
		why     string
	}{
		{"huggingface", true, "the token is read when the engine starts"},
		{"pvc", false, "nothing of the credentials is used"},
	} {
		in := base()
		from(&in, model.EngineVLLM, c.source)
		before, err := Manifests(in)
		if err != nil {
			t.Fatal(err)
		}
		in.CredentialsVersion = "v-other"
		after, err := Manifests(in)
		if err != nil {
			t.Fatal(err)
		}
		if (before != after) != c.restart {
			t.Errorf("source %s: changed %v, want %v, because %s", c.source, before != after, c.restart, c.why)
		}
	}
}

func TestEndpointAndImage(t *testing.T) {
	in := base()
	if got, want := Endpoint(in), "http://qwen3-8b.kubellm-research.svc:8000/v1"; got != want {
		t.Errorf("endpoint %q, want %q", got, want)
	}
	if got := Image(in.Model); got != imageVLLM {
		t.Errorf("image %q, want the pinned one", got)
	}
	in.Placement.Namespace = ""
	if got, want := Namespace(in), "kubellm-research"; got != want {
		t.Errorf("namespace %q without a placement's, want %q", got, want)
	}
	in.Model.Spec.Engine.Delivery = ptr.To(model.DeliveryKServe)
	if Endpoint(in) != "" || Image(in.Model) != "" {
		t.Error("KServe decides on its endpoint and image")
	}
}

func TestAnUnknownEngineIsAnError(t *testing.T) {
	in := base()
	in.Model.Spec.Engine.Type = "Other"
	if _, err := Render(in); err == nil {
		t.Error("an engine that nobody knows was rendered")
	}
}

func TestCredentialKeys(t *testing.T) {
	for _, c := range []struct {
		source string
		want   []string
		why    string
	}{
		{"huggingface", []string{"token"}, "private repositories"},
		{"oci", []string{"dockerconfigjson"}, "private registries"},
		{"s3", []string{"accessKeyID", "secretAccessKey"}, "private buckets"},
		{"pvc", nil, "the volume is on the member already"},
	} {
		m := &model.Model{Spec: model.ModelSpec{Source: source(c.source, model.EngineVLLM)}}
		if got := CredentialKeys(m); !slices.Equal(got, c.want) {
			t.Errorf("source %s (%s): %v, want %v", c.source, c.why, got, c.want)
		}
	}
	in := base()
	adapt(&in)
	if got, want := CredentialKeys(in.Model), []string{"dockerconfigjson", "token"}; !slices.Equal(got, want) {
		t.Errorf("with adapters: %v, want %v", got, want)
	}
}
