package member_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// TestMetricsOfTwoMembers 同一进程里的两个管理者共用登记处：后来的不崩溃，两边的成员都数进去。
func TestMetricsOfTwoMembers(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	registry := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for range 2 {
		members := member.New(member.Options{Logger: logr.Discard(), Registerer: registry})
		members.Ensure(target(m.Config()))
		go func() { done <- members.Start(ctx) }()
	}
	connected := func(want float64) func(context.Context) error {
		return func(context.Context) error {
			families, err := registry.Gather()
			if err != nil {
				return err
			}
			for _, family := range families {
				if family.GetName() == "kubellm_members_connected" {
					if got := family.GetMetric()[0].GetGauge().GetValue(); got != want {
						return fmt.Errorf("%v members are connected, want %v", got, want)
					}
					return nil
				}
			}
			return errors.New("it is not counted")
		}
	}
	harness.Eventually(t, "both members to be counted", patience, connected(2))
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	harness.Eventually(t, "nobody to be counted any more", patience, connected(0))
}
