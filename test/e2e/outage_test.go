package e2e

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// TestOutage 让成员的 API 服务器死掉、僵住再回来：平台在门限之后说不知道，数字留着；
// 回来之后说回就绪，中间不反复，数字是成员那时的样子。
func TestOutage(t *testing.T) {
	for _, outage := range []struct {
		name, reason string
		begin, end   func() error
	}{
		{"killed", "connections are refused at once", env.beta.KillAPIServer, func() error { return env.beta.StartAPIServer(t.Context()) }},
		{"hung", "connections stay open and nothing answers", env.beta.HangAPIServer, env.beta.ResumeAPIServer},
	} {
		t.Run(outage.name, func(t *testing.T) {
			name := "outage-" + outage.name
			before := register(t, name, env.beta, v1alpha1.DeletionOrphan)
			ready := follow(t, before, v1alpha1.ConditionReady)
			reachable := follow(t, before, v1alpha1.ConditionReachable)
			if err := outage.begin(); err != nil {
				t.Fatal(err)
			}
			ended := false
			t.Cleanup(func() {
				if !ended {
					if err := outage.end(); err != nil {
						t.Error(err)
					}
				}
			})
			lost := await(t, name, "Unknown ("+outage.reason+")", all(
				has(v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonHeartbeatFailed),
				has(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonHeartbeatFailed),
				has(v1alpha1.ConditionCapacityKnown, metav1.ConditionUnknown, v1alpha1.ReasonStale)))
			if fmt.Sprint(lost.Status.Accelerators) != fmt.Sprint(before.Status.Accelerators) || *lost.Status.Nodes != *before.Status.Nodes {
				t.Errorf("the numbers last seen must stay: %+v, before %+v", lost.Status.Accelerators, before.Status.Accelerators)
			}
			wantLastEvidence(t, lost)
			steady(t, name)
			ended = true
			if err := outage.end(); err != nil {
				t.Fatal(err)
			}
			awaitReady(t, name)
			// 回来之后，数字又是活的。
			runPods(t, env.beta, "after-"+outage.name, 1, 3, l40s)
			await(t, name, "live again", func(c *v1alpha1.Cluster) error {
				if a := c.Status.Accelerators[0]; a.Allocated != 3 || a.LargestFreeBlock != 1 {
					return fmt.Errorf("the accelerators are %+v", a)
				}
				return nil
			})
			ready.want(t, metav1.ConditionTrue, metav1.ConditionUnknown, metav1.ConditionTrue)
			reachable.want(t, metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionTrue)
		})
	}
}

// timestamp 是消息里的时间。
var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// wantLastEvidence 要求 CapacityKnown 说出最后一次确知的时间，而且那时条件还没有变。
func wantLastEvidence(t *testing.T, c *v1alpha1.Cluster) {
	t.Helper()
	condition := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionCapacityKnown)
	at, err := time.Parse(time.RFC3339, timestamp.FindString(condition.Message))
	if err != nil {
		t.Fatalf("CapacityKnown does not say when the numbers were last known to hold: %s", condition.Message)
	}
	if at.After(condition.LastTransitionTime.Time) {
		t.Errorf("the last evidence, %s, is later than the condition, %s", at, condition.LastTransitionTime)
	}
}
