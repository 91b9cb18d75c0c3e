package crossplane

import (
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
	"github.com/kubellm/kubellm/internal/external"
)

// secretHolder 由要向平台交入秘密的托管资源实现：秘密出自控制面里的一个 Secret，交过哪一份记在状态里。
type secretHolder interface {
	resource.Managed
	// SecretSource 是秘密的出处；nil 表示没有要交入的。
	SecretSource() *secret.Source
	// Handover 是最近交给平台的那一份，从未交过则为 nil。
	Handover() *secret.Handover
	SetHandover(h *secret.Handover)
}

// secrets 从控制面取要交给平台的秘密，并记住刚交过哪些。
type secrets struct {
	// metadata 只看 Secret 的 UID 与版本：有监视时出自缓存，静止的资源不为它发请求。
	metadata client.Reader
	// live 读 Secret 的内容，只在要交入时读，从不缓存。
	live client.Reader

	mu    sync.Mutex
	noted map[types.UID]notedHandover
}

// notedHandover 是刚写进状态的一次交入，以及那次写入的资源版本。
type notedHandover struct {
	handover        *secret.Handover
	resourceVersion string
}

func newSecrets(metadata, live client.Reader) *secrets {
	return &secrets{metadata: metadata, live: live, noted: map[types.UID]notedHandover{}}
}

// find 看 Secret 现在是哪一份，不读内容。
func (s *secrets) find(ctx context.Context, source *secret.Source) (secret.Handover, error) {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := getSecret(ctx, s.metadata, source, found); err != nil {
		return secret.Handover{}, err
	}
	return handoverOf(found, source), nil
}

// read 读出要交入的内容，连同它是哪一份；错误里绝不出现内容。
func (s *secrets) read(ctx context.Context, source *secret.Source) (external.SecretData, secret.Handover, error) {
	found := &corev1.Secret{}
	if err := getSecret(ctx, s.live, source, found); err != nil {
		return nil, secret.Handover{}, err
	}
	data := source.From(found.Data)
	if len(data) == 0 {
		return nil, secret.Handover{}, fmt.Errorf("what is to be handed in is missing: the Secret %q in namespace %q has nothing under %s (it has: %s); put it there, or correct %s",
			source.Name, source.Namespace, source.KeysText(), keysOf(found.Data), source.Field)
	}
	return data, handoverOf(found, source), nil
}

func getSecret(ctx context.Context, kube client.Reader, source *secret.Source, into client.Object) error {
	err := kube.Get(ctx, client.ObjectKey{Namespace: source.Namespace, Name: source.Name}, into)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("the Secret %q in namespace %q does not exist: make it with %s, or correct %s",
			source.Name, source.Namespace, source.KeysText(), source.Field)
	}
	if err != nil {
		return fmt.Errorf("cannot read Secret %q in namespace %q: %w", source.Name, source.Namespace, err)
	}
	return nil
}

// handoverOf 说这是哪一份；平台的版本要交过才知道。
func handoverOf(o client.Object, source *secret.Source) secret.Handover {
	return secret.Handover{UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion(), Key: source.Key}
}

// sourceText 是一份秘密对外部层的称呼：换了 Secret、内容或键都不同。
func sourceText(h secret.Handover) string {
	return strings.Join([]string{h.UID, h.ResourceVersion, h.Key}, "/")
}

// last 是最近交给平台的那一份。缓存里的托管资源可能还没有刚写的状态，照它行事会再交一次。
func (s *secrets) last(mg secretHolder) *secret.Handover {
	s.mu.Lock()
	defer s.mu.Unlock()
	note, ok := s.noted[mg.GetUID()]
	if !ok {
		return mg.Handover()
	}
	if order, err := resourceversion.CompareResourceVersion(mg.GetResourceVersion(), note.resourceVersion); err == nil && order < 0 {
		return note.handover
	}
	delete(s.noted, mg.GetUID())
	return mg.Handover()
}

// note 记住刚写进状态的一次交入，直到缓存赶上。
func (s *secrets) note(mg secretHolder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted[mg.GetUID()] = notedHandover{handover: mg.Handover(), resourceVersion: mg.GetResourceVersion()}
}

// forget 忘掉不再存在的托管资源。
func (s *secrets) forget(mg resource.Managed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.noted, mg.GetUID())
}

// lastHandover 把记住的一份译成外部层的话。
func lastHandover(h *secret.Handover) external.Handover {
	if h == nil {
		return external.Handover{}
	}
	return external.Handover{Source: sourceText(*h), Version: h.Version}
}
