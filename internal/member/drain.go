package member

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// Placed 是平台会放到成员上的种类，按收走的次序：先收会再造出别的来的，命名空间最后。
var Placed = []schema.GroupKind{
	{Group: kedaGroup, Kind: "ScaledObject"},
	{Group: kserveGroup, Kind: "LLMInferenceService"},
	{Group: "apps", Kind: "Deployment"},
	{Kind: "Service"},
	{Kind: "Secret"},
	{Kind: "ConfigMap"},
	{Kind: "PersistentVolumeClaim"},
	{Kind: "Namespace"},
}

// maxNamed 是点名说出的剩余物的上限：它们会进状态。
const maxNamed = 20

// Drain 收走为 uid 这个 Cluster 放到成员上的一切，返回还剩下的（可能正在终止）；一种收不走不妨碍别的。
// 命名空间里若还有收不走的就先留着：删了它，里面的也就没了，而那正是没能问清的。
func Drain(ctx context.Context, c client.Client, uid types.UID) (left []string, err error) {
	return Remove(ctx, c, Placed, client.MatchingLabels{v1alpha1.LabelClusterUID: string(uid)})
}

// Remove 收走成员上 kinds 里合乎 which 的一切；规矩同 Drain。
func Remove(ctx context.Context, c client.Client, kinds []schema.GroupKind, which ...client.ListOption) (left []string, err error) {
	var errs []error
	var remaining []metav1.PartialObjectMetadata
	for _, kind := range kinds {
		if kind.Kind == "Namespace" && len(errs) > 0 {
			break
		}
		if ctx.Err() != nil {
			// 问有哪些种类不听 ctx，所以每种之前都看一眼：慢的成员不能把工作者留到最后。
			errs = append(errs, failed("remove what was placed of kind "+kind.Kind, ctx.Err()))
			break
		}
		these, err := drainKind(ctx, c, kind, which)
		if err != nil {
			errs = append(errs, err)
		}
		remaining = append(remaining, these...)
	}
	return names(remaining), errors.Join(errs...)
}

// drainKind 收走一种；成员没有这一种时什么也不剩。
func drainKind(ctx context.Context, c client.Client, kind schema.GroupKind, which []client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	mapping, err := c.RESTMapper().RESTMapping(kind)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(fmt.Sprintf("find out whether %s is served", kind), err)
	}
	found, err := placed(ctx, c, mapping.GroupVersionKind, which)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var errs []error
	for i := range found {
		if err := remove(ctx, c, &found[i]); err != nil {
			errs = append(errs, err)
		}
	}
	left, err := placed(ctx, c, mapping.GroupVersionKind, which)
	if err != nil {
		left = found
	}
	return left, errors.Join(append(errs, err)...)
}

// placed 直接向成员列出一种里合乎 which 的；只要身份，Secret 的内容不必过来。
func placed(ctx context.Context, c client.Client, kind schema.GroupVersionKind, which []client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	var page metav1.PartialObjectMetadataList
	for {
		next := page.Continue
		page = metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(kind)
		err := c.List(ctx, &page, append(slices.Clip(which), client.Limit(pageSize), client.Continue(next))...)
		switch {
		case apierrors.IsNotFound(err):
			// 发现之后 CRD 没了，它的对象也没了。
			return nil, nil
		case err != nil:
			return all, failed(fmt.Sprintf("list what was placed of kind %s", kind.Kind), err)
		}
		for i := range page.Items {
			page.Items[i].SetGroupVersionKind(kind)
		}
		all = append(all, page.Items...)
		if page.Continue == "" {
			return all, nil
		}
	}
}

// remove 删除一个；凭 uid，免得误删同名的后来者。
func remove(ctx context.Context, c client.Client, object *metav1.PartialObjectMetadata) error {
	if object.DeletionTimestamp != nil {
		return nil
	}
	err := c.Delete(ctx, object, client.Preconditions{UID: &object.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return failed("delete "+name(object), err)
	}
	return nil
}

// names 点名说出剩下的，太多就只说个数。
func names(objects []metav1.PartialObjectMetadata) []string {
	var all []string
	for i := range objects {
		if i == maxNamed {
			return append(all, fmt.Sprintf("and %d more", len(objects)-maxNamed))
		}
		all = append(all, name(&objects[i]))
	}
	return all
}

// name 形如 Deployment team-a/chat，没有命名空间的形如 Namespace team-a。
func name(object *metav1.PartialObjectMetadata) string {
	return object.Kind + " " + strings.TrimPrefix(client.ObjectKeyFromObject(object).String(), "/")
}
