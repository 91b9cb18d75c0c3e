package crossplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/log"

	managedapis "github.com/kubellm/kubellm/apis/managed"
)

var (
	// platform 是共用的平台；shared 是共用的控制面，provider 每小时才轮询一次。
	platform *platformServer
	shared   *controlPlane

	scheme = runtime.NewScheme()
)

func TestMain(m *testing.M) {
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), managedapis.AddToScheme(scheme)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	log.SetLogger(logr.Discard())
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// runAll 启动共用的部件、运行测试、停止它们；停得不干净也算失败。
func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "kubellm-")
	if err != nil {
		return 1, err
	}
	ctx := context.Background()
	stack := &stack{dir: dir}
	defer func() {
		err = errors.Join(err, stack.stop(code != 0), os.RemoveAll(dir))
	}()
	if platform, err = startPlatform(ctx, stack, "platform"); err != nil {
		return 1, err
	}
	if shared, err = startControlPlane(ctx, stack, "shared"); err != nil {
		return 1, err
	}
	if err = shared.connect(ctx, platform); err != nil {
		return 1, err
	}
	if err = shared.startProvider(ctx, "--poll=1h"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// stack 记住启动了什么，按相反的次序停止。
type stack struct {
	dir string

	mu      sync.Mutex
	started []process
}

type process interface {
	Stop() error
	LogTail(lines int) string
}

func (s *stack) add(p process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, p)
}

func (s *stack) stop(showLogs bool) error {
	var errs []error
	for i := len(s.started) - 1; i >= 0; i-- {
		errs = append(errs, s.started[i].Stop())
		if showLogs {
			fmt.Fprintln(os.Stderr, s.started[i].LogTail(40))
		}
	}
	return errors.Join(errs...)
}

// newStack 是一个测试自己的部件，测试结束时停止。
func newStack(t *testing.T) *stack {
	t.Helper()
	dir, err := os.MkdirTemp("", "kubellm-")
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{dir: dir}
	t.Cleanup(func() {
		if err := errors.Join(s.stop(t.Failed()), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return s
}
