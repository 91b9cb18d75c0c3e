package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestPausedLeader 被挂起的旧领导者醒来，还不知道自己已经落选：它手里的证据是从前的，
// 不许照着写，也不许与新的领导者来回改。成员其间死了。
func TestPausedLeader(t *testing.T) {
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	f := newFleet(t, platform)
	f.startMembers(t)
	options := harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig, Args: []string{"--leader-elect-lease-duration=15s", "--leader-elect-renew-deadline=10s"}}
	leader := harness.NewController(t, options)
	holder := f.waitHolder(t, "")
	harness.NewController(t, options)
	// 门限高到旧领导者在发现自己落选之前不会自己得出结论。
	f.create(t, "watched", func(c *v1alpha1.Cluster) {
		c.Spec.Heartbeat = &v1alpha1.Heartbeat{IntervalSeconds: ptr.To[int32](2), TimeoutSeconds: ptr.To[int32](2), FailureThreshold: ptr.To[int32](6)}
	})
	f.handIn(t, "watched", harness.MemberKubeconfig(t, f.one, memberAdmin, time.Hour))
	f.wait(t, "watched", isReady)
	if err := leader.Halt(); err != nil {
		t.Fatal(err)
	}
	if err := f.one.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	f.waitHolder(t, holder)
	lost := f.wait(t, "watched", condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonHeartbeatFailed))
	if err := leader.Resume(); err != nil {
		t.Fatal(err)
	}
	// 它发现没了租约就退出，此后再不会写。
	select {
	case <-leader.Exited():
	case <-time.After(patience):
		t.Fatal("the old leader does not notice that it lost its lease")
	}
	after, err := f.Get(t.Context(), "watched", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// 条件来回改过的话，最后一次改变的时间就不是原来的；话可以说得更准，例如数字是哪一刻的。
	if diff := cmp.Diff(lost.Status.Conditions, after.Status.Conditions, cmpopts.IgnoreFields(metav1.Condition{}, "Message")); diff != "" {
		t.Errorf("the old leader wrote what is no longer true (-before +after it woke up):\n%s", diff)
	}
}
