package member

import (
	"cmp"
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// LLMInferenceService 是 KServe 交付时放到成员上的种类。
var LLMInferenceService = schema.GroupVersionKind{Group: kserveGroup, Version: "v1alpha1", Kind: "LLMInferenceService"}

// ScaledObject 是让成员自己伸缩的种类。
var ScaledObject = schema.GroupVersionKind{Group: kedaGroup, Version: "v1alpha1", Kind: "ScaledObject"}

var (
	deploymentKind = schema.GroupKind{Group: appsv1.GroupName, Kind: "Deployment"}
	// followable 是可以跟随的种类与读它的样子：Deployment 与 LLMInferenceService 要看状态，其余的只看身份，
	// Secret 的内容因此从不进内存。
	followable = map[schema.GroupKind]client.Object{
		deploymentKind:                  &appsv1.Deployment{},
		LLMInferenceService.GroupKind(): bareUnstructured(LLMInferenceService),
		ScaledObject.GroupKind():        bareMetadata(ScaledObject),
		{Kind: "Service"}:               bareMetadata(corev1.SchemeGroupVersion.WithKind("Service")),
		{Kind: "Secret"}:                bareMetadata(corev1.SchemeGroupVersion.WithKind("Secret")),
		{Kind: "PersistentVolumeClaim"}: bareMetadata(corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")),
	}
)

func bareUnstructured(gvk schema.GroupVersionKind) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u
}

func bareMetadata(gvk schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(gvk)
	return m
}

// Observation 是为一个模型放在成员上的一切，同一时刻看到的；与缓存共享，只读。
type Observation struct {
	// Known 表示看到的就是成员此刻的样子；为假时是最后看到的。
	Known bool
	// LastSeen 在 Known 为假时说最后属实的时间，从没看到过的是开始看的时间。
	LastSeen time.Time
	// Err 说为什么现在看不到。
	Err error
	// Objects 是放上去的对象，Pods 是它们跑出来的、还活着的 Pod。
	Objects []client.Object
	Pods    []*corev1.Pod
	// Claims 是 Pods 里排上了节点的占着的加速器。
	Claims []Claim
	// Accelerators 是成员那一刻的总账：Claims 恰好都数在里面。
	Accelerators []v1alpha1.Accelerator
}

// Observe 返回为 model 放在成员 name 上的一切，并从此跟随 kinds；没有连接时第二个值为假。它从不等网络。
// 看得见与否只凭 kinds 与 Pod：别的模型才用得着的一种看不见，与这一个无关。
func (m *Members) Observe(name string, model types.UID, kinds ...schema.GroupKind) (Observation, bool) {
	c := m.connection(name)
	if c == nil {
		return Observation{}, false
	}
	err := c.follow(kinds)
	o := c.observe(model, kinds)
	if err != nil {
		o.Known, o.Err = false, err
	}
	return o, true
}

// follow 开始监视还没跟随的种类；没有模型的成员因此不多一个监视。
func (c *connection) follow(kinds []schema.GroupKind) error {
	c.following.Lock()
	defer c.following.Unlock()
	if c.cache == nil {
		return errNotProbed
	}
	for _, kind := range kinds {
		object, ok := followable[kind]
		if !ok {
			return fmt.Errorf("follow %s: it is not a kind that is placed on members", kind)
		}
		if !c.followed(kind) {
			if _, err := c.cache.GetInformer(context.Background(), object, cache.BlockUntilSynced(false)); err != nil {
				return failed(fmt.Sprintf("follow %s", kind), err)
			}
		}
	}
	return nil
}

// followed 说一种是否已在跟随；没有的话记下从现在起跟随。
func (c *connection) followed(kind schema.GroupKind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.placed[kind] != nil {
		return true
	}
	w := newWatching(kind.String())
	w.lost = c.clock.Now()
	c.placed[kind] = w
	return false
}

func (c *connection) observe(model types.UID, kinds []schema.GroupKind) Observation {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := Observation{Known: c.live()}
	if !o.Known {
		o.LastSeen, o.Err = c.seen, c.capacityError()
		if o.LastSeen.IsZero() {
			o.LastSeen = c.started
		}
	}
	for _, kind := range kinds {
		w := c.placed[kind]
		if w == nil || w.known() {
			continue
		}
		if o.Known || w.lost.Before(o.LastSeen) {
			o.LastSeen = w.lost
		}
		if o.Known = false; o.Err == nil {
			o.Err = cmp.Or[error](w.err, fmt.Errorf("list and watch %s: %w", w.kind, errNotListedYet))
		}
	}
	o.Objects, o.Pods = c.book.of(model)
	o.Claims = c.ledger.claims(o.Pods)
	_, o.Accelerators = c.ledger.summary()
	return o
}

// placedFeed 让一种放上去的对象经过剥与记账。有主的不是平台放的：KServe 把平台的标签抄到它自己造的 Deployment 与 Service 上。
func placedFeed[T client.Object](c *connection, kind schema.GroupKind, next toolscache.ListerWatcherWithContext, strip, bare func(T) T) *feed[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &feed[T]{
		conn: c, watching: c.placed[kind], next: next, bare: bare, optional: true,
		strip:  func(object T) (T, bool) { return strip(object), metav1.GetControllerOfNoCopy(object) == nil },
		set:    func(object T) { c.book.set(kind, object) },
		remove: func(key types.NamespacedName) { c.book.remove(kind, key) },
		replace: func(objects map[types.NamespacedName]T) {
			c.book.drops(kind, func(key types.NamespacedName) bool { _, ok := objects[key]; return ok })
			for _, object := range objects {
				c.book.set(kind, object)
			}
		},
	}
}

// announce 安排一次通知：一阵变化并成一次。拿着锁调用。
func (c *connection) announce() {
	if c.stopping {
		return
	}
	c.timers.Go(c.clock, coalesce, func() {
		c.mu.Lock()
		models := c.book.take()
		c.mu.Unlock()
		for _, model := range models {
			c.tellModel(model)
		}
	})
}

func stripDeployment(d *appsv1.Deployment) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: slimMeta(d),
		Spec:       appsv1.DeploymentSpec{Replicas: d.Spec.Replicas},
		Status:     d.Status,
	}
}

func bareDeployment(d *appsv1.Deployment) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: bareMeta(d)}
}

// stripMetadata 不留注解：kubectl apply 会把 Secret 的内容抄进去。
func stripMetadata(m *metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: m.TypeMeta, ObjectMeta: slimMeta(m)}
}

func barePartial(m *metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: m.TypeMeta, ObjectMeta: bareMeta(m)}
}

func stripUnstructured(u *unstructured.Unstructured) *unstructured.Unstructured {
	slim := bareObject(u)
	slim.SetGeneration(u.GetGeneration())
	slim.SetLabels(ownLabels(u.GetLabels()))
	slim.SetDeletionTimestamp(u.GetDeletionTimestamp())
	if status, ok := u.Object["status"]; ok {
		slim.Object["status"] = status
	}
	return slim
}

func bareObject(u *unstructured.Unstructured) *unstructured.Unstructured {
	slim := bareUnstructured(u.GroupVersionKind())
	slim.SetName(u.GetName())
	slim.SetNamespace(u.GetNamespace())
	slim.SetUID(u.GetUID())
	slim.SetResourceVersion(u.GetResourceVersion())
	return slim
}

func slimMeta(o client.Object) metav1.ObjectMeta {
	slim := bareMeta(o)
	slim.Generation, slim.DeletionTimestamp, slim.Labels = o.GetGeneration(), o.GetDeletionTimestamp(), ownLabels(o.GetLabels())
	return slim
}

func comparePlaced(a, b placedKey) int {
	return cmp.Or(cmp.Compare(a.kind.String(), b.kind.String()), cmp.Compare(a.String(), b.String()))
}
