// Package cluster 声明 cluster.kubellm.io 的种类，与收下凭据的子资源 clusters/credentials。
package cluster

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry"
)

// Group 列出本组的版本与种类；clusters 由 Cluster 声明，别的组也要读它。
func Group(clusters *registry.Resource[*cluster.Cluster, *cluster.ClusterList]) registry.Group {
	return registry.Group{
		Name:      cluster.GroupName,
		Versions:  []schema.GroupVersion{v1alpha1.SchemeGroupVersion},
		Resources: []registry.Installer{clusters},
	}
}
