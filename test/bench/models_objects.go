package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	memberCluster = "models"
	// credentialsFor 比一次测量长得多，凭据因此不会快到期。
	credentialsFor = 30 * 24 * time.Hour
)

func modelNamespace(i int) string { return "team-" + strconv.Itoa(i%modelNamespaces) }

func modelName(i int) string { return fmt.Sprintf("model-%05d", i) }

// benchModel 是第 i 个模型：一个副本，一块卡，不要凭据。
func benchModel(i int) *v1alpha1.Model {
	return &v1alpha1.Model{
		ObjectMeta: metav1.ObjectMeta{Name: modelName(i), Namespace: modelNamespace(i)},
		Spec: v1alpha1.ModelSpec{
			Source:    v1alpha1.ModelSource{HuggingFace: &v1alpha1.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}},
			Engine:    v1alpha1.Engine{Type: v1alpha1.EngineVLLM, Image: ptr.To("example.org/vllm:1")},
			Resources: &v1alpha1.Resources{Accelerator: &v1alpha1.AcceleratorRequest{Count: ptr.To[int32](1)}},
		},
	}
}

func (b *modelBench) createModel(ctx context.Context, i int) error {
	_, err := b.clients.ModelV1alpha1().Models(modelNamespace(i)).Create(ctx, benchModel(i), metav1.CreateOptions{})
	return err
}

func (b *modelBench) deleteModel(ctx context.Context, i int) error {
	return b.clients.ModelV1alpha1().Models(modelNamespace(i)).Delete(ctx, modelName(i), metav1.DeleteOptions{})
}

// register 备好命名空间、登记成员，等到它的全部空闲的卡都数进了状态。
func (b *modelBench) register(ctx context.Context, f *modelFigures) error {
	core, err := harness.RESTConfig(b.platform.Kubeconfig)
	if err != nil {
		return err
	}
	namespaces, err := kube.New(core, kube.Options{})
	if err != nil {
		return err
	}
	for i := range modelNamespaces {
		if err := namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: modelNamespace(i)}}); err != nil {
			return err
		}
	}
	kubeconfig, err := b.member.Kubeconfig(harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}, credentialsFor)
	if err != nil {
		return err
	}
	clusters := b.clients.ClusterV1alpha1().Clusters()
	if _, err := clusters.Create(ctx, &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: memberCluster}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	credentials := &clusterv1alpha1.ClusterCredentials{Spec: clusterv1alpha1.ClusterCredentialsSpec{Kubeconfig: kubeconfig}}
	if _, err := clusters.CreateCredentials(ctx, memberCluster, credentials, metav1.CreateOptions{}); err != nil {
		return err
	}
	return b.awaitCluster(ctx, int32(f.nodes*gpusPerNode))
}

// direct 是不经平台时放同样的东西：清单由同一个引擎造出，命名空间先备好。
type direct struct {
	client  kube.Client
	cluster *clusterv1alpha1.Cluster
}

// measureDirect 量成员自己的快慢：同样的清单，同样多的客户端，只差一个平台。
func (b *modelBench) measureDirect(ctx context.Context, f *modelFigures) (err error) {
	d := direct{cluster: &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "direct", UID: "direct"}}}
	d.cluster.Spec.WorkloadNamespacePrefix = ptr.To("direct-")
	if d.client, err = kube.New(b.member.Config(), kube.Options{}); err != nil {
		return err
	}
	for i := range modelNamespaces {
		if err := d.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "direct-" + modelNamespace(i)}}); err != nil {
			return err
		}
	}
	cpu, err := b.memberCPU()
	if err != nil {
		return err
	}
	f.direct, err = b.converge(ctx, "deployments", func(at *moments) func(context.Context) error {
		return b.awaitMember(at, "deployments", &appsv1.Deployment{}, deploymentReady)
	}, d.apply)
	if err != nil {
		return err
	}
	ready, err := b.memberCPU()
	if err != nil {
		return err
	}
	f.directCPU = ready - cpu
	progress("%d deployments without the platform are ready after %s", f.count, f.direct.elapsed.Round(time.Millisecond))
	// 一个模型的东西没了，是它的 Pod 没了：平台也等到那时。
	f.directGone, err = b.converge(ctx, "pods to be gone", func(at *moments) func(context.Context) error {
		return b.awaitMember(at, "pods", &corev1.Pod{}, podGone)
	}, d.remove)
	if err != nil {
		return err
	}
	gone, err := b.memberCPU()
	f.directGoneCPU = gone - ready
	progress("%d deployments are gone after %s", f.count, f.directGone.elapsed.Round(time.Millisecond))
	return err
}

// manifests 是第 i 个模型在成员上的样子，不含命名空间。
func (d direct) manifests(i int) ([]kube.Object, error) {
	m := benchModel(i)
	m.UID = types.UID(fmt.Sprintf("direct-%05d", i))
	objects, err := engine.Render(engine.Input{Model: m, Cluster: d.cluster, Placement: v1alpha1.ModelPlacement{Product: benchProduct, Replicas: 1}})
	if err != nil {
		return nil, err
	}
	return objects[1:], nil
}

func (d direct) apply(ctx context.Context, i int) error {
	objects, err := d.manifests(i)
	if err != nil {
		return err
	}
	for _, object := range objects {
		applied := kube.ApplyConfigurationFromUnstructured(object.(*unstructured.Unstructured))
		if err := d.client.Apply(ctx, applied, kube.FieldOwner("direct"), kube.ForceOwnership); err != nil {
			return err
		}
	}
	return nil
}

func (d direct) remove(ctx context.Context, i int) error {
	objects, err := d.manifests(i)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := d.client.Delete(ctx, object, kube.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return err
		}
	}
	return nil
}
