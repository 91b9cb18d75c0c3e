package model

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/member"
)

// sweep 收走为 model 放到 on 上的，返回迟迟不走的。看得见的直接收，不必列出；
// 都看不见了，再问成员一遍才算数：刚放上去的，监视里可能还没有。只剩 Pod 而它们又不走的也要问：
// KServe 的 CRD 没了，它替模型造的 Deployment 还在，又不在看得见的之列。
func sweep(ctx context.Context, c client.Client, model *v1alpha1.Model, on *cluster.Cluster, o member.Observation, scaled bool) (left member.Leftovers, err error) {
	staying := func(pod *corev1.Pod) bool { return pod.DeletionTimestamp == nil }
	if !o.Known || len(o.Objects) == 0 && (len(o.Pods) == 0 || slices.ContainsFunc(o.Pods, staying)) {
		return strays(ctx, c, model, on, scaled)
	}
	until := time.Now().Add(removeTurn)
	for _, object := range o.Objects {
		if object.GetDeletionTimestamp() == nil && !left.Slow && time.Now().Before(until) {
			err := discard(ctx, c, object)
			if err == nil {
				continue
			}
			if left.Slow = member.Slow(err); !left.Slow {
				return left, fmt.Errorf("delete %s: %w", targetOf(object), err)
			}
		}
		left.Named = append(left.Named, targetOf(object).String())
	}
	left.Count, left.AtLeast = len(left.Named), left.Slow
	return left, nil
}

// strays 向成员再问一遍，收走监视里没有的。没有自动伸缩过的模型，不许看 ScaledObject 也走得掉。
func strays(ctx context.Context, c client.Client, model *v1alpha1.Model, on *cluster.Cluster, scaled bool) (member.Leftovers, error) {
	remove := func(kinds []schema.GroupKind) (member.Leftovers, error) {
		return member.Remove(ctx, c, kinds, removeTurn, client.InNamespace(engine.Namespace(engine.Input{Model: model, Cluster: on})),
			client.MatchingLabels{v1alpha1.LabelModelUID: string(model.UID), cluster.LabelClusterUID: string(on.UID)})
	}
	left, err := remove(removable(on))
	if !scaled && member.ReasonOf(err) == member.Forbidden {
		left, err = remove(slices.DeleteFunc(removable(on), func(kind schema.GroupKind) bool { return kind == scalerKind }))
	}
	return left, err
}

// discard 删除看到的一个；凭 uid，免得误删同名的后来者。
func discard(ctx context.Context, c client.Client, seen client.Object) error {
	uid := seen.GetUID()
	err := c.Delete(ctx, seen.DeepCopyObject().(client.Object), client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// removable 是可能为一个模型放过的种类：on 不提供的种类不必每次去问。
func removable(on *cluster.Cluster) []schema.GroupKind {
	offered := func(c cluster.Capability) bool { return slices.Contains(on.Status.Capabilities, c) }
	return slices.DeleteFunc(slices.Clone(member.Placed), func(kind schema.GroupKind) bool {
		switch kind {
		case schema.GroupKind{Kind: "ConfigMap"}:
			return true
		case member.ScaledObject.GroupKind():
			return !offered(cluster.CapabilityKEDA)
		case member.LLMInferenceService.GroupKind():
			return !offered(cluster.CapabilityKServe)
		default:
			return false
		}
	})
}
