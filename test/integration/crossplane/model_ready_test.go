package crossplane

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	forprovider "github.com/kubellm/kubellm/apis/managed/forprovider/model/v1alpha1"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// register 在平台上登记一个真的、跑得了副本的成员。
func (p *platformServer) register(t *testing.T, name string) {
	t.Helper()
	member := harness.NewMember(t, harness.MemberOptions{Name: name})
	if err := member.AddGPUNodes(t.Context(), harness.GPUNodes{Prefix: "h100", Count: 2, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8}); err != nil {
		t.Fatal(err)
	}
	kubectl(t, p, "create", "-f", writeFile(t, "apiVersion: cluster.kubellm.io/v1alpha1\nkind: Cluster\nmetadata: {name: "+name+"}\nspec: {heartbeat: {intervalSeconds: 1}}\n"))
	kubectl(t, p, "create", "--raw", "/apis/cluster.kubellm.io/v1alpha1/clusters/"+name+"/credentials", "-f",
		writeFile(t, `{"apiVersion":"cluster.kubellm.io/v1alpha1","kind":"ClusterCredentials","spec":{"kubeconfig":"`+base64.StdEncoding.EncodeToString(adminOf(t, member))+`"}}`))
	kubectl(t, p, "wait", "--for=condition=Ready", "clusters/"+name, "--timeout=60s")
}

// TestModelReady 看模型在真的成员上跑起来：就绪跟着平台，连接 Secret 里是平台的地址与名字；
// 此刻放不下的收得下，条件说得出为什么，改成放得下的就好。
func TestModelReady(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	kubectl(t, platform, "create", "namespace", ns)
	const gpus = "model-ready"
	platform.register(t, gpus)
	for scope, build := range modelScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			create := func(name string, edit func(*forprovider.ModelParameters)) modelResource {
				mg := build(ns, scope+"-"+name)
				mg.params.Placement = &forprovider.Placement{ClusterNames: []string{gpus}}
				edit(mg.params)
				tokens := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: mg.GetName()}, Data: map[string][]byte{"token": []byte(memberToken)}}
				for _, o := range []client.Object{tokens, mg.Managed} {
					if err := shared.kube.Create(t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
				return mg
			}
			served := scope + "/chat"
			ready := create("ready", func(p *forprovider.ModelParameters) { p.ServedName = ptr.To(served) })
			waiting := map[string]modelResource{
				modelv1alpha1.ReasonNoClusterFits: create("product", func(p *forprovider.ModelParameters) {
					p.Resources = &forprovider.Resources{Accelerator: &forprovider.AcceleratorRequest{Products: []string{"NVIDIA-X9000"}}}
				}),
				modelv1alpha1.ReasonNoClusterSelected: create("selector", func(p *forprovider.ModelParameters) {
					p.Placement = &forprovider.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"region": "mars"}}}
				}),
			}
			awaitConnection(t, ns, ready, served)

			for reason, mg := range waiting {
				await(t, shared, mg.Managed, "synced, but not ready for "+reason, promptly, func(got resource.Managed) error {
					if condition := got.GetCondition("Ready"); condition.Status != corev1.ConditionFalse || string(condition.Reason) != reason || condition.Message == "" {
						return fmt.Errorf("Ready is %s (%s): %s", condition.Status, condition.Reason, condition.Message)
					}
					return isSynced(got)
				})
				noAddress(t, ns, mg)
			}
			t.Log("once it fits it becomes ready")
			fits := waiting[modelv1alpha1.ReasonNoClusterFits]
			shared.patch(t, ns, fits, `{"spec":{"forProvider":{"resources":{"accelerator":{"products":["NVIDIA-H100-80GB-HBM3"]}}}}}`)
			awaitConnection(t, ns, fits, fits.GetName())

			t.Log("a changed number of replicas is waited for")
			shared.patch(t, ns, ready, `{"spec":{"forProvider":{"scaling":{"replicas":2}}}}`)
			await(t, shared, ready.Managed, "ready with two replicas", 2*promptly, func(got resource.Managed) error {
				if seen := ready.seen(); seen == nil || seen.Replicas != "2/2" {
					return fmt.Errorf("status.atProvider is %+v", seen)
				}
				return isReady(got)
			})
			for _, mg := range []modelResource{ready, fits, waiting[modelv1alpha1.ReasonNoClusterSelected]} {
				if err := shared.kube.Delete(t.Context(), mg.Managed); err != nil {
					t.Fatal(err)
				}
				awaitGone(t, shared, mg.Managed)
				platform.noModel(t, ns, mg.GetName())
			}
			shared.nothingShows(t)
		})
	}
}

// awaitConnection 等模型就绪，而连接 Secret 里是平台说的地址与这个名字。
func awaitConnection(t *testing.T, ns string, mg modelResource, served string) {
	t.Helper()
	await(t, shared, mg.Managed, "ready, with its connection Secret", 2*promptly, func(got resource.Managed) error {
		if err := isReady(got); err != nil {
			return err
		}
		found, err := connection(t.Context(), ns, mg)
		if err != nil {
			return err
		}
		says := platform.model(t, ns, mg.GetName()).Status
		if says.Endpoint == "" || string(found.Data["endpoint"]) != says.Endpoint || string(found.Data["cluster"]) != says.EndpointCluster ||
			string(found.Data["servedName"]) != served || len(found.Data) != 3 {
			return fmt.Errorf("the connection Secret has %q, want the endpoint %q in %q and the name %q", found.Data, says.Endpoint, says.EndpointCluster, served)
		}
		return nil
	})
}

// noAddress 断言放不下的模型没有地址可给。
func noAddress(t *testing.T, ns string, mg modelResource) {
	t.Helper()
	found, err := connection(t.Context(), ns, mg)
	if client.IgnoreNotFound(err) != nil || len(found.Data["endpoint"]) > 0 {
		t.Errorf("the connection Secret of %s has the endpoint %q (%v)", mg.GetName(), found.Data["endpoint"], err)
	}
}

func connection(ctx context.Context, ns string, mg modelResource) (*corev1.Secret, error) {
	found := &corev1.Secret{}
	return found, shared.kube.Get(ctx, types.NamespacedName{Namespace: ns, Name: mg.GetName() + "-connection"}, found)
}

// patch 像人一样改一个模型的托管资源。
func (c *controlPlane) patch(t *testing.T, ns string, mg modelResource, merge string) {
	t.Helper()
	harness.MustKubectl(t, c.Kubeconfig, "", "patch", mg.plural, "-n", ns, mg.GetName(), "--type=merge", "-p", merge)
}

// TestModelRefused 看 CRD 看不出、平台才看得出的错：Synced 说出字段与改法，平台上什么也没有。
func TestModelRefused(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	kubectl(t, platform, "create", "namespace", ns)
	long := strings.Repeat("a", 41)
	cases := map[string]struct {
		reason, name, forProvider string
		says                      []string
	}{
		"rwo-spread": {"the second replica would wait for good", "rwo", aSource + ", " + anEngine + ", cache: {size: 1Gi, accessMode: ReadWriteOnce}, scaling: {replicas: 2}", []string{"spec.forProvider.cache.accessMode", "ReadWriteMany"}},
		"kserve":     {"KServe does not run it", "kserve", "source: {huggingFace: {repo: a/b, file: a.gguf}}, engine: {type: LlamaCpp, delivery: KServe}", []string{"spec.forProvider.engine.delivery", "Deployment"}},
		"argument":   {"the platform would look elsewhere", "argument", aSource + ", engine: {type: VLLM, args: ['--port=9000']}", []string{"spec.forProvider.engine.args[0]", "--port"}},
		"long-name":  {"names on the members are made from it", long, aSource + ", " + anEngine, []string{"metadata.name", "40 characters"}},
	}
	for name, tc := range cases {
		for scope, build := range modelScopes {
			t.Run(name+"/"+scope, func(t *testing.T) {
				t.Parallel()
				own, inPlatform := ns, ""
				if scope == "cluster-scoped" {
					own, inPlatform = "", "namespace: "+ns+", "
				}
				shared.apply(t, modelManifest(own, tc.name, inPlatform+tc.forProvider))
				mg := build(ns, tc.name)
				awaitNotSynced(t, shared, mg.Managed, promptly, tc.says...)
				platform.noModel(t, ns, tc.name)
				if err := shared.kube.Delete(t.Context(), mg.Managed); err != nil {
					t.Fatal(err)
				}
				awaitGone(t, shared, mg.Managed)
			})
		}
	}
}
