package app

import (
	"strings"
	"testing"
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
				*o = Options{DefaultRole: "Not A Name", MetricsBindAddress: "here", HealthProbeBindAddress: "there", LogLevel: "loud"}
			},
			flags: []string{"--kubeconfig", "--default-role", "--concurrency", "--metrics-bind-address", "--health-probe-bind-address", "--log-level"},
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
