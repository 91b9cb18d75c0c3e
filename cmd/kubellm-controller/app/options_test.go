package app

import (
	"strings"
	"testing"
	"time"
)

func TestValidateNamesEveryFlag(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*Options)
		flags  []string
	}{
		"Good": {
			reason: "the defaults and a kubeconfig are all that is needed",
			change: func(*Options) {},
		},
		"NoDefaultRole": {
			reason: "an empty default role switches default bindings off",
			change: func(o *Options) { o.DefaultRole = "" },
		},
		"Off": {
			reason: "addresses may be switched off",
			change: func(o *Options) { o.MetricsBindAddress, o.HealthProbeBindAddress = "0", "0" },
		},
		"AllWrong": {
			reason: "all mistakes are told at once",
			change: func(o *Options) {
				*o = Options{DefaultRole: "Not A Name", MetricsBindAddress: "here", HealthProbeBindAddress: "there", LogLevel: "loud", TracingConfigFile: "/no/such/file"}
			},
			flags: []string{"--kubeconfig", "--default-role", "--concurrency", "--retry-base-delay", "--retry-max-delay",
				"--metrics-bind-address", "--health-probe-bind-address", "--log-level", "--tracing-config-file"},
		},
		"NobodyLeads": {
			reason: "without leader election its settings do not matter",
			change: func(o *Options) { o.Leader = Leader{} },
		},
		"AllWrongForALeader": {
			reason: "a leader must give up before another takes over, and try often enough not to give up by accident",
			change: func(o *Options) {
				o.Leader = Leader{Elect: true, LeaseDuration: time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 2 * time.Second, Name: "Not A Name", Namespace: "Not One"}
			},
			flags: []string{"--leader-elect-lease-duration", "--leader-elect-renew-deadline", "--leader-elect-resource-name", "--leader-elect-resource-namespace"},
		},
		"NoRetryPeriod": {
			reason: "renewing without a pause would be a busy loop",
			change: func(o *Options) { o.Leader.RetryPeriod = 0 },
			flags:  []string{"--leader-elect-retry-period"},
		},
		"MaximumBelowBase": {
			reason: "a maximum below the first delay could never be kept",
			change: func(o *Options) { o.Work.RetryMaxDelay = o.Work.RetryBaseDelay / 2 },
			flags:  []string{"--retry-max-delay"},
		},
		"RateWithoutBurst": {
			reason: "a limited rate without a burst lets nothing through",
			change: func(o *Options) { o.Work.QPS, o.Work.Burst = 10, 0 },
			flags:  []string{"--kube-api-burst"},
		},
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := NewOptions()
			o.Kubeconfig = "controller.kubeconfig"
			tc.change(o)
			errs := o.Validate()
			if len(errs) != len(tc.flags) {
				t.Fatalf("%s: got %d errors %v, want one for each of %v", tc.reason, len(errs), errs, tc.flags)
			}
			for i, flag := range tc.flags {
				if !strings.HasPrefix(errs[i].Error(), flag+": ") {
					t.Errorf("%s: error %d does not name %s: %v", tc.reason, i, flag, errs[i])
				}
			}
		})
	}
}
