package model

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// TestAgrees 比过的记着，但换了一份就重新比：旧的答案会让空闲的卡被答应两次，或者永远没有地方。
func TestAgrees(t *testing.T) {
	free := func(n int32) []cluster.Accelerator { return []cluster.Accelerator{{Product: "H100", Free: n}} }
	ledger, status := free(8), free(8)
	var a accounts
	for _, c := range []struct {
		reason         string
		on             types.UID
		ledger, status []cluster.Accelerator
		want           bool
	}{
		{"the same numbers in two places", "a", ledger, status, true},
		{"the same two again", "a", ledger, status, true},
		{"the member has changed", "a", free(7), status, false},
		{"the status has followed", "a", ledger, free(7), false},
		{"another cluster, whose status is behind", "b", ledger, free(7), false},
		{"the first two are not remembered as different", "a", ledger, status, true},
		{"a product has come", "a", append(free(8), free(1)...), status, false},
		{"no accelerators at all", "a", nil, []cluster.Accelerator{}, true},
		{"all accelerators are gone, the status does not say so yet", "a", nil, status, false},
	} {
		if got := a.agrees(c.on, c.ledger, c.status); got != c.want {
			t.Errorf("%s: got %v", c.reason, got)
		}
	}
}
