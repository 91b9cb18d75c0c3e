package kinds

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/internal/external"
)

// Cluster 驱动成员集群；kubeconfig 由 clusters/credentials 交入。
var Cluster = &external.Kind[*clusterv1alpha1.Cluster, *clusterv1alpha1.ClusterList]{
	GroupVersionKind: clusterv1alpha1.SchemeGroupVersion.WithKind("Cluster"),
	Resource:         "clusters",
	New:              func() *clusterv1alpha1.Cluster { return &clusterv1alpha1.Cluster{} },
	Client: func(c versioned.Interface, _ string) external.Resource[*clusterv1alpha1.Cluster, *clusterv1alpha1.ClusterList] {
		return c.ClusterV1alpha1().Clusters()
	},
	Items:      func(l *clusterv1alpha1.ClusterList) []*clusterv1alpha1.Cluster { return pointers(l.Items) },
	Conditions: func(c *clusterv1alpha1.Cluster) []metav1.Condition { return c.Status.Conditions },
	// 不校验证书等于把凭据交给中间人：没写就是不许，不让人在背后放开。
	Facets:    []external.Facet{{Path: []string{"spec", "credentials", "insecureSkipTLSVerify"}, Unset: false}},
	Immutable: []external.Immutable[*clusterv1alpha1.Cluster]{{Path: []string{"spec", "workloadNamespacePrefix"}, Effective: prefix}},
	Intake: &external.Intake[*clusterv1alpha1.Cluster]{
		Field:   "credentials",
		HandIn:  handInKubeconfig,
		Version: func(c *clusterv1alpha1.Cluster) string { return c.Status.CredentialsVersion },
		Pending: awaitsCredentials,
	},
	// 凭据或成员本身有错：换了凭据才会好，等下去没有意义。Secret 还没有、还缺那个键不在其中，它可能正在被写。
	Terminal: []string{
		clusterv1alpha1.ReasonCredentialsMissing,
		clusterv1alpha1.ReasonKubeconfigMalformed,
		clusterv1alpha1.ReasonKubeconfigRefused,
		clusterv1alpha1.ReasonExpired,
		clusterv1alpha1.ReasonUnauthorized,
		clusterv1alpha1.ReasonForbidden,
		clusterv1alpha1.ReasonMemberChanged,
		clusterv1alpha1.ReasonDuplicateMember,
	},
	Leaving: clusterv1alpha1.ConditionDrained,
	Parked:  isSuspended,
}

// handInKubeconfig 交入 kubeconfig；带上 uid，重建的同名集群收不到上一个的凭据。
func handInKubeconfig(ctx context.Context, c versioned.Interface, key external.Key, uid types.UID, data external.SecretData) (string, error) {
	answer, err := c.ClusterV1alpha1().Clusters().CreateCredentials(ctx, key.Name, &clusterv1alpha1.ClusterCredentials{
		ObjectMeta: metav1.ObjectMeta{Name: key.Name, UID: uid},
		Spec:       clusterv1alpha1.ClusterCredentialsSpec{Kubeconfig: data[clusterv1alpha1.DefaultKubeconfigKey]},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return answer.Status.Version, nil
}

// awaitsCredentials 说状态是否还没有说到最后交入的凭据。凭据出自平台的 Secret 或集群被暂停时，控制器不看交入的那一份。
func awaitsCredentials(c *clusterv1alpha1.Cluster) bool {
	fromSecret := c.Spec.Credentials != nil && c.Spec.Credentials.KubeconfigSecretRef != nil
	return !fromSecret && !isSuspended(c) && c.Status.ObservedCredentialsVersion != c.Status.CredentialsVersion
}

// prefix 是算数的那个前缀。
func prefix(c *clusterv1alpha1.Cluster) string {
	return ptr.Deref(c.Spec.WorkloadNamespacePrefix, clusterv1alpha1.DefaultWorkloadNamespacePrefix)
}

// isSuspended 说平台此刻是否不看这个集群。
func isSuspended(c *clusterv1alpha1.Cluster) bool {
	return ptr.Deref(c.Spec.Suspended, false)
}
