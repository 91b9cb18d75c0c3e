package crossplane

import (
	"context"
	"fmt"
	"testing"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscopediam "github.com/kubellm/kubellm/apis/managed/clusterscoped/iam/v1alpha1"
	clusterscoped "github.com/kubellm/kubellm/apis/managed/clusterscoped/v1alpha1"
	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// connected 是一个托管资源和它连接平台所凭的两样东西。
type connected struct {
	mg     resource.Managed
	config client.Object
	secret *corev1.Secret
	// point 让配置从另一个 Secret 取凭据。
	point func(secret string)
}

// configScopes 是三种 provider 配置，各带一个用它的托管资源；三样同名，都还没有建。
var configScopes = map[string]func(ns, name string) connected{
	"cluster-config": func(ns, name string) connected {
		config := &namespaced.ClusterProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: secretConfig(name)}
		mg := user(ns, name)
		mg.Spec.ProviderConfigReference = clusterConfig(name)
		return connected{mg: mg, config: config, secret: secretIn(systemNamespace, name), point: func(s string) { config.Spec = secretConfig(s) }}
	},
	"namespaced-config": func(ns, name string) connected {
		config := &namespaced.ProviderConfig{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
		point := func(s string) {
			ref := secretConfig(s).Credentials.SecretRef.SecretReference
			config.Spec.Credentials = namespaced.Credentials{Source: namespaced.CredentialsSourceSecret, SecretRef: &ref}
		}
		point(name)
		mg := user(ns, name)
		mg.Spec.ProviderConfigReference = &xpv2.ProviderConfigReference{Kind: "ProviderConfig", Name: name}
		return connected{mg: mg, config: config, secret: secretIn(ns, name), point: point}
	},
	"cluster-scoped-resource": func(_, name string) connected {
		config := &clusterscoped.ProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: secretConfig(name)}
		mg := &clusterscopediam.User{ObjectMeta: metav1.ObjectMeta{Name: name}}
		mg.Spec.ProviderConfigReference = &xpv2.Reference{Name: name}
		return connected{mg: mg, config: config, secret: secretIn(systemNamespace, name), point: func(s string) { config.Spec = secretConfig(s) }}
	},
}

func secretIn(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// TestLostConnection 看就绪着的资源连不上平台了：不等轮询（一小时）就说不知道，反复试也不反复写，平台上什么也不变；
// 补好之后自己好。
func TestLostConnection(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	good := map[string][]byte{"kubeconfig": platform.kubeconfig(t, shared.user())}
	ways := map[string]struct {
		reason     string
		lose, mend func(t *testing.T, c connected)
	}{
		"secret-deleted": {
			reason: "without the Secret there are no credentials",
			lose:   func(t *testing.T, c connected) { shared.remove(t, c.secret) },
			mend:   func(t *testing.T, c connected) { shared.make(t, c.secret) },
		},
		"secret-truncated": {
			reason: "half a kubeconfig is none",
			lose: func(t *testing.T, c connected) {
				c.secret.Data = map[string][]byte{"kubeconfig": good["kubeconfig"][:len(good["kubeconfig"])/2]}
				shared.update(t, c.secret)
			},
			mend: func(t *testing.T, c connected) {
				c.secret.Data = good
				shared.update(t, c.secret)
			},
		},
		"config-removed": {
			reason: "without the config nobody knows where the platform is",
			lose: func(t *testing.T, c connected) {
				shared.remove(t, c.config)
				// 还有人用的配置要硬拿掉它的 finalizer 才没有；还没来得及加上的则已经没了。
				unfinalized := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
				if err := shared.kube.Patch(t.Context(), c.config, unfinalized); client.IgnoreNotFound(err) != nil {
					t.Fatal(err)
				}
				awaitGone(t, shared, c.config)
			},
			mend: func(t *testing.T, c connected) { shared.make(t, c.config) },
		},
		"config-misdirected": {
			reason: "the config names a Secret that is not there",
			lose:   func(t *testing.T, c connected) { shared.redirect(t, c, "nowhere") },
			mend:   func(t *testing.T, c connected) { shared.redirect(t, c, c.secret.Name) },
		},
	}
	for way, tc := range ways {
		for scope, build := range configScopes {
			t.Run(way+"/"+scope, func(t *testing.T) {
				t.Parallel()
				c := build(ns, "lost-"+way+"-"+scope)
				c.secret.Data = good
				for _, o := range []client.Object{c.secret, c.config, c.mg} {
					shared.make(t, o)
				}
				awaitReady(t, shared, c.mg)
				before := platform.user(t, c.mg.GetName())

				tc.lose(t, c)
				awaitUnready(t, shared, c.mg, corev1.ConditionUnknown, notObserved)
				written := c.mg.GetResourceVersion()
				shared.awaitAttempts(t, c.mg, 3)
				if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(c.mg), c.mg); err != nil {
					t.Fatal(err)
				}
				if err := isUnready(c.mg, corev1.ConditionUnknown, notObserved); err != nil || c.mg.GetResourceVersion() != written {
					t.Errorf("%s: after more attempts the resource was written again (%s became %s): %v", tc.reason, written, c.mg.GetResourceVersion(), err)
				}
				platform.unchanged(t, before)

				tc.mend(t, c)
				awaitReady(t, shared, c.mg)
				platform.unchanged(t, before)
			})
		}
	}
}

// attempts 数出一个托管资源失败过几次：每次失败都有一个事件，同样的合在一起计数。
func (c *controlPlane) attempts(ctx context.Context, mg resource.Managed) (int, error) {
	events := &corev1.EventList{}
	if err := c.kube.List(ctx, events, client.MatchingFields{"involvedObject.uid": string(mg.GetUID()), "type": corev1.EventTypeWarning}); err != nil {
		return 0, err
	}
	count := 0
	for _, e := range events.Items {
		count += int(e.Count)
	}
	return count, nil
}

// awaitAttempts 等托管资源又失败了这么多次。
func (c *controlPlane) awaitAttempts(t *testing.T, mg resource.Managed, more int) {
	t.Helper()
	before, err := c.attempts(t.Context(), mg)
	if err != nil {
		t.Fatal(err)
	}
	// 失败得多了，两次之间隔一分钟。
	harness.Eventually(t, fmt.Sprintf("%d more attempts at %s", more, mg.GetName()), 3*promptly, func(ctx context.Context) error {
		now, err := c.attempts(ctx, mg)
		if err == nil && now < before+more {
			err = fmt.Errorf("there were %d, now there are %d", before, now)
		}
		return err
	})
}

// redirect 让配置从另一个 Secret 取凭据；别人也在写配置的状态，所以照最新的改。
func (c *controlPlane) redirect(t *testing.T, of connected, secret string) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := c.kube.Get(t.Context(), client.ObjectKeyFromObject(of.config), of.config); err != nil {
			return err
		}
		of.point(secret)
		return c.kube.Update(t.Context(), of.config)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// make 建一个对象；删过再建时，它还带着上一次的身份。
func (c *controlPlane) make(t *testing.T, o client.Object) {
	t.Helper()
	o.SetResourceVersion("")
	o.SetUID("")
	o.SetFinalizers(nil)
	o.SetDeletionTimestamp(nil)
	if err := c.kube.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (c *controlPlane) update(t *testing.T, o client.Object) {
	t.Helper()
	if err := c.kube.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (c *controlPlane) remove(t *testing.T, o client.Object) {
	t.Helper()
	if err := c.kube.Delete(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}
