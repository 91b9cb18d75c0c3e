package model

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// facts 是算状态所需、而对象里没有的一切；有了它，状态就是纯函数。
type facts struct {
	now         time.Time
	credentials credentials
	// scheduled 是调度的结论。
	scheduled metav1.Condition
	sites     []site
	// image 是引擎正用着的镜像，selector 选中成员上的 Pod。
	image, selector string
	// removal 只在删除期间有意义。
	removal removal
}

// credentials 是取凭据的结果；problem 非 nil 时什么也不该放上去。
type credentials struct {
	// sums 是有的那些键的内容的摘要；content 现取内容，要放到成员上时才用。
	sums    map[string]string
	content func(context.Context) (map[string][]byte, error)
	// version 变了，成员上的 Pod 就要换；handedIn 是经 models/credentials 交来的那一版。
	version, handedIn string
	problem           *problem
}

// problem 说凭据为什么不能用。
type problem struct{ reason, message string }

// site 是一处放置与在那里看到的。
type site struct {
	placement v1alpha1.ModelPlacement
	// cluster 为 nil 表示那个 Cluster 已经没有了。
	cluster *cluster.Cluster
	client  client.Client
	// lost 说为什么看不到那里；空表示看得到。
	lost string
	// kept 表示 spec 要的没有答应：那里跑着的原样留着，什么也不放上去。
	kept bool
	// waiting 表示证据还在路上，旧的话仍然作数；rotated 表示凭据换了，旧的话说的不是它。
	waiting, rotated bool
	// err 是放上去时的失败；applied 表示成员收下了全部清单。
	err     error
	applied bool
	// estate 是那里可能由从前的同名 Model 留下的。
	estate []*metav1.PartialObjectMetadata
	// leftover 是不再要而又收不走的；模型照跑，但要说出来。
	leftover []error
	// generation 是收下时工作负载的 generation：成员看到的不能比它旧。
	generation int64
	hash       string
	// revision 是交给 KServe 的副本该有的样子；这一轮没有放上去的为空。
	revision string
	endpoint string
	// observed 是已经数进 Cluster 状态的副本；unsettled 表示 Cluster 的状态还没跟上。
	observed  int32
	unsettled bool
	objects   []client.Object
	pods      []*corev1.Pod
	// retry 是多久之后没有事件也要再看。
	retry time.Duration
}

// removal 是删除时收走放置的结果。
type removal struct {
	done bool
	// waits 说每个还没收走的地方在等什么；unreachable 表示其中有联系不上的，refused 表示有在而不许的。
	waits                []string
	unreachable, refused bool
}

// view 把对象与事实放在一起问。
type view struct {
	*v1alpha1.Model
	facts
}

func (v view) suspended() bool { return ptr.Deref(v.Spec.Suspended, false) }

func (v view) deleting() bool { return v.DeletionTimestamp != nil }

func (v view) startupTimeout() time.Duration {
	return time.Duration(ptr.Deref(v.Spec.StartupTimeoutSeconds, v1alpha1.DefaultStartupTimeoutSeconds)) * time.Second
}

func (v view) kserve() bool {
	return ptr.Deref(v.Spec.Engine.Delivery, v1alpha1.DeliveryDeployment) == v1alpha1.DeliveryKServe
}

func (v view) autoscaled() bool { return v.Spec.Scaling != nil && v.Spec.Scaling.Autoscaling != nil }

// condition 是依据当前 generation 得出的条件。
func (v view) condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: v.Generation, LastTransitionTime: metav1.NewTime(v.now),
	}
}
