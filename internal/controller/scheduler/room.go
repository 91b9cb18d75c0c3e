package scheduler

import cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"

const (
	// exactBlock 以内的块按各类大小的和精确算，再大的节点没有见过，按最坏情况算。
	exactBlock = 256
	// plenty 是一种块总量的上限，成员报来的数再离谱也不会溢出；往小里算只会少答应。
	plenty = int64(1) << 40
)

// class 是一样大的一类副本：每个要 count 块，一共 replicas 个还没绑上节点。
type class struct {
	count, replicas int64
}

// merge 把一类副本并进去；replicas 为负是拿走。
func merge(classes []class, add class) []class {
	for i := range classes {
		if classes[i].count == add.count {
			classes[i].replicas += add.replicas
			return classes
		}
	}
	return append(classes, add)
}

// room 说在 reserved 之外还放得下几个要 count 块的副本，不论成员把它们放到哪些节点上。
func room(blocks []cluster.FreeBlock, reserved []class, count int64) int64 {
	fits := bindable(blocks, count)
	if fits == 0 {
		return 0
	}
	var load, same int64
	var all [exactBlock + 1]bool
	sums := all[:min(largestOf(blocks), exactBlock)+1]
	sums[0] = true
	reach(sums, count)
	for _, c := range reserved {
		if c.replicas <= 0 {
			continue
		}
		if c.count == count {
			same = c.replicas
		}
		if m := bindable(blocks, c.count); m > 0 {
			load += c.count * min(c.replicas, m)
			reach(sums, c.count)
		}
	}
	left := min(fits-same, (blocking(blocks, sums, count)+count-1-load)/count)
	for _, c := range reserved {
		if c.replicas > 0 && c.count != count && bindable(blocks, c.count) > 0 {
			left = min(left, (blocking(blocks, sums, c.count)+c.count-1-load)/count)
		}
	}
	return max(left, 0)
}

// bindable 是要 count 块的副本最多绑得上几个。
func bindable(blocks []cluster.FreeBlock, count int64) int64 {
	var n int64
	for _, b := range blocks {
		n += min(int64(b.Size)/count*int64(b.Nodes), plenty)
	}
	return n
}

// blocking 是别的副本至少要占掉多少，才能让要 count 块的副本处处没有地方。
func blocking(blocks []cluster.FreeBlock, sums []bool, count int64) int64 {
	var total int64
	for _, b := range blocks {
		if int64(b.Size) < count {
			continue
		}
		least := int64(b.Size) - count + 1
		for b.Size <= exactBlock && !sums[least] {
			// 走不出块去：count 自己的倍数总有一个在里面。
			least++
		}
		total += min(least*int64(b.Nodes), plenty)
	}
	return total
}

// reach 添上 count 的任意多个能凑出的和。
func reach(sums []bool, count int64) {
	for s := count; s < int64(len(sums)); s++ {
		sums[s] = sums[s] || sums[s-count]
	}
}

// free 是空闲的总数。
func free(blocks []cluster.FreeBlock) int64 {
	var total int64
	for _, b := range blocks {
		total += min(int64(b.Size)*int64(b.Nodes), plenty)
	}
	return total
}

// largestOf 是最大的空闲块；没有是零。
func largestOf(blocks []cluster.FreeBlock) int64 {
	var largest int64
	for _, b := range blocks {
		largest = max(largest, int64(b.Size))
	}
	return largest
}

// promised 是答应出去而还没绑上的总数。
func promised(blocks []cluster.FreeBlock, reserved []class) int64 {
	var load int64
	for _, c := range reserved {
		load += c.count * min(max(c.replicas, 0), bindable(blocks, c.count))
	}
	return load
}

// broken 是按最合身的放法会被拆开的最大的块；块块正好用尽是零。
func broken(blocks []cluster.FreeBlock, count, replicas int64) int64 {
	var used int64
	for floor := count; replicas > 0; {
		best := cluster.FreeBlock{}
		for _, b := range blocks {
			if int64(b.Size) >= floor && (best.Size == 0 || b.Size < best.Size) {
				best = b
			}
		}
		if best.Size == 0 {
			break
		}
		each := int64(best.Size) / count
		if int64(best.Size)%count != 0 || replicas%each != 0 && replicas < each*int64(best.Nodes) {
			used = int64(best.Size)
		}
		replicas -= each * int64(best.Nodes)
		floor = int64(best.Size) + 1
	}
	return used
}
