package cluster

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/cluster/validation"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/handin"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// SecretGuard 判断请求者能否让平台替他读一个 Secret。
type SecretGuard interface {
	// ConfirmSecret 要求请求者自己也能读这个 Secret；use 是谁要用它。
	ConfirmSecret(ctx context.Context, use auth.SecretUse, namespace, name string) error
}

// Cluster 声明成员集群种类。
func Cluster(guard SecretGuard, store credentials.Store) *registry.Resource[*cluster.Cluster, *cluster.ClusterList] {
	credentials := intake(store)
	return &registry.Resource[*cluster.Cluster, *cluster.ClusterList]{
		Group: cluster.GroupName, Kind: "Cluster", Plural: "clusters", Singular: "cluster", ShortNames: []string{"kcl"},
		New:            func() *cluster.Cluster { return &cluster.Cluster{} },
		NewList:        func() *cluster.ClusterList { return &cluster.ClusterList{} },
		CopySpec:       func(to, from *cluster.Cluster) { to.Spec = from.Spec },
		CopyStatus:     func(to, from *cluster.Cluster) { to.Status = from.Status },
		Conditions:     func(obj *cluster.Cluster) []metav1.Condition { return obj.Status.Conditions },
		Columns:        columns(),
		Fields:         selectable(),
		Validate:       validation.ValidateCluster,
		ValidateUpdate: validation.ValidateClusterUpdate,
		Admit: func(ctx context.Context, obj, old *cluster.Cluster) error {
			return confirmSecret(ctx, guard, obj, old)
		},
		Warn: warn,
		Subresources: map[string]func(*registry.Storage) rest.Storage{
			handin.Subresource: credentials.REST,
		},
		AfterDelete: credentials.Forget,
	}
}

// selectable 让人找出某个区域的集群，也让人在换 Secret 之前找出用着它的集群。
func selectable() []registry.Field[*cluster.Cluster] {
	return []registry.Field[*cluster.Cluster]{
		{Path: "spec.region", Value: func(c *cluster.Cluster) string { return ptr.Deref(c.Spec.Region, "") }},
		{Path: "spec.credentials.kubeconfigSecretRef.name", Value: func(c *cluster.Cluster) string {
			return ptr.Deref(secretRef(c), cluster.SecretKeyReference{}).Name
		}},
		{Path: "spec.credentials.kubeconfigSecretRef.namespace", Value: func(c *cluster.Cluster) string {
			return ptr.Deref(secretRef(c), cluster.SecretKeyReference{}).Namespace
		}},
	}
}

func secretRef(c *cluster.Cluster) *cluster.SecretKeyReference {
	if c == nil || c.Spec.Credentials == nil {
		return nil
	}
	return c.Spec.Credentials.KubeconfigSecretRef
}

func insecure(c *cluster.Cluster) bool {
	return c.Spec.Credentials != nil && ptr.Deref(c.Spec.Credentials.InsecureSkipTLSVerify, false)
}

// confirmSecret 只问新指的 Secret：不然控制器加个 finalizer 也要有读 Secret 的权利。
// 不问就等于让不能读 Secret 的人借平台之手用它，并从状态里看出它的内容。
func confirmSecret(ctx context.Context, guard SecretGuard, obj, old *cluster.Cluster) error {
	ref := secretRef(obj)
	if ref == nil || apiequality.Semantic.DeepEqual(ref, secretRef(old)) {
		return nil
	}
	use := auth.SecretUse{Resource: resource, Name: obj.Name, Field: "spec.credentials.kubeconfigSecretRef"}
	return guard.ConfirmSecret(ctx, use, ref.Namespace, ref.Name)
}

// warn 说出合法但多半不是本意的写法。
func warn(c *cluster.Cluster) []string {
	var warnings []string
	if insecure(c) {
		warnings = append(warnings, "spec.credentials.insecureSkipTLSVerify: anybody between the platform and the member can take the credentials and answer in the member's place")
	}
	if heartbeat := c.Spec.Heartbeat; heartbeat != nil {
		interval, timeout := ptr.Deref(heartbeat.IntervalSeconds, 0), ptr.Deref(heartbeat.TimeoutSeconds, 0)
		if timeout > interval {
			warnings = append(warnings, fmt.Sprintf("spec.heartbeat.timeoutSeconds: a probe may take longer (%d s) than the time between two (%d s), so an unreachable member is noticed later than the interval suggests", timeout, interval))
		}
		if ptr.Deref(heartbeat.FailureThreshold, 0) == 1 {
			warnings = append(warnings, "spec.heartbeat.failureThreshold: with 1 a single lost probe makes the member unreachable")
		}
	}
	return warnings
}
