package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// hostile 走遍成员调度器一切可能的次序与落点，记下每一类最坏绑得上几个。
type hostile struct {
	classes []class
	worst   []int64
	seen    map[string]bool
}

func worstBound(blocks []int32, classes []class) []int64 {
	h := &hostile{classes: classes, seen: map[string]bool{}}
	for _, c := range classes {
		h.worst = append(h.worst, c.replicas)
	}
	h.walk(slices.Clone(blocks), make([]int64, len(classes)))
	return h.worst
}

func (h *hostile) walk(blocks []int32, bound []int64) {
	slices.Sort(blocks)
	key := fmt.Sprint(blocks, bound)
	if h.seen[key] {
		return
	}
	h.seen[key] = true
	for j, c := range h.classes {
		fits := false
		for i, b := range blocks {
			if int64(b) < c.count {
				continue
			}
			fits = true
			if bound[j] < c.replicas {
				next, more := slices.Clone(blocks), slices.Clone(bound)
				next[i] -= int32(c.count)
				more[j]++
				h.walk(next, more)
			}
		}
		if !fits {
			// 再没有一处放得下这一类，以后也不会有。
			h.worst[j] = min(h.worst[j], bound[j])
		}
	}
}

func histogram(blocks []int32) []cluster.FreeBlock {
	var out []cluster.FreeBlock
	for _, b := range blocks {
		i := slices.IndexFunc(out, func(f cluster.FreeBlock) bool { return f.Size == b })
		if i < 0 {
			out = append(out, cluster.FreeBlock{Size: b, Nodes: 1})
		} else {
			out[i].Nodes++
		}
	}
	return out
}

// TestRoomAgainstHostileMember 对照穷举：答应的，不论成员怎样放都绑得上；一样大的副本一个也不少答应。
// 早先的预留本来绑不上的那些（节点没了）除外，但也不因新来的更少。
func TestRoomAgainstHostileMember(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	var given, possible int64
	for round := range 4000 {
		blocks := make([]int32, 1+r.IntN(3))
		for i := range blocks {
			blocks[i] = int32(1 + r.IntN(8))
		}
		var reserved []class
		for range r.IntN(3) {
			reserved = merge(reserved, class{count: int64(1 + r.IntN(4)), replicas: int64(1 + r.IntN(2))})
		}
		count := int64(1 + r.IntN(5))
		hist := histogram(blocks)
		got := room(hist, reserved, count)
		safe := func(n int64) bool {
			all := merge(slices.Clone(reserved), class{count: count, replicas: n})
			worst := worstBound(blocks, all)
			for j, c := range all {
				if c.count == count && worst[j] < c.replicas || worst[j] < min(c.replicas, bindable(hist, c.count)) {
					return false
				}
			}
			return true
		}
		var truth int64
		for safe(truth + 1) {
			truth++
		}
		given, possible = given+got, possible+truth
		same := !slices.ContainsFunc(reserved, func(c class) bool { return c.count != count })
		if got > truth || same && got != truth {
			t.Fatalf("round %d: blocks %v, reserved %v: room for %d replicas of %d, in truth for %d", round, blocks, reserved, got, count, truth)
		}
	}
	t.Logf("%d replicas given room of %d that a perfect answer would give", given, possible)
	if given*10 < possible*9 {
		t.Errorf("%d of %d possible replicas given room: too cautious to be of use", given, possible)
	}
}

// TestRoomWithAbsurdNumbers 成员报来的数再离谱，也不溢出、不空转。
func TestRoomWithAbsurdNumbers(t *testing.T) {
	const most = 1<<31 - 1
	blocks := []cluster.FreeBlock{{Size: most, Nodes: most}, {Size: most - 1, Nodes: most}, {Size: 0, Nodes: most}}
	if got := room(blocks, []class{{count: 64, replicas: 1000}, {count: 1, replicas: 1000}}, 3); got < 1000 {
		t.Errorf("room for %d replicas in a sea of accelerators, want at least 1000", got)
	}
	if got := room(nil, []class{{count: 1, replicas: 1}}, 1); got != 0 {
		t.Errorf("room for %d replicas without any block, want 0", got)
	}
}

func TestBroken(t *testing.T) {
	cases := map[string]struct {
		why             string
		blocks          []int32
		count, replicas int64
		want            int64
	}{
		"Exact":     {"a block that is used up is not broken", []int32{2, 8}, 2, 1, 0},
		"Large":     {"one that is not used up is", []int32{8}, 2, 1, 8},
		"UsedUp":    {"several replicas use a large one up", []int32{8}, 2, 4, 0},
		"Remainder": {"a size that does not divide breaks every block", []int32{5, 5}, 2, 4, 5},
		"Smallest":  {"the smallest block that fits is broken", []int32{3, 8}, 2, 1, 3},
		"Overflow":  {"and the next larger one when that is full", []int32{2, 8}, 2, 2, 8},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := broken(histogram(c.blocks), c.count, c.replicas); got != c.want {
				t.Errorf("%s: broken %d, want %d", c.why, got, c.want)
			}
		})
	}
}
