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

// Guard 判断请求者能否让平台替他用一份密文。
type Guard interface {
	handin.Guard
	// ConfirmSecret 要求请求者自己也能读这个 Secret；use 是谁要用它。
	ConfirmSecret(ctx context.Context, use auth.SecretUse, namespace, name string) error
}

// Cluster 声明成员集群种类。
func Cluster(guard Guard, store credentials.Store) *registry.Resource[*cluster.Cluster, *cluster.ClusterList] {
	credentials := intake(store)
	return &registry.Resource[*cluster.Cluster, *cluster.ClusterList]{
		Group: cluster.GroupName, Kind: "Cluster", Plural: "clusters", Singular: "cluster", ShortNames: []string{"kcl"},
		New:            func() *cluster.Cluster { return &cluster.Cluster{} },
		NewList:        func() *cluster.ClusterList { return &cluster.ClusterList{} },
		CopySpec:       func(to, from *cluster.Cluster) { to.Spec = from.Spec },
		CopyStatus:     func(to, from *cluster.Cluster) { to.Status = from.Status },
		Conditions:     func(obj *cluster.Cluster) []metav1.Condition { return obj.Status.Conditions },
		Published:      credentials.Version,
		Columns:        columns(),
		Fields:         selectable(),
		Validate:       validation.ValidateCluster,
		ValidateUpdate: validation.ValidateClusterUpdate,
		Admit: func(ctx context.Context, obj, old *cluster.Cluster) error {
			return confirm(ctx, guard, credentials, obj, old)
		},
		Warn: warn,
		Subresources: map[string]func(*registry.Storage) rest.Storage{
			handin.Subresource: credentials.REST,
		},
		AfterDelete: credentials.Forget,
		Tidy:        credentials.Sweep,
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
	return c != nil && c.Spec.Credentials != nil && ptr.Deref(c.Spec.Credentials.InsecureSkipTLSVerify, false)
}

// 决定凭据到谁手里的两个字段。
const (
	refField      = "spec.credentials.kubeconfigSecretRef"
	insecureField = "spec.credentials.insecureSkipTLSVerify"
)

// confirm 要求改动密文去向的人自己也拿得到它，不然他能借平台之手用它，并从状态里看出它的内容。
// 新点名的要问；放开证书校验也要问：谁站在中间，凭据就到谁手里。
// 别的改动不问，不然控制器加个 finalizer 也要有读 Secret 的权利。
func confirm(ctx context.Context, guard Guard, handedIn *handin.Intake[*cluster.Cluster, *cluster.ClusterCredentials], obj, old *cluster.Cluster) error {
	ref, before := secretRef(obj), secretRef(old)
	var loosened []string
	if insecure(obj) && (!insecure(old) || ref == nil && before != nil) {
		loosened = []string{insecureField}
	}
	switch {
	case ref == nil:
		return handedIn.Confirm(ctx, guard, obj, loosened)
	case len(loosened) > 0 || !apiequality.Semantic.DeepEqual(ref, before):
		return guard.ConfirmSecret(ctx, auth.SecretUse{Resource: resource, Name: obj.Name, Field: refField, Changed: loosened}, ref.Namespace, ref.Name)
	}
	return nil
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
