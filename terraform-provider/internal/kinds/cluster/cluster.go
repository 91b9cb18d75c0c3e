// Package cluster 是 kubellm_cluster：一个可以放模型的成员集群。
package cluster

import (
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// Kind 声明 kubellm_cluster 与 kubellm_clusters。
var Kind = &kind.Kind[model, *clusterv1alpha1.Cluster, *clusterv1alpha1.ClusterList]{
	Name:   "cluster",
	Plural: "clusters",
	Title:  "cluster",
	Description: "A member Kubernetes cluster that models can be placed on. The platform gets into it with a kubeconfig, " +
		"which is either handed in with `kubeconfig_wo` or read from a Secret of the platform.",
	External:   kinds.Cluster,
	Attributes: attributes,
	Secret:     secret,
	Defaults:   defaults,
	Filters:    map[string]string{"region": "spec.region"},
	Facts:      facts,
	Waits:      waits,
	ToAPI:      toAPI,
	FromAPI:    fromAPI,
}

// waits 说是否值得等集群就绪：没有任何凭据的永远不会就绪，谁来交凭据、何时交，Terraform 不知道。
func waits(cluster *clusterv1alpha1.Cluster) bool {
	source := ptr.Deref(cluster.Spec.Credentials, clusterv1alpha1.CredentialsSource{})
	return source.KubeconfigSecretRef != nil || cluster.Status.CredentialsVersion != ""
}
