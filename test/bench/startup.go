package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubellm/kubellm/test/harness"
)

// probeInterval 比要量的时间小两个数量级。
const probeInterval = 5 * time.Millisecond

// start 是一次启动：多久就绪、到那时用了多少处理器时间，就绪并安静下来之后的常驻内存。
type start struct {
	ready, cpu time.Duration
	resident   float64
}

// starts 是同一种情形下的几次启动。
type starts struct {
	situation string
	measured  []start
}

// measureStarts 量独立服务器的启动：每次都是新目录的，和存着许多用户的。
func measureStarts(ctx context.Context, dir string, s settings) ([]starts, error) {
	if s.starts == 0 {
		return nil, nil
	}
	empty := starts{situation: "empty, a new data directory each time"}
	for i := range s.starts {
		m, err := startStandalone(ctx, filepath.Join(dir, "empty-"+strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		empty.add(m)
	}
	if s.users == 0 {
		return []starts{empty}, nil
	}
	full := starts{situation: fmt.Sprintf("%d users", s.users)}
	data := filepath.Join(dir, "full")
	if err := fill(ctx, data, s); err != nil {
		return nil, err
	}
	for range s.starts {
		m, err := startStandalone(ctx, data)
		if err != nil {
			return nil, err
		}
		full.add(m)
	}
	return []starts{empty, full}, nil
}

func (s *starts) add(m start) {
	s.measured = append(s.measured, m)
	progress("start with %s: ready after %s and %s of CPU, %.0f MiB resident (load %s)", s.situation, m.ready.Round(time.Millisecond), m.cpu, m.resident, load())
}

// startStandalone 启动一次、量一次、停掉。harness 的就绪检查隔得太久，所以另有一个更密的探针。
func startStandalone(ctx context.Context, dir string) (m start, err error) {
	port, err := harness.FreePort()
	if err != nil {
		return m, err
	}
	probing, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	began := time.Now()
	group.Go(func() (err error) {
		m.ready, err = probe(probing, port, began)
		return err
	})
	p, err := harness.StartPlatform(ctx, harness.PlatformOptions{Dir: dir, Port: port})
	if err != nil {
		cancel()
		// 探针的错误只会是被取消，原因在前一个错误里。
		_ = group.Wait()
		return m, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	if err := group.Wait(); err != nil {
		return m, err
	}
	if m.cpu, err = cpuTime(p.PID()); err != nil {
		return m, err
	}
	if err := awaitQuiet(ctx, p.Process); err != nil {
		return m, err
	}
	m.resident, err = residentMiB(p.PID())
	return m, err
}

// probe 匿名地问 /readyz，直到它说就绪。证书不必验：这里不送任何凭证，harness 自己还会验一遍。
func probe(ctx context.Context, port int, began time.Time) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	ready := func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:"+strconv.Itoa(port)+"/readyz", nil)
		if err != nil {
			return false
		}
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	for !ready() {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the server on port %d: %w", port, context.Cause(ctx))
		case <-time.After(probeInterval):
		}
	}
	return time.Since(began), nil
}

// fill 在 dir 里存下许多用户，然后停掉服务器。
func fill(ctx context.Context, dir string, s settings) (err error) {
	users, err := encodeUsers(s.users)
	if err != nil {
		return err
	}
	srv, err := startPlatform(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	clients, err := connect(ctx, srv.kubeconfig, s.clients)
	if err != nil {
		return err
	}
	defer disconnect(clients)
	began := time.Now()
	err = spread(ctx, clients, len(users), func(ctx context.Context, c *client, i int) error {
		_, err := c.do(ctx, http.MethodPost, usersPath, typeJSON, users[i])
		return err
	})
	if err != nil {
		return err
	}
	rss, err := residentMiB(srv.PID())
	progress("stored %d users in %s, %.0f MiB resident after it", len(users), time.Since(began).Round(time.Second), rss)
	return err
}
