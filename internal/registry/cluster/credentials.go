package cluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/kubeconfig"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/handin"
)

var (
	resource     = cluster.Resource("clusters")
	kubeconfigIn = field.NewPath("spec", "kubeconfig")
)

// dataKey 是凭据库里 kubeconfig 的键。
const dataKey = "kubeconfig"

// intake 说明 clusters/credentials 收的是一份 kubeconfig。
func intake(store credentials.Store) *handin.Intake[*cluster.Cluster, *cluster.ClusterCredentials] {
	return &handin.Intake[*cluster.Cluster, *cluster.ClusterCredentials]{
		Resource: resource, Singular: "cluster", Kind: cluster.Kind("ClusterCredentials"),
		New:   func() *cluster.ClusterCredentials { return &cluster.ClusterCredentials{} },
		Check: check,
		Data: func(in *cluster.ClusterCredentials) map[string][]byte {
			return map[string][]byte{dataKey: in.Spec.Kubeconfig}
		},
		Fill: func(out *cluster.ClusterCredentials, data map[string][]byte) {
			out.Spec.Kubeconfig = data[dataKey]
		},
		Stamp: func(out *cluster.ClusterCredentials, version string) { out.Status.Version = version },
		Version: &registry.Published[*cluster.Cluster]{
			Path: fieldpath.MakePathOrDie("status", "credentialsVersion"),
			Get:  func(owner *cluster.Cluster) string { return owner.Status.CredentialsVersion },
			Set:  func(owner *cluster.Cluster, version string) { owner.Status.CredentialsVersion = version },
		},
		Store: store,
	}
}

// check 是收下之前的全部检查；错误里没有 kubeconfig 的内容。
func check(in *cluster.ClusterCredentials, owner *cluster.Cluster) field.ErrorList {
	if ref := secretRef(owner); ref != nil {
		return field.ErrorList{field.Forbidden(kubeconfigIn, fmt.Sprintf(
			"cluster %q takes its kubeconfig from Secret %q in namespace %q: remove its spec.credentials.kubeconfigSecretRef first, or change that Secret", owner.Name, ref.Name, ref.Namespace))}
	}
	if len(in.Spec.Kubeconfig) == 0 {
		return field.ErrorList{field.Required(kubeconfigIn, "hand in a self-contained kubeconfig, such as kubectl config view --raw --flatten --minify writes")}
	}
	if _, err := kubeconfig.Parse(in.Spec.Kubeconfig, insecure(owner)); err != nil {
		return field.ErrorList{field.Invalid(kubeconfigIn, field.OmitValueType{}, err.Error())}
	}
	return nil
}
