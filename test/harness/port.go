package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// 端口取自内核临时端口范围之下：挑好到占用之间的空当里，不会被某条外连的本地端口抢走。
const (
	firstPort = 18000
	lastPort  = 31999
	// blockSize 是一块端口的个数，够一个测试程序用完一生。
	blockSize = 200
)

// ports 是这个程序的端口。
var ports portBlocks

// portBlocks 一块一块地取端口。几个测试程序同时在跑，部件停着的时候它的端口空着，各用各的块才不会被别人拿走。
type portBlocks struct {
	mu sync.Mutex
	// guards 占着各块的第一个端口，别的程序见了就另挑一块；程序结束时由内核放开。
	guards []net.Listener
	// next 是下一个要给出的，end 是这块的尽头。
	next, end int
}

// FreePort 返回一个本机空闲的 TCP 端口，同一程序内不会给出两次，同时在跑的别的程序也不会给出它。
func FreePort() (int, error) { return ports.free() }

func (b *portBlocks) free() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var last error
	for range 2 * blockSize {
		if b.next == b.end {
			if last = b.claim(); last != nil {
				continue
			}
		}
		port := b.next
		b.next++
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("release port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port on 127.0.0.1 between %d and %d: %w", firstPort, lastPort, last)
}

// claim 随便挑一块没人占的；用完的也一直占着，上面还有部件在跑。
func (b *portBlocks) claim() error {
	start := firstPort + blockSize*rand.IntN((lastPort+1-firstPort)/blockSize)
	guard, err := net.Listen("tcp", loopback(start))
	if err != nil {
		return err
	}
	b.guards = append(b.guards, guard)
	b.next, b.end = start+1, start+blockSize
	return nil
}

// loopback 返回本机回环地址上的 host:port。
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// orFree 返回给定的端口，未给定时找一个空闲的。
func orFree(port int) (int, error) {
	if port != 0 {
		return port, nil
	}
	return FreePort()
}
