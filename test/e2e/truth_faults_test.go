package e2e

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// fault 是一个故障。注入之后先要看见它真的让哪句话不真了，再等平台表态，然后修好，等一切复原。
type fault struct {
	name   string
	inject func(context.Context, *world) error
	// stance 是平台该有的态度；自己会好的（平台或成员当场修复）没有，看得见影响、复原就行。
	stance func(*world) string
	// heal 在失败之后的清理里也会调用，所以做过的再做一遍不能出错；nil 是不必修。
	heal func(context.Context, *world) error
	// grace 是额外准的时间：写状态的人死了的时候，没有人收得回说过的话，要等别人接手。
	grace time.Duration
}

// allFaults 按次序注入：先是够不着，再是成员的部件与节点，再是人动了手脚，再是平台自己。
// 杀掉成员的 API 服务器放在最后：成员自己的调度器等也因此退避半分钟，后面的故障都要陪着等。
func allFaults() []fault {
	return slices.Concat(outages(), changesUnseen(), credentialFaults(), partFaults(), nodeFaults(), podFaults(), tampering(), platformFaults(), deaths())
}

// lostBeta 是 beta 失联时该有的态度。
func lostBeta(w *world) string {
	return cmp.Or(w.clusterReads(onBeta, metav1.ConditionUnknown, clusterv1alpha1.ReasonHeartbeatFailed), w.unknownOn(twin, nomad, sleeper))
}

// outages 平台与成员之间断了，成员自己好好的，或者只是僵住。
func outages() []fault {
	return []fault{
		// 进程僵住：连接都开着，只是没有回答；只有超时说得出来。
		{name: "member's API server hung", inject: hangAlpha, heal: resumeAlpha, stance: func(w *world) string {
			return cmp.Or(w.clusterReads(onAlpha, metav1.ConditionUnknown, clusterv1alpha1.ReasonHeartbeatFailed), w.unknownOn(single, several, twin))
		}},
		// 存储僵住：API 服务器还活着，却说自己没有就绪、或者答不上来；两个成员共用它。
		{name: "members' etcd hung", inject: func(_ context.Context, w *world) error {
			w.blinded("its etcd hangs", onAlpha, onBeta)
			return env.etcd.Halt()
		}, stance: unready(modelNames...), heal: func(_ context.Context, w *world) error {
			w.sighted(onAlpha, onBeta)
			return env.etcd.Resume()
		}},
		// 网络哑了：两头都以为连接还在，没有人报错。
		{name: "network to the member silent", inject: silence, stance: lostBeta, heal: speak},
		// NAT 忘了现有的连接，新的照常；其间有副本崩溃，老连接上的监视永远不会说。
		{name: "network forgot the open connections, and a replica crashes", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.relay.forget(), w.crash(ctx, onBeta, nomad))
		}, stance: failing(nomad), heal: mending(onBeta, nomad)},
	}
}

// changesUnseen 够不着成员的时候有人改了 spec：改了的要算数，却不许当作已经照办。
func changesUnseen() []fault {
	return []fault{
		// 换参数：回来之后旧参数的副本不算就绪。
		{name: "Model changed while its member cannot be reached", inject: func(ctx context.Context, w *world) error {
			return errors.Join(silence(ctx, w), w.patch(ctx, sleeper, `{"spec":{"engine":{"args":["--seed=2"]}}}`))
		}, stance: func(w *world) string { return w.unknownOn(sleeper) }, heal: speak},
		// 加副本：没有看到就绪之前不许说就绪。
		{name: "Model scaled while its member hangs", inject: func(ctx context.Context, w *world) error {
			return errors.Join(hangAlpha(ctx, w), w.patch(ctx, several, `{"spec":{"scaling":{"replicas":4}}}`))
		}, stance: func(w *world) string { return w.unknownOn(several) }, heal: resumeAlpha},
		// 暂停：当场就不再就绪；回来之后副本真的没有了，再恢复。
		{name: "Model suspended while its member cannot be reached", inject: func(ctx context.Context, w *world) error {
			return errors.Join(silence(ctx, w), w.patch(ctx, sleeper, `{"spec":{"suspended":true}}`), w.until(ctx, "the member to be lost", func() string {
				return w.clusterReads(onBeta, metav1.ConditionUnknown, clusterv1alpha1.ReasonHeartbeatFailed)
			}))
		}, stance: func(w *world) string { return w.modelReads(sleeper, metav1.ConditionFalse, v1alpha1.ReasonSuspended) },
			heal: func(ctx context.Context, w *world) error {
				return errors.Join(speak(ctx, w), w.until(ctx, "the suspended replica to go", w.asleep), w.patch(ctx, sleeper, `{"spec":{"suspended":false}}`))
			}},
	}
}

// asleep 要求 sleeper 在成员上一个副本也没有，或者已经醒了。
func (w *world) asleep() string {
	m := w.model(sleeper)
	if m.Spec.Suspended != nil && *m.Spec.Suspended && len(w.members[onBeta].living(m)) > 0 {
		return "the replica of " + sleeper + " is still there"
	}
	return ""
}

// deaths 成员的 API 服务器死了。
func deaths() []fault {
	return []fault{
		// 连接当场被拒，监视当场断开。
		{name: "member's API server killed", inject: killBeta, stance: lostBeta, heal: reviveBeta},
		// 死得够久，模型搬走；回来之后旧的一份要收走。
		{name: "member dead for longer than failover waits", inject: killBeta, stance: func(w *world) string {
			m := w.model(nomad)
			if len(m.Status.Placements) != 1 || m.Status.Placements[0].Cluster != onAlpha {
				return "nomad is still placed on its dead cluster"
			}
			return cmp.Or(w.modelReads(nomad, metav1.ConditionTrue, v1alpha1.ReasonReady), readyUntrue(m, w.members), w.unknownOn(twin, sleeper))
		}, heal: reviveBeta},
	}
}

func silence(_ context.Context, w *world) error {
	w.blinded("nothing comes through the network", onBeta)
	w.relay.swallow()
	return nil
}

func speak(_ context.Context, w *world) error {
	w.relay.restore()
	w.sighted(onBeta)
	return nil
}

func killBeta(_ context.Context, w *world) error {
	w.blinded("its API server is dead", onBeta)
	return env.beta.KillAPIServer()
}

func reviveBeta(ctx context.Context, w *world) error {
	if env.beta.APIServer.Running() {
		return nil
	}
	// 它一起来平台就可以说话了，不等靠它的部件也起来。
	w.sighted(onBeta)
	return env.beta.StartAPIServer(ctx)
}

func hangAlpha(_ context.Context, w *world) error {
	w.blinded("its API server hangs", onAlpha)
	return env.alpha.HangAPIServer()
}

func resumeAlpha(_ context.Context, w *world) error {
	w.sighted(onAlpha)
	return env.alpha.ResumeAPIServer()
}

// failing 要求 model 说副本起不来。
func failing(model string) func(*world) string {
	return func(w *world) string {
		return w.modelReads(model, metav1.ConditionFalse, v1alpha1.ReasonReplicasFailing)
	}
}

// mending 让崩溃的好起来。
func mending(cluster, model string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.mend(ctx, cluster, model) }
}

// unready 要求这些 Model 都没有说就绪，而且说的是现在的 spec。
func unready(models ...string) func(*world) string {
	return func(w *world) string { return w.noneReady(models...) }
}
