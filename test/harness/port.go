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
)

var (
	portsMu    sync.Mutex
	portsTaken = map[int]bool{}
)

// FreePort 返回一个本机空闲的 TCP 端口，同一程序内不会给出两次。
func FreePort() (int, error) {
	portsMu.Lock()
	defer portsMu.Unlock()
	var last error
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if portsTaken[port] {
			continue
		}
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("release port %d: %w", port, err)
		}
		portsTaken[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("find a free port on 127.0.0.1 between %d and %d: %w", firstPort, lastPort, last)
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
