package crossplane

import (
	"context"
	"testing"
	"time"

	"github.com/kubellm/kubellm/internal/external"
)

// TestMailbox 看通知从不等待处理者，处理者卡住时同一个键也只积压一份，一个键都不丢。
func TestMailbox(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	box := newMailbox()
	handled, release := make(chan external.Key, 200), make(chan struct{})
	go box.drain(ctx, func(key external.Key) {
		<-release
		handled <- key
	})
	// 处理者此刻卡住；若 put 会等它，这里就永远走不完。
	for range 100 {
		box.put(external.Key{Name: "a"})
		box.put(external.Key{Name: "b"})
	}
	close(release)
	counts := map[string]int{}
	for counts["a"] == 0 || counts["b"] == 0 {
		select {
		case key := <-handled:
			counts[key.Name]++
		case <-ctx.Done():
			t.Fatalf("handled only %v", counts)
		}
	}
	// 卡住之前可能已取走一批，此后的全部合成一批。
	if counts["a"] > 2 || counts["b"] > 2 {
		t.Errorf("handled %v, want each key at most twice", counts)
	}
}
