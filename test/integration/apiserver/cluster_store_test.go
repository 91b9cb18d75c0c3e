package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// raw 是绕过服务器直接看、直接改 etcd 的客户端。
type raw struct {
	*clientv3.Client
}

func openEtcd(t *testing.T, url string) raw {
	t.Helper()
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{url}, DialTimeout: 10 * time.Second})
	must(t, err)
	t.Cleanup(func() { _ = etcd.Close() })
	return raw{etcd}
}

// key 找出含有 part 的唯一一个键。
func (r raw) key(ctx context.Context, part string) (key string, value []byte, err error) {
	got, err := r.Get(ctx, "/", clientv3.WithPrefix())
	if err != nil {
		return "", nil, err
	}
	for _, kv := range got.Kvs {
		if strings.Contains(string(kv.Key), part) {
			return string(kv.Key), kv.Value, nil
		}
	}
	return "", nil, fmt.Errorf("etcd has no key with %s", part)
}

// crashed 是一个用着外部 etcd、可以被杀掉再起来的服务器。
func crashed(t *testing.T) (*platform, raw) {
	t.Helper()
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	return start(t, harness.PlatformOptions{EtcdURLs: []string{etcd.URL}}), openEtcd(t, etcd.URL)
}

// TestCredentialsInEtcd 直接读 etcd：凭据在自己的键下、加了密，整个库里没有明文；集群没了它就没了。
func TestCredentialsInEtcd(t *testing.T) {
	t.Parallel()
	p, etcd := crashed(t)
	kubeconfig := memberKubeconfig(t, "")
	member := p.cluster(t, clusterv1alpha1.ClusterSpec{})
	version := p.handIn(t, member.Name, kubeconfig)
	_, value, err := etcd.key(t.Context(), "internal.kubellm.io/credentials/"+string(member.UID))
	must(t, err)
	if !bytes.HasPrefix(value, []byte("k8s:enc:")) {
		t.Errorf("the credentials are stored as %.20q, which is not encrypted", value)
	}
	all, err := etcd.Get(t.Context(), "/", clientv3.WithPrefix())
	must(t, err)
	for _, kv := range all.Kvs {
		for _, secret := range spellings(kubeconfig) {
			if bytes.Contains(kv.Value, []byte(secret)) {
				t.Errorf("%s shows the credentials", kv.Key)
			}
		}
	}
	must(t, p.Kill())
	must(t, p.Restart(t.Context()))
	p.holds(t, member.Name, kubeconfig, version)

	must(t, p.admin.clusters.Delete(t.Context(), member.Name, metav1.DeleteOptions{}))
	if key, _, err := etcd.key(t.Context(), string(member.UID)); err == nil {
		t.Errorf("the cluster is gone, but %s is not", key)
	}
}

// TestCredentialsHalfWay 保证进程断在两步之间，下次启动都收拾得好：
// 集群删了凭据还在的抹掉，凭据收下了状态没公布的补上，别的不动。
func TestCredentialsHalfWay(t *testing.T) {
	t.Parallel()
	p, etcd := crashed(t)
	kubeconfig := memberKubeconfig(t, "")
	kept, orphaned, unpublished := p.cluster(t, clusterv1alpha1.ClusterSpec{}), p.cluster(t, clusterv1alpha1.ClusterSpec{}), p.cluster(t, clusterv1alpha1.ClusterSpec{})
	version := p.handIn(t, kept.Name, kubeconfig)
	p.handIn(t, orphaned.Name, kubeconfig)
	key, before, err := etcd.key(t.Context(), "/clusters/"+unpublished.Name)
	must(t, err)
	late := p.handIn(t, unpublished.Name, kubeconfig)
	must(t, p.Kill())

	// 存储里变成进程恰好断在两步之间的样子。
	_, err = etcd.Put(t.Context(), key, string(before))
	must(t, err)
	gone, _, err := etcd.key(t.Context(), "/clusters/"+orphaned.Name)
	must(t, err)
	_, err = etcd.Delete(t.Context(), gone)
	must(t, err)

	must(t, p.Restart(t.Context()))
	harness.Eventually(t, "the server to tidy up", patience, func(ctx context.Context) error {
		if key, _, err := etcd.key(ctx, string(orphaned.UID)); err == nil {
			return fmt.Errorf("%s is still there", key)
		}
		found, err := p.admin.clusters.Get(ctx, unpublished.Name, metav1.GetOptions{})
		if err == nil && found.Status.CredentialsVersion != late {
			err = fmt.Errorf("the version %q is shown, want %q", found.Status.CredentialsVersion, late)
		}
		return err
	})
	p.holds(t, unpublished.Name, kubeconfig, late)
	p.holds(t, kept.Name, kubeconfig, version)
}

// TestCredentialsSurviveKills 保证随时被杀，说收下了的就收下了，公布的版本与内容总是一对。
func TestCredentialsSurviveKills(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	member := p.cluster(t, clusterv1alpha1.ClusterSpec{})
	confirmed, content := "", map[string][]byte{}
	for round := range 3 {
		done := make(chan struct{})
		first := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				kubeconfig := memberKubeconfig(t, fmt.Sprintf("-%d-%d", round, i))
				got, err := p.admin.clusters.CreateCredentials(context.Background(), member.Name, credentialsOf(kubeconfig), metav1.CreateOptions{})
				if err != nil {
					return // 服务器被杀了。
				}
				confirmed, content[got.Status.Version] = got.Status.Version, kubeconfig
				if i == 3 {
					close(first)
				}
			}
		}()
		select {
		case <-first:
		case <-done:
			t.Fatal("credentials were not taken although the server was up")
		}
		must(t, p.Kill())
		<-done
		must(t, p.Restart(t.Context()))
		harness.Eventually(t, "the shown version and the content to be a pair", patience, func(ctx context.Context) error {
			got, err := p.controller(t).clusters.GetCredentials(ctx, member.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			found, err := p.admin.clusters.Get(ctx, member.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if found.Status.CredentialsVersion != got.Status.Version {
				return fmt.Errorf("shown is %s, stored is %s", found.Status.CredentialsVersion, got.Status.Version)
			}
			if known := content[got.Status.Version]; known != nil && !bytes.Equal(known, got.Spec.Kubeconfig) {
				return harness.Permanent(fmt.Errorf("version %s has other content", got.Status.Version))
			}
			// 没得到回答的那一次可以收下，也可以没收下；得到回答的绝不能退回去。
			if got.Status.Version != confirmed && content[got.Status.Version] != nil {
				return harness.Permanent(fmt.Errorf("version %s was confirmed, but %s came back", confirmed, got.Status.Version))
			}
			return nil
		})
	}
}
