package apiserver

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/test/harness"
)

// TestGracefulStop 保证 SIGTERM 几秒内以 0 退出，哪怕 watch 还开着：编排系统不会等一分钟，它会 SIGKILL。
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	oldHTTP := *p.admin.config
	oldHTTP.NextProtos = []string{"http/1.1"}
	var ended []<-chan struct{}
	for _, c := range []*client{p.admin, mustClient(t, &oldHTTP)} {
		for _, k := range kinds {
			f := openWatch(t, c, k, metav1.ListOptions{})
			done := make(chan struct{})
			ended = append(ended, done)
			go func() {
				for range f.w.ResultChan() {
					continue
				}
				close(done)
			}()
		}
	}
	last := users.create(t, p, "last-write")

	began := time.Now()
	must(t, p.Stop())
	const grace = 10 * time.Second
	if took := time.Since(began); took > grace {
		t.Errorf("with %d watches open the server took %s to stop, want at most %s", len(ended), took, grace)
	}
	if !strings.Contains(string(read(t, p.LogFile())), "Stopped serving the platform") {
		t.Error("the server's log does not say that it stopped in order")
	}
	for _, done := range ended {
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("a watch did not notice that the server is gone")
		}
	}
	must(t, p.Restart(t.Context()))
	unchanged(t, p, users, last)
}

// TestNeverMisleadsWhileStarting 保证启动途中真凭据不会被说成假的：401 会让工具链丢掉缓存、让人去换证书。
func TestNeverMisleadsWhileStarting(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	must(t, p.Stop())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wrong := make(chan error, 1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for ctx.Err() == nil {
			for _, kubeconfig := range []string{p.Kubeconfig, p.ControllerKubeconfig} {
				if err := askWhileStarting(ctx, kubeconfig); err != nil {
					wrong <- err
					return
				}
			}
		}
	}()
	err := p.Restart(t.Context())
	stop()
	<-finished
	must(t, err)
	select {
	case err := <-wrong:
		t.Error(err)
	default:
	}
}

// askWhileStarting 以真凭据问一次；连不上与"稍后再来"都说得过去，别的失败说不过去。
func askWhileStarting(ctx context.Context, kubeconfig string) error {
	config, err := harness.RESTConfig(kubeconfig)
	if err != nil {
		return nil // 正被重写。
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+users.path(), nil)
	if err != nil {
		return err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return nil
	}
	return fmt.Errorf("while starting, the server answered %s to the good credentials of %s", resp.Status, filepath.Base(kubeconfig))
}

// TestOneProcessPerDataDir 保证第二个进程被明白地拒绝，第一个毫发无损：两个 etcd 会毁掉数据。
func TestOneProcessPerDataDir(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(p.Dir, link))
	before := read(t, p.Kubeconfig)
	for _, dir := range []string{p.Dir, p.Dir + "/./", link} {
		out, err := execute(t, "--data-dir="+dir, "--secure-port="+port(t))
		if err == nil {
			t.Fatalf("a second server on %s started", dir)
		}
		for _, fact := range []string{strings.TrimSuffix(dir, "/./"), "--data-dir", strconv.Itoa(p.PID())} {
			if !strings.Contains(out, fact) {
				t.Errorf("the refusal does not name %s: %s", fact, out)
			}
		}
	}
	if !bytes.Equal(before, read(t, p.Kubeconfig)) {
		t.Error("the refused process rewrote the kubeconfig of the running one")
	}
	users.create(t, p, "still-served")
}

// TestRefusesToStart 保证起不来的时候说得出是什么、在哪里、由哪个参数改。
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = taken.Close() }()
	_, busy, err := net.SplitHostPort(taken.Addr().String())
	must(t, err)
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	broken := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(broken, "pki"), 0o700))
	must(t, os.WriteFile(filepath.Join(broken, "pki", "ca.crt"), []byte("rubbish"), 0o600))
	must(t, os.WriteFile(filepath.Join(broken, "pki", "ca.key"), []byte("rubbish"), 0o600))
	cases := map[string]struct {
		reason string
		args   []string
		facts  []string
	}{
		"PortTaken":   {"another program has the port", []string{"--data-dir=" + t.TempDir(), "--secure-port=" + busy}, []string{"--secure-port", "127.0.0.1:" + busy, "in use"}},
		"DirIsFile":   {"the data directory is a file", []string{"--data-dir=" + file, "--secure-port=" + port(t)}, []string{"--data-dir", file}},
		"BrokenCA":    {"the certificate authority cannot be read", []string{"--data-dir=" + broken, "--secure-port=" + port(t)}, []string{"certificate authority", broken}},
		"UnknownFlag": {"there is no such flag", []string{"--secure-prot=1"}, []string{"--secure-prot"}},
		"Argument":    {"there are flags only", []string{"start"}, []string{"start"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := execute(t, tc.args...)
			if err == nil {
				t.Fatalf("%s, but the server ended without an error", tc.reason)
			}
			for _, fact := range tc.facts {
				if !strings.Contains(out, fact) {
					t.Errorf("%s, but the refusal does not say %q: %s", tc.reason, fact, out)
				}
			}
			if strings.Contains(out, "rubbish") {
				t.Error("the refusal shows what is in the key file")
			}
		})
	}
}

// TestPermissions 保证数据目录里的一切只有本人可读：私钥、kubeconfig 和数据都在里面。
func TestPermissions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	p := start(t, harness.PlatformOptions{Dir: dir, LogDir: t.TempDir()})
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		// 套接字自己的权限不算数：能不能连到它由 0700 的目录决定。
		if mode := info.Mode(); mode.Perm()&0o077 != 0 && mode.Type() != fs.ModeSocket {
			t.Errorf("%s is %s", path, mode)
		}
		return nil
	}))
	want := map[string]fs.FileMode{
		".": 0o700, "admin.kubeconfig": 0o600, "controller.kubeconfig": 0o600,
		"pki": 0o700, "pki/ca.key": 0o600, "pki/server.key": 0o600, "etcd": 0o700, "etcd/run": 0o700,
	}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s is %s, want %s", name, info.Mode().Perm(), mode)
		}
	}
	must(t, p.Stop())
}

// TestListensOnlyWhereTold 保证内嵌 etcd 没有任何网络入口：没有 TCP 端口，也没有不受文件权限约束的抽象套接字。
func TestListensOnlyWhereTold(t *testing.T) {
	t.Parallel()
	pid := strconv.Itoa(shared.PID())
	open := sockets(t, pid)
	served, err := url.Parse(shared.URL)
	must(t, err)
	found := false
	for _, file := range []string{"tcp", "tcp6", "udp", "udp6"} {
		for _, socket := range table(t, "/proc/"+pid+"/net/"+file) {
			const listening, inode = 3, 9
			if len(socket) <= inode || !open[socket[inode]] || strings.HasPrefix(file, "tcp") && socket[listening] != "0A" {
				continue
			}
			host, number, _ := strings.Cut(socket[1], ":")
			raw, err := hex.DecodeString(number)
			must(t, err)
			if got := strconv.Itoa(int(raw[0])<<8 | int(raw[1])); file != "tcp" || got != served.Port() || host != "0100007F" {
				t.Errorf("the server listens on %s %s:%s", file, host, got)
				continue
			}
			found = true
		}
	}
	if !found {
		t.Error("the port that the server was told to serve on is not found: this test looks in the wrong place")
	}
	for _, socket := range table(t, "/proc/"+pid+"/net/unix") {
		const inode, path = 6, 7
		if len(socket) > path && open[socket[inode]] && strings.HasPrefix(socket[path], "@") {
			t.Errorf("the server has the abstract socket %s, which file permissions do not guard", socket[path])
		}
	}
}

// sockets 是进程打开的套接字的 inode。
func sockets(t *testing.T, pid string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + pid + "/fd")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("this system has no /proc to look sockets up in")
	}
	must(t, err)
	open := map[string]bool{}
	for _, entry := range entries {
		target, err := os.Readlink("/proc/" + pid + "/fd/" + entry.Name())
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			open[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return open
}

func table(t *testing.T, file string) [][]string {
	t.Helper()
	var rows [][]string
	for _, line := range strings.Split(string(read(t, file)), "\n") {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

// TestMovingHouse 保证换端口重启之后，管理员照着新写的 kubeconfig 就能进来，数据与 CA 都还在。
func TestMovingHouse(t *testing.T) {
	t.Parallel()
	first := start(t, harness.PlatformOptions{})
	kept := roles.create(t, first, "kept")
	issued := first.as(t, "old-hand", masters)
	must(t, first.Stop())
	second := start(t, harness.PlatformOptions{Dir: first.Dir, LogDir: t.TempDir()})
	if second.URL == first.URL {
		t.Fatal("the second server is on the port of the first")
	}
	for _, file := range []string{second.Kubeconfig, second.ControllerKubeconfig} {
		if config := harness.Config(t, file); config.Host != second.URL {
			t.Errorf("%s points at %s, but the server is on %s", file, config.Host, second.URL)
		}
	}
	if out := harness.MustKubectl(t, second.Kubeconfig, "", "get", "krole", "kept", "-o", "jsonpath={.metadata.uid}"); out != string(kept.GetUID()) {
		t.Errorf("kubectl found uid %q, want %q", out, kept.GetUID())
	}
	// 换了地址，先前发的证书仍然有效：CA 没有换。
	issued.config.Host = second.URL
	if _, err := mustClient(t, issued.config).iam.Roles().Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Errorf("a certificate issued before the move: %v", err)
	}
}

// TestAwkwardDataDirs 保证目录名长得放不下套接字、带空格或百分号，都照常工作，停下后不留东西在外面。
func TestAwkwardDataDirs(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{
		"Long":    strings.Repeat("long-", 20) + "/" + strings.Repeat("path-", 20),
		"Special": "a b%20c#d?e,f",
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, harness.PlatformOptions{Dir: filepath.Join(t.TempDir(), dir), LogDir: t.TempDir()})
			kept := users.create(t, p, "kept")
			must(t, p.Restart(t.Context()))
			unchanged(t, p, users, kept)
			paths := socketPaths(t, p)
			must(t, p.Stop())
			for _, path := range paths {
				if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the server left the folder of its socket %s behind (%v)", path, err)
				}
			}
		})
	}
}

// socketPaths 是进程的 unix 套接字在文件系统里的路径，各在一个 0700 的目录里。
func socketPaths(t *testing.T, p *platform) []string {
	t.Helper()
	pid := strconv.Itoa(p.PID())
	open := sockets(t, pid)
	var paths []string
	for _, socket := range table(t, "/proc/"+pid+"/net/unix") {
		const inode, path = 6, 7
		if len(socket) <= path || !open[socket[inode]] {
			continue
		}
		full := strings.Join(socket[path:], " ")
		info, err := os.Stat(filepath.Dir(full))
		must(t, err)
		if info.Mode().Perm() != 0o700 {
			t.Errorf("the folder of the socket %s is %s", full, info.Mode())
		}
		paths = append(paths, full)
	}
	if len(paths) == 0 {
		t.Error("the server has no unix socket, so where is its etcd?")
	}
	return paths
}

// TestExternalEtcd 保证给了外部 etcd 就用它，什么也不内嵌；两个服务器共用一个 etcd 就共用数据。
func TestExternalEtcd(t *testing.T) {
	t.Parallel()
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	encryption, err := harness.WriteEncryption(t.TempDir())
	must(t, err)
	first := start(t, harness.PlatformOptions{EtcdURLs: []string{etcd.URL}, EncryptionConfig: encryption})
	second := start(t, harness.PlatformOptions{EtcdURLs: []string{etcd.URL}, EncryptionConfig: encryption})
	created := users.create(t, first, "in-external")
	harness.Eventually(t, "the other server to show it", patience, func(ctx context.Context) error {
		_, err := second.admin.iam.Users().Get(ctx, created.GetName(), metav1.GetOptions{})
		return err
	})
	if _, err := os.Stat(filepath.Join(first.Dir, "etcd")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an embedded etcd left its data beside the external one (%v)", err)
	}
	// 权限也跟着数据走：一个服务器上授的，另一个上生效。
	name := unique("across")
	first.bind(t, "kubellm-viewer", nil, userSubject(name))
	visitor := second.as(t, name)
	harness.Eventually(t, "a grant to take effect on the other server", patience, func(ctx context.Context) error {
		_, err := visitor.iam.Users().List(ctx, metav1.ListOptions{})
		return err
	})
}

// execute 运行服务器到它自己退出，返回它说的话；该退出而不退出算测试失败。
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Binary(t, "kubellm-apiserver", ""), args...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("kubellm-apiserver %v went on running: %s", args, out)
	}
	return string(out), err
}

func port(t *testing.T) string {
	t.Helper()
	free, err := harness.FreePort()
	must(t, err)
	return strconv.Itoa(free)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	must(t, err)
	return raw
}
