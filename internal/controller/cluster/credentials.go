package cluster

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/secrets"
	"github.com/kubellm/kubellm/internal/controller/wording"
	"github.com/kubellm/kubellm/internal/kubeconfig"
)

// credentials 取来 cluster 的凭据。凭据不能用是结果，平台答不上来才是错误。
func (r *Reconciler) credentials(ctx context.Context, cluster *v1alpha1.Cluster) (credentials, error) {
	source := ptr.Deref(cluster.Spec.Credentials, v1alpha1.CredentialsSource{})
	held := r.grips.of(cluster)
	var refusal *problem
	var err error
	if ref := source.KubeconfigSecretRef; ref != nil {
		refusal, err = r.takeSecret(ctx, held, *ref)
	} else {
		refusal, err = r.takeHandedIn(ctx, held, cluster)
	}
	if err != nil {
		return credentials{}, err
	}
	if refusal != nil {
		return credentials{problem: refusal}, nil
	}
	return held.open(ptr.Deref(source.InsecureSkipTLSVerify, false)), nil
}

// takeSecret 看缓存里 Secret 的元数据，变了才取一次内容。
func (r *Reconciler) takeSecret(ctx context.Context, held *grip, ref v1alpha1.SecretKeyReference) (*problem, error) {
	key := client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}
	field := ptr.Deref(ref.Key, v1alpha1.DefaultKubeconfigKey)
	secret, err := secrets.Fetch(ctx, r.Client, r.Live, key, func(m metav1.Object) bool { return held.source != secretSource(m, field) })
	if secret != nil {
		held.takeSecret(secretSource(secret, field), secret.Data[field])
	}
	switch {
	case apierrors.IsNotFound(err):
		held.drop()
		return refuse(v1alpha1.ReasonSecretNotFound,
			"The Secret %q in the namespace %q does not exist. It is taken up as soon as it is created.", ref.Name, ref.Namespace), nil
	case err != nil:
		return nil, fmt.Errorf("get the Secret %q, which holds the kubeconfig: %w", key, err)
	case len(held.data) == 0:
		return refuse(v1alpha1.ReasonSecretKeyMissing,
			"The Secret %q in the namespace %q has nothing under the key %q, which spec.credentials names.", ref.Name, ref.Namespace, field), nil
	}
	return nil, nil
}

// takeHandedIn 在状态里的版本不是手上那份时，取一次经 clusters/credentials 交来的凭据。
func (r *Reconciler) takeHandedIn(ctx context.Context, held *grip, cluster *v1alpha1.Cluster) (*problem, error) {
	version := cluster.Status.CredentialsVersion
	if version != "" && held.source == handedInSource(version) {
		return nil, nil
	}
	handed := &v1alpha1.ClusterCredentials{}
	if version != "" {
		err := r.Client.SubResource("credentials").Get(ctx, cluster, handed)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("get the credentials handed in for cluster %q: %w", cluster.Name, err)
		}
	}
	if len(handed.Spec.Kubeconfig) == 0 {
		held.drop()
		return refuse(v1alpha1.ReasonCredentialsMissing,
			"No credentials have been handed in through clusters/credentials, and spec.credentials.kubeconfigSecretRef names no Secret."), nil
	}
	held.takeHandedIn(handed.Status.Version, handed.Spec.Kubeconfig)
	return nil, nil
}

// parse 按策略检查 kubeconfig；错误里只有规则，没有内容。
func parse(data []byte, insecure bool) (*kubeconfig.Access, *problem) {
	access, err := kubeconfig.Parse(data, insecure)
	if err == nil {
		return access, nil
	}
	reason := v1alpha1.ReasonKubeconfigRefused
	if broken := (*kubeconfig.Error)(nil); errors.As(err, &broken) && broken.Unusable() {
		reason = v1alpha1.ReasonKubeconfigMalformed
	}
	return nil, refuse(reason, "The kubeconfig cannot be used: %s.", wording.Brief(err))
}

func refuse(reason, format string, args ...any) *problem {
	return &problem{reason: reason, message: fmt.Sprintf(format, args...)}
}
