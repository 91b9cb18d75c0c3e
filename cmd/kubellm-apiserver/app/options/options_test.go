package options

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func parse(t *testing.T, file string, args ...string) (*Options, error) {
	t.Helper()
	opts := New()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	for _, set := range opts.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if file != "" {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return opts, opts.LoadFile(flags)
}

// TestFileAndFlags 文件与参数说同一种话，参数优先。
func TestFileAndFlags(t *testing.T) {
	opts, err := parse(t, "secure-port: 8443\nserver-names: [a.example.com, 10.0.0.1]\nprofiling: true\nrequest-timeout: 30s\nv: 3\n", "--secure-port=9443")
	if err != nil {
		t.Fatal(err)
	}
	if opts.Serving.BindPort != 9443 {
		t.Errorf("the flag must win over the file: got port %d", opts.Serving.BindPort)
	}
	if !slices.Equal(opts.ServerNames, []string{"a.example.com", "10.0.0.1"}) || !opts.Features.EnableProfiling || opts.Server.RequestTimeout.Seconds() != 30 {
		t.Errorf("the file was not applied: %v %v %v", opts.ServerNames, opts.Features.EnableProfiling, opts.Server.RequestTimeout)
	}
}

func TestBadFile(t *testing.T) {
	cases := map[string]struct{ reason, file, mentions string }{
		"unknown key":   {"a typo must not be ignored", "secure-prot: 1\n", `"secure-prot"`},
		"duplicate key": {"which one was meant?", "secure-port: 1\nsecure-port: 2\n", "secure-port"},
		"wrong type":    {"says which key", "secure-port: many\n", `"secure-port"`},
		"nested config": {"a file cannot name another", "config: other.yaml\n", `"config"`},
		"no value":      {"an empty value is a slip", "data-dir:\n", `"data-dir"`},
		"not a map":     {"says that it cannot be read", "- a\n", "parse"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			if _, err := parse(t, tc.file); err == nil || !strings.Contains(err.Error(), tc.mentions) {
				t.Errorf("got %v, want an error that mentions %s", err, tc.mentions)
			}
		})
	}
}

// TestDefaultsAreValid 不带参数必须能启动。
func TestDefaultsAreValid(t *testing.T) {
	opts, err := parse(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := opts.Complete(); err != nil {
		t.Fatal(err)
	}
	if errs := opts.Validate(); len(errs) > 0 {
		t.Error(errors.Join(errs...))
	}
}

// TestValidateReportsAll 一次报出全部错误，每条点名参数。
func TestValidateReportsAll(t *testing.T) {
	args := map[string]string{
		"--secure-port":                    "0",
		"--etcd-servers":                   "nowhere",
		"--etcd-prefix":                    "/",
		"--event-ttl":                      "10ms",
		"--max-requests-inflight":          "0",
		"--max-mutating-requests-inflight": "-1",
		"--request-timeout":                "0s",
		"--min-request-timeout":            "0",
		"--shutdown-delay-duration":        "-1s",
		"--client-ca-file":                 "/does/not/exist",
		"--tls-cert-file":                  "/does/not/exist",
		"--server-names":                   "a_b",
		"--audit-log-format":               "poem",
	}
	list := []string{"--audit-log-path=-"}
	for flag, value := range args {
		list = append(list, flag+"="+value)
	}
	opts, err := parse(t, "", list...)
	if err != nil {
		t.Fatal(err)
	}
	if err := opts.Complete(); err != nil {
		t.Fatal(err)
	}
	message := errors.Join(opts.Validate()...).Error()
	for flag := range args {
		name := strings.TrimPrefix(flag, "--")
		if !strings.Contains(message, name) && flag != "--audit-log-format" {
			t.Errorf("%s is wrong but not mentioned:\n%s", flag, message)
		}
	}
	if !strings.Contains(message, "--encryption-provider-config: is required") {
		t.Errorf("an external etcd without encryption is not refused:\n%s", message)
	}
	if !strings.Contains(message, "poem") {
		t.Errorf("the audit format is wrong but not mentioned:\n%s", message)
	}
}
