package apiserver

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubellm/kubellm/test/harness"
)

// TestConfigFile 保证只靠一个文件就能把服务器配起来，每一项都真的起作用。
func TestConfigFile(t *testing.T) {
	t.Parallel()
	dir, free := t.TempDir(), port(t)
	audit, policy := filepath.Join(dir, "audit.log"), filepath.Join(dir, "policy.yaml")
	must(t, os.WriteFile(policy, []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n"), 0o600))
	guests, err := harness.NewCA("guests")
	must(t, err)
	guestCA := filepath.Join(dir, "guests.crt")
	must(t, os.WriteFile(guestCA, guests.PEM, 0o600))
	file := configFile(t, map[string]any{
		"data-dir":       filepath.Join(dir, "data"),
		"bind-address":   "127.0.0.1",
		"client-ca-file": guestCA,
		"secure-port":    json.Number(free),
		"server-names":   []string{"kubellm.example.org", "192.0.2.7"},
		// 日志开到最细，正好看看有没有秘密漏进去。
		"v":                        10,
		"audit-policy-file":        policy,
		"audit-log-path":           audit,
		"etcd-compaction-interval": "1m",
		"max-requests-inflight":    50,
		"profiling":                true,
	})
	p := startWithConfig(t, file, filepath.Join(dir, "data"), "https://127.0.0.1:"+free)
	created := users.create(t, p, "audited")

	conn, err := tls.Dial("tcp", "127.0.0.1:"+free, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer func() { _ = conn.Close() }()
	for _, name := range []string{"kubellm.example.org", "192.0.2.7", "localhost", "127.0.0.1"} {
		if err := conn.ConnectionState().PeerCertificates[0].VerifyHostname(name); err != nil {
			t.Errorf("server-names: the serving certificate is not for %s: %v", name, err)
		}
	}
	// 另给的 CA 签得出客人，签不出平台的身份。
	for id, allowed := range map[*harness.Identity]bool{
		{User: "guest"}: true, {User: "guest", Groups: []string{masters}}: false, {User: "system:kubellm-controller"}: false,
	} {
		got := mustClient(t, p.config(t, guests, *id)).send(t, "GET", "/version", "")
		if allowed != (got.code == 200) || !allowed && got.code != 401 {
			t.Errorf("client-ca-file: %+v got %d", *id, got.code)
		}
	}
	if got := p.admin.send(t, "GET", "/debug/pprof/heap?debug=1", ""); got.code != 200 {
		t.Errorf("profiling: got %d", got.code)
	}
	if log := string(read(t, audit)); !strings.Contains(log, created.GetName()) || !strings.Contains(log, `"verb":"create"`) {
		t.Error("audit-log-path: the write is not in the audit log")
	}
	must(t, p.Stop())
	if err := inspectLog(p.LogFile()); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{string(read(t, filepath.Join(dir, "data", "pki", "ca.key")))} {
		if body := strings.Split(secret, "\n")[1]; strings.Contains(string(read(t, p.LogFile())), body) {
			t.Error("the key of the certificate authority is in the log")
		}
	}
}

// TestFlagsWin 保证命令行压过文件，没在命令行上的仍取自文件。
func TestFlagsWin(t *testing.T) {
	t.Parallel()
	dir, free := t.TempDir(), port(t)
	file := configFile(t, map[string]any{
		"data-dir":     filepath.Join(dir, "from-file"),
		"secure-port":  1,
		"server-names": []string{"from-file.example.org"},
		"etcd-servers": []string{"http://192.0.2.1:2379"},
	})
	data := filepath.Join(dir, "from-flag")
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	encryption, err := harness.WriteEncryption(dir)
	must(t, err)
	p := startWithConfig(t, file, data, "https://127.0.0.1:"+free,
		"--data-dir="+data, "--secure-port="+free, "--server-names=from-flag.example.org", "--etcd-servers="+etcd.URL, "--encryption-provider-config="+encryption)
	conn, err := tls.Dial("tcp", "127.0.0.1:"+free, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer func() { _ = conn.Close() }()
	serving := conn.ConnectionState().PeerCertificates[0]
	if serving.VerifyHostname("from-flag.example.org") != nil || serving.VerifyHostname("from-file.example.org") == nil {
		t.Errorf("the serving certificate is for %v, want the flag's name and not the file's", serving.DNSNames)
	}
	if _, err := os.Stat(filepath.Join(dir, "from-file")); err == nil {
		t.Error("the data directory of the file was made although the flag names another")
	}
	if _, err := p.admin.iam.Roles().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}

// TestEveryFlagIsAKey 保证每个参数都能写进文件：文件里放上全部参数的默认值，只有那个不认识的被挑出来。
func TestEveryFlagIsAKey(t *testing.T) {
	t.Parallel()
	help, err := execute(t, "--help")
	must(t, err)
	values := map[string]any{"no-such-key": "x"}
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)(?: ([A-Za-z0-9=,.]+))?  .*?(?:\(default (.+)\))?$`)
	for _, match := range flag.FindAllStringSubmatch(help, -1) {
		name, kind, value := match[1], match[2], match[3]
		switch {
		case name == "config" || name == "help" || name == "version":
			continue
		case strings.HasPrefix(value, "["):
			values[name] = []string{}
		case kind == "":
			values[name] = value == "true"
		case value == "" && (kind == "int" || kind == "Level" || kind == "float32" || kind == "quantity"):
			values[name] = 0
		case value == "" && kind == "duration":
			values[name] = "0s"
		default:
			values[name] = strings.Trim(value, `"`)
		}
	}
	if len(values) < 50 {
		t.Fatalf("only %d flags were found in --help: %s", len(values), help)
	}
	delete(values, "tls-sni-cert-key") // 它的元素是文件对，没有"空"的写法。
	out, err := execute(t, "--config="+configFile(t, values))
	if err == nil {
		t.Fatal("a configuration with an unknown key was accepted")
	}
	out = strings.ReplaceAll(out, `\"`, `"`)
	if !strings.Contains(out, `"no-such-key"`) {
		t.Errorf("the refusal does not name the unknown key: %s", out)
	}
	for key := range values {
		if key != "no-such-key" && strings.Contains(out, fmt.Sprintf("%q", key)) {
			t.Errorf("the flag --%s cannot be given in the file: %s", key, out)
		}
	}
}

// TestBadConfigFiles 保证文件有错时说得出是哪个文件、哪个键、为什么，而且什么也没启动。
func TestBadConfigFiles(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason  string
		content string
		facts   []string
	}{
		"Unknown":   {"a misspelt key is not ignored", "secure-prot: 1\n", []string{`"secure-prot"`, "unknown"}},
		"TwoWrong":  {"all the mistakes are told at once", "secure-prot: 1\ndatadir: x\nrequest-timeout: soon\n", []string{`"secure-prot"`, `"datadir"`, `"request-timeout"`, "soon"}},
		"Dashes":    {"keys have no dashes in front", "--secure-port: 1\n", []string{`"--secure-port"`}},
		"Config":    {"a file does not name another", "config: other.yaml\n", []string{`"config"`}},
		"Twice":     {"a key is given once", "secure-port: 1\nsecure-port: 2\n", []string{"secure-port"}},
		"NoValue":   {"a key has a value", "secure-port:\n", []string{`"secure-port"`}},
		"WrongType": {"a port is a number", "secure-port: high\n", []string{`"secure-port"`, "high"}},
		"NotYAML":   {"this is no YAML", "secure-port: [\n", []string{"parse"}},
		"List":      {"the file is a map", "- secure-port\n", []string{"parse"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			must(t, os.WriteFile(file, []byte(tc.content), 0o600))
			data := filepath.Join(t.TempDir(), "data")
			out, err := execute(t, "--config="+file, "--data-dir="+data)
			if err == nil {
				t.Fatalf("%s, but it was accepted", tc.reason)
			}
			out = strings.ReplaceAll(out, `\"`, `"`) // 结构化的日志把引号转义了。
			for _, fact := range append(tc.facts, file) {
				if !strings.Contains(out, fact) {
					t.Errorf("%s, but the refusal does not say %q: %s", tc.reason, fact, out)
				}
			}
			if _, err := os.Stat(data); err == nil {
				t.Error("the data directory was made all the same")
			}
		})
	}
	out, err := execute(t, "--config=/no/such/file")
	if err == nil || !strings.Contains(out, "--config") || !strings.Contains(out, "/no/such/file") {
		t.Errorf("a file that is not there gave %v: %s", err, out)
	}
}

// TestAllMistakesAtOnce 保证一次说出全部错误，每条点名它的参数：改一个再撞一个会浪费人的时间。
func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	mistakes := []string{
		"--secure-port=0", "--server-names=bad name", "--client-ca-file=/no/such/ca", "--tls-min-version=VersionTLS99", "--tls-cipher-suites=ROT13",
		"--tls-cert-file=/no/such/cert",
		"--etcd-servers=nonsense", "--etcd-prefix=/", "--etcd-compaction-interval=-1s", "--etcd-certfile=/no/such/etcd",
		"--encryption-provider-config=/no/such/encryption", "--max-requests-inflight=-1", "--max-mutating-requests-inflight=0",
		"--request-timeout=-1s", "--min-request-timeout=-1", "--shutdown-delay-duration=-1s", "--cors-allowed-origins=(",
		"--audit-policy-file=/no/such/policy", "--audit-log-maxage=-1", "--audit-log-mode=sometimes", "--audit-log-format=poem",
		"--audit-webhook-config-file=/no/such/webhook", "--audit-webhook-batch-max-size=0", "--audit-webhook-truncate-max-event-size=0",
		"--tracing-config-file=/no/such/tracing", "--logging-format=xml",
	}
	data := filepath.Join(t.TempDir(), "data")
	out, err := execute(t, append(mistakes, "--data-dir="+data)...)
	if err == nil {
		t.Fatal("a configuration full of mistakes was accepted")
	}
	for _, mistake := range mistakes {
		flag, _, _ := strings.Cut(strings.TrimPrefix(mistake, "--"), "=")
		if !regexp.MustCompile("--" + flag + "[^a-z-]").MatchString(out) {
			t.Errorf("the mistake in --%s is not told", flag)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data directory was made although the configuration is not usable")
	}
}

// startWithConfig 启动一个由文件配置的服务器；地址与数据目录也在文件里，所以不经 harness 的默认参数。
func startWithConfig(t *testing.T, file, data, address string, args ...string) *platform {
	t.Helper()
	served, err := url.Parse(address)
	must(t, err)
	p := &harness.Platform{
		URL: served.String(), Dir: data,
		Kubeconfig:           filepath.Join(data, "admin.kubeconfig"),
		ControllerKubeconfig: filepath.Join(data, "controller.kubeconfig"),
	}
	log := filepath.Join(t.TempDir(), "server.log")
	p.Process, err = harness.Start(t.Context(), harness.Spec{
		Name: "kubellm-apiserver", Path: harness.Binary(t, "kubellm-apiserver", ""), LogFile: log,
		Args: append([]string{"--config=" + file}, args...),
	})
	must(t, err)
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	harness.Eventually(t, "the server to be ready", patience, func(ctx context.Context) error {
		if !p.Running() {
			return harness.Permanent(fmt.Errorf("it exited\n%s", p.LogTail(10)))
		}
		config, err := harness.RESTConfig(p.Kubeconfig)
		if err != nil {
			return err
		}
		if config.Host != p.URL {
			return fmt.Errorf("the kubeconfig points at %s", config.Host)
		}
		c, err := newClient(config)
		if err != nil {
			return err
		}
		_, err = c.iam.Roles().Get(ctx, "kubellm-admin", metav1.GetOptions{})
		return err
	})
	adopted, err := adopt(p)
	must(t, err)
	return adopted
}

func configFile(t *testing.T, values map[string]any) string {
	t.Helper()
	raw, err := yaml.Marshal(values)
	must(t, err)
	file := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.WriteFile(file, raw, 0o600))
	return file
}
