package main

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		says   []string
	}{
		"none":         {reason: "The defaults are good."},
		"ports off":    {reason: "Every port can be switched off.", args: []string{"--metrics-bind-address=0", "--health-probe-bind-address=0"}},
		"kubeconfig":   {reason: "The control plane's kubeconfig is a flag.", args: []string{"--kubeconfig=/dev/null"}},
		"unknown flag": {reason: "A misspelt flag is refused.", args: []string{"--pol=1m"}, says: []string{"--pol"}},
		"argument":     {reason: "A stray argument is a mistake.", args: []string{"start"}, says: []string{"start"}},
		"all at once": {
			reason: "All mistakes are reported together, each by its flag.",
			args:   []string{"--poll=0s", "--sync=-1s", "--max-reconcile-rate=0", "--max-concurrent-reconciles=0", "--poll-jitter-percentage=100", "--enable-changelogs", "--changelogs-socket-path=", "--tracing-config-file=/no/such/file"},
			says:   []string{"--poll ", "--sync ", "--max-reconcile-rate ", "--max-concurrent-reconciles ", "--poll-jitter-percentage ", "--changelogs-socket-path", "--tracing-config-file: "},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := defaultOptions().parse(tc.args)
			if (err != nil) != (len(tc.says) > 0) {
				t.Fatalf("%s\nparse(%q): got error %v", tc.reason, tc.args, err)
			}
			for _, part := range tc.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s\nthe error does not say %q: %v", tc.reason, part, err)
				}
			}
		})
	}
	if d := defaultOptions(); d.poll != 10*time.Minute || !d.managementPolicies {
		t.Errorf("defaults: got poll %s and management policies %t", d.poll, d.managementPolicies)
	}
}
