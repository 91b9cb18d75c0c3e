package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func TestKubeAPIServer(t *testing.T) {
	s := NewKubeAPIServer(t, KubeAPIServerOptions{})
	MustKubectl(t, s.Kubeconfig, "", "create", "namespace", "kept")

	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if s.Running() {
		t.Fatal("the server is running after Kill")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := MustKubectl(t, s.Kubeconfig, "", "get", "namespace", "kept", "-o", "name"); got != "namespace/kept\n" {
		t.Errorf("after a restart on the same etcd kubectl printed %q", got)
	}

	cases := map[string]struct {
		reason string
		id     Identity
		check  func(error) bool
	}{
		"Masters": {
			reason: "a certificate in system:masters may do everything",
			id:     Identity{User: "root", Groups: []string{"system:masters"}},
			check:  func(err error) bool { return err == nil },
		},
		"Nobody": {
			reason: "a certificate without rights is known but forbidden",
			id:     Identity{User: "alice"},
			check:  apierrors.IsForbidden,
		},
		"Expired": {
			reason: "an expired certificate is nobody's",
			id:     Identity{User: "root", Groups: []string{"system:masters"}, Expired: true},
			check:  apierrors.IsUnauthorized,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			client, err := kubernetes.NewForConfig(Config(t, KubeconfigFor(t, s, tc.id)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
			if !tc.check(err) {
				t.Errorf("%s: listing namespaces gave %v", tc.reason, err)
			}
		})
	}
}

func TestStartReportsWhatThePartLastSaid(t *testing.T) {
	never := func(context.Context) error { return errors.New("not yet") }
	cases := map[string]struct {
		reason string
		script string
		// timeout 是等它就绪的时间；零则同平常一样。
		timeout time.Duration
		want    []string
	}{
		"Dies": {
			reason: "a part that exits ends the wait at once, with its status and log",
			script: "echo the disk is full; exit 3",
			want:   []string{"exit status 3", "the disk is full"},
		},
		"Hangs": {
			reason:  "a part that never gets ready is killed, and the last failed check is told",
			script:  "echo waiting for the moon; exec sleep 60",
			timeout: 15 * time.Second,
			want:    []string{"not yet", "waiting for the moon", "to become ready"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), shell(t, tc.script, Spec{Ready: never, ReadyTimeout: tc.timeout}))
			if err == nil {
				t.Fatalf("%s: Start returned no error", tc.reason)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: the error lacks %q:\n%v", tc.reason, want, err)
				}
			}
		})
	}
}

func TestStop(t *testing.T) {
	cases := map[string]struct {
		reason string
		script string
		before func(*Process) error
		status int
		// grace 是停止的宽限；零则同平常一样。
		grace time.Duration
		fails bool
	}{
		"Clean": {
			reason: "a part that exits with 0 on SIGTERM stopped cleanly",
			script: "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done",
		},
		"Paused": {
			reason: "a halted part is let go on, else it could not act on SIGTERM",
			script: "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done",
			before: func(p *Process) error { return p.Halt() },
		},
		"BadStatus": {
			reason: "a part that fails while stopping is an error",
			script: "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done",
			fails:  true,
		},
		"ItsOwnStatus": {
			reason: "some parts always fail on SIGTERM, that is how they stop cleanly",
			script: "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done",
			status: 7,
		},
		"Deaf": {
			reason: "a part that ignores SIGTERM is killed after the grace, which is an error",
			script: "trap '' TERM; echo up; while :; do sleep 0.05; done",
			grace:  time.Second,
			fails:  true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := Start(t.Context(), shell(t, tc.script, Spec{Grace: tc.grace, StopStatus: tc.status}))
			if err != nil {
				t.Fatal(err)
			}
			if tc.before != nil {
				if err := tc.before(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Stop(); (err != nil) != tc.fails {
				t.Errorf("%s: Stop gave %v", tc.reason, err)
			}
			if p.Running() {
				t.Errorf("%s: it is still running", tc.reason)
			}
			if err := p.Died(); err != nil {
				t.Errorf("%s: it was told to stop, yet Died gave %v", tc.reason, err)
			}
		})
	}
}

func TestRecordStopsOnlyTheSameProcess(t *testing.T) {
	p, err := Start(t.Context(), shell(t, "echo up; exec sleep 60", Spec{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	record, err := p.Record()
	if err != nil {
		t.Fatal(err)
	}

	reused := record
	reused.Started = "1"
	if err := reused.Stop(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if !p.Running() {
		t.Fatal("a record with another start time stopped the process that has its pid now")
	}
	if err := record.Stop(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if record.Running() {
		t.Error("the recorded process is still running after Stop")
	}
}

// shell 返回跑一段 shell 脚本的 Spec，就绪条件默认为脚本打印过一行。
func shell(t *testing.T, script string, spec Spec) Spec {
	t.Helper()
	spec.Name, spec.Path, spec.Args = "script", "/bin/sh", []string{"-c", script}
	spec.LogFile = filepath.Join(t.TempDir(), "script.log")
	if spec.Ready == nil {
		spec.Ready = func(context.Context) error {
			info, err := os.Stat(spec.LogFile)
			if err == nil && info.Size() == 0 {
				return errors.New("it has printed nothing yet")
			}
			return err
		}
	}
	return spec
}
