package crossplane

import (
	"fmt"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

// servedSoon 是 CRD 就绪之后等 API 服务器提供它的间隔，合起来半分钟多；没有事件可等，只能问。
var servedSoon = wait.Backoff{Duration: 100 * time.Millisecond, Factor: 1.5, Steps: 14}

// awaitServed 等 API 服务器提供这些种类：它先说 CRD 已就绪，稍后才答得上来，这时设置控制器会失败，而那会停掉整个进程。
func awaitServed(mapper apimeta.RESTMapper, gvks []schema.GroupVersionKind) error {
	var last error
	err := wait.ExponentialBackoff(servedSoon, func() (bool, error) {
		for _, gvk := range gvks {
			if _, last = mapper.RESTMapping(gvk.GroupKind(), gvk.Version); last != nil {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("the API server does not serve a kind whose CRD is established: %w", last)
	}
	return nil
}
