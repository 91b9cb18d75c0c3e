package main

import (
	"strings"
	"testing"
)

// TestTranscript Terraform 的输出分几次来，断在哪里都不影响印出什么。
func TestTranscript(t *testing.T) {
	const plan, work = "reading...\n  + resource\n", "Plan: 1 to add\na: Creating...\na: Still creating... [10s elapsed]\na: Creation complete"
	for _, test := range []struct {
		reason, output string
		failed         bool
		want           string
	}{
		{"the plan itself is left out, what is done is shown", plan + work, false, "Plan: 1 to add\na: Creating...\na: Creation complete\n"},
		{"a failure after the plan shows nothing twice", plan + work, true, "Plan: 1 to add\na: Creating...\na: Creation complete\n"},
		{"a failure before the plan shows all there is", plan + "Error: no", true, plan + "Error: no\n"},
		{"nothing to do", plan + "No changes.", false, ""},
	} {
		for size := 1; size <= len(test.output); size++ {
			var shown strings.Builder
			s := &transcript{show: func(text string) { shown.WriteString(strings.TrimRight(text, "\n") + "\n") }}
			for rest := test.output; rest != ""; {
				piece := rest[:min(size, len(rest))]
				if n, err := s.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Fatalf("%s: wrote %d of %d: %v", test.reason, n, len(piece), err)
				}
				rest = rest[len(piece):]
			}
			s.finish(test.failed)
			if shown.String() != test.want {
				t.Errorf("%s, %d bytes at a time: shown is %q, want %q", test.reason, size, shown.String(), test.want)
			}
		}
	}
}
