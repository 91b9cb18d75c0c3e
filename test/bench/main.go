// bench 量平台服务器的快慢：同一种对象放在平台上与放在 kube-apiserver 的 CRD 里各要多少时间与处理器，
// 以及独立服务器多久就绪、占多少内存。只由人手动运行，从不断言时间：那取决于机器和当时的负载。
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// settings 是一次测量的规模。
type settings struct {
	objects, rounds, clients, watchers, writes int
	starts, users                              int
	members, memberNodes, memberPods           int
	models                                     int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe benchmark failed: %v\n", err)
		os.Exit(1)
	}
}

// run 测量并把 Markdown 表格写到标准输出，进度写到标准错误；Ctrl-C 也停掉进程、删掉临时目录。
func run() (err error) {
	s, err := parse()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "kubellm-bench-")
	if err != nil {
		return fmt.Errorf("make a directory for the data of the servers: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("it was interrupted: %w", err)
		}
	}()

	// 没有设过日志的控制器库会抱怨。
	ctrl.SetLogger(logr.Discard())
	before := load()
	variants, err := allVariants(ctx)
	if err != nil {
		return err
	}
	compared, err := compare(ctx, dir, variants, s)
	if err != nil {
		return err
	}
	started, err := measureStarts(ctx, dir, s)
	if err != nil {
		return err
	}
	looked, err := measureMembers(ctx, dir, s)
	if err != nil {
		return err
	}
	placed, err := measureModels(ctx, dir, s)
	if err != nil {
		return err
	}
	machine, err := describeMachine(ctx, before)
	if err != nil {
		return err
	}
	for _, part := range []string{machine, comparisonTable(compared, s), startTable(started, s.starts), memberTable(looked, s), modelTable(placed)} {
		if part != "" {
			fmt.Println(part)
		}
	}
	return nil
}

// parse 读参数；只拒绝会让结果没有意义的值。
func parse() (settings, error) {
	var s settings
	flag.IntVar(&s.objects, "objects", 2000, "users stored in each server of the comparison")
	flag.IntVar(&s.rounds, "rounds", 5, "alternating runs of every server; 0 leaves the comparison out")
	flag.IntVar(&s.clients, "clients", 16, "clients at the same time, besides the runs with one")
	flag.IntVar(&s.watchers, "watchers", 100, "watchers of the fan-out")
	flag.IntVar(&s.writes, "writes", 200, "writes that every watcher has to see")
	flag.IntVar(&s.starts, "starts", 5, "starts of the standalone server; 0 leaves them out")
	flag.IntVar(&s.users, "users", 10000, "users of the starts of a full server; 0 leaves those out")
	flag.IntVar(&s.members, "members", 3, "member clusters that are looked at; 0 leaves them out")
	flag.IntVar(&s.memberNodes, "member-nodes", 1000, "nodes of each member cluster")
	flag.IntVar(&s.memberPods, "member-pods", 5000, "pods of each member cluster, each with one accelerator")
	flag.IntVar(&s.models, "models", 1000, "models that become ready on one member cluster at the same time; 0 leaves them out")
	flag.Parse()
	if flag.NArg() > 0 {
		return s, fmt.Errorf("there are no arguments besides flags: %q", flag.Args())
	}
	if s.objects < 100 || s.objects%2 != 0 || s.clients < 1 || s.watchers < 1 || s.writes < 1 || min(s.rounds, s.starts, s.users, s.members, s.models) < 0 {
		return s, errors.New("--objects must be even and at least 100, --clients, --watchers and --writes at least 1, the others not negative")
	}
	if s.memberNodes < 1 || s.memberPods < 1 || s.memberPods > gpusPerNode*s.memberNodes {
		return s, fmt.Errorf("--member-nodes and --member-pods must be at least 1, with at most %d pods a node", gpusPerNode)
	}
	return s, nil
}

// progress 说一件已做完或正在做的事。
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}
