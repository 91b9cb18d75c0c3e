package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/kubellm/kubellm/internal/observability"
)

// options 是全部参数；每个端口都是参数，0 为不开。
type options struct {
	debug, version bool

	poll, sync, pollStateMetric  time.Duration
	pollJitterPercentage         int
	maxReconcileRate             int
	maxConcurrentReconciles      int
	managementPolicies           bool
	changeLogs                   bool
	changeLogsSocket             string
	controlPlaneID               string
	metricsAddress, probeAddress string
	pprofAddress                 string
	leaderElection               bool
	leaderElectionNamespace      string
	tracingConfigFile            string
}

func defaultOptions() *options {
	return &options{
		poll: 10 * time.Minute, sync: time.Hour, pollStateMetric: 30 * time.Second, pollJitterPercentage: 10,
		maxReconcileRate: 1000, maxConcurrentReconciles: 10, managementPolicies: true,
		changeLogsSocket: "/var/run/changelogs/changelogs.sock",
		metricsAddress:   ":8080", probeAddress: ":8081", pprofAddress: "0",
	}
}

func (o *options) parse(args []string) error {
	fs := pflag.NewFlagSet("provider", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.BoolVarP(&o.debug, "debug", "d", o.debug, "Log every step of every reconcile.")
	fs.BoolVar(&o.version, "version", o.version, "Print the version and exit.")
	fs.DurationVar(&o.poll, "poll", o.poll, "How often an unchanged managed resource is looked at again. Changes on the platform are noticed at once by watching; this is the backstop.")
	fs.IntVar(&o.pollJitterPercentage, "poll-jitter-percentage", o.pollJitterPercentage, "By how much of itself, in percent, the poll interval varies, so that not all resources are polled at once.")
	fs.DurationVar(&o.sync, "sync", o.sync, "How often the caches of managed resources are handed to the controllers again.")
	fs.IntVar(&o.maxReconcileRate, "max-reconcile-rate", o.maxReconcileRate, "The most reconciles per second over all kinds.")
	fs.IntVar(&o.maxConcurrentReconciles, "max-concurrent-reconciles", o.maxConcurrentReconciles, "The most reconciles of one kind at the same time.")
	fs.BoolVar(&o.managementPolicies, "enable-management-policies", o.managementPolicies, "Heed spec.managementPolicies of managed resources.")
	fs.BoolVar(&o.changeLogs, "enable-changelogs", o.changeLogs, "Send every change made on the platform to the change log service.")
	fs.StringVar(&o.changeLogsSocket, "changelogs-socket-path", o.changeLogsSocket, "The unix socket of the change log service.")
	fs.StringVar(&o.controlPlaneID, "control-plane-id", o.controlPlaneID, "What tells this control plane from others in the owner marks on the platform (default: the UID of the namespace kube-system).")
	fs.StringVar(&o.metricsAddress, "metrics-bind-address", o.metricsAddress, "The address that serves metrics at /metrics; 0 for none.")
	fs.DurationVar(&o.pollStateMetric, "poll-state-metric", o.pollStateMetric, "How often managed resources are counted for metrics; at least 30s.")
	fs.StringVar(&o.probeAddress, "health-probe-bind-address", o.probeAddress, "The address that serves /healthz and /readyz; 0 for none.")
	fs.StringVar(&o.pprofAddress, "pprof-bind-address", o.pprofAddress, "The address that serves profiles at /debug/pprof; 0 for none. Profiles can hold secrets: bind it to 127.0.0.1.")
	fs.BoolVarP(&o.leaderElection, "leader-election", "l", o.leaderElection, "Let only one of several replicas be active.")
	fs.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", o.leaderElectionNamespace, "The namespace of the leader election's lease (default: the one that the provider runs in).")
	fs.StringVar(&o.tracingConfigFile, observability.ConfigFileFlag, o.tracingConfigFile, observability.ConfigFileUsage)
	// --kubeconfig 由 controller-runtime 定义。
	shared := flag.NewFlagSet("provider", flag.ContinueOnError)
	config.RegisterFlags(shared)
	fs.AddGoFlagSet(shared)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if extra := fs.Args(); len(extra) > 0 {
		return fmt.Errorf("unexpected arguments %q: only flags are taken", extra)
	}
	return o.validate()
}

// validate 一次报告所有错误，每条指名参数。
func (o *options) validate() error {
	var errs []error
	for name, d := range map[string]time.Duration{"poll": o.poll, "sync": o.sync} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("--%s is %s: it must be more than 0", name, d))
		}
	}
	for name, n := range map[string]int{"max-reconcile-rate": o.maxReconcileRate, "max-concurrent-reconciles": o.maxConcurrentReconciles} {
		if n <= 0 {
			errs = append(errs, fmt.Errorf("--%s is %d: it must be at least 1", name, n))
		}
	}
	if o.pollJitterPercentage < 0 || o.pollJitterPercentage > 90 {
		errs = append(errs, fmt.Errorf("--poll-jitter-percentage is %d: it must be from 0 to 90", o.pollJitterPercentage))
	}
	if o.changeLogs && o.changeLogsSocket == "" {
		errs = append(errs, errors.New("--enable-changelogs needs --changelogs-socket-path"))
	}
	if _, err := observability.ReadConfig(o.tracingConfigFile); err != nil {
		errs = append(errs, fmt.Errorf("--%s: %w", observability.ConfigFileFlag, err))
	}
	return errors.Join(errs...)
}
