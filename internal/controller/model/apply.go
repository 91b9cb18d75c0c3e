package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/requeue"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/internal/observability"
)

const (
	// fieldManager 是平台在成员上写字段的名义。
	fieldManager = "kubellm"
	// applyTimeout 限制一处一轮占用工作者的时间；没做完的下一轮接着做。
	applyTimeout = 30 * time.Second
	// retryInterval 是成员拒绝之后再试的间隔：配额、准入之类的理由消失时没有事件。
	retryInterval = 15 * time.Second
)

// target 指成员上的一个对象。
type target struct {
	kind schema.GroupKind
	types.NamespacedName
}

func (t target) String() string { return t.kind.Kind + " " + t.NamespacedName.String() }

// record 是上次放上去的与成员收下时的样子；看到的与它不符，就是被人动过，再放一次。
type record struct {
	hash       string
	uid        types.UID
	version    string
	generation int64
}

// records 是一个模型在各个集群上的记录，按 Cluster 的 UID。
type records map[types.UID]map[target]record

// followed 是照看 model 要跟随的种类：别的种类看不看得见，都与它无关。
func followed(v view) []schema.GroupKind {
	kinds := []schema.GroupKind{{Kind: secretKind}, {Kind: "PersistentVolumeClaim"}}
	if v.kserve() {
		return append(kinds, member.LLMInferenceService.GroupKind())
	}
	kinds = append(kinds, deploymentKind, schema.GroupKind{Kind: "Service"})
	if v.autoscaled() {
		kinds = append(kinds, scalerKind)
	}
	return kinds
}

// apply 到一处的成员上动手：答应了的，让那里恰好是要的东西；没有答应的原样留着，只把换了的凭据带到。
func (r *Reconciler) apply(ctx context.Context, v view, s *site) {
	ctx, step := observability.Start(ctx, "apply", s.cluster.Name)
	defer func() { step.End(s.err) }()
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	if s.kept {
		s.fail(r.renew(ctx, v, s))
		return
	}
	s.endpoint = engine.Endpoint(engine.Input{Model: v.Model, Cluster: s.cluster, Placement: s.placement})
	a, err := r.applying(ctx, v, s)
	if err == nil {
		err = a.all(ctx)
	}
	if s.fail(err); err != nil {
		return
	}
	s.applied, s.hash, s.generation, s.revision = true, a.hash(), a.generation, engine.Revision(a.rendering.wants)
}

// fail 记下没有放成；凭据恰好又换了的不算，新的一轮已经在路上。
func (s *site) fail(err error) {
	switch {
	case errors.Is(err, errTurned):
		s.waiting, s.rotated, s.retry = true, true, requeue.Sooner(s.retry, answerWait)
	case err != nil:
		s.err, s.retry = err, requeue.Sooner(s.retry, retryInterval)
	}
}

// applying 渲染要放的，备好放一轮。
func (r *Reconciler) applying(ctx context.Context, v view, s *site) (*applying, error) {
	rendered, err := r.render(ctx, v, s)
	if err != nil {
		return nil, fmt.Errorf("render what runs there: %w", err)
	}
	known := r.recordsOf(v.UID)
	if known[s.cluster.UID] == nil {
		known[s.cluster.UID] = map[target]record{}
	}
	return &applying{site: s, model: v.Model, platform: r.Client, namespaces: &r.namespaces, rendering: rendered,
		done: known[s.cluster.UID], live: byTarget(s.objects), wanted: map[target]bool{}}, nil
}

func (r *Reconciler) recordsOf(model types.UID) records {
	return r.records.of(model, func() records { return records{} })
}

// applying 是对一处放一轮。
type applying struct {
	*site
	model      *v1alpha1.Model
	platform   client.Reader
	namespaces *namespaces
	rendering  *rendering
	// done 是以前放过的，live 是此刻看到的，wanted 是这一轮要的。
	done       map[target]record
	live       map[target]client.Object
	wanted     map[target]bool
	hashes     []string
	generation int64
}

func byTarget(objects []client.Object) map[target]client.Object {
	live := make(map[target]client.Object, len(objects))
	for _, object := range objects {
		live[targetOf(object)] = object
	}
	return live
}

func targetOf(object client.Object) target {
	if _, ok := object.(*appsv1.Deployment); ok {
		return target{deploymentKind, client.ObjectKeyFromObject(object)}
	}
	return keyOf(object)
}

func keyOf(object client.Object) target {
	return target{object.GetObjectKind().GroupVersionKind().GroupKind(), client.ObjectKeyFromObject(object)}
}

func (a *applying) all(ctx context.Context) error {
	a.inherit(ctx)
	a.unscale(ctx)
	for _, object := range a.rendering.wants {
		if err := a.one(ctx, object); err != nil {
			return err
		}
	}
	a.prune(ctx)
	return nil
}

// one 放一个：清单没变、成员上的也没被动过的，不打扰成员。
func (a *applying) one(ctx context.Context, object client.Object) error {
	u, err := manifest(object)
	if err != nil {
		return err
	}
	key := keyOf(u)
	if key.kind == deploymentKind && a.scaled() {
		a.mark(u)
	}
	hash := digest(withoutData(u))
	a.wanted[key] = true
	a.hashes = append(a.hashes, hash)
	if key.kind.Kind == "Namespace" {
		return a.namespace(ctx, key, u)
	}
	if a.settled(key, hash) {
		a.note(key, a.done[key])
		return nil
	}
	if a.live[key] == nil {
		if err := a.own(ctx, key, u); err != nil {
			return err
		}
	}
	if err := a.handOver(ctx, key, u); err != nil {
		return err
	}
	if key.kind.Kind == secretKind {
		if u, err = a.rendering.fill(ctx, key); err != nil {
			return err
		}
	}
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldManager), client.ForceOwnership); err != nil {
		a.lost(key, err)
		return fmt.Errorf("apply %s: %w", key, err)
	}
	a.done[key] = record{hash, u.GetUID(), u.GetResourceVersion(), u.GetGeneration()}
	a.note(key, a.done[key])
	return nil
}

// settled 报告这份清单放过，成员上的也没被动过。
func (a *applying) settled(key target, hash string) bool {
	last, applied := a.done[key]
	live := a.live[key]
	return applied && last.hash == hash && live != nil && untouched(key, last, live)
}

// note 记下工作负载收下时的 generation。
func (a *applying) note(key target, r record) {
	if key.kind == deploymentKind || key.kind == member.LLMInferenceService.GroupKind() {
		a.generation = r.generation
	}
}

// untouched 报告看到的就是收下时的样子，或者缓存还没跟上那一次写入。
// 有 generation 的只看它：状态天天在变；没有的看版本。
func untouched(key target, r record, live client.Object) bool {
	if live.GetUID() != r.uid || live.GetDeletionTimestamp() != nil {
		return false
	}
	if r.generation > 0 && key.kind.Kind != "Service" {
		return live.GetGeneration() <= r.generation
	}
	order, err := resourceversion.CompareResourceVersion(live.GetResourceVersion(), r.version)
	return err == nil && order <= 0
}

// foreignError 说成员上已有一个同名的、不是为这个 Model 放的；平台不接管别人的东西。
type foreignError struct{ target target }

func (e *foreignError) Error() string {
	return fmt.Sprintf("%s exists on the member and was not placed for this Model; remove or rename it there, or rename the Model", e.target)
}

// own 确认成员上没有别人的同名对象。
func (a *applying) own(ctx context.Context, key target, u *unstructured.Unstructured) error {
	there := &metav1.PartialObjectMetadata{}
	there.SetGroupVersionKind(u.GroupVersionKind())
	err := a.client.Get(ctx, key.NamespacedName, there)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("look for %s: %w", key, err)
	}
	if err := a.heir(ctx, key, there.Labels); err != nil {
		return err
	}
	if there.Labels[engine.LabelAutoscaled] != "" {
		// 接手的也接手要收的：它还在的话，照着从前那个模型伸缩。
		a.done[a.scaler()] = record{}
	}
	return nil
}

// prune 收走为这个模型放过、现在不再要的；收不走不妨碍模型，说出来、过后再试。
func (a *applying) prune(ctx context.Context) {
	for key, live := range a.live {
		if a.wanted[key] || key.kind == scalerKind || live.GetDeletionTimestamp() != nil {
			continue
		}
		if err := discard(ctx, a.client, live); err != nil {
			a.leftover = append(a.leftover, fmt.Errorf("removing %s, which is not wanted any more, failed: %w", key, err))
			a.retry = requeue.Sooner(a.retry, retryInterval)
			continue
		}
		delete(a.done, key)
	}
}

func (a *applying) hash() string { return digest(a.hashes)[:16] }

// manifest 把对象变成要放上去的清单：状态与服务器填的不在内。
func manifest(object client.Object) (*unstructured.Unstructured, error) {
	gvk, err := apiutil.GVKForObject(object, clientgoscheme.Scheme)
	if err != nil {
		return nil, fmt.Errorf("find out the kind of %T: %w", object, err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s %s: %w", gvk.Kind, object.GetName(), err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(gvk)
	unstructured.RemoveNestedField(u.Object, "status")
	if gvk.Kind == "Deployment" {
		// 写明了才归平台：有人在成员上停住了滚动，也要修得回来。
		if err := unstructured.SetNestedField(u.Object, false, "spec", "paused"); err != nil {
			return nil, fmt.Errorf("convert %s %s: %w", gvk.Kind, object.GetName(), err)
		}
	}
	for _, fields := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
		unstructured.RemoveNestedField(u.Object, append(fields, "creationTimestamp")...)
	}
	return u, nil
}

// withoutData 去掉 Secret 的内容：清单的摘要要进状态，凭据换了自有注解里的版本在说。
func withoutData(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u.GetKind() != secretKind {
		return u
	}
	bare := u.DeepCopy()
	delete(bare.Object, "data")
	delete(bare.Object, "stringData")
	return bare
}

// digest 是内容的摘要；映射的键按次序编码，同样的内容总得同样的摘要。
func digest(content any) string {
	if u, ok := content.(*unstructured.Unstructured); ok {
		content = u.Object
	}
	// 内容出自转换器，必能编码。
	text, _ := json.Marshal(content)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
