package emptier

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"

	"github.com/kubellm/kubellm/test/harness"
)

// patience 是等服务器清空一个命名空间的上限。
const patience = 2 * time.Minute

// TestStaleEmptier 保证另一个副本早已清空、有人又建了同名的之后，还停在以前的清空者碰不到新的那一个里的东西，
// 哪怕对象也同名。
func TestStaleEmptier(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	config := harness.Config(t, platform.Kubeconfig)
	core, err := kubernetes.NewForConfig(config)
	must(t, err)
	contents, err := metadata.NewForConfig(config)
	must(t, err)
	// informer 不启动：里面只有放进去的那一刻，正是落后的副本所见。
	stale := informers.NewSharedInformerFactory(core, 0).Core().V1().Namespaces()
	emptier, err := New(core.CoreV1().Namespaces(), discovery.NewDiscoveryClient(core.CoreV1().RESTClient()), contents, stale)
	must(t, err)

	seen := fill(t, core)
	seen.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	seen.Status.Phase = corev1.NamespaceTerminating
	must(t, stale.Informer().GetIndexer().Add(seen))
	must(t, core.CoreV1().Namespaces().Delete(t.Context(), seen.Name, metav1.DeleteOptions{}))
	harness.Eventually(t, "the server to empty the namespace", patience, func(ctx context.Context) error {
		_, err := core.CoreV1().Namespaces().Get(ctx, seen.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("it is still there"), err)
	})
	if emptied, err := emptier.empty(t.Context(), seen.Name); !emptied || err != nil {
		t.Errorf("a namespace that is gone: %t, %v; want nothing left to do", emptied, err)
	}

	fill(t, core)
	for range 2 {
		if _, err := emptier.empty(t.Context(), seen.Name); err != nil {
			t.Errorf("a namespace made anew: %v", err)
		}
	}
	left, err := core.CoreV1().Secrets(seen.Name).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) != filling {
		t.Errorf("%d secrets are left in the namespace made anew (%v), want all %d", len(left.Items), err, filling)
	}
	if anew, err := core.CoreV1().Namespaces().Get(t.Context(), seen.Name, metav1.GetOptions{}); err != nil || len(anew.Spec.Finalizers) == 0 {
		t.Errorf("the namespace made anew was let go: %v, %v", anew, err)
	}
}

// filling 是放进命名空间的 Secret 的数目。
const filling = 3

// fill 建命名空间与里面的东西，名字每次都一样。
func fill(t *testing.T, core kubernetes.Interface) *corev1.Namespace {
	t.Helper()
	made, err := core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "again"}}, metav1.CreateOptions{})
	must(t, err)
	for n := range filling {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("s-%d", n)}}
		// 前一个刚走，服务器的缓存里可能还是正在被删除的它。
		harness.Eventually(t, "the namespace to take "+secret.Name, patience, func(ctx context.Context) error {
			_, err := core.CoreV1().Secrets(made.Name).Create(ctx, secret, metav1.CreateOptions{})
			if err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
				return harness.Permanent(err)
			}
			return err
		})
	}
	return made
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
