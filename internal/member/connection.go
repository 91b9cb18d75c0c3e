package member

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/connrotation"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/version"
)

// connection 是用一份凭据看一个成员：一个连接池、一份监视缓存、一个心跳。
type connection struct {
	// target 的节拍不在这里看，见 pace。
	target  Target
	log     logr.Logger
	clock   clock.WithDelayedExecution
	metrics *metrics
	// tell 与 tellModel 通知听众；拿着 mu 时不许调用。
	tell      func()
	tellModel func(model types.UID)
	// wrap 包住发往成员的请求，可以为 nil；workers 见 Options。
	wrap    transport.WrapperFunc
	workers int

	// 以下五个由 build 填好，之后不变。
	config *rest.Config
	base   *url.URL
	http   *http.Client
	dialer *connrotation.Dialer
	gate   *gate

	cancel  context.CancelFunc
	running sync.WaitGroup
	timers  timers
	// nudge 要求马上探一次；repaced 说节拍变了。
	nudge, repaced chan struct{}

	// following 让同一种不被跟随两次；cache 由 start 填好。
	following sync.Mutex
	cache     cache.Cache

	mu       sync.Mutex
	pace     pace
	evidence Evidence
	identity identity
	dissent  dissent
	ledger   *ledger
	nodes    *watching
	pods     *watching
	// placed 是跟随着的种类，book 是其中每个模型的东西；started 是开始看的时间。
	placed  map[schema.GroupKind]*watching
	book    *book
	started time.Time
	client  client.Client
	// wake 在心跳恢复时关闭并换新：等着它的监视立刻重连。
	wake chan struct{}
	// breaks 数监视断过几次；vouched 是最近一次认出成员的探测开始时的数。断开之后回答的可能是另一个成员，
	// 重新认过之前，重新列出的不算这一个的。
	breaks, vouched int
	// seen 是数字最后属实的时刻；published 是上次结算的时刻，publishing 表示已安排下一次。
	seen, published time.Time
	publishing      bool
	stopping        bool
}

// pace 是心跳的节拍。
type pace struct {
	interval, timeout time.Duration
	threshold         int
}

func paceOf(t Target) pace { return pace{t.Interval, t.Timeout, max(t.FailureThreshold, 1)} }

func newConnection(t Target, log logr.Logger, clk clock.WithDelayedExecution, m *metrics, tell func()) *connection {
	c := &connection{
		target: t, log: log, clock: clk, metrics: m, tell: tell, pace: paceOf(t),
		nudge: make(chan struct{}, 1), repaced: make(chan struct{}, 1), wake: make(chan struct{}),
		evidence: Evidence{CredentialsVersion: t.CredentialsVersion},
		ledger:   newLedger(), nodes: newWatching("nodes"), pods: newWatching("pods"),
		placed: map[schema.GroupKind]*watching{}, started: clk.Now(), tellModel: func(types.UID) {},
	}
	c.book = newBook(c.announce)
	return c
}

// inherit 接过同一个 Cluster 上一份凭据看到的数字，它们已不算现状；读到的成员若不是同一个，再丢掉。
func (c *connection) inherit(old Evidence) {
	old.Capacity.Known, old.Capacity.Err = false, nil
	c.evidence.Capacity = old.Capacity
	c.identity.inherited = old.ID
	c.seen = old.Capacity.LastSeen
}

// start 开始看；凭据不能用时只留下为什么。
func (c *connection) start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	if err := c.build(); err != nil {
		c.unusable(fmt.Errorf("use the credentials of %s: %w", c.target.Config.Host, err))
		return
	}
	watch, err := c.newCache()
	if err != nil {
		c.unusable(fmt.Errorf("prepare the cache of %s: %w", c.target.Config.Host, err))
		return
	}
	c.following.Lock()
	c.cache = watch
	c.following.Unlock()
	c.running.Go(func() {
		if err := watch.Start(ctx); err != nil {
			c.log.Error(err, "The cache of a member cluster could not be started")
		}
	})
	c.running.Go(func() { c.beat(ctx) })
}

// build 备好客户端，不碰网络。
func (c *connection) build() error {
	c.config = rest.CopyConfig(c.target.Config)
	c.config.QPS = -1
	c.config.Wrap(c.wrap)
	if c.config.UserAgent == "" {
		c.config.UserAgent = "kubellm-controller/" + version.String()
	}
	base, _, err := rest.DefaultServerUrlFor(c.config)
	if err != nil {
		return err
	}
	rt, dialer, err := newTransport(c.config)
	if err != nil {
		return err
	}
	c.base, c.dialer = base, dialer
	c.http = httpClient(&measured{next: &bounded{rt}, metrics: c.metrics, cluster: c.target.Name}, 0)
	c.gate = newGate(c.http.Transport, c.workers)
	return nil
}

// unusable 记下凭据不能用：再试也是一样，等新的来。
func (c *connection) unusable(err error) {
	c.mu.Lock()
	c.evidence.Probe = Probe{Failures: 1, Failed: true, Err: err}
	c.mu.Unlock()
	c.running.Go(c.tell)
}

// stop 断开，等协程与定时器都结束，掐断剩下的连接。
func (c *connection) stop() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.timers.stop()
	c.running.Wait()
	if c.dialer != nil {
		c.http.CloseIdleConnections()
		c.dialer.CloseAll()
	}
}

// settle 就地改节拍。
func (c *connection) settle(t Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if next := paceOf(t); next != c.pace {
		c.pace = next
		signal(c.repaced)
	}
}

// signal 留下一个信号；已经有了就不必再留。
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// snapshot 是此刻的证据，副本。
func (c *connection) snapshot() Evidence {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.evidence
	e.Capabilities = slices.Clone(e.Capabilities)
	e.Capacity.LastSeen = c.seen
	e.Capacity.Known = e.Capacity.Known && c.live()
	if !e.Capacity.Known {
		e.Capacity.Err = c.capacityError()
	}
	e.Capacity.Accelerators = make([]v1alpha1.Accelerator, len(c.evidence.Capacity.Accelerators))
	for i := range c.evidence.Capacity.Accelerators {
		c.evidence.Capacity.Accelerators[i].DeepCopyInto(&e.Capacity.Accelerators[i])
	}
	return e
}

// answers 说成员是否答应了最近一次心跳。
func (c *connection) answers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reachable() && c.evidence.Probe.Failures == 0
}
