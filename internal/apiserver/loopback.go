package apiserver

import (
	"fmt"
	"sync"

	"k8s.io/client-go/discovery"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	"github.com/kubellm/kubellm/apis/generated/informers/externalversions"
)

// loopback 是服务器访问自己的客户端与共享 informer：平台的种类、核心种类，以及只看元数据的一切种类。
type loopback struct {
	platform   versioned.Interface
	core       *corev1client.CoreV1Client
	discovery  discovery.DiscoveryInterface
	metadata   metadata.Interface
	informers  externalversions.SharedInformerFactory
	namespaces namespaceInformer

	// mutex 让启动途中就来的停止等启动做完。
	mutex   sync.Mutex
	running sync.WaitGroup
}

func newLoopback(config *rest.Config) (*loopback, error) {
	platform, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build the loopback client: %w", err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build the loopback client of the core API: %w", err)
	}
	resources, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build the loopback client of discovery: %w", err)
	}
	contents, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("build the loopback client of metadata: %w", err)
	}
	return &loopback{
		platform:   platform,
		core:       core,
		discovery:  resources,
		metadata:   contents,
		informers:  externalversions.NewSharedInformerFactory(platform, 0),
		namespaces: newNamespaceInformer(core),
	}, nil
}

// start 启动 informer；stop 之后再启动就什么也不做。
func (l *loopback) start(stop <-chan struct{}) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	select {
	case <-stop:
		return
	default:
	}
	l.informers.Start(stop)
	l.running.Go(func() { l.namespaces.Informer().Run(stop) })
}

// wait 等 informer 都停下；须先停。
func (l *loopback) wait() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.informers.Shutdown()
	l.running.Wait()
}
