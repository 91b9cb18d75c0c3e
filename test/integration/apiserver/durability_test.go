package apiserver

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// ledger 是一个写者记的账：每个名字最后得到应答的写入，以及还没等到应答的那一次。
type ledger struct {
	mu sync.Mutex
	// acknowledged 的值是最后确认的 displayName；gone 表示确认删除。
	acknowledged map[string]string
	// pending 是发出而未应答的那一次：它可以生效，也可以没有。
	pending map[string]string
	writes  int
}

const gone = "(deleted)"

// record 先记下要做的，做成了再记为已应答。
func (l *ledger) record(name, value string, do func() error) error {
	l.mu.Lock()
	l.pending[name] = value
	l.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, name)
	l.acknowledged[name] = value
	l.writes++
	return nil
}

// TestKill 保证应答过的写入扛得住 SIGKILL：写到一半断电，重启后建的在、改的新、删的不在。
func TestKill(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	book := &ledger{acknowledged: map[string]string{}, pending: map[string]string{}}
	const rounds, writers, perRound = 3, 4, 80
	for round := range rounds {
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for writer := range writers {
			group.Go(func() { writeUntilKilled(ctx, p.admin, book, fmt.Sprintf("r%d-w%d", round, writer)) })
		}
		// 写够一轮才断电：太早了什么也没写，测不出东西。
		harness.Eventually(t, "enough writes to be acknowledged", 2*time.Minute, func(context.Context) error {
			book.mu.Lock()
			defer book.mu.Unlock()
			if book.writes < (round+1)*perRound {
				return fmt.Errorf("only %d are", book.writes)
			}
			return nil
		})
		must(t, p.Kill())
		stop()
		group.Wait()
		must(t, p.Restart(t.Context()))
		checkLedger(t, p, book, round)
	}
	t.Logf("%d acknowledged writes survived %d kills", book.writes, rounds)
}

// writeUntilKilled 不停地建、改，每第三个再删掉，直到服务器没了。
func writeUntilKilled(ctx context.Context, c *client, book *ledger, prefix string) {
	users := c.iam.Users()
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s-%d", prefix, i)
		user := &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserSpec{DisplayName: ptr.To("created")}}
		if book.record(name, "created", func() error { _, err := users.Create(ctx, user, metav1.CreateOptions{}); return err }) != nil {
			return
		}
		patch := func() error {
			_, err := users.Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"displayName":"patched"}}`), metav1.PatchOptions{})
			return err
		}
		if book.record(name, "patched", patch) != nil {
			return
		}
		if i%3 != 0 {
			continue
		}
		if book.record(name, gone, func() error { return users.Delete(ctx, name, metav1.DeleteOptions{}) }) != nil {
			return
		}
	}
}

// checkLedger 对账：每个名字要么停在最后应答的那一步，要么走到了未应答的那一步，没有第三种。
func checkLedger(t *testing.T, p *platform, book *ledger, round int) {
	t.Helper()
	list, err := p.admin.iam.Users().List(t.Context(), metav1.ListOptions{})
	must(t, err)
	stored := map[string]string{}
	for _, user := range list.Items {
		stored[user.Name] = ptr.Deref(user.Spec.DisplayName, "")
	}
	book.mu.Lock()
	defer book.mu.Unlock()
	for name, want := range book.acknowledged {
		got, found := stored[name]
		if !found {
			got = gone
		}
		if pending, unsure := book.pending[name]; got != want && (!unsure || got != pending) {
			t.Errorf("round %d: %s was acknowledged as %q and is %q after the kill", round, name, want, got)
		}
		// 单个读与列表必须说同样的话。
		if _, err := p.admin.iam.Users().Get(t.Context(), name, metav1.GetOptions{}); found != (err == nil) || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("round %d: %s is listed: %t, but getting it gives %v", round, name, found, err)
		}
	}
	for name := range stored {
		_, acknowledged := book.acknowledged[name]
		if _, pending := book.pending[name]; !acknowledged && !pending {
			t.Errorf("round %d: %s is stored, but nobody wrote it", round, name)
		}
	}
	// 这一轮的悬案已有定论，下一轮从事实出发。
	for name := range book.pending {
		if value, found := stored[name]; found {
			book.acknowledged[name] = value
		} else {
			delete(book.acknowledged, name)
		}
	}
	book.pending = map[string]string{}
}
