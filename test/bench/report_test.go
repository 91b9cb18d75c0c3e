package main

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	cases := map[string]struct {
		reason string
		values []float64
		want   float64
	}{
		"odd":  {"a round that others' load slowed down does not decide", []float64{3, 900, 1}, 3},
		"even": {"of an even number of rounds, the mean of the middle two", []float64{4, 1, 2, 100}, 3},
		"none": {"nothing measured is no reason to panic", nil, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := median(c.values); got != c.want {
				t.Errorf("%s: median(%v) = %v, want %v", c.reason, c.values, got, c.want)
			}
		})
	}
}

// TestComparisonTable 核对比值的方向与单位：弄反了，整张表就在说假话。
func TestComparisonTable(t *testing.T) {
	slow, fast := variant{name: "slow"}, variant{name: "fast"}
	create := row{"create", 1}
	c := &comparison{
		variants: []variant{slow, fast}, rows: []row{create},
		measured: map[row]map[string][]measurement{create: {
			"slow": {{count: 100, elapsed: time.Second, cpu: 400 * time.Millisecond}},
			"fast": {{count: 100, elapsed: 500 * time.Millisecond, cpu: 100 * time.Millisecond}},
		}},
		resident: map[string][]float64{"slow": {200}, "fast": {80}},
	}
	table := comparisonTable(c, settings{rounds: 1, objects: 100})
	for _, want := range []string{
		"| create | 1 | 100 | 200 (2.00×) | 4.000 | 1.000 (0.25×) |",
		"| resident after creating them, MiB | | 200 | 80 |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}
