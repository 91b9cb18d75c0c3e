package member

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

var (
	_ manager.Runnable               = &Members{}
	_ manager.LeaderElectionRunnable = &Members{}
)

// Options 是 Members 所需的外物。
type Options struct {
	Logger logr.Logger
	// Registerer 为 nil 时照样计数，只是没人来取。
	Registerer prometheus.Registerer
	// Clock 为 nil 时用真实的时钟。
	Clock clock.WithDelayedExecution
	// Wrap 包住发往成员的请求；可以为 nil。
	Wrap transport.WrapperFunc
	// Workers 是一个控制器有几个工作者：一个成员再慢，也总有一个不在等它。
	Workers int
}

// Members 是全部成员的连接；方法可并发调用。
type Members struct {
	log     logr.Logger
	clock   clock.WithDelayedExecution
	metrics *metrics
	wrap    transport.WrapperFunc
	workers int

	mu sync.Mutex
	// ctx 在 Start 之前为 nil；结束之后不再建立连接。
	ctx       context.Context
	entries   map[string]*entry
	listeners map[*listener]struct{}
}

// entry 是一个名字下现用的连接；retiring 是它的前任们，正在收尾。
type entry struct {
	*connection
	retiring *sync.WaitGroup
}

// listener 收到证据变了的成员的名字；放上去的东西变了的，连同模型的 UID。
type listener struct {
	tell      func(name string)
	tellModel func(name string, model types.UID)
}

// New 返回还没有连接任何成员的 Members。
func New(o Options) *Members {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	m := &Members{log: o.Logger, clock: o.Clock, wrap: o.Wrap, workers: o.Workers, entries: map[string]*entry{}, listeners: map[*listener]struct{}{}}
	m.metrics = newMetrics(o.Registerer)
	return m
}

// NeedLeaderElection 让落选的副本不去打扰成员。
func (m *Members) NeedLeaderElection() bool { return true }

// Start 连接此前与此后交来的成员，直到 ctx 结束；返回时不留下任何连接与协程。
func (m *Members) Start(ctx context.Context) error {
	defer m.metrics.connected.Add(m)()
	m.mu.Lock()
	m.ctx = ctx
	for _, e := range m.entries {
		e.start(ctx)
	}
	m.mu.Unlock()

	<-ctx.Done()
	m.mu.Lock()
	names := make([]string, 0, len(m.entries))
	for name := range m.entries {
		names = append(names, name)
	}
	m.mu.Unlock()
	for _, name := range names {
		m.Forget(name)
	}
	return nil
}

// Ensure 让 t 有一条连接；UID 或凭据变了才重连，只是节拍变了就地改。它从不等网络。
func (m *Members) Ensure(t Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx != nil && m.ctx.Err() != nil {
		return
	}
	e := m.entries[t.Name]
	switch {
	case e == nil:
		e = &entry{retiring: &sync.WaitGroup{}}
		m.entries[t.Name] = e
	case e.target.UID == t.UID && e.target.CredentialsVersion == t.CredentialsVersion:
		e.settle(t)
		return
	}
	e.connection = m.succeed(e, t)
	if m.ctx != nil {
		e.start(m.ctx)
	}
}

// succeed 造出接替 e 现有连接的新连接：同一个 Cluster 换了凭据时，数字留着，直到用新凭据重新看过。
func (m *Members) succeed(e *entry, t Target) *connection {
	next := newConnection(t, m.log.WithValues("cluster", t.Name), m.clock, m.metrics, func() { m.tell(t.Name) })
	next.tellModel = func(model types.UID) { m.tellModel(t.Name, model) }
	next.wrap, next.workers = m.wrap, m.workers
	old := e.connection
	if old == nil {
		return next
	}
	if old.target.UID == t.UID {
		next.inherit(old.snapshot())
	}
	e.retiring.Go(old.stop)
	return next
}

// Forget 断开一个成员，等它的协程都结束。
func (m *Members) Forget(name string) {
	m.mu.Lock()
	e := m.entries[name]
	delete(m.entries, name)
	m.mu.Unlock()
	if e == nil {
		return
	}
	e.stop()
	e.retiring.Wait()
	// 其间同名的成员可能又来了，它的数不能删。
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[name] == nil {
		m.metrics.forget(name)
	}
}

// Evidence 返回对一个成员所知的一切；没有这个成员时为假。
func (m *Members) Evidence(name string) (Evidence, bool) {
	c := m.connection(name)
	if c == nil {
		return Evidence{}, false
	}
	return c.snapshot(), true
}

// Client 返回直接写、从共用的缓存读节点与 Pod 的客户端；连不上的成员给错误，免得调用者挂在那里。
func (m *Members) Client(name string) (client.Client, error) {
	c := m.connection(name)
	if c == nil {
		return nil, fmt.Errorf("use member cluster %s: it is not connected; it has no usable credentials or is suspended", name)
	}
	cl, err := c.usable()
	if err != nil {
		return nil, fmt.Errorf("use member cluster %s: %w", name, err)
	}
	return cl, nil
}

// Source 在一个成员的证据有实质变化、或一次心跳成功该记下时，以 Cluster 的名字通知 h。
func (m *Members) Source(h handler.EventHandler) source.Source {
	return m.source(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) *listener {
		return &listener{tellModel: func(string, types.UID) {}, tell: func(name string) {
			cluster := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
			h.Generic(ctx, event.GenericEvent{Object: cluster}, queue)
		}}
	})
}

// ModelSource 在为模型放到成员上的东西变了时通知 h：事件的对象以 Cluster 为名、模型的 UID 为 UID；
// UID 是 Everything 时，那个成员上的每个模型都该重新看。
func (m *Members) ModelSource(h handler.EventHandler) source.Source {
	return m.source(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) *listener {
		return &listener{tell: func(string) {}, tellModel: func(name string, model types.UID) {
			placed := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, UID: model}}
			h.Generic(ctx, event.GenericEvent{Object: placed}, queue)
		}}
	})
}

// source 登记一个听众，直到 ctx 结束。
func (m *Members) source(listen func(context.Context, workqueue.TypedRateLimitingInterface[reconcile.Request]) *listener) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		l := listen(ctx, queue)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.listeners[l] = struct{}{}
		context.AfterFunc(ctx, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.listeners, l)
		})
		return nil
	})
}

// tell 通知每个听众；入队从不阻塞。
func (m *Members) tell(name string) {
	for _, l := range m.listening() {
		l.tell(name)
	}
}

func (m *Members) tellModel(name string, model types.UID) {
	for _, l := range m.listening() {
		l.tellModel(name, model)
	}
}

func (m *Members) listening() []*listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.listeners))
}

func (m *Members) connection(name string) *connection {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[name]; e != nil {
		return e.connection
	}
	return nil
}

// connected 数出现在答应心跳的成员，供指标用。
func (m *Members) connected() float64 {
	m.mu.Lock()
	connections := make([]*connection, 0, len(m.entries))
	for _, e := range m.entries {
		connections = append(connections, e.connection)
	}
	m.mu.Unlock()
	var n float64
	for _, c := range connections {
		if c.answers() {
			n++
		}
	}
	return n
}
