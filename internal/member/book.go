package member

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Everything 代替模型的 UID，表示成员上每个模型都该重新看：刚列出完整的一份，或者断开了。
const Everything types.UID = ""

var podKind = schema.GroupKind{Kind: "Pod"}

// placedKey 指一个放在成员上的对象。
type placedKey struct {
	kind schema.GroupKind
	types.NamespacedName
}

// book 按模型记着成员上为它放的东西，由 connection.mu 保护。
// 与缓存共用同一份对象：多花的只是指针，而照看一个模型不必翻遍成员。
type book struct {
	byModel map[types.UID]map[placedKey]client.Object
	owners  map[placedKey]types.UID
	// shelves 是排好的，有人问过、此后没变的才有：一个模型做决定时，别的模型都要问一遍。
	shelves map[types.UID]shelf
	// touched 是还没通知的模型；changed 在有了第一个时被调用。
	touched sets.Set[types.UID]
	changed func()
}

// shelf 是一个模型的东西，次序固定，不再改动。
type shelf struct {
	objects []client.Object
	pods    []*corev1.Pod
}

func newBook(changed func()) *book {
	return &book{
		byModel: map[types.UID]map[placedKey]client.Object{}, owners: map[placedKey]types.UID{}, shelves: map[types.UID]shelf{},
		touched: sets.New[types.UID](), changed: changed,
	}
}

// set 记下一个对象的现状；不属于任何模型的不记。
func (b *book) set(kind schema.GroupKind, object client.Object) {
	key := placedKey{kind, client.ObjectKeyFromObject(object)}
	owner := types.UID(object.GetLabels()[modelv1alpha1.LabelModelUID])
	if was, known := b.owners[key]; known && was != owner {
		b.drop(key)
	}
	if owner == "" {
		return
	}
	if b.byModel[owner] == nil {
		b.byModel[owner] = map[placedKey]client.Object{}
	}
	b.byModel[owner][key], b.owners[key] = object, owner
	delete(b.shelves, owner)
	b.touch(owner)
}

func (b *book) remove(kind schema.GroupKind, key types.NamespacedName) { b.drop(placedKey{kind, key}) }

func (b *book) drop(key placedKey) {
	owner, known := b.owners[key]
	if !known {
		return
	}
	delete(b.owners, key)
	delete(b.byModel[owner], key)
	delete(b.shelves, owner)
	if len(b.byModel[owner]) == 0 {
		delete(b.byModel, owner)
	}
	b.touch(owner)
}

// drops 去掉 kind 里 present 不认的：重新列出时它们已经不在了。
func (b *book) drops(kind schema.GroupKind, present func(types.NamespacedName) bool) {
	for key := range b.owners {
		if key.kind == kind && !present(key.NamespacedName) {
			b.drop(key)
		}
	}
	b.touch(Everything)
}

func (b *book) touch(model types.UID) {
	if b.touched.Insert(model); len(b.touched) == 1 {
		b.changed()
	}
}

// take 取走还没通知的。
func (b *book) take() []types.UID {
	taken := b.touched.UnsortedList()
	b.touched = sets.New[types.UID]()
	return taken
}

// of 是为一个模型放的东西与它的 Pod，次序固定。
func (b *book) of(model types.UID) (objects []client.Object, pods []*corev1.Pod) {
	if s, ok := b.shelves[model]; ok {
		return s.objects, s.pods
	}
	mine := b.byModel[model]
	for _, key := range slices.SortedFunc(maps.Keys(mine), comparePlaced) {
		if pod, ok := mine[key].(*corev1.Pod); ok {
			pods = append(pods, pod)
		} else {
			objects = append(objects, mine[key])
		}
	}
	if len(mine) > 0 {
		b.shelves[model] = shelf{slices.Clip(objects), slices.Clip(pods)}
	}
	return objects, pods
}
