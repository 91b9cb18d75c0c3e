package cluster

import (
	"time"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/kubeconfig"
	"github.com/kubellm/kubellm/internal/member"
)

// soon 是凭据到期前开始提醒的时间：够人从容地换一份。
const soon = 7 * 24 * time.Hour

// facts 是算状态所需、而对象里没有的一切；有了它，状态就是纯函数。
type facts struct {
	now         time.Time
	credentials credentials
	// asked 是开始拿这份凭据去问成员的时间，决定旧的条件还能站多久。
	asked time.Time
	// evidence 是用这份凭据取得的证据；nil 表示还没有。
	evidence *member.Evidence
	// older 是先代表同一个成员的 Cluster 的名字；空表示没有。
	older string
	// drain 只在删除期间有意义。
	drain drainage
}

// credentials 是取凭据的结果：access 与 problem 恰有其一。
type credentials struct {
	access *kubeconfig.Access
	// version 变了，成员那边就要重连。
	version string
	// handedIn 是经 clusters/credentials 交来的那一版；凭据来自 Secret 时为空。
	handedIn string
	problem  *problem
}

// problem 说凭据为什么不能用。
type problem struct{ reason, message string }

// drainage 是排空成员的结果。
type drainage struct {
	done bool
	left member.Leftovers
	// unavailable 说为什么此刻排不了空；空表示正在排。
	unavailable string
}

// view 把对象与事实放在一起问。
type view struct {
	*v1alpha1.Cluster
	facts
}

func (v view) suspended() bool { return ptr.Deref(v.Spec.Suspended, false) }

func (v view) deleting() bool { return v.DeletionTimestamp != nil }

func (v view) interval() time.Duration { return beat(v.Cluster).interval }

// tolerance 是成员沉默多久仍算正常：连续失败到门限所需的时间。
func (v view) tolerance() time.Duration {
	b := beat(v.Cluster)
	return b.interval*time.Duration(b.threshold) + b.timeout
}

// expired 报告凭据自称的期限已过。
func (v view) expired() bool {
	access := v.credentials.access
	return access != nil && access.ExpiresAt != nil && !v.now.Before(*access.ExpiresAt)
}

// usable 报告有一份可以拿去用的凭据。
func (v view) usable() bool { return v.credentials.access != nil && !v.expired() }

// answer 说成员的回答：空的 Failure 是好的回答；第二个值为假表示还不能下结论。
// 有过成功的连接未到失败门限时照旧算好，才不会抖动；从未成功过的，401 与 403 当场就是结论，
// 因为成员已经明说了，而写错凭据的人正等着听。
func (v view) answer() (member.Failure, bool) {
	if v.evidence == nil {
		return "", false
	}
	probe := v.evidence.Probe
	if probe.Err != nil {
		failure := member.ReasonOf(probe.Err)
		refused := failure == member.Unauthorized || failure == member.Forbidden
		if probe.Failed || (refused && probe.LastSuccess.IsZero()) {
			return failure, true
		}
	}
	return "", !probe.LastSuccess.IsZero() && v.evidence.ID != ""
}

// waiting 报告证据还在路上：重启或换了凭据之后，旧的条件在此期间仍然作数。
func (v view) waiting() bool {
	_, concluded := v.answer()
	return v.usable() && !v.suspended() && !concluded && v.now.Before(v.asked.Add(v.tolerance()))
}

// stranger 报告凭据通向的不是这个 Cluster 所代表的成员。
func (v view) stranger() bool {
	return v.evidence != nil && v.evidence.ID != "" && v.Status.ID != "" && v.evidence.ID != v.Status.ID
}

// own 报告证据来自这个 Cluster 所代表的成员。
func (v view) own() bool {
	return v.evidence != nil && v.evidence.ID != "" && v.evidence.ID == v.Status.ID
}

// answers 报告自己的成员此刻好好地回答着，可以对它动手。
func (v view) answers() bool {
	failure, concluded := v.answer()
	return v.usable() && !v.suspended() && concluded && failure == "" && v.own()
}

// rhythm 是补全了默认值的心跳设置。
type rhythm struct {
	interval, timeout time.Duration
	threshold         int
}

// beat 读出心跳设置；服务端总会补全，这里的默认值只为旧对象兜底。
func beat(cluster *v1alpha1.Cluster) rhythm {
	h := ptr.Deref(cluster.Spec.Heartbeat, v1alpha1.Heartbeat{})
	return rhythm{
		interval:  seconds(ptr.Deref(h.IntervalSeconds, v1alpha1.DefaultIntervalSeconds)),
		timeout:   seconds(ptr.Deref(h.TimeoutSeconds, v1alpha1.DefaultTimeoutSeconds)),
		threshold: int(ptr.Deref(h.FailureThreshold, v1alpha1.DefaultFailureThreshold)),
	}
}

// late 是探测因机器忙而晚到的余地。
const late = 5 * time.Second

// outdated 报告探测早该有了下一次：进程被挂起过，刚醒来的旧领导者还不知道自己已经落选。
// 它手里的证据说的是从前，照着写会与新的领导者来回改；等它自己探过再说。
func (r rhythm) outdated(probe member.Probe, now time.Time) bool {
	if probe.At.IsZero() {
		return false
	}
	// 没到门限的失败之前的那次成功，也不会比门限那么多次探测更早。
	lasting := time.Duration(r.threshold)*max(r.interval, r.timeout) + r.timeout + late
	lapsed := !probe.Failed && !probe.LastSuccess.IsZero() && now.Sub(probe.LastSuccess) > lasting
	return lapsed || now.Sub(probe.At) > r.interval+r.timeout+late
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
