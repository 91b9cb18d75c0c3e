package apiserver

import (
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// TestPrefixIsImmutable 保证前缀改不了：改了就再也找不到已经放在成员上的东西。
func TestPrefixIsImmutable(t *testing.T) {
	t.Parallel()
	before := clusters.create(t, shared, unique("immutable"))
	for _, dryRun := range []bool{true, false} {
		eachWay(t, func(t *testing.T, do way) {
			patch := map[string]any{"spec": map[string]any{"workloadNamespacePrefix": "other-"}}
			_, err := do(t.Context(), write{p: shared, as: shared.admin, kind: clusters, name: before.GetName(), patch: patch, dryRun: dryRun})
			if !strings.Contains(errText(err), "Apply failed") {
				isInvalid(t, err, "spec.workloadNamespacePrefix", "immutable", "the prefix of a cluster does not change")
				if !strings.Contains(errText(err), "kubellm-") || !strings.Contains(errText(err), "delete") {
					t.Errorf("the message says neither what the prefix is nor what to do: %v", err)
				}
			}
			unchanged(t, shared, clusters, before)
		})
	}
}

// TestClusterDefaults 保证没写的都写明了：读到对象的人不必去猜。
func TestClusterDefaults(t *testing.T) {
	t.Parallel()
	got := shared.cluster(t, clusterv1alpha1.ClusterSpec{}).Spec
	beat := got.Heartbeat
	if beat == nil || *beat.IntervalSeconds != 30 || *beat.TimeoutSeconds != 10 || *beat.FailureThreshold != 3 {
		t.Errorf("heartbeat: %+v", beat)
	}
	if *got.WorkloadNamespacePrefix != "kubellm-" || *got.Suspended || *got.DeletionPolicy != clusterv1alpha1.DeletionDrain {
		t.Errorf("spec: %+v", got)
	}
	if got.Credentials != nil || got.Region != nil {
		t.Errorf("what has no default was made up: %+v", got)
	}
}

// TestSecretRefNeedsItsReader 保证没有读某个 Secret 权利的人不能让平台替他用它：新建与每一种改法。
func TestSecretRefNeedsItsReader(t *testing.T) {
	t.Parallel()
	write := clusterRule([]string{"clusters"}, []string{"get", "create", "update", "patch"})
	editor, name := shared.limited(t, write)
	trusted := unique("trusted")
	shared.bind(t, shared.role(t, trusted, write), nil, userSubject(trusted))
	shared.bind(t, shared.role(t, unique("reader"), v1alpha1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"mine"}}), []string{"default"}, userSubject(trusted))
	shared.settle(t)
	reader := shared.as(t, trusted)

	of := func(namespace, secret string) *clusterv1alpha1.CredentialsSource {
		return &clusterv1alpha1.CredentialsSource{KubeconfigSecretRef: &clusterv1alpha1.SecretKeyReference{Namespace: namespace, Name: secret}}
	}
	create := func(as *client, source *clusterv1alpha1.CredentialsSource) (string, error) {
		created, err := as.clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: unique("pointing")}, Spec: clusterv1alpha1.ClusterSpec{Credentials: source}}, metav1.CreateOptions{})
		if err != nil {
			return "", err
		}
		return created.Name, nil
	}
	refused := func(what string, err error, facts ...string) {
		t.Helper()
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s gave %v", what, err)
		}
		for _, fact := range append(facts, "get", "secrets", "kubeconfigSecretRef") {
			if !strings.Contains(errText(err), fact) {
				t.Errorf("%s: the refusal does not say %s: %v", what, fact, err)
			}
		}
	}
	_, err := create(editor, of("default", "mine"))
	refused("creating without the right", err, name, `"mine"`, `"default"`)
	_, err = create(reader, of("default", "other"))
	refused("another Secret of the namespace", err, `"other"`)
	_, err = create(reader, of("kubellm-system", "mine"))
	refused("the same name in another namespace", err, `"kubellm-system"`)
	mine, err := create(reader, of("default", "mine"))
	must(t, err)

	for what, patch := range map[string]string{
		"another Secret":    `{"spec":{"credentials":{"kubeconfigSecretRef":{"name":"other"}}}}`,
		"another namespace": `{"spec":{"credentials":{"kubeconfigSecretRef":{"namespace":"kubellm-system"}}}}`,
		"another key":       `{"spec":{"credentials":{"kubeconfigSecretRef":{"key":"other"}}}}`,
	} {
		_, err := editor.clusters.Patch(t.Context(), mine, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		refused(what, err, name)
	}
	found, err := shared.admin.clusters.Get(t.Context(), mine, metav1.GetOptions{})
	must(t, err)
	if ref := found.Spec.Credentials.KubeconfigSecretRef; ref.Name != "mine" || ref.Namespace != "default" || *ref.Key != "kubeconfig" {
		t.Errorf("a refused change was stored: %+v", ref)
	}
	for what, patch := range map[string]string{
		"another region":  `{"spec":{"region":"eu"}}`,
		"no Secret":       `{"spec":{"credentials":{"kubeconfigSecretRef":null}}}`,
		"a finalizer too": `{"metadata":{"labels":{"a":"b"}}}`,
	} {
		if _, err := editor.clusters.Patch(t.Context(), mine, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Errorf("%s needs no right to the Secret, but gave %v", what, err)
		}
	}
}

// TestClusterWarnings 保证合法但多半不是本意的写法会收到提醒。
func TestClusterWarnings(t *testing.T) {
	t.Parallel()
	for spec, says := range map[string]string{
		`{"credentials":{"insecureSkipTLSVerify":true}}`:           "insecureSkipTLSVerify",
		`{"heartbeat":{"intervalSeconds":5,"timeoutSeconds":10}}`:  "timeoutSeconds",
		`{"heartbeat":{"intervalSeconds":30,"timeoutSeconds":10}}`: "",
	} {
		body := `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"Cluster","metadata":{"name":"` + unique("warned") + `"},"spec":` + spec + `}`
		got := shared.admin.send(t, http.MethodPost, clusters.path()+"?dryRun=All", body, "Content-Type", jsonType)
		warning := got.header.Get("Warning")
		if got.code != http.StatusCreated || !strings.Contains(warning, says) || says == "" && warning != "" {
			t.Errorf("%s gave %d with warning %q", spec, got.code, warning)
		}
	}
}

// TestClustersByKubectl 保证 kubectl get clusters 看得到卡，选得出区域，也找得出用着某个 Secret 的集群。
func TestClustersByKubectl(t *testing.T) {
	t.Parallel()
	region := unique("region")
	member := shared.cluster(t, clusterv1alpha1.ClusterSpec{Region: &region, Credentials: &clusterv1alpha1.CredentialsSource{
		KubeconfigSecretRef: &clusterv1alpha1.SecretKeyReference{Namespace: "default", Name: region},
	}})
	member.Status = clusterv1alpha1.ClusterStatus{
		Version: "v1.37.2", Endpoint: "https://member:6443", Nodes: &clusterv1alpha1.NodeSummary{Total: 3, Ready: 2},
		Accelerators: []clusterv1alpha1.Accelerator{{Product: "NVIDIA-H100", ResourceName: "nvidia.com/gpu", Allocatable: 16, Free: 12, LargestFreeBlock: 8}},
		Conditions: []metav1.Condition{
			{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", LastTransitionTime: metav1.Now()},
			{Type: "CapacityKnown", Status: metav1.ConditionTrue, Reason: "Watching", LastTransitionTime: metav1.Now()},
		},
		CredentialsExpireAt: ptr.To(metav1.Unix(0, 0)),
	}
	_, err := shared.admin.clusters.UpdateStatus(t.Context(), member, metav1.UpdateOptions{})
	must(t, err)
	contains(t, "kubectl get", kubectl(t, "", "get", "clusters", member.Name), "READY", "VERSION", "NODES", "FREE-GPUS", "LARGEST BLOCK", "AGE", "True", "v1.37.2", "2/3", "12/16", "8")
	contains(t, "kubectl get -o wide", kubectl(t, "", "get", "kcl", member.Name, "-o", "wide"), "REGION", "REACHABLE", "CREDENTIALS", "CAPACITY", "ENDPOINT", "EXPIRES", region, "NVIDIA-H100:12/16", "https://member:6443", "1970-01-01")
	for _, selector := range []string{
		"spec.region=" + region, "spec.credentials.kubeconfigSecretRef.name=" + region,
		"spec.credentials.kubeconfigSecretRef.namespace=default,spec.credentials.kubeconfigSecretRef.name=" + region,
	} {
		if out := kubectl(t, "", "get", "clusters", "--field-selector", selector, "-o", "name"); strings.TrimSpace(out) != "cluster.cluster.kubellm.io/"+member.Name {
			t.Errorf("selecting %s found %q", selector, out)
		}
	}
}
