package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// modelTable 是一批模型来去的 Markdown 表。
func modelTable(f *modelFigures) string {
	if f == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d models of one replica with one accelerator on one member of %d nodes with %d accelerators each, in %d namespaces.\n\n"+
		"| | through the platform | straight to the member | ratio |\n|---|--:|--:|--:|\n", f.count, f.nodes, gpusPerNode, modelNamespaces)
	beside := func(what string, platform, direct time.Duration) {
		fmt.Fprintf(&b, "| %s | %.1f s | %.1f s | %.2f× |\n", what, platform.Seconds(), direct.Seconds(), platform.Seconds()/direct.Seconds())
	}
	beside("all ready after", f.platform.elapsed, f.direct.elapsed)
	beside("one ready after, median", percentile(f.platform.each, 50), percentile(f.direct.each, 50))
	beside("one ready after, 99 of 100", percentile(f.platform.each, 99), percentile(f.direct.each, 99))
	beside("all gone after", f.gone.elapsed, f.directGone.elapsed)
	beside("CPU of the member's processes until all ready", f.created.memberCPU, f.directCPU)
	beside("CPU of the member's processes until all gone", f.deleted.memberCPU, f.directGoneCPU)
	b.WriteString("\n| measure | until ready | a minute at rest | until gone |\n|---|--:|--:|--:|\n")
	phases := []effort{f.created, f.rest, f.deleted}
	row := func(what, format string, value func(effort) any) {
		fmt.Fprintf(&b, "| %s |", what)
		for _, e := range phases {
			fmt.Fprintf(&b, " "+format+" |", value(e))
		}
		b.WriteString("\n")
	}
	row("CPU of the controller, s", "%.2f", func(e effort) any { return e.controllerCPU.Seconds() })
	row("CPU of the platform server, s", "%.2f", func(e effort) any { return e.serverCPU.Seconds() })
	row("CPU of the member's processes, s", "%.2f", func(e effort) any { return e.memberCPU.Seconds() })
	row("reconciles of models", "%.0f", func(e effort) any { return e.reconciles })
	row("the same, a model", "%.2f", func(e effort) any { return e.reconciles / float64(f.count) })
	for _, of := range []struct {
		whom string
		from func(effort) counts
	}{
		{"platform", func(e effort) counts { return e.platform }},
		{"member", func(e effort) counts { return e.member }},
	} {
		for _, name := range names(phases, of.from) {
			row(fmt.Sprintf("requests to the %s: %s", of.whom, name), "%.0f", func(e effort) any { return of.from(e)[name] })
		}
	}
	fmt.Fprintf(&b, "\nThe controller's memory: %.0f MiB resident at the most while they became ready, %.0f MiB at rest, of it %.0f MiB heap in use "+
		"after the last collection; the platform server's %.0f MiB at rest.\n", f.peak, f.resident, f.liveHeap, f.serverResident)
	return b.String()
}

// names 是各段里出现过的，按字母。
func names(phases []effort, from func(effort) counts) []string {
	all := map[string]bool{}
	for _, e := range phases {
		for name := range from(e) {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
