package external

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// writeMemory 是记住自己的写入最久多长：监视健康时不到一秒就赶上；
// 平台从备份恢复会让资源版本倒退，那时不能永远等下去。
const writeMemory = time.Minute

// write 是我们自己刚做的一次写入，缓存赶上之前以它为准。
type write[T Object] struct {
	at time.Time
	// object 是写成的样子，或被删对象删除前的样子。
	object T
	how    writeKind
}

// writeKind 是写入的结果。
type writeKind int

const (
	// wroteObject 表示对象现在就是 object。
	wroteObject writeKind = iota
	// removedObject 表示那个 uid 已经不在了。
	removedObject
	// removingObject 表示那个 uid 的删除已被接受，还有终结器；现状要问一次平台。
	removingObject
)

// verdict 是缓存对一个键的回答。
type verdict int

const (
	absent verdict = iota
	present
	unsure
)

// answer 用自己的写入修正缓存的回答；done 表示缓存已赶上，这次写入可以忘掉。version 是缓存已看到的资源版本。
func (w write[T]) answer(cached T, exists bool, version string) (object T, v verdict, done bool) {
	if time.Since(w.at) > writeMemory || w.overtaken(cached, exists, version) {
		if !exists {
			return object, absent, true
		}
		return cached, present, true
	}
	switch w.how {
	case wroteObject:
		return w.object, present, false
	case removedObject:
		return object, absent, false
	default:
		return object, unsure, false
	}
}

// overtaken 说缓存是否已看到这次写入或更新的。事件按资源版本有序，所以比较缓存看到的版本即可；
// 删除没有返回版本，于是看那个 uid 还在不在、有没有更新过。
func (w write[T]) overtaken(cached T, exists bool, version string) bool {
	if w.how == wroteObject {
		return !older(version, w.object.GetResourceVersion())
	}
	if !exists {
		return older(w.object.GetResourceVersion(), version)
	}
	return cached.GetUID() != w.object.GetUID() || older(w.object.GetResourceVersion(), cached.GetResourceVersion())
}

// older 说资源版本 a 是否早于 b；还没有版本的最早，不能比较的不算早。
func older(a, b string) bool {
	if a == "" || b == "" {
		return a == "" && b != ""
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// settled 给出一个键的回答，并忘掉已被赶上的写入；拿着锁调用。
func (w *watched[T, L]) settled(key Key) (T, verdict) {
	cached, exists := w.objects[key]
	mine, ok := w.writes[key]
	if !ok {
		if exists {
			return cached, present
		}
		return cached, absent
	}
	object, v, done := mine.answer(cached, exists, w.version)
	if done {
		delete(w.writes, key)
	}
	return object, v
}

// reread 向平台问一次正在收尾的对象，并记住答案直到缓存赶上。
func (w *watched[T, L]) reread(ctx context.Context, key Key) (T, error) {
	object, err := getOne(ctx, w.platform, w.kind, key)
	w.mu.Lock()
	defer w.mu.Unlock()
	mine, ok := w.writes[key]
	switch {
	case err == nil:
		w.writes[key] = write[T]{at: time.Now(), object: object, how: wroteObject}
	case apierrors.IsNotFound(err) && ok && mine.how == removingObject:
		mine.how = removedObject
		w.writes[key] = mine
	}
	return object, err
}

// candidate 与 read 一样：缓存本来就免费。
func (w *watched[T, L]) candidate(ctx context.Context, key Key) (T, bool, error) {
	object, err := w.read(ctx, key)
	return object, true, err
}

// writing 对监视没有意义：事件会带来一切。
func (w *watched[T, L]) writing(Key) {}

// wrote 记住写成的对象。
func (w *watched[T, L]) wrote(object T) {
	w.remember(object, wroteObject)
}

// deleted 记住删除：没有终结器的对象随删除请求一起消失，不必再问。
func (w *watched[T, L]) deleted(object T) {
	if len(object.GetFinalizers()) == 0 {
		w.remember(object, removedObject)
	} else {
		w.remember(object, removingObject)
	}
}

func (w *watched[T, L]) remember(object T, how writeKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := keyOf(object)
	w.writes[key] = write[T]{at: time.Now(), object: object, how: how}
	w.settled(key)
}
