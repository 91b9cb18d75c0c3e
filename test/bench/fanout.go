package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// watcher 是一个监听者，有自己的连接；version 是它看到的最后一个资源版本。
type watcher struct {
	*client
	version string
	stream  *http.Response
}

// fanOut 量监听的分发：全部监听者看到全部写入才算完，在计时之前就都已听上。
// 一次"操作"是一个送到的事件。
func fanOut(ctx context.Context, srv *server, clients []*client, objects int, s settings) (measurement, error) {
	connections, err := connect(ctx, srv.kubeconfig, s.watchers)
	if err != nil {
		return measurement{}, err
	}
	defer disconnect(connections)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	version, err := currentVersion(ctx, clients[0])
	if err != nil {
		return measurement{}, err
	}
	watchers := make([]*watcher, 0, len(connections))
	for _, c := range connections {
		w := &watcher{client: c, version: version}
		defer w.close()
		if err := w.watch(ctx); err != nil {
			return measurement{}, err
		}
		watchers = append(watchers, w)
	}
	var reopened atomic.Int64
	m, err := measure(srv, len(watchers)*s.writes, func() error {
		group, ctx := errgroup.WithContext(ctx)
		for _, w := range watchers {
			group.Go(func() error { return w.await(ctx, s.writes, &reopened) })
		}
		group.Go(func() error {
			return spread(ctx, clients, s.writes, func(ctx context.Context, c *client, i int) error {
				return rename(ctx, c, i%objects, "Watched "+strconv.Itoa(i))
			})
		})
		return group.Wait()
	})
	if n := reopened.Load(); n > 0 {
		progress("  the server ended %d watches as too slow; they went on where they were", n)
	}
	return m, err
}

// currentVersion 是此刻的资源版本：从这里起听，之前的写入不再送来。
func currentVersion(ctx context.Context, c *client) (string, error) {
	answer, err := c.do(ctx, http.MethodGet, usersPath+"?labelSelector=team%3Dnone", "", nil)
	if err != nil {
		return "", err
	}
	return resourceVersion(answer)
}

// resourceVersion 从一个空列表或一个事件里取资源版本，它在那里只出现一次。
func resourceVersion(raw []byte) (string, error) {
	_, rest, found := bytes.Cut(raw, []byte(`"resourceVersion":"`))
	version, _, _ := bytes.Cut(rest, []byte(`"`))
	if !found {
		return "", fmt.Errorf("there is no resource version in %.300s", raw)
	}
	return string(version), nil
}

// watch 从看到的最后一个资源版本起听。
func (w *watcher) watch(ctx context.Context) (err error) {
	w.close()
	path := usersPath + "?watch=1&resourceVersion=" + w.version
	//nolint:bodyclose // 由 close 关闭，监听比这个函数活得久。
	if w.stream, err = w.open(ctx, http.MethodGet, path, "", nil); err != nil {
		return err
	}
	if w.stream.StatusCode != http.StatusOK {
		return fmt.Errorf("watch %s: %s", path, w.stream.Status)
	}
	return nil
}

func (w *watcher) close() {
	if w.stream != nil {
		_ = w.stream.Body.Close()
	}
}

// await 读到 n 个事件为止，一行一个。读得太慢的监听会被服务器断开，这时像 informer 那样从断处接着听。
func (w *watcher) await(ctx context.Context, n int, reopened *atomic.Int64) error {
	lines := bufio.NewReaderSize(w.stream.Body, 64<<10)
	for seen := 0; seen < n; {
		event, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && ctx.Err() == nil {
			reopened.Add(1)
			if err := w.watch(ctx); err != nil {
				return err
			}
			lines.Reset(w.stream.Body)
			continue
		}
		if err != nil {
			return fmt.Errorf("watch: read event %d of %d: %w", seen+1, n, err)
		}
		if !bytes.Contains(event[:min(len(event), 40)], []byte(`"type":"MODIFIED"`)) {
			return fmt.Errorf("watch: event %d of %d is not a change: %.300s", seen+1, n, event)
		}
		if w.version, err = resourceVersion(event); err != nil {
			return fmt.Errorf("watch: read event %d of %d: %w", seen+1, n, err)
		}
		seen++
	}
	return nil
}
