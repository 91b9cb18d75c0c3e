package scheduler_test

import (
	"testing"
	"time"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestWorkedExample 是 docs/placement.md 里的例子，逐句照着来。
func TestWorkedExample(t *testing.T) {
	clusters := all(site("gpu-a", h100s(8, 8)), site("gpu-b", h100s(4, 2)), site("gpu-c", h100s(8), lost(time.Minute)))
	small := []*model.Model{llm("small", 1, 2, on("gpu-a", 2, 0))}
	bound := all(site("gpu-a", h100s(8, 6)), clusters[1], clusters[2])
	const done, none = model.ReasonScheduled, model.ReasonNoClusterFits
	run(t, map[string]scene{
		"Eight": {"reserved replicas may break both blocks", llm("m", 8, 1), clusters, small,
			answer{rejected: "gpu-a/Capacity gpu-b/FreeBlock gpu-c/NotReady", reason: none,
				message: "0 of 3 clusters fit: gpu-a: room for 0 of 1 replicas (2 of 16 free accelerators are reserved); gpu-b: largest free block 4 < 8; gpu-c: Ready is Unknown (HeartbeatFailed)"}},
		"EightBound": {"once they are bound it is known which", llm("m", 8, 1), bound, []*model.Model{llm("small", 1, 2, on("gpu-a", 2, 2))},
			answer{placed: "gpu-a/H100/1", rejected: "gpu-b/FreeBlock gpu-c/NotReady", reason: done}},
		"Spread": {"10 left against 2", llm("m", 2, 2), clusters, small, answer{placed: "gpu-a/H100/2", rejected: "gpu-c/NotReady", reason: done}},
		"Pack":   {"the smaller block is broken", llm("m", 2, 2, packed), clusters, small, answer{placed: "gpu-b/H100/2", rejected: "gpu-c/NotReady", reason: done}},
		"Two": {"all replicas of a cluster or none", llm("m", 4, 2, wanting(2)), clusters, small,
			answer{placed: "gpu-a/H100/2", rejected: "gpu-b/Capacity gpu-c/NotReady", reason: none,
				message: "1 of 3 clusters fit, 2 wanted, placed on 1: gpu-b: room for 1 of 2 replicas; gpu-c: Ready is Unknown (HeartbeatFailed)"}},
	})
}
