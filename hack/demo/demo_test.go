package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// 演示启动的部件要活过演示自己，所以测试像 make 一样在另一个进程里运行它：就是这个测试程序，换了身份。
const (
	commandEnv = "KUBELLM_DEMO_COMMAND"
	dirEnv     = "KUBELLM_DEMO_DIR"
	binEnv     = "KUBELLM_DEMO_BIN"
)

func TestMain(m *testing.M) {
	command := os.Getenv(commandEnv)
	if command == "" {
		os.Exit(m.Run())
	}
	root, err := harness.Root()
	if err == nil {
		err = run([]string{command}, root, os.Getenv(dirEnv), os.Getenv(binEnv))
	}
	report(err)
}

// stage 是一次演示的舞台：目录与临时目录都是它自己的，不碰正在给人看的那一场。
type stage struct{ dir, temp, bin string }

func newStage(t *testing.T) stage {
	t.Helper()
	if testing.Short() {
		t.Skip("the demo starts real clusters")
	}
	// 不用 t.TempDir：测试名长时，里面的 unix 套接字会超过路径长度上限。
	home, err := os.MkdirTemp("", "kubellm-demo-")
	if err != nil {
		t.Fatal(err)
	}
	s := stage{dir: filepath.Join(home, "demo"), temp: filepath.Join(home, "tmp"), bin: filepath.Join(home, "bin")}
	if err := os.Mkdir(s.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := s.run(context.Background(), "down"); err != nil {
			t.Errorf("clear the stage: %v\n%s", err, out)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return s
}

// run 在另一个进程里运行演示的命令，返回给人看的一切。
func (s stage) run(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), commandEnv+"="+command, dirEnv+"="+s.dir, binEnv+"="+s.bin, "TMPDIR="+s.temp)
	// 与 Ctrl-C 一样叫停，它才收得走自己启动的。
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestDemo 从头到尾演示一遍：个个就绪，每个对象各有其主，背后的改动都改了回来；收场之后什么也不剩。
func TestDemo(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"kubellm-apiserver", "kubellm-controller", "provider", "terraform-provider-kubellm"} {
		s.bin = filepath.Dir(harness.Binary(t, name, ""))
	}
	out, err := s.run(t.Context(), "up")
	if err != nil {
		t.Fatalf("the demo failed: %v\n%s", err, out)
	}
	for reason, want := range map[string][]string{
		"who manages a user made by Crossplane":  {"alice ", "crossplane ("},
		"who manages a user made by Terraform":   {"hedy ", "terraform ("},
		"who manages a user made by kubectl":     {"grace ", "kubectl"},
		"what the plan shows of the drift":       {"~", `"intruders" -> "search"`},
		"where the platform's kubeconfig is":     {filepath.Join(s.dir, "platform", "admin.kubeconfig")},
		"where the control plane's is":           {filepath.Join(s.dir, "control-plane", "admin.kubeconfig")},
		"where the logs are":                     {filepath.Join(s.dir, "logs")},
		"what it waits for":                      {"waiting for", "models"},
		"what Terraform made while it was going": {"kubellm_model.qwen[0]: Creation complete"},
	} {
		if !hasLine(out, want) {
			t.Errorf("the output does not tell %s: no line has %q", reason, want)
		}
	}
	s.checkReady(t)
	started := s.started(t)
	if again, err := s.run(t.Context(), "up"); err != nil || !slices.Equal(s.started(t), started) {
		t.Errorf("a second make demo disturbs the first one: %v\n%s", err, again)
	}
	s.checkProcesses(t, started)
	s.checkCleared(t, started)
	if t.Failed() {
		t.Log(out)
	}
}

// TestDemoGivesUp 一个部件起不来时，它自己的话到了人眼前，已启动的都停了。
func TestDemoGivesUp(t *testing.T) {
	s := newStage(t)
	server := harness.Binary(t, "kubellm-apiserver", "")
	if err := os.Mkdir(s.bin, 0o700); err != nil {
		t.Fatal(err)
	}
	// 控制器换成了不认它那些参数的程序，起来就退出。
	for _, name := range []string{"kubellm-apiserver", "kubellm-controller"} {
		if err := os.Symlink(server, filepath.Join(s.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.run(t.Context(), "up")
	if err == nil {
		t.Error("the demo succeeded without its controller")
	}
	for _, want := range [][]string{
		{"unknown flag", "--kubeconfig"},
		{filepath.Join(s.dir, "logs", "kubellm-controller.log")},
		{"stopping kubellm-apiserver"},
	} {
		if !hasLine(out, want) {
			t.Errorf("no line of the output has %q", want)
		}
	}
	s.checkCleared(t, nil)
	if t.Failed() {
		t.Log(out)
	}
}

// hasLine 要求有一行含有全部的 want。
func hasLine(text string, want []string) bool {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(want, func(part string) bool { return !strings.Contains(line, part) }) {
			return true
		}
	}
	return false
}

// checkReady 另外问一遍平台与控制面：除了等 KEDA 的那个，个个就绪；背后的改动都改了回来。
func (s stage) checkReady(t *testing.T) {
	t.Helper()
	const ready = `jsonpath={range .items[*]}{.kind} {.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`
	platform := filepath.Join(s.dir, "platform", "admin.kubeconfig")
	for kubeconfig, resources := range map[string]string{
		platform: "users,rolebindings,clusters,models",
		filepath.Join(s.dir, "control-plane", "admin.kubeconfig"): "managed",
	} {
		out := harness.MustKubectl(t, kubeconfig, "", "get", resources, "--all-namespaces", "-o", ready)
		for line := range strings.Lines(out) {
			name, status, _ := strings.Cut(strings.TrimSpace(line), "=")
			if want := name != "Model "+autoscaled; (status == "True") != want {
				t.Errorf("the demo ended while Ready of the %s is %q", name, status)
			}
		}
		if out == "" {
			t.Errorf("there are no %s", resources)
		}
	}
	for user, want := range map[string]string{"alice": "team-a", "hedy": "search"} {
		if got := harness.MustKubectl(t, platform, "", "get", "user", user, "-o", "jsonpath={.spec.groups[*]}"); got != want {
			t.Errorf("the groups of %s are %q in the end, want %q", user, got, want)
		}
	}
}

// started 是演示记下的部件。
func (s stage) started(t *testing.T) []harness.Record {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var records []harness.Record
	if err := json.Unmarshal(raw, &records); err != nil {
		t.Fatal(err)
	}
	return records
}

// checkProcesses 要求在跑的恰是记下的那些：没记下的谁也停不掉。
func (s stage) checkProcesses(t *testing.T, started []harness.Record) {
	t.Helper()
	for _, record := range started {
		if !record.Running() {
			t.Errorf("%s does not run any more", record.Name)
		}
	}
	for pid, command := range s.processes(t) {
		if !slices.ContainsFunc(started, func(r harness.Record) bool { return r.PID == pid }) {
			t.Errorf("the demo started pid %d and forgot it: %s", pid, command)
		}
	}
}

// checkCleared 收场，要求之后没有进程、没有目录、没有临时文件。
func (s stage) checkCleared(t *testing.T, started []harness.Record) {
	t.Helper()
	if out, err := s.run(t.Context(), "down"); err != nil {
		t.Errorf("make demo-down failed: %v\n%s", err, out)
	}
	for _, record := range started {
		if record.Running() {
			t.Errorf("%s (pid %d) still runs", record.Name, record.PID)
		}
	}
	for pid, command := range s.processes(t) {
		t.Errorf("pid %d still runs and is killed: %s", pid, command)
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", s.dir, err)
	}
	left, err := os.ReadDir(s.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

// processes 是命令行里有演示目录的进程，不问演示自己；没有 /proc 的系统上看不到。
func (s stage) processes(t *testing.T) map[int]string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(raw, []byte(s.dir)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		found[pid] = string(bytes.ReplaceAll(raw, []byte{0}, []byte(" ")))
	}
	return found
}
