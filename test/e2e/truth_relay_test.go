package e2e

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// relay 是平台与一个成员之间的网络：只搬运字节，可以不声不响地什么也不再搬。
// 两头的连接都还开着，没有一头收到 RST 或 FIN，与断了的专线、忘了连接的 NAT 一样。
type relay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex
	moved *sync.Cond
	// cut 表示什么也不搬，closed 表示测试结束了。
	cut, closed bool
	links       map[*link]struct{}
}

// link 是一条连接的两头；forgotten 的再也不搬，新的连接照常。
type link struct {
	client, server net.Conn
	forgotten      bool
}

func newRelay(t *testing.T, member *harness.Member) *relay {
	t.Helper()
	address, err := url.Parse(member.APIServer.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, target: address.Host, links: map[*link]struct{}{}}
	r.moved = sync.NewCond(&r.mu)
	r.running.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

// url 是成员经由它的地址；成员的证书不看端口。
func (r *relay) url() string { return "https://" + r.listener.Addr().String() }

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.target)
		if err != nil {
			// 成员的 API 服务器死了：像没有中间人那样拒绝。
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		r.mu.Lock()
		r.links[l] = struct{}{}
		r.mu.Unlock()
		r.running.Go(func() { r.carry(l, l.server, l.client) })
		r.running.Go(func() { r.carry(l, l.client, l.server) })
	}
}

// carry 从 from 搬到 to，直到有一头关了。
func (r *relay) carry(l *link, to, from net.Conn) {
	defer r.drop(l)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !r.pass(l) {
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// pass 等到可以搬；测试结束时为假。
func (r *relay) pass(l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closed && (r.cut || l.forgotten) {
		r.moved.Wait()
	}
	return !r.closed
}

func (r *relay) drop(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.links, l)
	_, _ = l.client.Close(), l.server.Close()
}

// swallow 从此什么也不搬，restore 接着搬：押着的字节像重传那样到达。
func (r *relay) swallow() { r.set(func() { r.cut = true }) }

func (r *relay) restore() { r.set(func() { r.cut = false }) }

// forget 忘掉现有的连接；新的连接照常。
func (r *relay) forget() error {
	forgotten := 0
	r.set(func() {
		for l := range r.links {
			l.forgotten, forgotten = true, forgotten+1
		}
	})
	if forgotten == 0 {
		return errors.New("nothing was connected through the relay")
	}
	return nil
}

func (r *relay) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.moved.Broadcast()
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.set(func() {
		r.closed = true
		for l := range r.links {
			_, _ = l.client.Close(), l.server.Close()
		}
	})
	r.running.Wait()
}
