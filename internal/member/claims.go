package member

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Claim 是一个 Pod 在它的节点上占着的一种加速器。
type Claim struct {
	Pod               types.UID
	Resource, Product string
	Count             int32
}

// claims 是 pods 占着的；产品由节点说，节点没了的不知道是哪一种，为空。
func (l *ledger) claims(pods []*corev1.Pod) []Claim {
	var all []Claim
	for _, pod := range pods {
		// 账里有的就是这个 Pod 此刻占着的，不必再算：一个决定要为每个别的模型问一遍。
		h := l.pods[client.ObjectKeyFromObject(pod)]
		for _, u := range h.uses {
			all = append(all, Claim{Pod: pod.UID, Resource: string(u.resource), Product: l.product(h.node, u.resource), Count: count(u.count)})
		}
	}
	return all
}

func (l *ledger) product(node string, resource corev1.ResourceName) string {
	if p := l.nodes[node]; p != nil {
		for _, d := range p.devices {
			if d.resource == resource {
				return d.product
			}
		}
	}
	return ""
}
