package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"github.com/kubellm/kubellm/internal/registry"
)

// tidyInterval 是收拾没做成时再试的间隔。
const tidyInterval = 10 * time.Second

// tidyUp 收拾上一个进程断在半路的东西（如收下了却没公布的凭据），做成一次就结束；做不成不妨碍服务，所以不挡就绪。
func tidyUp(ctx context.Context, groups []registry.Group) {
	said := "" // 同一个原因只记一次。
	_ = wait.PollUntilContextCancel(ctx, tidyInterval, true, func(ctx context.Context) (bool, error) {
		err := tidyOnce(ctx, groups)
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			klog.ErrorS(err, "Cannot tidy up what was left half-way yet; trying again")
		}
		return err == nil, nil
	})
}

func tidyOnce(ctx context.Context, groups []registry.Group) error {
	var errs []error
	for _, group := range groups {
		for _, resource := range group.Resources {
			tidier, ok := resource.(registry.Tidier)
			if !ok {
				continue
			}
			if err := tidier.TidyUp(ctx); err != nil {
				errs = append(errs, fmt.Errorf("tidy up %s: %w", resource.GroupResource(), err))
			}
		}
	}
	return errors.Join(errs...)
}
