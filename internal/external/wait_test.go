package external_test

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/test/harness"
)

// TestWaitReady 先在没有控制器时等到期，再让真正的控制器使它就绪。
func TestWaitReady(t *testing.T) {
	t.Parallel()
	platform := harness.NewPlatform(t, harness.PlatformOptions{})
	chain := connect(t, admin(t, platform), external.Options{Reads: external.RefreshReads})
	client := external.NewClient(chain.Platform, kinds.User)
	want := userDesired{Object: newUser("alice", iamv1alpha1.UserSpec{}), Owner: chain.owner}

	_, err := client.WaitReady(t.Context(), want.Object, nil)
	wantClass(t, "an object that does not exist will not become ready", err, external.ClassNotFound)

	wrote[*iamv1alpha1.User](t)(client.Apply(t.Context(), want, nil))
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	last, err := client.WaitReady(short, want.Object, nil)
	wantClass(t, "nobody reports on the object", err, external.ClassNotReady)
	if !errors.Is(err, context.DeadlineExceeded) || last.Name != "alice" {
		t.Errorf("a wait that runs out gives the object last seen and the deadline: %v, %v", last, err)
	}

	harness.NewController(t, harness.ManagerOptions{Kubeconfig: platform.ControllerKubeconfig})
	var progress []external.Readiness
	ready := must[*iamv1alpha1.User](t)(client.WaitReady(t.Context(), want.Object, func(r external.Readiness) { progress = append(progress, r) }))
	if len(progress) == 0 || progress[len(progress)-1].Status != metav1.ConditionTrue {
		t.Errorf("the progress was %v", progress)
	}
	if seen := must[userSeen](t)(client.Observe(t.Context(), want)); seen.Ready.Status != metav1.ConditionTrue || seen.Object.UID != ready.UID {
		t.Errorf("observed %+v", seen.Ready)
	}

	second := userDesired{Object: newUser("bob", iamv1alpha1.UserSpec{}), Owner: chain.owner}
	written := wrote[*iamv1alpha1.User](t)(client.Apply(t.Context(), second, nil))
	gets := chain.requests(t, "get")
	must[*iamv1alpha1.User](t)(client.WaitReady(t.Context(), written, nil))
	if sent := chain.requests(t, "get") - gets; sent != 0 {
		t.Errorf("waiting for what was just written begins with what was written, %d GETs were sent", sent)
	}
}
