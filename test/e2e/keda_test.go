package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/util/retry"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const pausedReplicas = "autoscaling.keda.sh/paused-replicas"

// TestModelAutoscaled 自动伸缩对着 KEDA 自己发布的 CRD：没有它的成员说得出为什么不行；伸缩器改的副本数不算被人动过；
// 暂停时伸缩器也停下；不要了的收走，哪怕控制器那时不在。
func TestModelAutoscaled(t *testing.T) {
	installCRD(t, env.alpha, "scaledobjects.yaml")
	register(t, "unscaled", env.beta, clusterv1alpha1.DeletionOrphan)
	register(t, "scaled", env.alpha, clusterv1alpha1.DeletionOrphan)
	deployManifest(t, "elastic", `"engine":{"type":"VLLM","image":"example.org/vllm:1"},"resources":{"accelerator":{"count":1}},
"scaling":{"autoscaling":{"minReplicas":1,"maxReplicas":3}},"placement":{"clusterNames":["unscaled"]}`)
	awaitModel(t, "elastic", "refused for the lack of KEDA", promptly, refused("unscaled", "KEDA"))
	change(t, "elastic", `{"spec":{"placement":{"clusterNames":["unscaled","scaled"]}}}`)
	m := awaitModel(t, "elastic", "serving with the least replicas", promptly, serves("scaled"))
	awaitServing(t, env.alpha, m, 1)
	object := scaledObject(t)
	if target, _, _ := unstructured.NestedString(object.Object, "spec", "scaleTargetRef", "name"); target != "elastic" {
		t.Errorf("the ScaledObject scales %q", target)
	}

	scaleTo(t, env.alpha.Config(), workloads, schema.GroupResource{Group: "apps", Resource: "deployments"}, "elastic", 3)
	awaitModel(t, "elastic", "serving as many as the autoscaler wants", promptly, hasReady(3, "scaled"))
	change(t, "elastic", `{"spec":{"engine":{"args":["--seed=1"]}}}`)
	m = awaitModel(t, "elastic", "rolled out with as many", promptly, hasReady(3, "scaled"))
	if d := awaitServing(t, env.alpha, m, 3); owns(d.ManagedFields, "kubellm", `"f:replicas"`) {
		t.Error("kubellm owns the number of replicas, so it would fight the autoscaler for it")
	}

	change(t, "elastic", `{"spec":{"suspended":true}}`)
	awaitModel(t, "elastic", "suspended", promptly, is(metav1.ConditionFalse, v1alpha1.ReasonSuspended, "scaled"))
	harness.Eventually(t, "the ScaledObject to be paused", promptly, func(context.Context) error { return paused(t, "0") })
	change(t, "elastic", `{"spec":{"suspended":false}}`)
	awaitModel(t, "elastic", "resumed", promptly, serves("scaled"))
	harness.Eventually(t, "the ScaledObject to be resumed", promptly, func(context.Context) error { return paused(t, "") })

	if err := env.controller.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { restartController(t) })
	change(t, "elastic", `{"spec":{"scaling":{"autoscaling":null,"replicas":2}}}`)
	restartController(t)
	m = awaitModel(t, "elastic", "serving the replicas that are asked for", promptly, hasReady(2, "scaled"))
	awaitServing(t, env.alpha, m, 2)
	harness.Eventually(t, "the ScaledObject to be removed", promptly, func(ctx context.Context) error {
		_, err := scaledObjects(t).Get(ctx, "elastic", metav1.GetOptions{})
		if err == nil {
			return errors.New("it is still there")
		}
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})

	change(t, "elastic", `{"spec":{"scaling":{"replicas":null,"autoscaling":{"minReplicas":1,"maxReplicas":3}}}}`)
	m = awaitModel(t, "elastic", "autoscaled again with what serves", promptly, hasReady(2, "scaled"))
	if d := awaitServing(t, env.alpha, m, 2); owns(d.ManagedFields, "kubellm", `"f:replicas"`) {
		t.Error("kubellm owns the number of replicas after it handed it over")
	}
	change(t, "elastic", `{"spec":{"scaling":{"autoscaling":null,"replicas":2}}}`)
	awaitModel(t, "elastic", "back to a number", promptly, hasReady(2, "scaled"))

	// 伸缩器的客户端不认得 Model，只凭发现文档找到它的 scale 子资源。
	scaleTo(t, harness.Config(t, env.platform.Kubeconfig), team, schema.GroupResource{Group: v1alpha1.GroupName, Resource: "models"}, "elastic", 1)
	m = awaitModel(t, "elastic", "scaled by an autoscaler's client", promptly, hasReady(1, "scaled"))
	awaitServing(t, env.alpha, m, 1)
}

// scaleTo 用伸缩器的客户端改副本数：先读出现有的与选择器，再写。
func scaleTo(t *testing.T, config *rest.Config, namespace string, resource schema.GroupResource, name string, replicas int32) {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
	scales, err := scale.NewForConfig(config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(client))
	if err != nil {
		t.Fatal(err)
	}
	// 状态在这之间变了就再来一遍，伸缩器也是这样做的。
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		found, err := scales.Scales(namespace).Get(t.Context(), resource, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if found.Status.Replicas == 0 || found.Status.Selector == "" {
			return fmt.Errorf("an autoscaler cannot work with the scale of %s %s: %+v", resource, name, found.Status)
		}
		found.Spec.Replicas = replicas
		_, err = scales.Scales(namespace).Update(t.Context(), resource, found, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hasReady 要求就绪，恰好 n 个副本。
func hasReady(n int32, placed ...string) func(*v1alpha1.Model) error {
	return func(m *v1alpha1.Model) error {
		if m.Status.ReadyReplicas != n || m.Status.Replicas != n {
			return fmt.Errorf("%d of %d replicas are ready, want %d", m.Status.ReadyReplicas, m.Status.Replicas, n)
		}
		return serves(placed...)(m)
	}
}

// owns 说 manager 的字段里有没有 field。
func owns(fields []metav1.ManagedFieldsEntry, manager, field string) bool {
	for _, f := range fields {
		if f.Manager == manager && f.Subresource == "" && strings.Contains(f.FieldsV1.GetRawString(), field) {
			return true
		}
	}
	return false
}

func scaledObjects(t *testing.T) dynamic.ResourceInterface {
	t.Helper()
	return memberResource(t, env.alpha, schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"})
}

func scaledObject(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	u, err := scaledObjects(t).Get(t.Context(), "elastic", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// paused 要求 KEDA 停在 replicas 个副本；空表示没有停。
func paused(t *testing.T, replicas string) error {
	t.Helper()
	if got := scaledObject(t).GetAnnotations()[pausedReplicas]; got != replicas {
		return fmt.Errorf("it is paused at %q, want %q", got, replicas)
	}
	return nil
}

// restartController 让停下的控制器接着跑。
func restartController(t *testing.T) {
	t.Helper()
	if env.controller.Running() {
		return
	}
	c, cancel := cleanup()
	defer cancel()
	if err := env.controller.Restart(c); err != nil {
		t.Fatal(err)
	}
}
