package e2e

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// credentialFaults 成员好好的，平台却进不去了：那里跑着什么，平台不再知道，也就不许再说。
func credentialFaults() []fault {
	refused := func(reason string) func(*world) string {
		return func(w *world) string {
			if lacks := w.clusterReads(onBeta, metav1.ConditionFalse, reason); lacks != "" {
				return lacks
			}
			return w.unknownOn(twin, nomad, sleeper)
		}
	}
	return []fault{
		// 换成别的 CA 签的：成员不认（401）。
		{name: "credentials exchanged for ones that the member does not know", inject: func(ctx context.Context, w *world) error {
			return w.replace(ctx, "the member does not know its credentials", strangers)
		}, stance: refused(clusterv1alpha1.ReasonUnauthorized), heal: handBack},
		// 换成通往没有人的地址：没有拒绝，只有连不上；旧的话至多再站一个门限。
		{name: "credentials exchanged for ones that lead nowhere", inject: func(ctx context.Context, w *world) error {
			return w.replace(ctx, "its credentials lead nowhere", nowhere)
		}, stance: func(w *world) string {
			if lacks := w.clusterReads(onBeta, metav1.ConditionUnknown, clusterv1alpha1.ReasonHeartbeatFailed); lacks != "" {
				return lacks
			}
			return w.unknownOn(twin, nomad, sleeper)
		}, heal: handBack},
		// 换成另一个成员的：样样都答得上来，只是答的不是它。
		{name: "credentials exchanged for those of another member", inject: func(ctx context.Context, w *world) error {
			return w.replace(ctx, "its credentials lead to another member", func(*world) ([]byte, error) { return env.alpha.Kubeconfig(admin, time.Hour) })
		}, stance: refused(clusterv1alpha1.ReasonMemberChanged), heal: handBack},
		// 成员收回权限（403）：开着的监视不会因此断，心跳才问得出来。
		{name: "rights withdrawn on the member", inject: func(ctx context.Context, w *world) error {
			w.blinded("the member refuses the platform", onBeta)
			return env.beta.Client().RbacV1().ClusterRoleBindings().Delete(ctx, visitorBinding, metav1.DeleteOptions{})
		}, stance: refused(clusterv1alpha1.ReasonForbidden), heal: func(ctx context.Context, w *world) error {
			defer w.sighted(onBeta)
			return rebind(ctx)
		}},
		// 证书到期：到期的那一刻起不许再用，不等成员来拒绝。
		{name: "credentials expire", inject: expire, stance: refused(clusterv1alpha1.ReasonExpired), heal: handBack},
	}
}

// replace 给 beta 换上 made 造的凭据。
func (w *world) replace(ctx context.Context, why string, made func(*world) ([]byte, error)) error {
	kubeconfig, err := made(w)
	if err != nil {
		return err
	}
	w.blinded(why, onBeta)
	return w.handOver(ctx, onBeta, kubeconfig)
}

// handBack 换回好的。
func handBack(ctx context.Context, w *world) error {
	kubeconfig, err := env.beta.Kubeconfig(visitor, time.Hour)
	if err != nil {
		return err
	}
	defer w.sighted(onBeta)
	return w.handOver(ctx, onBeta, w.throughRelay(kubeconfig))
}

func strangers(w *world) ([]byte, error) {
	ca, err := harness.NewCA("stranger")
	if err != nil {
		return nil, err
	}
	client, err := ca.IssueClient(visitor)
	if err != nil {
		return nil, err
	}
	return harness.EncodeKubeconfig(w.relay.url(), env.beta.Config().CAData, clientcmdapi.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key})
}

func nowhere(*world) ([]byte, error) {
	port, err := harness.FreePort()
	if err != nil {
		return nil, err
	}
	return harness.EncodeKubeconfig(fmt.Sprintf("https://127.0.0.1:%d", port), env.beta.Config().CAData, clientcmdapi.AuthInfo{Token: "t"})
}

// shortLived 够平台换上它、确认它好用。
const shortLived = 8 * time.Second

// expire 换上一份马上到期的。到期是时钟的事，不是要等的条件：那一刻一到，成员就不认它了。
func expire(ctx context.Context, w *world) error {
	kubeconfig, err := env.beta.Kubeconfig(visitor, shortLived)
	if err != nil {
		return err
	}
	time.AfterFunc(shortLived, func() { w.blinded("its credentials have expired", onBeta) })
	return w.handOver(ctx, onBeta, w.throughRelay(kubeconfig))
}

// rebind 还回权限；已经还了的也行。
func rebind(ctx context.Context) error {
	_, err := env.beta.Client().RbacV1().ClusterRoleBindings().Get(ctx, visitorBinding, metav1.GetOptions{})
	if err == nil {
		return nil
	}
	return bind(ctx, env.beta)
}
