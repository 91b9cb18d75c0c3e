// Package member 是平台看成员集群的唯一一双眼睛：每个成员一条连接、一份监视缓存、一个心跳，
// 谁要看成员都从这里看。它只给出证据（看到了什么、何时看到、哪里失败），条件由控制器据此得出。
package member

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// Target 说要看哪个成员、凭什么进去、多久探一次。
type Target struct {
	// Name 是 Cluster 的名字；UID 变了就是另一个 Cluster，旧连接作废。
	Name string
	UID  types.UID
	// Config 已按策略检查过，只含自足的凭据。
	Config *rest.Config
	// CredentialsVersion 变了才重连；它随证据交回，说明证据是用哪份凭据得来的。
	CredentialsVersion string
	Interval           time.Duration
	Timeout            time.Duration
	FailureThreshold   int
}

// Evidence 是到此刻为止看到的一切；它是副本，谁都可以留着。
type Evidence struct {
	// CredentialsVersion 是取得这些证据的凭据。
	CredentialsVersion string
	Probe              Probe
	// ID 是 kube-system 的 UID，空表示还没有读到。
	ID           string
	Version      string
	Capabilities []v1alpha1.Capability
	Capacity     Capacity
}

// Probe 是心跳的结果。
type Probe struct {
	// At 是最近一次探测结束的时间，不论成败；零表示还没有探过，或凭据根本没法拿去探。
	// 久没有更新说明看的人自己停过，例如进程被挂起：那样的证据说的是从前。
	At time.Time
	// LastSuccess 为零表示用这份凭据还没有成功过。
	LastSuccess time.Time
	// Failures 是上次成功以来连续失败的次数；Failed 表示已达到门限。
	Failures int
	Failed   bool
	// Err 是最近一次失败，成功之后为 nil；用 ReasonOf 问它是哪一种。Failed 之后，
	// 连着门限那么多次都是另一种失败，它才换成那一种。
	Err error
}

// Capacity 是监视得来的容量。Known 为假时数字仍是最后看到的。
type Capacity struct {
	Known bool
	// LastSeen 是数字最后一次确知属实的时间；为零表示从未看到。
	LastSeen time.Time
	// Err 说为什么现在不知道：监视断了、不许看，等等。
	Err          error
	Nodes        v1alpha1.NodeSummary
	Accelerators []v1alpha1.Accelerator
}

// Failure 是成员那边的一种失败，控制器据此选条件的理由。
type Failure string

const (
	// Unreachable 表示连不上或没有及时回答。
	Unreachable Failure = "Unreachable"
	// Unauthorized 表示成员不认这份凭据（401）。
	Unauthorized Failure = "Unauthorized"
	// Forbidden 表示凭据无权做某件必要的事（403）。
	Forbidden Failure = "Forbidden"
	// NotReady 表示成员自己说没有就绪。
	NotReady Failure = "NotReady"
)
