package app

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Leader 说怎样选出唯一干活的实例；参数与 Kubernetes 的组件同名。
type Leader struct {
	Elect         bool
	LeaseDuration time.Duration
	RenewDeadline time.Duration
	RetryPeriod   time.Duration
	Name          string
	Namespace     string
}

func newLeader() Leader {
	return Leader{
		Elect: true, LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
		Name: name, Namespace: "kubellm-system",
	}
}

func (l *Leader) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&l.Elect, "leader-elect", l.Elect,
		"Work only while holding a lease on the platform, so that several instances can run and one of them works.")
	fs.DurationVar(&l.LeaseDuration, "leader-elect-lease-duration", l.LeaseDuration,
		"How long the others wait after the leader was last heard of before one of them takes over.")
	fs.DurationVar(&l.RenewDeadline, "leader-elect-renew-deadline", l.RenewDeadline,
		"How long the leader tries to renew its lease before it stops; shorter than the lease duration.")
	fs.DurationVar(&l.RetryPeriod, "leader-elect-retry-period", l.RetryPeriod,
		"Time between two attempts to take or renew the lease; well below the renew deadline.")
	fs.StringVar(&l.Name, "leader-elect-resource-name", l.Name, "Name of the lease.")
	fs.StringVar(&l.Namespace, "leader-elect-resource-namespace", l.Namespace, "Namespace of the lease; it must exist.")
}

// validate 与 client-go 选主的要求一致，只是点名参数、一次说全。
func (l *Leader) validate() []error {
	if !l.Elect {
		return nil
	}
	var errs []error
	if l.LeaseDuration <= l.RenewDeadline {
		errs = append(errs, fmt.Errorf("--leader-elect-lease-duration: %s must be longer than --leader-elect-renew-deadline (%s), "+
			"or two instances could work at the same time", l.LeaseDuration, l.RenewDeadline))
	}
	if l.RenewDeadline <= l.RetryPeriod*6/5 {
		errs = append(errs, fmt.Errorf("--leader-elect-renew-deadline: %s must be longer than 1.2 times --leader-elect-retry-period (%s), "+
			"or one slow request costs the leader its lease", l.RenewDeadline, l.RetryPeriod))
	}
	if l.RetryPeriod <= 0 {
		errs = append(errs, fmt.Errorf("--leader-elect-retry-period: %s is not a time to wait; use for example 2s", l.RetryPeriod))
	}
	for _, problem := range validation.IsDNS1123Subdomain(l.Name) {
		errs = append(errs, fmt.Errorf("--leader-elect-resource-name: %q is not the name of a lease: %s", l.Name, problem))
	}
	for _, problem := range validation.IsDNS1123Label(l.Namespace) {
		errs = append(errs, fmt.Errorf("--leader-elect-resource-namespace: %q is not the name of a namespace: %s", l.Namespace, problem))
	}
	return errs
}

// apply 让管理者选主；干净地停下时交还租约，接替的实例不必等它到期。
func (l *Leader) apply(options *ctrl.Options) {
	options.LeaderElection = l.Elect
	options.LeaderElectionID, options.LeaderElectionNamespace = l.Name, l.Namespace
	options.LeaseDuration, options.RenewDeadline, options.RetryPeriod = &l.LeaseDuration, &l.RenewDeadline, &l.RetryPeriod
	options.LeaderElectionReleaseOnCancel = true
}
