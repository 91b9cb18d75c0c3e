package member

import (
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// mapper 认得各个成员都有的种类，不必去问；别人装上的才问成员有哪些版本。
// 问的时候拿着锁，别的工作者不能都等在那里：每次只进一个，等久了的得 ErrSlow。
type mapper struct {
	meta.RESTMapper
	always meta.RESTMapper
	turn   chan struct{}
}

func newMapper(config *rest.Config, through *http.Client) (*mapper, error) {
	dynamic, err := apiutil.NewDynamicRESTMapper(config, through)
	if err != nil {
		return nil, err
	}
	return &mapper{RESTMapper: dynamic, always: builtin(), turn: make(chan struct{}, 1)}, nil
}

// RESTMapping 实现 meta.RESTMapper；客户端只用这一个方法。
func (m *mapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	if mapping, err := m.always.RESTMapping(kind, versions...); err == nil {
		return mapping, nil
	}
	patience := time.NewTimer(turnWait)
	defer patience.Stop()
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
		return m.RESTMapper.RESTMapping(kind, versions...)
	case <-patience.C:
		return nil, ErrSlow
	}
}

// builtin 认得每个成员都提供的种类：它们的路径是固定的。
func builtin() *meta.DefaultRESTMapper {
	known := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion})
	for _, kind := range []string{"Node", "Namespace"} {
		known.Add(corev1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeRoot)
	}
	for _, kind := range []string{"Pod", "Service", "Secret", "ConfigMap", "PersistentVolumeClaim"} {
		known.Add(corev1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	known.Add(appsv1.SchemeGroupVersion.WithKind("Deployment"), meta.RESTScopeNamespace)
	return known
}

// watchedMapper 认得监视的种类：不装 KServe 与 KEDA 的成员上也不必去问。
func watchedMapper() meta.RESTMapper {
	known := builtin()
	for _, kind := range []schema.GroupVersionKind{LLMInferenceService, ScaledObject} {
		known.Add(kind, meta.RESTScopeNamespace)
	}
	return known
}
