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
		"--secure-port":                           "0",
		"--etcd-servers":                          "nowhere",
		"--etcd-prefix":                           "/",
		"--etcd-compaction-interval":              "-1s",
		"--event-ttl":                             "10ms",
		"--max-requests-inflight":                 "0",
		"--max-mutating-requests-inflight":        "-1",
		"--request-timeout":                       "0s",
		"--min-request-timeout":                   "0",
		"--shutdown-delay-duration":               "-1s",
		"--client-ca-file":                        "/does/not/exist",
		"--tls-cert-file":                         "/does/not/exist",
		"--server-names":                          "a_b",
		"--audit-policy-file":                     "/does/not/exist",
		"--audit-webhook-config-file":             "/does/not/exist",
		"--audit-log-mode":                        "sometimes",
		"--audit-log-format":                      "poem",
		"--audit-log-version":                     "audit.k8s.io/v9",
		"--audit-log-maxage":                      "-1",
		"--audit-log-maxbackup":                   "-2",
		"--audit-log-maxsize":                     "-3",
		"--audit-log-truncate-max-event-size":     "0",
		"--audit-webhook-batch-buffer-size":       "0",
		"--audit-webhook-batch-max-size":          "-1",
		"--audit-webhook-batch-throttle-qps":      "0",
		"--audit-webhook-batch-throttle-burst":    "-1",
		"--audit-webhook-truncate-max-batch-size": "1",
		"--audit-webhook-version":                 "v1",
		"--logging-format":                        "xml",
	}
	var list []string
	for flag, value := range args {
		list = append(list, flag+"="+value)
	}
	errs := validate(t, "", list...)
	for flag := range args {
		if !slices.ContainsFunc(errs, names(flag)) {
			t.Errorf("%s is wrong but not mentioned:\n%s", flag, errors.Join(errs...))
		}
	}
	for _, err := range errs {
		if !strings.HasPrefix(err.Error(), "--") {
			t.Errorf("an error does not begin with the flag it is about: %v", err)
		}
	}
	if !slices.ContainsFunc(errs, names("--encryption-provider-config")) {
		t.Errorf("an external etcd without encryption is not refused:\n%s", errors.Join(errs...))
	}
}

// validate 补全并检查一份配置。
func validate(t *testing.T, file string, args ...string) []error {
	t.Helper()
	opts, err := parse(t, file, args...)
	if err != nil {
		t.Fatal(err)
	}
	if err := opts.Complete(); err != nil {
		t.Fatal(err)
	}
	return opts.Validate()
}

// names 认出开头就点名这个参数的错误；一条错误可以关于几个参数，名字之间用逗号或 and 隔开。
func names(flag string) func(error) bool {
	return func(err error) bool {
		about, _, _ := strings.Cut(err.Error(), ": ")
		return slices.Contains(strings.FieldsFunc(about, func(r rune) bool { return r == ' ' || r == ',' }), flag)
	}
}
