// Package managed 收集 Crossplane 一侧的全部 API 组：托管资源与 provider 配置。
// 每个种类有一个两种作用域共用的 forProvider（forprovider/），再加命名空间级与集群级各一个薄类型。
package managed

import (
	"k8s.io/apimachinery/pkg/runtime"

	clusterscopedcluster "github.com/kubellm/kubellm/apis/managed/clusterscoped/cluster/v1alpha1"
	clusterscopediam "github.com/kubellm/kubellm/apis/managed/clusterscoped/iam/v1alpha1"
	clusterscopedmodel "github.com/kubellm/kubellm/apis/managed/clusterscoped/model/v1alpha1"
	clusterscoped "github.com/kubellm/kubellm/apis/managed/clusterscoped/v1alpha1"
	namespacedcluster "github.com/kubellm/kubellm/apis/managed/namespaced/cluster/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	namespacedmodel "github.com/kubellm/kubellm/apis/managed/namespaced/model/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
)

// AddToScheme 登记所有组；新增一个组时只在这里添一行。
var AddToScheme = (&runtime.SchemeBuilder{
	namespaced.AddToScheme,
	namespacediam.AddToScheme,
	namespacedcluster.AddToScheme,
	namespacedmodel.AddToScheme,
	clusterscoped.AddToScheme,
	clusterscopediam.AddToScheme,
	clusterscopedcluster.AddToScheme,
	clusterscopedmodel.AddToScheme,
}).AddToScheme
