package external

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/meta"
)

// sweepEvery 是两次清理问过的键至少隔多久。
const sweepEvery = time.Minute

// Add 收下一个新对象。
func (w *watched[T, L]) Add(object any) error { return w.put(object) }

// Update 收下一个变了的对象。
func (w *watched[T, L]) Update(object any) error { return w.put(object) }

func (w *watched[T, L]) put(object any) error {
	o := w.trim(object.(T))
	key := keyOf(o)
	w.mu.Lock()
	w.objects[key] = o
	w.caughtUp(key, o.GetResourceVersion())
	w.mu.Unlock()
	w.notify(key)
	return nil
}

// Delete 忘掉一个没了的对象。
func (w *watched[T, L]) Delete(object any) error {
	o := object.(T)
	key := keyOf(o)
	w.mu.Lock()
	delete(w.objects, key)
	w.caughtUp(key, o.GetResourceVersion())
	w.mu.Unlock()
	w.notify(key)
	return nil
}

// Bookmark 只推进资源版本。
func (w *watched[T, L]) Bookmark(version string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version = version
	return nil
}

// Resync 没有意义：这里没有定期重放。
func (w *watched[T, L]) Resync() error { return nil }

// Replace 换上完整的一份。头一次装满时只通知问过的键，别的资源自己会来；之后通知变了的。
func (w *watched[T, L]) Replace(list []any, version string) error {
	objects := make(map[Key]T, len(list))
	for _, item := range list {
		o := w.trim(item.(T))
		objects[keyOf(o)] = o
	}
	w.mu.Lock()
	keys := changedKeys(w.objects, objects)
	if !w.health.synced {
		keys = w.askedKeys()
	}
	w.objects, w.version = objects, version
	for key := range w.writes {
		w.settled(key)
	}
	w.mu.Unlock()
	w.change(nil, func(h *health) { h.refreshed(time.Now()) })
	w.notify(keys...)
	return nil
}

// caughtUp 推进资源版本并结清那个键的写入；拿着锁调用。
func (w *watched[T, L]) caughtUp(key Key, version string) {
	w.version = version
	if _, ok := w.writes[key]; ok {
		w.settled(key)
	}
}

// trim 去掉用不到的 managedFields：有标记的对象只留我们自己的那一条，没有标记的要说得出是谁写的。
func (w *watched[T, L]) trim(object T) T {
	if meta.Holder(object) == "" {
		return object
	}
	var own []metav1.ManagedFieldsEntry
	for _, entry := range object.GetManagedFields() {
		if isApplyEntry(entry, w.platform.options.FieldManager) {
			own = append(own, entry)
		}
	}
	object.SetManagedFields(own)
	return object
}

// changedKeys 是两份之间不同的键。
func changedKeys[T Object](before, after map[Key]T) []Key {
	var keys []Key
	for key, o := range after {
		if old, ok := before[key]; !ok || old.GetResourceVersion() != o.GetResourceVersion() {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// ask 记下问过的键；对象没了的旧键过一小时忘掉，免得越积越多，但不必每次读取都找一遍。拿着锁调用。
func (w *watched[T, L]) ask(key Key) {
	now := time.Now()
	w.asked[key] = now
	if len(w.asked) <= 2*len(w.objects)+1024 || now.Sub(w.swept) < sweepEvery {
		return
	}
	w.swept = now
	for k, at := range w.asked {
		if now.Sub(at) > time.Hour {
			delete(w.asked, k)
		}
	}
}

// askedKeys 与 knownKeys 拿着锁调用。
func (w *watched[T, L]) askedKeys() []Key {
	keys := make([]Key, 0, len(w.asked))
	for key := range w.asked {
		keys = append(keys, key)
	}
	return keys
}

func (w *watched[T, L]) knownKeys() []Key {
	keys := w.askedKeys()
	for key := range w.objects {
		if _, ok := w.asked[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// notify 通知订阅者；不拿锁调用，Platform 关闭之后不再通知。
func (w *watched[T, L]) notify(keys ...Key) {
	if len(keys) == 0 || w.platform.ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	subscribers := w.subscribers
	w.mu.Unlock()
	for _, notify := range subscribers {
		for _, key := range keys {
			notify(key)
		}
	}
}

// signal 唤醒等待状态变化的读取；拿着锁调用。
func (w *watched[T, L]) signal() {
	close(w.changed)
	w.changed = make(chan struct{})
}
