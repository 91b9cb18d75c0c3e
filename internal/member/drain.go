package member

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// Placed 是平台会放到成员上、由它收走的种类，按收走的次序：先收会再造出别的来的。
// 命名空间不在内，平台造的也留着：别人的东西（比如权重的卷）也许就在里面，删了它，那些也就没了。
var Placed = []schema.GroupKind{
	{Group: kedaGroup, Kind: "ScaledObject"},
	{Group: kserveGroup, Kind: "LLMInferenceService"},
	{Group: "apps", Kind: "Deployment"},
	{Kind: "Service"},
	{Kind: "Secret"},
	{Kind: "ConfigMap"},
	{Kind: "PersistentVolumeClaim"},
}

// maxNamed 是点名说出的剩余物的上限：它们会进状态。
const maxNamed = 20

// Leftovers 是收走一轮之后还剩下的。
type Leftovers struct {
	// Named 点出其中一些的名字。
	Named []string
	// Count 是知道的个数；AtLeast 表示还有没来得及问的，Slow 表示那是因为成员答得慢。
	Count         int
	AtLeast, Slow bool
}

// None 报告什么也不剩。
func (l Leftovers) None() bool { return l.Count == 0 && !l.AtLeast }

func (l Leftovers) String() string {
	said := fmt.Sprintf("%d left: %s", l.Count, strings.Join(l.Named, ", "))
	switch {
	case l.AtLeast && l.Count == 0:
		said = "what is left is not known yet"
	case l.AtLeast:
		said = "at least " + said
	}
	if l.Slow {
		return "the member is slow to answer; " + said
	}
	return said
}

// Drain 收走为 uid 这个 Cluster 放到成员上的一切；规矩见 Remove。Pod 由成员自己收，它们走完了才算什么也不剩：
// 在那之前引擎还跑着，还占着加速器。
func Drain(ctx context.Context, c client.Client, uid types.UID, turn time.Duration) (Leftovers, error) {
	r := removing{Client: c, which: []client.ListOption{client.MatchingLabels{v1alpha1.LabelClusterUID: string(uid)}}, until: time.Now().Add(turn)}
	left := r.all(ctx, Placed)
	if len(left) == 0 && !r.cut && len(r.errs) == 0 {
		r.which = append(r.which, client.MatchingFieldsSelector{Selector: fields.ParseSelectorOrDie(livingPods)})
		for _, pods := range r.list(ctx, []schema.GroupKind{podKind}) {
			left = append(left, pods.objects...)
		}
	}
	return r.outcome(left)
}

// Remove 收走成员上 kinds 里合乎 which 的一切，至多占用 turn 这么久，返回还剩下的（可能正在终止）：没收完的下一轮接着收，
// 每一轮都至少收走一个，所以再慢也会收完。一种不让收不妨碍别的。
func Remove(ctx context.Context, c client.Client, kinds []schema.GroupKind, turn time.Duration, which ...client.ListOption) (Leftovers, error) {
	r := removing{Client: c, which: which, until: time.Now().Add(turn)}
	return r.outcome(r.all(ctx, kinds))
}

// removing 是收走一轮。
type removing struct {
	client.Client
	which []client.ListOption
	until time.Time
	// cut 表示没做完；mute 表示成员不答，slow 表示答得慢；removed 是已经叫它走的个数。
	cut, mute, slow bool
	removed         int
	errs            []error
}

// batch 是一种里找到的。
type batch struct {
	kind    schema.GroupVersionKind
	objects []metav1.PartialObjectMetadata
}

// all 叫 kinds 里的都走，返回还剩下的。
func (r *removing) all(ctx context.Context, kinds []schema.GroupKind) []metav1.PartialObjectMetadata {
	found := r.list(ctx, kinds)
	for _, these := range found {
		r.removeAll(ctx, these.objects)
	}
	var left []metav1.PartialObjectMetadata
	for _, these := range found {
		left = append(left, r.remaining(ctx, these)...)
	}
	return left
}

// outcome 是这一轮的结果。
func (r *removing) outcome(left []metav1.PartialObjectMetadata) (Leftovers, error) {
	return Leftovers{Named: names(left), Count: len(left), AtLeast: r.cut, Slow: r.slow}, errors.Join(r.errs...)
}

// over 报告时间到了；done 之前总还要做一点，不然慢的成员永远收不完。
func (r *removing) over(ctx context.Context, done bool) bool {
	if !r.mute && ctx.Err() == nil && (!done || time.Now().Before(r.until)) {
		return false
	}
	r.cut = true
	return true
}

// failed 记下一次失败；成员不答的，别的也不必再问。只是慢的不算失败，下一轮接着收。
func (r *removing) failed(err error) {
	if Slow(err) {
		r.cut, r.mute, r.slow = true, true, true
		return
	}
	r.errs = append(r.errs, err)
	r.mute = r.mute || ReasonOf(err) == Unreachable
}

// list 找出各种里有的；成员没有的种类什么也没有。找到还没叫走的之前不停，不然这一轮就白做了。
func (r *removing) list(ctx context.Context, kinds []schema.GroupKind) []batch {
	var found []batch
	work := false
	for _, kind := range kinds {
		if r.over(ctx, work) {
			break
		}
		mapping, err := r.RESTMapper().RESTMapping(kind)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			r.failed(failed(fmt.Sprintf("find out whether %s is served", kind), err))
			continue
		}
		objects, err := placed(ctx, r.Client, mapping.GroupVersionKind, r.which)
		if err != nil {
			r.failed(err)
		}
		if len(objects) > 0 {
			found = append(found, batch{mapping.GroupVersionKind, objects})
		}
		work = work || slices.ContainsFunc(objects, staying)
	}
	return found
}

// removeAll 叫 objects 走；走了的在这一轮里就不算剩下的，除非后来又看到它。
func (r *removing) removeAll(ctx context.Context, objects []metav1.PartialObjectMetadata) {
	for i := range objects {
		if !staying(objects[i]) {
			continue
		}
		if r.over(ctx, r.removed > 0) {
			return
		}
		if err := remove(ctx, r.Client, &objects[i]); err != nil {
			r.failed(err)
			continue
		}
		r.removed++
		objects[i].DeletionTimestamp = &metav1.Time{Time: time.Now()}
	}
}

// remaining 是一种里还剩下的：做完了的再列一遍，没做完的不再打扰成员，只算还没叫走的。
func (r *removing) remaining(ctx context.Context, these batch) []metav1.PartialObjectMetadata {
	if !r.cut && !r.mute {
		left, err := placed(ctx, r.Client, these.kind, r.which)
		if err == nil {
			return left
		}
		r.failed(err)
	}
	return slices.DeleteFunc(these.objects, func(o metav1.PartialObjectMetadata) bool { return !staying(o) })
}

// staying 报告还没有叫它走。
func staying(o metav1.PartialObjectMetadata) bool { return o.DeletionTimestamp == nil }

// placed 直接向成员列出一种里合乎 which 的；只要身份，Secret 的内容不必过来。
func placed(ctx context.Context, c client.Client, kind schema.GroupVersionKind, which []client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	var all []metav1.PartialObjectMetadata
	var page metav1.PartialObjectMetadataList
	for {
		next := page.Continue
		page = metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(kind)
		err := c.List(ctx, &page, append(slices.Clip(which), client.Limit(pageSize), client.Continue(next))...)
		switch {
		case apierrors.IsNotFound(err):
			// 发现之后 CRD 没了，它的对象也没了。
			return nil, nil
		case err != nil:
			return all, failed(fmt.Sprintf("list what was placed of kind %s", kind.Kind), err)
		}
		for i := range page.Items {
			page.Items[i].SetGroupVersionKind(kind)
		}
		all = append(all, page.Items...)
		if page.Continue == "" {
			return all, nil
		}
	}
}

// remove 删除一个；凭 uid，免得误删同名的后来者。
func remove(ctx context.Context, c client.Client, object *metav1.PartialObjectMetadata) error {
	err := c.Delete(ctx, object, client.Preconditions{UID: &object.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return failed("delete "+name(object), err)
	}
	return nil
}

// names 点名说出剩下的，太多就只说个数。
func names(objects []metav1.PartialObjectMetadata) []string {
	var all []string
	for i := range objects {
		if i == maxNamed {
			return append(all, fmt.Sprintf("and %d more", len(objects)-maxNamed))
		}
		all = append(all, name(&objects[i]))
	}
	return all
}

// name 形如 Deployment team-a/chat。
func name(object *metav1.PartialObjectMetadata) string {
	return object.Kind + " " + client.ObjectKeyFromObject(object).String()
}
