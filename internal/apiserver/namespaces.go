package apiserver

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core"
	corev1informers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kubellm/kubellm/internal/registry/core"
)

// namespaceLifecycle 不让东西建进不存在或正在结束的命名空间。
func namespaceLifecycle(self *loopback) (admission.Interface, error) {
	plugin, err := lifecycle.NewLifecycle(sets.New(core.BuiltinNamespaces...))
	if err != nil {
		return nil, fmt.Errorf("set up the namespace lifecycle: %w", err)
	}
	plugin.SetExternalKubeClientSet(coreClientset{core: self.core})
	plugin.SetExternalKubeInformerFactory(coreFactory{namespaces: self.namespaces})
	return plugin, plugin.ValidateInitialization()
}

// 准入插件要的是整套客户端与 informer，用到的只有命名空间。下面几个类型只给它这一样：
// 整套的会让程序大 20 MB，常驻内存也跟着涨。

type coreClientset struct {
	kubernetes.Interface
	core corev1client.CoreV1Interface
}

func (c coreClientset) CoreV1() corev1client.CoreV1Interface { return c.core }

type coreFactory struct {
	informers.SharedInformerFactory
	namespaces namespaceInformer
}

func (f coreFactory) Core() coreinformers.Interface { return coreGroup{namespaces: f.namespaces} }

type coreGroup struct {
	coreinformers.Interface
	namespaces namespaceInformer
}

func (g coreGroup) V1() corev1informers.Interface { return coreVersion{namespaces: g.namespaces} }

type coreVersion struct {
	corev1informers.Interface
	namespaces namespaceInformer
}

func (v coreVersion) Namespaces() corev1informers.TypedNamespaceInformer { return v.namespaces }

// namespaceInformer 是准入与清空者共用的命名空间缓存。
type namespaceInformer struct {
	informer corev1informers.NamespaceIndexInformer
}

func newNamespaceInformer(client corev1client.CoreV1Interface) namespaceInformer {
	return namespaceInformer{corev1informers.NewTypedNamespaceInformer(coreClientset{core: client}, 0, nil)}
}

func (i namespaceInformer) Informer() cache.SharedIndexInformer { return i.informer }

func (i namespaceInformer) TypedInformer() corev1informers.NamespaceIndexInformer { return i.informer }

func (i namespaceInformer) Lister() corev1listers.NamespaceLister {
	return corev1listers.NewNamespaceLister(i.informer.GetIndexer())
}
