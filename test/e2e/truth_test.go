package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// TestTruth 一个接一个地注入故障，全程拿平台说的每一句 Ready 去对成员自己手里的东西：
// 不真的话至多说一个心跳门限（加上传播），修好之后一切复原，哪里也没有多出一份。
// 假话从成员那一边变了的那一刻算起，到读者看见平台收回为止；真话说成 Unknown 不算假，只记多久。
func TestTruth(t *testing.T) {
	w := newWorld(t)
	for _, f := range allFaults() {
		if err := w.suffer(t, f); err != nil {
			t.Errorf("%s: %v", f.name, err)
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Log(w.table())
	for _, e := range w.entries {
		for _, excess := range e.excess {
			t.Errorf("%s: %s", e.name, excess)
		}
	}
}

// suffer 注入一个故障，看见它的影响，等平台表态，修好，等复原。
func (w *world) suffer(t *testing.T, f fault) error {
	t.Helper()
	healed := f.heal == nil
	heal := func(ctx context.Context) error {
		if healed {
			return nil
		}
		healed = true
		return f.heal(ctx, w)
	}
	t.Cleanup(func() {
		// 失败在半路上时，别的测试还要用这些成员。
		c, cancel := cleanup()
		defer cancel()
		if err := heal(c); err != nil {
			t.Errorf("heal %s: %v", f.name, err)
		}
	})
	e := w.begin(f.name, f.grace)
	defer func() { e.took = time.Since(e.began) }()
	if err := f.inject(t.Context(), w); err != nil {
		return fmt.Errorf("inject it: %w", err)
	}
	if err := w.until(t.Context(), "an effect", e.harmless); err != nil {
		return err
	}
	if f.stance != nil {
		if err := w.until(t.Context(), "the platform to say so", func() string { return f.stance(w) }); err != nil {
			return err
		}
	}
	if err := heal(t.Context()); err != nil {
		return fmt.Errorf("heal it: %w", err)
	}
	return w.until(t.Context(), "everything to be as before", w.settled)
}

// table 是给人看的记录。
func (w *world) table() string {
	rows := []string{"", "fault\ttook\tlongest false yes\tlongest Unknown\tfirst effect"}
	for _, e := range w.entries {
		falsehood := brief(e.falsehood)
		if e.about != "" {
			falsehood += " (" + e.about + ")"
		}
		rows = append(rows, strings.Join([]string{e.name, brief(e.took), falsehood, brief(e.unknown), e.effect}, "\t"))
	}
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	if _, err := out.Write([]byte(strings.Join(rows, "\n") + "\n")); err != nil {
		return err.Error()
	}
	if err := out.Flush(); err != nil {
		return err.Error()
	}
	return text.String()
}

func brief(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
