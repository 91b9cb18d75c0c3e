package index

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	// modelsByUID 由成员上的标签找到 Model。
	modelsByUID = "metadata.uid"
	// modelsByCluster 由 Cluster 找到放在那里、或那里还有东西要收拾的 Model。
	modelsByCluster = "status.placements.cluster"
	// modelsBySecret 由 Secret 找到从它取凭据的 Model。
	modelsBySecret = "spec.source.secretRef"
	// modelsUnplaced 是还没放满的 Model：哪里空出来，都要再试。
	modelsUnplaced = "status.unplaced"
	unplaced       = "true"
)

func setupModels(ctx context.Context, indexer client.FieldIndexer) error {
	for field, values := range map[string]func(*v1alpha1.Model) []string{
		modelsByUID:     func(m *v1alpha1.Model) []string { return []string{string(m.UID)} },
		modelsByCluster: placedOn,
		modelsBySecret:  modelSecrets,
		modelsUnplaced:  waitingForRoom,
	} {
		if err := add(ctx, indexer, field, values); err != nil {
			return err
		}
	}
	return nil
}

func placedOn(m *v1alpha1.Model) []string {
	var names []string
	for _, p := range m.Status.Placements {
		names = append(names, p.Cluster)
	}
	for _, p := range m.Status.RemovedPlacements {
		names = append(names, p.Cluster)
	}
	return names
}

func waitingForRoom(m *v1alpha1.Model) []string {
	if m.DeletionTimestamp != nil || meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionScheduled) {
		return nil
	}
	return []string{unplaced}
}

func modelSecrets(m *v1alpha1.Model) []string {
	var keys []string
	for _, name := range SecretsOfModel(m) {
		keys = append(keys, m.Namespace+"/"+name)
	}
	return keys
}

// SecretsOfModel 是 spec 点名的 Secret，都在 Model 自己的命名空间。
func SecretsOfModel(m *v1alpha1.Model) []string {
	names := secretsOfSource(m.Spec.Source)
	for _, adapter := range m.Spec.Adapters {
		names = append(names, secretsOfSource(adapter.Source)...)
	}
	return names
}

func secretsOfSource(s v1alpha1.ModelSource) []string {
	switch {
	case s.HuggingFace != nil && s.HuggingFace.TokenSecretRef != nil:
		return []string{s.HuggingFace.TokenSecretRef.Name}
	case s.OCI != nil && s.OCI.PullSecretRef != nil:
		return []string{s.OCI.PullSecretRef.Name}
	case s.S3 != nil && s.S3.CredentialsSecretRef != nil:
		return []string{s.S3.CredentialsSecretRef.Name}
	default:
		return nil
	}
}

// ModelsByUID 返回 UID 为 uid 的 Model，至多一个；与缓存共享，只读。
func ModelsByUID(ctx context.Context, c client.Reader, uid types.UID) ([]v1alpha1.Model, error) {
	return models(ctx, c, modelsByUID, string(uid))
}

// ModelsOnCluster 返回放在 cluster 上、或那里还有东西要收拾的 Model；与缓存共享，只读。
func ModelsOnCluster(ctx context.Context, c client.Reader, cluster string) ([]v1alpha1.Model, error) {
	return models(ctx, c, modelsByCluster, cluster)
}

// ModelsOfSecret 返回从 secret 取凭据的 Model；与缓存共享，只读。
func ModelsOfSecret(ctx context.Context, c client.Reader, secret client.ObjectKey) ([]v1alpha1.Model, error) {
	return models(ctx, c, modelsBySecret, secret.String())
}

// UnplacedModels 返回还没放满的 Model；与缓存共享，只读。
func UnplacedModels(ctx context.Context, c client.Reader) ([]v1alpha1.Model, error) {
	return models(ctx, c, modelsUnplaced, unplaced)
}

func models(ctx context.Context, c client.Reader, field, value string) ([]v1alpha1.Model, error) {
	list := &v1alpha1.ModelList{}
	if err := c.List(ctx, list, client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the models with %s %q: %w", field, value, err)
	}
	return list.Items, nil
}
