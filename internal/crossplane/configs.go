package crossplane

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscoped "github.com/kubellm/kubellm/apis/managed/clusterscoped/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
)

const (
	kindProviderConfig        = "ProviderConfig"
	kindClusterProviderConfig = "ClusterProviderConfig"
)

var errNoConfig = errors.New("spec.providerConfigRef is not set: name the provider config that says where the platform is")

// configRef 指一个 provider 配置；两代配置的 kind 可能同名，所以要带上是哪一代。
type configRef struct {
	kind   string
	key    client.ObjectKey
	legacy bool
}

func (r configRef) String() string {
	if r.key.Namespace == "" {
		return fmt.Sprintf("%s %q", r.kind, r.key.Name)
	}
	return fmt.Sprintf("%s %q in namespace %q", r.kind, r.key.Name, r.key.Namespace)
}

// indexValue 是托管资源按 provider 配置索引的值：配置变了，用它的资源立刻重新协调。
func (r configRef) indexValue() string { return r.kind + "/" + r.key.String() }

// configOf 给出托管资源所用的 provider 配置；命名空间级的配置只能是自己命名空间里的。
func configOf(mg resource.Managed) (configRef, error) {
	switch mg := mg.(type) {
	case resource.ModernManaged:
		ref := mg.GetProviderConfigReference()
		if ref == nil {
			return configRef{}, errNoConfig
		}
		return modernConfigRef(ref.Kind, ref.Name, mg.GetNamespace())
	case resource.LegacyManaged:
		ref := mg.GetProviderConfigReference()
		if ref == nil {
			return configRef{}, errNoConfig
		}
		return configRef{kind: kindProviderConfig, key: client.ObjectKey{Name: ref.Name}, legacy: true}, nil
	}
	return configRef{}, fmt.Errorf("%T cannot refer to a provider config", mg)
}

func modernConfigRef(kind, name, namespace string) (configRef, error) {
	switch kind {
	case kindProviderConfig:
		return configRef{kind: kind, key: client.ObjectKey{Namespace: namespace, Name: name}}, nil
	case kindClusterProviderConfig:
		return configRef{kind: kind, key: client.ObjectKey{Name: name}}, nil
	}
	return configRef{}, fmt.Errorf("spec.providerConfigRef.kind is %q: set it to %s or %s", kind, kindProviderConfig, kindClusterProviderConfig)
}

// config 是三种 provider 配置的共同内容。
type config struct {
	uid        types.UID
	generation int64
	server     *string
	source     namespaced.CredentialsSource
	// secret 仅在来源为 Secret 时有意义；secretKey 为空表示 Secret 按 Kubernetes 的惯例分键存放凭据。
	secret    types.NamespacedName
	secretKey *string
}

// readConfig 从缓存读出 provider 配置。
func readConfig(ctx context.Context, kube client.Reader, ref configRef) (config, error) {
	var pc client.Object = &namespaced.ProviderConfig{}
	switch {
	case ref.legacy:
		pc = &clusterscoped.ProviderConfig{}
	case ref.kind == kindClusterProviderConfig:
		pc = &namespaced.ClusterProviderConfig{}
	}
	if err := getConfig(ctx, kube, ref, pc); err != nil {
		return config{}, err
	}
	return contentOf(pc), nil
}

// contentOf 取出三种配置的共同内容；别的对象没有内容。
func contentOf(o client.Object) config {
	switch pc := o.(type) {
	case *clusterscoped.ProviderConfig:
		return clusterConfig(pc, pc.Spec)
	case *namespaced.ClusterProviderConfig:
		return clusterConfig(pc, pc.Spec)
	case *namespaced.ProviderConfig:
		c := config{uid: pc.UID, generation: pc.Generation, server: pc.Spec.Server, source: pc.Spec.Credentials.Source}
		if s := pc.Spec.Credentials.SecretRef; s != nil {
			c.secret, c.secretKey = types.NamespacedName{Namespace: pc.Namespace, Name: s.Name}, s.Key
		}
		return c
	}
	return config{}
}

func clusterConfig(pc client.Object, spec namespaced.ClusterProviderConfigSpec) config {
	c := config{uid: pc.GetUID(), generation: pc.GetGeneration(), server: spec.Server, source: spec.Credentials.Source}
	if s := spec.Credentials.SecretRef; s != nil {
		c.secret, c.secretKey = types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, s.Key
	}
	return c
}

func getConfig(ctx context.Context, kube client.Reader, ref configRef, pc client.Object) error {
	err := kube.Get(ctx, ref.key, pc)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s does not exist: make it, or let spec.providerConfigRef name another", ref)
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", ref, err)
	}
	return nil
}
