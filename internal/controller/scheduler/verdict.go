package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	// longestMessage 让一百个集群的理由也放得进一个条件。
	longestMessage = 1024
	// longestPart 是别人起的名字最多占多少。
	longestPart = 128
	// mostProducts 是说一个集群有什么时最多列几种。
	mostProducts = 4
)

// verdict 把决定收成结果。
type verdict struct {
	wanted, satisfied, fit int
	selected               selection
	placements             []model.ModelPlacement
	rejected               []model.RejectedCluster
}

// place 记下一处放置；身份与命名空间只在第一次定。
func (v *verdict) place(p model.ModelPlacement, at *site, m *model.Model) {
	p.Cluster, p.ClusterUID = at.Name, string(at.UID)
	if p.Namespace == "" {
		p.Namespace = namespaceOn(at, m)
	}
	v.placements = append(v.placements, p)
}

func (v *verdict) reject(name string, o objection) {
	v.rejected = append(v.rejected, model.RejectedCluster{Cluster: name, Reason: o.reason, Message: o.message})
}

func (v *verdict) result() Result {
	slices.SortFunc(v.placements, byCluster)
	slices.SortFunc(v.rejected, func(a, b model.RejectedCluster) int { return cmp.Compare(a.Cluster, b.Cluster) })
	out := Result{Placements: v.placements, Rejected: v.rejected, Condition: metav1.Condition{
		Type: model.ConditionScheduled, Status: metav1.ConditionFalse, Reason: model.ReasonNoClusterFits,
	}}
	c := &out.Condition
	switch {
	case v.selected.none != "":
		c.Reason, c.Message = model.ReasonNoClusterSelected, capital(v.selected.none)
		if len(v.rejected) > 0 {
			c.Message += ": " + list(v.rejected, longestMessage-len(c.Message)-2)
		}
	case v.satisfied == v.wanted:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, model.ReasonScheduled, v.chosen()
	default:
		c.Message = v.shortfall()
	}
	return out
}

// chosen 说选了哪些。
func (v *verdict) chosen() string {
	names := make([]model.RejectedCluster, 0, len(v.placements))
	for _, p := range v.placements {
		names = append(names, model.RejectedCluster{Cluster: p.Cluster})
	}
	return fmt.Sprintf("%d of %d wanted clusters chosen: %s", len(v.placements), v.wanted, list(names, longestMessage-64))
}

// shortfall 说缺多少、每个集群为什么不行。
func (v *verdict) shortfall() string {
	head := fmt.Sprintf("%d of %d clusters fit", v.fit, len(v.selected.sites)+len(v.selected.missing))
	if len(v.placements) > 0 || v.wanted > 1 {
		head = fmt.Sprintf("%s, %d wanted, placed on %d", head, v.wanted, len(v.placements))
	}
	if len(v.rejected) == 0 {
		return head
	}
	return head + ": " + list(v.rejected, longestMessage-len(head)-2)
}

// list 列出集群与理由，放不下的说还有几个。
func list(entries []model.RejectedCluster, limit int) string {
	const tail = len("; and 1000000 more")
	var b strings.Builder
	for i, e := range entries {
		text := e.Cluster
		if e.Message != "" {
			text += ": " + e.Message
		}
		if b.Len()+len(text)+2+tail > limit {
			fmt.Fprintf(&b, "; and %d more", len(entries)-i)
			return strings.TrimPrefix(b.String(), "; ")
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(text)
	}
	return b.String()
}

func taintText(t *cluster.Taint) string {
	text := t.Key
	if t.Value != "" {
		text += "=" + t.Value
	}
	return brief(text) + ":" + string(t.Effect)
}

// brief 截短别人起的名字。
func brief(text string) string {
	if len(text) <= longestPart {
		return text
	}
	return strings.ToValidUTF8(text[:longestPart-3], "") + "..."
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
