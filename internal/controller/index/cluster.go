package index

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

const (
	// clustersByMember 由成员的身份找到代表它的 Cluster。
	clustersByMember = "status.id"
	// clustersBySecret 由 Secret 找到从它取凭据的 Cluster。
	clustersBySecret = "spec.credentials.kubeconfigSecretRef"
)

func setupClusters(ctx context.Context, indexer client.FieldIndexer) error {
	if err := add(ctx, indexer, clustersByMember, memberID); err != nil {
		return err
	}
	return add(ctx, indexer, clustersBySecret, credentialsSecret)
}

func memberID(c *v1alpha1.Cluster) []string {
	if c.Status.ID == "" {
		return nil
	}
	return []string{c.Status.ID}
}

func credentialsSecret(c *v1alpha1.Cluster) []string {
	if c.Spec.Credentials == nil || c.Spec.Credentials.KubeconfigSecretRef == nil {
		return nil
	}
	ref := c.Spec.Credentials.KubeconfigSecretRef
	return []string{ref.Namespace + "/" + ref.Name}
}

// ClustersOfMember 返回 status.id 为 id 的 Cluster；与缓存共享，只读。
func ClustersOfMember(ctx context.Context, c client.Reader, id string) ([]v1alpha1.Cluster, error) {
	return clusters(ctx, c, clustersByMember, id)
}

// ClustersOfSecret 返回从 secret 取凭据的 Cluster；与缓存共享，只读。
func ClustersOfSecret(ctx context.Context, c client.Reader, secret client.ObjectKey) ([]v1alpha1.Cluster, error) {
	return clusters(ctx, c, clustersBySecret, secret.String())
}

func clusters(ctx context.Context, c client.Reader, field, value string) ([]v1alpha1.Cluster, error) {
	list := &v1alpha1.ClusterList{}
	if err := c.List(ctx, list, client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the clusters with %s %q: %w", field, value, err)
	}
	return list.Items, nil
}
