package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// convergeTimeout 给一批模型在两核的机器上全部就绪或全部消失。
	convergeTimeout = 10 * time.Minute
	// modelNamespaces 是模型分在几个命名空间里：成员上每个只该造一次。
	modelNamespaces = 10
	// modelLeaseSeconds 让一百多个假节点的续租不占满成员。
	modelLeaseSeconds = 40
	benchProduct      = "NVIDIA-H100-80GB-HBM3"
)

// modelFigures 是一批模型经平台与不经平台各花了多少。
type modelFigures struct {
	count, nodes int
	// direct 与 directGone 是同样的清单不经平台直接放到同一个成员上、再删掉：平台再快也快不过它。
	direct, directGone       convergence
	directCPU, directGoneCPU time.Duration
	platform, gone           convergence
	created, deleted         effort
	rest                     effort
	peak, resident           float64
	liveHeap                 float64
	serverResident           float64
}

// convergence 是一批对象从动手到全部如愿。
type convergence struct {
	elapsed time.Duration
	// each 是每个对象各自从动手到如愿。
	each []time.Duration
}

// modelBench 是量模型所用的部件。
type modelBench struct {
	platform   *harness.Platform
	controller *harness.Manager
	member     *harness.Member
	clients    *versioned.Clientset
	server     *scraper
	settings   settings
}

// measureModels 起真实的平台、控制器与一个完整的成员，量一批模型的来去；不量它们时为 nil。
func measureModels(ctx context.Context, dir string, s settings) (f *modelFigures, err error) {
	if s.models == 0 {
		return nil, nil
	}
	b := &modelBench{settings: s}
	defer func() { err = errors.Join(err, b.stop()) }()
	f = &modelFigures{count: s.models, nodes: (s.models+gpusPerNode-1)/gpusPerNode + 1}
	if err := b.startMember(ctx, dir, f.nodes); err != nil {
		return nil, err
	}
	if err := b.measureDirect(ctx, f); err != nil {
		return nil, fmt.Errorf("without the platform: %w", err)
	}
	if err := b.startPlatform(ctx, dir); err != nil {
		return nil, err
	}
	if err := b.register(ctx, f); err != nil {
		return nil, fmt.Errorf("register the member: %w", err)
	}
	for _, measure := range []func(context.Context, *modelFigures) error{b.measureCreation, b.measureModelsAtRest, b.measureDeletion} {
		if err := measure(ctx, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// startMember 起一个完整的成员，卡刚好够每个模型一块，还多一个节点。
func (b *modelBench) startMember(ctx context.Context, dir string, nodes int) (err error) {
	progress("starting a member with %d GPU nodes", nodes)
	b.member, err = harness.StartMember(ctx, harness.MemberOptions{
		Name: "models", Dir: filepath.Join(dir, "models-member"), NodeLeaseSeconds: modelLeaseSeconds,
		// 每个模型有一个 Service，默认的一段只够两百多个。
		APIServerArgs: []string{"--service-cluster-ip-range=10.96.0.0/16"},
	})
	if err != nil {
		return err
	}
	return b.member.AddGPUNodes(ctx, harness.GPUNodes{
		Prefix: "gpu", Count: nodes, Product: benchProduct, MemoryMiB: 81559, GPUs: gpusPerNode, CPU: "192", Memory: "2Ti",
	})
}

func (b *modelBench) startPlatform(ctx context.Context, dir string) (err error) {
	server, err := harness.Build(ctx, platformBinary)
	if err != nil {
		return err
	}
	if b.platform, err = harness.StartPlatform(ctx, harness.PlatformOptions{Binary: server, Dir: filepath.Join(dir, "models-platform")}); err != nil {
		return err
	}
	controller, err := harness.Build(ctx, "kubellm-controller")
	if err != nil {
		return err
	}
	b.controller, err = harness.StartController(ctx, harness.ManagerOptions{
		Binary: controller, Kubeconfig: b.platform.ControllerKubeconfig, LogDir: filepath.Join(dir, "models-controller"),
	})
	if err != nil {
		return err
	}
	config, err := harness.RESTConfig(b.platform.Kubeconfig)
	if err != nil {
		return err
	}
	if b.clients, err = versioned.NewForConfig(config); err != nil {
		return fmt.Errorf("make a client of the platform: %w", err)
	}
	b.server, err = newServerScraper(config)
	return err
}

func (b *modelBench) stop() error {
	var errs []error
	if b.controller != nil {
		errs = append(errs, b.controller.Stop())
	}
	if b.platform != nil {
		errs = append(errs, b.platform.Stop())
	}
	if b.member != nil {
		errs = append(errs, b.member.Stop())
	}
	return errors.Join(errs...)
}

// measureCreation 同时建全部模型，量到最后一个就绪。
func (b *modelBench) measureCreation(ctx context.Context, f *modelFigures) (err error) {
	if err := b.quiet(ctx); err != nil {
		return err
	}
	f.created, err = b.effort(ctx, func() error {
		f.platform, err = b.converge(ctx, "models", func(at *moments) func(context.Context) error {
			return b.awaitModels(at, modelReady)
		}, b.createModel)
		return err
	})
	if err != nil {
		return err
	}
	if f.peak, err = peakResidentMiB(b.controller.PID()); err != nil {
		return err
	}
	progress("%d models are ready after %s", f.count, f.platform.elapsed.Round(time.Millisecond))
	return nil
}

// measureModelsAtRest 在什么也不变的一分钟里量。
func (b *modelBench) measureModelsAtRest(ctx context.Context, f *modelFigures) (err error) {
	if err := b.quiet(ctx); err != nil {
		return err
	}
	progress("one minute at rest")
	f.rest, err = b.effort(ctx, func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restWindow):
			return nil
		}
	})
	if err != nil {
		return err
	}
	f.liveHeap = f.rest.liveHeap
	if f.resident, err = residentMiB(b.controller.PID()); err != nil {
		return err
	}
	f.serverResident, err = residentMiB(b.platform.PID())
	return err
}

// measureDeletion 删掉全部模型，量到最后一个消失。
func (b *modelBench) measureDeletion(ctx context.Context, f *modelFigures) (err error) {
	f.deleted, err = b.effort(ctx, func() error {
		f.gone, err = b.converge(ctx, "models to be gone", func(at *moments) func(context.Context) error {
			return b.awaitModels(at, modelGone)
		}, b.deleteModel)
		return err
	})
	if err == nil {
		progress("%d models are gone after %s", f.count, f.gone.elapsed.Round(time.Millisecond))
	}
	return err
}

// converge 先听上，再用若干工作者对每一个动手，等到全部如愿。
func (b *modelBench) converge(ctx context.Context, what string, watch func(*moments) func(context.Context) error,
	act func(ctx context.Context, i int) error) (convergence, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, convergeTimeout, fmt.Errorf("waiting for %d %s took longer than %s", b.settings.models, what, convergeTimeout))
	defer cancel()
	at := newMoments(b.settings.models)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return watch(at)(ctx) })
	acting, during := errgroup.WithContext(ctx)
	acting.SetLimit(b.settings.clients)
	began := time.Now()
	for i := range b.settings.models {
		acting.Go(func() error {
			at.begin(i)
			return act(during, i)
		})
	}
	group.Go(acting.Wait)
	if err := group.Wait(); err != nil {
		return convergence{}, errors.Join(err, context.Cause(ctx))
	}
	return convergence{elapsed: time.Since(began), each: at.each()}, nil
}

// quiet 等服务器与控制器把前一步留下的事做完。
func (b *modelBench) quiet(ctx context.Context) error {
	for _, p := range []*harness.Process{b.controller.Process, b.platform.Process} {
		if err := awaitQuiet(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
