package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Config 返回管理员的客户端配置，不限速；每次一份，可以改。
func (m *Member) Config() *rest.Config { return rest.CopyConfig(m.config) }

// Client 返回管理员的客户端。
func (m *Member) Client() kubernetes.Interface { return m.client }

// Kubeconfig 返回代表 id 的自足的 kubeconfig，客户端证书在 ttl 之后过期；ttl 不为正时它已经过期（不看 id.Expired）。
func (m *Member) Kubeconfig(id Identity, ttl time.Duration) ([]byte, error) {
	return m.APIServer.issueKubeconfig(id, time.Now().Add(ttl))
}

// TokenKubeconfig 返回用 ServiceAccount 的令牌登录的 kubeconfig，没有这个 ServiceAccount 就先建；
// 权限由测试另给，删掉 ServiceAccount 令牌就作废。kube-apiserver 不签发十分钟以内的令牌。
func (m *Member) TokenKubeconfig(ctx context.Context, namespace, serviceAccount string, ttl time.Duration) ([]byte, error) {
	accounts := m.client.CoreV1().ServiceAccounts(namespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: serviceAccount}}
	if _, err := accounts.Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("create service account %s/%s in member cluster %s: %w", namespace, serviceAccount, m.Name, err)
	}
	seconds := int64(ttl / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	token, err := accounts.CreateToken(ctx, serviceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("request a token of service account %s/%s in member cluster %s: %w", namespace, serviceAccount, m.Name, err)
	}
	return EncodeKubeconfig(m.APIServer.URL, m.APIServer.ca.PEM, clientcmdapi.AuthInfo{Token: token.Status.Token})
}

// StopAPIServer 正常停止 kube-apiserver，就像在升级它。
func (m *Member) StopAPIServer() error { return m.APIServer.Stop() }

// KillAPIServer 以 SIGKILL 结束 kube-apiserver：此后的连接被拒绝。
func (m *Member) KillAPIServer() error { return m.APIServer.Kill() }

// HangAPIServer 停住 kube-apiserver：连接还在，只是没有回答，客户端只能靠超时发现。
func (m *Member) HangAPIServer() error { return m.APIServer.Halt() }

// ResumeAPIServer 让停住的 kube-apiserver 继续。
func (m *Member) ResumeAPIServer() error { return m.APIServer.Resume() }

// StartAPIServer 在同样的端口和数据上重新启动停止了的 kube-apiserver，并等它就绪；靠它的部件也重新来过。
func (m *Member) StartAPIServer(ctx context.Context) error {
	if m.APIServer.Running() {
		return errors.New("start the API server of member cluster " + m.Name + ": it is running; stop or kill it first")
	}
	if err := m.APIServer.Restart(ctx); err != nil {
		return err
	}
	return m.restartClients(ctx)
}

// restartClients 让靠 kube-apiserver 的部件重新来过，如同控制面的机器重启。接着用断过线的会留下不走的 Pod，占着后面的测试要的卡：
// 断线时删了又建的同名 Deployment，垃圾回收看成同一个的修改，从前那个的 ReplicaSet 没人收；
// kwok 在连接断开时没做成的删除不再做；而重连的退避长到一分钟。
func (m *Member) restartClients(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range []*Process{m.ControllerManager, m.Scheduler, m.Kwok} {
		if p != nil {
			// 不等它们收尾：controller-manager 忙起来十秒收不完，会因此报错。
			group.Go(func() error { return p.Reboot(ctx) })
		}
	}
	return group.Wait()
}
