package apiserver

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubellm/kubellm/test/harness"
)

// TestNothingOutlivesItsNamespace 保证删命名空间时还有人往里写，得到过应答的东西都随它消失，没赶上的得到拒绝，
// 同名重建的是空的。两个服务器共用一个 etcd：写的人在同一个服务器、在另一个服务器，
// 或者在一个停顿了、还不知道命名空间已经没了的服务器。
func TestNothingOutlivesItsNamespace(t *testing.T) {
	t.Parallel()
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	encryption, err := harness.WriteEncryption(t.TempDir())
	must(t, err)
	options := harness.PlatformOptions{EtcdURLs: []string{etcd.URL}, EncryptionConfig: encryption}
	first, second := start(t, options), start(t, options)
	for name, tc := range map[string]struct {
		writers *platform
		stalls  bool
	}{
		"the same server":      {writers: first},
		"another server":       {writers: second},
		"a server that stalls": {writers: second, stalls: true},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				outlivesNothing(t, first, tc.writers, tc.stalls)
			}
		})
	}
}

func outlivesNothing(t *testing.T, deleting, writing *platform, stalls bool) {
	t.Helper()
	core := deleting.admin.core(t)
	name := namespace(t, core)
	finished, written := writeUntilRefused(t, writing.admin.core(t), name)
	for range cap(written) {
		<-written // 都写成过：写的服务器认得这个命名空间，请求正在途中。
	}
	if stalls {
		must(t, writing.Halt())
	}
	must(t, core.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}))
	if stalls {
		namespaceGone(t, core, name)
		must(t, writing.Resume())
	}
	finished()
	namespaceGone(t, core, name)
	isEmpty(t, deleting, name)
	_, err := writing.admin.core(t).CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(t, err)
	isEmpty(t, deleting, name)
}

// writeUntilRefused 让几个人不停地往命名空间里建 Secret，直到被拒绝；written 满了就是人人都建成过一个。
func writeUntilRefused(t *testing.T, core kubernetes.Interface, name string) (finished func(), written chan struct{}) {
	t.Helper()
	const writers = 8
	written = make(chan struct{}, writers)
	var running sync.WaitGroup
	for writer := range writers {
		running.Go(func() {
			for n := 0; ; n++ {
				_, err := core.CoreV1().Secrets(name).Create(t.Context(), secret(fmt.Sprintf("s-%d-%d", writer, n)), metav1.CreateOptions{})
				if n == 0 {
					written <- struct{}{}
				}
				switch {
				case err == nil:
				case apierrors.IsNotFound(err), apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
					return
				default:
					t.Errorf("creating a secret in a namespace that is deleted gave %v, want 403 or 404", err)
					return
				}
			}
		})
	}
	return running.Wait, written
}

// isEmpty 查一个命名空间名下什么也没有。
func isEmpty(t *testing.T, p *platform, name string) {
	t.Helper()
	for _, path := range []string{"/api/v1/namespaces/" + name + "/secrets", "/api/v1/namespaces/" + name + "/events", "/apis/coordination.k8s.io/v1/namespaces/" + name + "/leases"} {
		if got := p.admin.send(t, http.MethodGet, path, "", "Accept", jsonType); !strings.Contains(got.body, `"items":[]`) {
			t.Errorf("%s outlived its namespace: %.300s", path, got.body)
		}
	}
}
