package crossplane

import (
	clusterscopedcluster "github.com/kubellm/kubellm/apis/managed/clusterscoped/cluster/v1alpha1"
	clusterscopediam "github.com/kubellm/kubellm/apis/managed/clusterscoped/iam/v1alpha1"
	clusterscopedmodel "github.com/kubellm/kubellm/apis/managed/clusterscoped/model/v1alpha1"
	namespacedcluster "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	namespacedmodel "github.com/kubellm/kubellm/apis/managed/namespaced/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/external/kinds"
)

// managedKinds 列出所有托管资源：每个平台种类两行，命名空间级与集群级。
var managedKinds = []managedKind{
	kindOf(kinds.User, &namespacediam.User{}, &namespacediam.UserList{}),
	kindOf(kinds.User, &clusterscopediam.User{}, &clusterscopediam.UserList{}),
	kindOf(kinds.Role, &namespacediam.Role{}, &namespacediam.RoleList{}),
	kindOf(kinds.Role, &clusterscopediam.Role{}, &clusterscopediam.RoleList{}),
	kindOf(kinds.RoleBinding, &namespacediam.RoleBinding{}, &namespacediam.RoleBindingList{}),
	kindOf(kinds.RoleBinding, &clusterscopediam.RoleBinding{}, &clusterscopediam.RoleBindingList{}),
	kindOf(kinds.Cluster, &namespacedcluster.Cluster{}, &namespacedcluster.ClusterList{}),
	kindOf(kinds.Cluster, &clusterscopedcluster.Cluster{}, &clusterscopedcluster.ClusterList{}),
	kindOf(kinds.Model, &namespacedmodel.Model{}, &namespacedmodel.ModelList{}),
	kindOf(kinds.Model, &clusterscopedmodel.Model{}, &clusterscopedmodel.ModelList{}),
}
