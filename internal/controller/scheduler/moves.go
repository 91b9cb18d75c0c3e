package scheduler

import (
	"fmt"
	"slices"
	"strings"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// mostMoves 是一种变动最多列几个集群。
const mostMoves = 8

// Same 报告两份放置是同一个决定；走到了哪一步不算。
func Same(a, b []model.ModelPlacement) bool {
	return slices.EqualFunc(a, b, func(a, b model.ModelPlacement) bool {
		return a.Cluster == b.Cluster && a.ClusterUID == b.ClusterUID && a.Namespace == b.Namespace &&
			a.Product == b.Product && a.ResourceName == b.ResourceName &&
			a.AcceleratorCount == b.AcceleratorCount && a.Replicas == b.Replicas
	})
}

// Moves 用一句话说从 before 到 after 会离开哪些集群、添上哪些、哪些上面的数要变。
// 先前哪里也没放的没有变动可说：选了哪些已经说了。没有变动的为空。
func Moves(before, after []model.ModelPlacement) string {
	if len(before) == 0 {
		return ""
	}
	var left, added, resized []string
	for _, p := range before {
		if in(after, p) < 0 {
			left = append(left, p.Cluster)
		}
	}
	for _, p := range after {
		i := in(before, p)
		if i < 0 {
			added = append(added, p.Cluster)
		} else if change := resizing(before[i], p); change != "" {
			resized = append(resized, p.Cluster+" ("+change+")")
		}
	}
	var parts []string
	for _, kind := range []struct {
		verb     string
		clusters []string
	}{{"leaves", left}, {"is added to", added}, {"is resized on", resized}} {
		if len(kind.clusters) > 0 {
			parts = append(parts, kind.verb+" "+Listed(kind.clusters))
		}
	}
	return strings.Join(parts, ", ")
}

// in 找同一个集群上的放置；同名而重新登记的不是同一个。
func in(placements []model.ModelPlacement, p model.ModelPlacement) int {
	return slices.IndexFunc(placements, func(o model.ModelPlacement) bool { return o.Cluster == p.Cluster && o.ClusterUID == p.ClusterUID })
}

// resizing 说一个集群上答应的怎么变；空是不变。
func resizing(before, after model.ModelPlacement) string {
	var changes []string
	for _, c := range []struct {
		what     string
		was, now any
	}{
		{"replicas", before.Replicas, after.Replicas},
		{"accelerators each", before.AcceleratorCount, after.AcceleratorCount},
		{"product", brief(before.Product), brief(after.Product)},
		{"resource", brief(before.ResourceName), brief(after.ResourceName)},
	} {
		if c.was != c.now {
			changes = append(changes, fmt.Sprintf("%s %s to %s", c.what, shown(c.was), shown(c.now)))
		}
	}
	return strings.Join(changes, ", ")
}

// shown 让没有的也看得见。
func shown(value any) string {
	if text := fmt.Sprint(value); text != "" {
		return text
	}
	return "none"
}

// Listed 列出前几个，列不下的说还有几个。
func Listed(names []string) string {
	if more := len(names) - mostMoves; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostMoves], ", "), more)
	}
	return strings.Join(names, ", ")
}
