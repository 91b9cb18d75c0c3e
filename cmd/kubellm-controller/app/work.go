package app

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Work 限制控制器一次做多少、失败之后多快再试、向平台发多少请求。
type Work struct {
	Concurrency    int
	RetryBaseDelay time.Duration
	RetryMaxDelay  time.Duration
	QPS            float32
	Burst          int
}

func newWork() Work {
	return Work{Concurrency: 4, RetryBaseDelay: 5 * time.Millisecond, RetryMaxDelay: 5 * time.Minute, QPS: -1, Burst: 100}
}

func (w *Work) addFlags(fs *pflag.FlagSet) {
	fs.IntVar(&w.Concurrency, "concurrency", w.Concurrency, "How many objects of one kind are reconciled at the same time.")
	fs.DurationVar(&w.RetryBaseDelay, "retry-base-delay", w.RetryBaseDelay,
		"Time until an object that could not be reconciled is tried again; it doubles with every failure in a row.")
	fs.DurationVar(&w.RetryMaxDelay, "retry-max-delay", w.RetryMaxDelay, "The longest time until a failed object is tried again.")
	fs.Float32Var(&w.QPS, "kube-api-qps", w.QPS,
		"Requests a second to the platform server; negative for no limit, because the server has its own.")
	fs.IntVar(&w.Burst, "kube-api-burst", w.Burst, "Requests that may exceed --kube-api-qps for a moment; without meaning where that is negative.")
}

func (w *Work) validate() []error {
	var errs []error
	if w.Concurrency < 1 {
		errs = append(errs, fmt.Errorf("--concurrency: %d is not a number of workers; use at least 1", w.Concurrency))
	}
	if w.RetryBaseDelay <= 0 {
		errs = append(errs, fmt.Errorf("--retry-base-delay: %s is not a time to wait; use for example 5ms", w.RetryBaseDelay))
	}
	if w.RetryMaxDelay <= 0 || w.RetryMaxDelay < w.RetryBaseDelay {
		errs = append(errs, fmt.Errorf("--retry-max-delay: %s is too short; use at least --retry-base-delay (%s)", w.RetryMaxDelay, w.RetryBaseDelay))
	}
	if w.QPS > 0 && w.Burst < 1 {
		errs = append(errs, fmt.Errorf("--kube-api-burst: %d lets no request through; use at least 1", w.Burst))
	}
	return errs
}

// limit 给到平台的请求限速；零与 client-go 的默认值难以分辨，一律当作不限。
func (w *Work) limit(config *rest.Config) {
	config.QPS, config.Burst = w.QPS, w.Burst
	if w.QPS <= 0 {
		config.QPS = -1
	}
}

// options 给每个控制器各造一份：退避按对象的名字记，两个种类共用会互相拖累。
func (w *Work) options() controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: w.Concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](w.RetryBaseDelay, w.RetryMaxDelay),
	}
}
