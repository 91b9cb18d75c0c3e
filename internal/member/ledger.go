package member

import (
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// ledger 是随事件更新的账：一个事件只动它所在的那个节点。
type ledger struct {
	nodes map[string]*page
	pods  map[types.NamespacedName]holding
	// settled 是算好的总账，账一动就作废：每个模型都要来问，节点却可能有上千。
	settled *summary
}

// summary 是一份总账，算好之后不再改动。
type summary struct {
	nodes        v1alpha1.NodeSummary
	accelerators []v1alpha1.Accelerator
}

// page 是一个节点的一页；Pod 的事件可能先到，那时 present 为假。
type page struct {
	nodeFacts
	present bool
}

func newLedger() *ledger {
	return &ledger{nodes: map[string]*page{}, pods: map[types.NamespacedName]holding{}}
}

func (l *ledger) setNode(node *corev1.Node) {
	l.settled = nil
	p := l.page(node.Name)
	used := p.used
	p.nodeFacts, p.present = factsOf(node), true
	p.used = used
}

func (l *ledger) removeNode(key types.NamespacedName) {
	l.settled = nil
	if p := l.nodes[key.Name]; p != nil {
		p.nodeFacts, p.present = nodeFacts{used: p.used}, false
		l.tidy(key.Name)
	}
}

// replaceNodes 换上重新列出的全部节点。
func (l *ledger) replaceNodes(nodes map[types.NamespacedName]*corev1.Node) {
	for name := range l.nodes {
		if key := (types.NamespacedName{Name: name}); nodes[key] == nil {
			l.removeNode(key)
		}
	}
	for _, node := range nodes {
		l.setNode(node)
	}
}

func (l *ledger) setPod(pod *corev1.Pod) {
	key := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
	h := holdingOf(pod)
	was, known := l.pods[key]
	if known && was.node == h.node && slices.Equal(was.uses, h.uses) {
		return
	}
	l.removePod(key)
	if len(h.uses) == 0 {
		return
	}
	l.settled = nil
	l.pods[key] = h
	l.page(h.node).use(h.uses, +1)
}

func (l *ledger) removePod(key types.NamespacedName) {
	was, known := l.pods[key]
	if !known {
		return
	}
	l.settled = nil
	delete(l.pods, key)
	l.page(was.node).use(was.uses, -1)
	l.tidy(was.node)
}

// replacePods 换上重新列出的全部 Pod。
func (l *ledger) replacePods(pods map[types.NamespacedName]*corev1.Pod) {
	for key := range l.pods {
		if pods[key] == nil {
			l.removePod(key)
		}
	}
	for _, pod := range pods {
		l.setPod(pod)
	}
}

func (l *ledger) page(node string) *page {
	p := l.nodes[node]
	if p == nil {
		p = &page{}
		l.nodes[node] = p
	}
	return p
}

// tidy 撕去节点没了、占用也没了的一页。
func (l *ledger) tidy(node string) {
	if p := l.nodes[node]; p != nil && !p.present && len(p.used) == 0 {
		delete(l.nodes, node)
	}
}

// summary 是现在的总账。
func (l *ledger) summary() (v1alpha1.NodeSummary, []v1alpha1.Accelerator) {
	if l.settled == nil {
		nodes, accelerators := summarize(l.present())
		l.settled = &summary{nodes, accelerators}
	}
	return l.settled.nodes, l.settled.accelerators
}

func (l *ledger) present() iter.Seq[*nodeFacts] {
	return func(yield func(*nodeFacts) bool) {
		for _, p := range l.nodes {
			if p.present && !yield(&p.nodeFacts) {
				return
			}
		}
	}
}
