package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmUp 是计时之前做的请求数：首次请求要装配编码器、开连接，与之后的不是一回事。
const warmUp = 50

// measurement 是一次测量：做了 count 个操作，经过的时间和服务器进程用掉的处理器时间。
type measurement struct {
	count        int
	elapsed, cpu time.Duration
}

// row 认定表格里的一行。
type row struct {
	operation string
	clients   int
}

// comparison 收集各轮的结果：每行每种一组测量，每种一组写满之后的常驻内存（MiB）。
type comparison struct {
	variants []variant
	rows     []row
	measured map[row]map[string][]measurement
	resident map[string][]float64
}

// compare 一轮轮交替地量：同一轮里的几种离得近，机器上别人的负载对它们大致一样。
func compare(ctx context.Context, dir string, variants []variant, s settings) (*comparison, error) {
	users, err := encodeUsers(s.objects)
	if err != nil {
		return nil, err
	}
	c := &comparison{variants: variants, measured: map[row]map[string][]measurement{}, resident: map[string][]float64{}}
	for round := range s.rounds {
		for i, v := range variants {
			progress("round %d of %d: %s (load %s)", round+1, s.rounds, v.name, load())
			at := filepath.Join(dir, fmt.Sprintf("%d-%d", round, i))
			if err := c.measureVariant(ctx, at, v, users, s); err != nil {
				return nil, fmt.Errorf("measure %s: %w", v.name, err)
			}
		}
	}
	return c, nil
}

// measureVariant 在全新的服务器与存储上量全部操作，之后什么都不留下。
func (c *comparison) measureVariant(ctx context.Context, dir string, v variant, users [][]byte, s settings) (err error) {
	srv, err := v.start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop(), os.RemoveAll(dir)) }()
	clients, err := connect(ctx, srv.kubeconfig, s.clients)
	if err != nil {
		return err
	}
	defer disconnect(clients)
	if err := prepare(ctx, srv, clients); err != nil {
		return err
	}
	if err := c.measureOperation(ctx, v, srv, clients, creation(users)); err != nil {
		return err
	}
	rss, err := residentMiB(srv.PID())
	if err != nil {
		return err
	}
	c.resident[v.name] = append(c.resident[v.name], rss)
	for _, op := range operations(len(users)) {
		if err := c.measureOperation(ctx, v, srv, clients, op); err != nil {
			return err
		}
	}
	m, err := fanOut(ctx, srv, clients, len(users), s)
	if err != nil {
		return err
	}
	c.add(v, row{fmt.Sprintf("watch, %d × %d events", s.watchers, s.writes), s.clients}, m)
	return nil
}

// prepare 等启动的余波过去，再用被测的路径热身；热身的写入是试运行，不留下对象。
func prepare(ctx context.Context, srv *server, clients []*client) error {
	if err := awaitQuiet(ctx, srv.Process); err != nil {
		return err
	}
	users, err := encodeUsers(warmUp)
	if err != nil {
		return err
	}
	return spread(ctx, clients, warmUp, func(ctx context.Context, c *client, i int) error {
		if _, err := c.do(ctx, http.MethodPost, usersPath+"?dryRun=All", typeJSON, users[i]); err != nil {
			return err
		}
		_, err := c.list(ctx, "", 0)
		return err
	})
}

// measureOperation 先用一个客户端量，再用全部客户端量。
func (c *comparison) measureOperation(ctx context.Context, v variant, srv *server, clients []*client, op operation) error {
	for pass, group := range [][]*client{clients[:1], clients} {
		m, err := measure(srv, op.times, func() error {
			return spread(ctx, group, op.times, func(ctx context.Context, c *client, i int) error {
				return op.do(ctx, c, pass*op.times+i)
			})
		})
		if err != nil {
			return fmt.Errorf("%s with %d clients: %w", op.name, len(group), err)
		}
		c.add(v, row{op.name, len(group)}, m)
	}
	return nil
}

// measure 量一段工作用了多久、服务器进程为它用了多少处理器时间。
func measure(srv *server, count int, work func() error) (measurement, error) {
	before, err := cpuTime(srv.PID())
	if err != nil {
		return measurement{}, err
	}
	began := time.Now()
	if err := work(); err != nil {
		return measurement{}, err
	}
	elapsed := time.Since(began)
	after, err := cpuTime(srv.PID())
	if err != nil {
		return measurement{}, err
	}
	return measurement{count: count, elapsed: elapsed, cpu: after - before}, nil
}

func (c *comparison) add(v variant, r row, m measurement) {
	if c.measured[r] == nil {
		c.rows, c.measured[r] = append(c.rows, r), map[string][]measurement{}
	}
	c.measured[r][v.name] = append(c.measured[r][v.name], m)
	progress("  %-24s ×%-2d %6d in %8s, %9.0f/s, %8.3f ms of CPU each", r.operation, r.clients, m.count,
		m.elapsed.Round(time.Millisecond), m.rate(), m.cpuEach())
}

// rate 是每秒做了多少个；cpuEach 是每个用掉的处理器时间，毫秒。
func (m measurement) rate() float64 { return float64(m.count) / m.elapsed.Seconds() }
func (m measurement) cpuEach() float64 {
	return m.cpu.Seconds() * 1000 / float64(m.count)
}

// spread 让 clients 一起做 times 次 do，谁有空谁做下一个。
func spread(ctx context.Context, clients []*client, times int, do func(ctx context.Context, c *client, i int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range clients {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < times; i = int(next.Add(1)) - 1 {
				if err := do(ctx, c, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
