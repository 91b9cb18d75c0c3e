package model

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// scalerManager 是替伸缩器拿着副本数的名义：只在交接时写一次，伸缩器一改就归了它。
const scalerManager = fieldManager + "-autoscaling"

var deploymentKind = schema.GroupKind{Group: appsv1.GroupName, Kind: "Deployment"}

// handOver 在清单不再写副本数之前把它交出去：平台是唯一写它的，就这样不写了，API 服务器会把它退回一个，
// 正在服务的副本都被停掉。交出去的不少于伸缩器的下限，暂停过的不必等它从零拉起。
func (a *applying) handOver(ctx context.Context, key target, u *unstructured.Unstructured) error {
	if key.kind != deploymentKind {
		return nil
	}
	if _, written, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "replicas"); written || err != nil {
		return err
	}
	live := &appsv1.Deployment{}
	if err := a.client.Get(ctx, key.NamespacedName, live); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("look at the replicas of %s before the autoscaler takes over: %w", key, err)
	}
	if !ownsReplicas(fieldManager, live.ManagedFields) {
		return nil
	}
	auto := a.model.Spec.Scaling.Autoscaling
	replicas := min(max(ptr.Deref(live.Spec.Replicas, 1), ptr.Deref(auto.MinReplicas, 1)), auto.MaxReplicas)
	// 带上 uid：恰在此时被人删了的，不要凭这半份清单造一个出来。
	part := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": u.GetAPIVersion(), "kind": u.GetKind(),
		"metadata": map[string]any{"name": key.Name, "namespace": key.Namespace, "uid": string(live.UID)},
		"spec":     map[string]any{"replicas": int64(replicas)},
	}}
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(part), client.FieldOwner(scalerManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("hand the replicas of %s to the autoscaler: %w", key, err)
	}
	return nil
}

// ownsReplicas 报告副本数是不是 manager 应用上去的。
func ownsReplicas(manager string, fields []metav1.ManagedFieldsEntry) bool {
	for _, entry := range fields {
		if entry.Manager != manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		owned := &fieldpath.Set{}
		if err := owned.FromJSON(entry.FieldsV1.GetRawReader()); err == nil && owned.Has(fieldpath.MakePathOrDie("spec", "replicas")) {
			return true
		}
	}
	return false
}
