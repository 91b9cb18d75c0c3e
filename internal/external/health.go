package external

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// 凭据被拒之后重试的间隔，从 firstPause 起加倍：不打扰平台，恢复时也不用人来推一把。
const (
	firstPause           = 2 * time.Second
	unauthenticatedPause = 30 * time.Second
	forbiddenPause       = 3 * time.Minute
)

// trust 是一个缓存现在可不可信。
type trust int

const (
	// unsynced 表示还没有得到过全部对象。
	unsynced trust = iota
	// trusted 表示监视着，或断开还不到 StaleAfter。
	trusted
	// stale 表示断开太久。
	stale
	// unauthenticated 表示平台不认凭据：缓存立刻失效。
	unauthenticated
	// forbidden 表示凭据不许列出或监视：改为每次直接取。
	forbidden
)

// distrusted 说缓存是否失效；直接取的不算。
func (t trust) distrusted() bool { return t == stale || t == unauthenticated }

// health 记着监视的死活；由 watched 的锁保护。
type health struct {
	synced bool
	// open 是现在连着的那个监视，没有时为 nil。
	open any
	// brokenSince 是监视断开的时刻；连着且可信时为零。
	brokenSince time.Time
	// refused 是平台拒绝凭据的方式：unauthenticated、forbidden，或零值。
	refused trust
	expired bool
	lastErr error
	// pause 与 nextTry 控制被拒之后何时再试。
	pause   time.Duration
	nextTry time.Time
}

// trust 给出结论。
func (h *health) trust() trust {
	switch {
	case h.refused != unsynced:
		return h.refused
	case !h.synced:
		return unsynced
	case h.expired:
		return stale
	default:
		return trusted
	}
}

// broke 记下一次失败或断开；err 为 nil 是服务端正常关闭。
func (h *health) broke(now time.Time, err error) {
	h.open = nil
	if h.brokenSince.IsZero() {
		h.brokenSince = now
	}
	if err != nil {
		h.lastErr = err
	}
	switch {
	case apierrors.IsUnauthorized(err):
		h.refuse(now, unauthenticated, unauthenticatedPause)
	case apierrors.IsForbidden(err):
		h.refuse(now, forbidden, forbiddenPause)
	}
}

// refuse 记下拒绝，并把下次尝试推得越来越远。
func (h *health) refuse(now time.Time, how trust, most time.Duration) {
	h.refused = how
	h.pause = min(max(2*h.pause, firstPause), most)
	h.nextTry = now.Add(h.pause)
}

// alive 记下监视又可信了。
func (h *health) alive() {
	h.brokenSince, h.refused, h.expired, h.lastErr, h.pause = time.Time{}, unsynced, false, nil, 0
}

// refreshed 记下刚得到完整的一份：没有监视连着时，它也从此刻起慢慢变旧。
func (h *health) refreshed(now time.Time) {
	h.synced = true
	if h.open != nil {
		h.alive()
		return
	}
	h.brokenSince, h.expired = now, false
	if h.refused == unauthenticated {
		h.refused = unsynced
	}
}

// age 看断开是否已久到缓存不可信。
func (h *health) age(now time.Time, limit time.Duration) {
	if !h.brokenSince.IsZero() && now.Sub(h.brokenSince) >= limit {
		h.expired = true
	}
}
