package crossplane

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	namespaced "github.com/kubellm/kubellm/apis/managed/namespaced/v1alpha1"
)

// TestUnreachable 看平台停了一阵：同步状况说出原因，就绪与否不再假装知道，平台回来后自己好。
func TestUnreachable(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		stop   func(*platformServer) error
		start  func(*testing.T, *platformServer) error
		notice time.Duration
	}{
		"killed": {
			reason: "the platform's process is gone: connections are refused",
			stop:   func(p *platformServer) error { return p.Kill() },
			start:  func(t *testing.T, p *platformServer) error { return p.Restart(t.Context()) },
			notice: 90 * time.Second,
		},
		"frozen": {
			reason: "the platform's process does not answer: connections stay open and say nothing",
			stop:   func(p *platformServer) error { return p.Halt() },
			start:  func(_ *testing.T, p *platformServer) error { return p.Resume() },
			notice: 180 * time.Second,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flaky, err := startPlatform(t.Context(), newStack(t), "flaky")
			if err != nil {
				t.Fatal(err)
			}
			ns := shared.namespace(t)
			shared.connectTo(t, flaky, "flaky-"+name)
			mg := user(ns, "while-"+name)
			mg.Spec.ProviderConfigReference = clusterConfig("flaky-" + name)
			mg.Spec.ForProvider.Email = ptrTo("before@example.org")
			if err := shared.kube.Create(t.Context(), mg); err != nil {
				t.Fatal(err)
			}
			awaitReady(t, shared, mg)

			if err := tc.stop(flaky); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg, tc.notice, flaky.URL)
			stays := func() {
				t.Helper()
				if err := isUnready(mg, corev1.ConditionUnknown, notObserved); err != nil {
					t.Errorf("%s, so nobody knows how the object is, but %v", tc.reason, err)
				}
			}
			stays()
			at := mg.Status.AtProvider

			t.Log("it stays so through further attempts, and what was seen last stays too")
			shared.awaitAttempts(t, mg, 3)
			if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(mg), mg); err != nil {
				t.Fatal(err)
			}
			stays()
			if !equality.Semantic.DeepEqual(mg.Status.AtProvider, at) {
				t.Errorf("%s: status.atProvider was %+v, is %+v", tc.reason, at, mg.Status.AtProvider)
			}

			if err := tc.start(t, flaky); err != nil {
				t.Fatal(err)
			}
			awaitReady(t, shared, mg)
		})
	}
}

// connectTo 添一个指向另一个平台的配置。
func (c *controlPlane) connectTo(t *testing.T, p *platformServer, name string) {
	t.Helper()
	c.secret(t, name, map[string][]byte{"kubeconfig": p.kubeconfig(t, c.user())})
	c.config(t, name, secretConfig(name))
}

func (c *controlPlane) secret(t *testing.T, name string, data map[string][]byte) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name}, Data: data}
	if err := c.kube.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

func (c *controlPlane) config(t *testing.T, name string, spec namespaced.ClusterProviderConfigSpec) {
	t.Helper()
	config := &namespaced.ClusterProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	if err := c.kube.Create(t.Context(), config); err != nil {
		t.Fatal(fmt.Errorf("create ClusterProviderConfig %s: %w", name, err))
	}
}
