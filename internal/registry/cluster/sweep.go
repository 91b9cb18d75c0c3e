package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry/handin"
)

// Owners 列出现存的集群，供清理凭据时对照。
func Owners(clusters clusterclient.ClusterInterface) handin.Owners {
	return handin.Owners{Resource: resource, List: func(ctx context.Context) ([]handin.Owner, error) {
		list, err := clusters.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		owners := make([]handin.Owner, 0, len(list.Items))
		for i := range list.Items {
			owner := &list.Items[i]
			owners = append(owners, handin.Owner{
				Name: owner.Name, UID: owner.UID, Version: owner.Status.CredentialsVersion,
				Republish: func(ctx context.Context, version string) error {
					owner.Status.CredentialsVersion = version
					_, err := clusters.UpdateStatus(ctx, owner, metav1.UpdateOptions{})
					return err
				},
			})
		}
		return owners, nil
	}}
}
