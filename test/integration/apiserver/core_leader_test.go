package apiserver

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kubellm/kubellm/test/harness"
)

// candidate 是一个参选的 controller-runtime 管理器，以控制器的内置身份运行。
type candidate struct {
	manager ctrl.Manager
	stop    context.CancelFunc
	ended   chan error
}

func runCandidate(t *testing.T, election string) *candidate {
	t.Helper()
	config := shared.config(t, shared.ca, harness.Identity{User: "system:kubellm-controller"})
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Logger:         logr.Discard(),
		Metrics:        server.Options{BindAddress: "0"},
		LeaderElection: true, LeaderElectionID: election, LeaderElectionNamespace: "kubellm-system", LeaderElectionReleaseOnCancel: true,
		LeaseDuration: ptr.To(time.Minute), RenewDeadline: ptr.To(40 * time.Second), RetryPeriod: ptr.To(200 * time.Millisecond),
	})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	c := &candidate{manager: manager, stop: stop, ended: make(chan error, 1)}
	go func() { c.ended <- manager.Start(ctx) }()
	t.Cleanup(stop)
	return c
}

func (c *candidate) awaitElection(t *testing.T) {
	t.Helper()
	select {
	case <-c.manager.Elected():
	case err := <-c.ended:
		t.Fatalf("the manager ended before it was elected: %v", err)
	case <-time.After(patience):
		t.Fatal("nobody was elected")
	}
}

// TestLeaderElection 保证 controller-runtime 的选主不需要 kube-apiserver：同时只有一个领头，它停下另一个就接手。
func TestLeaderElection(t *testing.T) {
	t.Parallel()
	core, election := shared.admin.core(t), unique("election")
	first := runCandidate(t, election)
	first.awaitElection(t)
	before, err := core.CoordinationV1().Leases("kubellm-system").Get(t.Context(), election, metav1.GetOptions{})
	must(t, err)
	second := runCandidate(t, election)
	// 两者都看着同一份租约；续约到了，另一个若会抢，早该抢了。
	harness.Eventually(t, "the leader to renew its lease", patience, func(ctx context.Context) error {
		now, err := core.CoordinationV1().Leases("kubellm-system").Get(ctx, election, metav1.GetOptions{})
		if err != nil || *now.Spec.HolderIdentity != *before.Spec.HolderIdentity {
			return harness.Permanent(errOr(err, "the lease changed hands while its holder was alive"))
		}
		if !now.Spec.RenewTime.After(before.Spec.RenewTime.Add(time.Second)) {
			return errOr(nil, "not renewed yet")
		}
		return nil
	})
	select {
	case <-second.manager.Elected():
		t.Fatal("two managers lead at the same time")
	default:
	}
	first.stop()
	if err := <-first.ended; err != nil {
		t.Errorf("the leader stopped with %v", err)
	}
	second.awaitElection(t)
	after, err := core.CoordinationV1().Leases("kubellm-system").Get(t.Context(), election, metav1.GetOptions{})
	must(t, err)
	if *after.Spec.HolderIdentity == *before.Spec.HolderIdentity || *after.Spec.LeaseTransitions <= *before.Spec.LeaseTransitions {
		t.Errorf("the lease went from %s (%d) to %s (%d)", *before.Spec.HolderIdentity, *before.Spec.LeaseTransitions, *after.Spec.HolderIdentity, *after.Spec.LeaseTransitions)
	}
	// 当选本身会被记成事件，说明控制器也写得了事件。
	harness.Eventually(t, "an event about the election", patience, func(ctx context.Context) error {
		list, err := core.CoreV1().Events("kubellm-system").List(ctx, metav1.ListOptions{FieldSelector: "reason=LeaderElection,involvedObject.name=" + election})
		if err != nil || len(list.Items) == 0 {
			return errOr(err, "there is none")
		}
		return nil
	})
}

// TestInvalidLeases 保证不成形的租约被拒。
func TestInvalidLeases(t *testing.T) {
	t.Parallel()
	for field, spec := range map[string]map[string]any{
		"spec.leaseDurationSeconds": {"leaseDurationSeconds": int64(0)},
		"spec.leaseTransitions":     {"leaseTransitions": int64(-1)},
		"spec.preferredHolder":      {"preferredHolder": "other"},
	} {
		k := leases
		k.spec = spec
		obj := k.object(unique("invalid"))
		_, err := k.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{})
		isInvalid(t, err, field, "", "it would confuse every candidate")
		absent(t, shared, k, obj.GetName())
	}
}

// errOr 返回 err，没有时返回说明 otherwise 的错误。
func errOr(err error, otherwise string) error {
	if err != nil {
		return err
	}
	return errors.New(otherwise)
}
