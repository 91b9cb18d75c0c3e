package apiserver

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry/cluster"
	"github.com/kubellm/kubellm/internal/registry/handin"
	"github.com/kubellm/kubellm/internal/registry/model"
)

// sweepInterval 是清理没做成时再试的间隔。
const sweepInterval = 10 * time.Second

// sweepCredentials 收拾上一个进程断在半路的凭据，做成一次就结束；做不成不妨碍服务，所以不挡就绪。
func sweepCredentials(ctx context.Context, platform versioned.Interface, store credentials.Store) {
	kinds := []handin.Owners{cluster.Owners(platform.ClusterV1alpha1().Clusters()), model.Owners(platform.ModelV1alpha1())}
	said := "" // 同一个原因只记一次。
	_ = wait.PollUntilContextCancel(ctx, sweepInterval, true, func(ctx context.Context) (bool, error) {
		var err error
		for _, owners := range kinds {
			err = errors.Join(err, handin.Sweep(ctx, owners, store))
		}
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			klog.ErrorS(err, "Cannot tidy up credentials that were left half-way yet; trying again")
		}
		return err == nil, nil
	})
}
