package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// objection 是一个集群为什么不行。
type objection struct {
	reason, message string
}

// offer 是一个集群能给的：哪种产品，放下之后剩多少、拆开多大的块。
type offer struct {
	site    *site
	product string
	left    int64
	broken  int64
	// home 是模型本来就在的集群，合用就不挪。
	home bool
}

// admits 说模型能不能新放到集群上，先不论地方够不够。
func (t *task) admits(at *site) *objection {
	if !at.DeletionTimestamp.IsZero() {
		return &objection{model.RejectedDeleting, "it is being deleted"}
	}
	if o := namable(at, t.model); o != nil {
		return o
	}
	if o := observable(at); o != nil {
		return o
	}
	if taint := untolerated(at, t.model.Spec.Placement, cluster.TaintNoSchedule, cluster.TaintNoExecute); taint != nil {
		return &objection{model.RejectedTaint, "taint " + taintText(taint)}
	}
	return t.capable(at)
}

// namespaceOn 是模型在成员上的命名空间。
func namespaceOn(at *site, m *model.Model) string {
	return ptr.Deref(at.Spec.WorkloadNamespacePrefix, cluster.DefaultWorkloadNamespacePrefix) + m.Namespace
}

// namable 说成员造不造得出那个命名空间：前缀加上平台的命名空间可能太长，等到放上去才被拒绝就晚了。
func namable(at *site, m *model.Model) *objection {
	name := namespaceOn(at, m)
	if len(name) <= validation.DNS1123LabelMaxLength {
		return nil
	}
	return &objection{model.RejectedNamespace, fmt.Sprintf("the namespace %s on the member would have %d characters, at most %d are possible",
		brief(name), len(name), validation.DNS1123LabelMaxLength)}
}

// observable 说状态里的数字此刻作不作数：只有 Ready 的才作数。
func observable(at *site) *objection {
	if ptr.Deref(at.Spec.Suspended, false) {
		return &objection{model.RejectedNotReady, "it is suspended"}
	}
	ready := meta.FindStatusCondition(at.Status.Conditions, cluster.ConditionReady)
	switch {
	case ready == nil:
		return unready(metav1.ConditionUnknown, cluster.ReasonNotObserved)
	case ready.Status != metav1.ConditionTrue:
		return unready(ready.Status, ready.Reason)
	}
	return nil
}

func unready(status metav1.ConditionStatus, reason string) *objection {
	return &objection{model.RejectedNotReady, fmt.Sprintf("%s is %s (%s)", cluster.ConditionReady, status, reason)}
}

// capable 说成员有没有这样交付所需的东西。
func (t *task) capable(at *site) *objection {
	for _, need := range t.needs {
		if !slices.Contains(at.Status.Capabilities, need.capability) {
			return &objection{model.RejectedCapability, fmt.Sprintf("%s needs %s", need.what, need.capability)}
		}
	}
	return nil
}

// need 是模型要成员具备的一样东西，与为什么。
type need struct {
	what       string
	capability cluster.Capability
}

func needsOf(m *model.Model) []need {
	var out []need
	if ptr.Deref(m.Spec.Engine.Delivery, model.DeliveryDeployment) == model.DeliveryKServe {
		out = append(out, need{"delivery KServe", cluster.CapabilityKServe})
	}
	fromImage := func(a model.Adapter) bool { return a.Source.OCI != nil }
	if m.Spec.Source.OCI != nil || slices.ContainsFunc(m.Spec.Adapters, fromImage) {
		out = append(out, need{"source oci", cluster.CapabilityImageVolumes})
	}
	if m.Spec.Scaling != nil && m.Spec.Scaling.Autoscaling != nil {
		out = append(out, need{"autoscaling", cluster.CapabilityKEDA})
	}
	return out
}

// offerOf 说集群放不放得下模型的全部副本；放不下的给最接近的那种产品的理由。
func (t *task) offerOf(at *site) (offer, *objection) {
	if o := t.admits(at); o != nil {
		return offer{}, o
	}
	if t.count == 0 {
		return offer{site: at, left: -at.placed}, nil
	}
	var best *offer
	nearest := shortage{room: -1}
	found := false
	for i := range at.pools {
		p := &at.pools[i]
		if p.ResourceName != t.resource || !t.accepts(p.Product) {
			continue
		}
		found = true
		o, short := t.inPool(at, p, int64(t.replicas))
		if short == nil {
			if best == nil || t.compare(o, *best) < 0 {
				best = &o
			}
			continue
		}
		if short.room > nearest.room || short.room == nearest.room && short.largest > nearest.largest {
			nearest = *short
		}
	}
	switch {
	case best != nil:
		return *best, nil
	case !found:
		return offer{}, t.noProduct(at, t.products...)
	}
	return offer{}, nearest.objection(t.count, int64(t.replicas), "replicas")
}

// noProduct 说要的产品一种也没有，有的又是哪些：多半是名字写错了，或者写成了别人家的叫法。
func (t *task) noProduct(at *site, wanted ...string) *objection {
	message := "no " + brief(t.resource)
	if len(wanted) > 0 {
		message = "no " + brief(wanted[0])
		if more := len(wanted) - 1; more > 0 {
			message = fmt.Sprintf("%s and none of %d other products", message, more)
		}
		message = fmt.Sprintf("%s of %s", message, brief(t.resource))
	}
	if has := inventory(at, t.resource); has != "" {
		message += "; it has " + has
	}
	return &objection{model.RejectedProduct, message}
}

// inventory 列出集群有的产品，不是要的那种资源的带着资源的名字；列不下的说还有几种。
func inventory(at *site, resource string) string {
	var names []string
	for _, p := range at.pools {
		name := brief(p.Product)
		if p.ResourceName != resource {
			name += " of " + brief(p.ResourceName)
		}
		names = append(names, name)
	}
	if more := len(names) - mostProducts; more > 0 {
		names = append(names[:mostProducts], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// inPool 说一种加速器放不放得下这么多还没绑上的副本。
func (t *task) inPool(at *site, p *pool, replicas int64) (offer, *shortage) {
	others := p.others(at, t.own)
	total := free(p.FreeBlocks)
	load := promised(p.FreeBlocks, others)
	if replicas > 0 {
		if n := room(p.FreeBlocks, others, t.count); n < replicas {
			return offer{}, &shortage{room: n, largest: largestOf(p.FreeBlocks), free: total, reserved: load}
		}
	}
	return offer{
		site: at, product: p.Product, left: total - load - t.count*replicas,
		broken: broken(p.FreeBlocks, t.count, replicas),
	}, nil
}

// shortage 是一种加速器差多少。
type shortage struct {
	room, largest, free, reserved int64
}

func (s shortage) objection(count, replicas int64, what string) *objection {
	if s.largest < count {
		return &objection{model.RejectedFreeBlock, fmt.Sprintf("largest free block %d < %d", s.largest, count)}
	}
	message := fmt.Sprintf("room for %d of %d %s", min(s.room, replicas), replicas, what)
	if s.reserved > 0 {
		message += fmt.Sprintf(" (%d of %d free accelerators are reserved)", s.reserved, s.free)
	}
	return &objection{model.RejectedCapacity, message}
}

// compare 排出先后：本来就在的先；Spread 要剩得多，Pack 要拆得小、剩得少；再按名字。
func (t *task) compare(a, b offer) int {
	if a.home != b.home {
		if a.home {
			return -1
		}
		return 1
	}
	order := cmp.Compare(b.left, a.left)
	if t.pack {
		order = cmp.Or(cmp.Compare(a.broken, b.broken), cmp.Compare(a.left, b.left))
	}
	return cmp.Or(order, cmp.Compare(a.site.Name, b.site.Name), cmp.Compare(a.product, b.product))
}
