package server

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage/value"
)

// encryptedPrefix 开头的才是加过密的；每种加密都写它，只有 identity 不写。
var encryptedPrefix = []byte("k8s:enc:")

// encryptedOnly 让凭据在落盘那一刻也查一遍：配置可以不停机换掉，启动时的检查管不到换上来的那一份。
type encryptedOnly struct {
	generic.RESTOptionsGetter
}

// GetRESTOptions 给凭据的转换器加上检查，别的原样。
func (e encryptedOnly) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := e.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil || !slices.Contains(secretResources, resource) {
		return options, err
	}
	if options.StorageConfig.Transformer == nil {
		return generic.RESTOptions{}, fmt.Errorf("store %s: nothing encrypts it", resource)
	}
	options.StorageConfig.Transformer = encryptedTransformer{options.StorageConfig.Transformer, resource}
	return options, nil
}

type encryptedTransformer struct {
	value.Transformer
	resource schema.GroupResource
}

// TransformToStorage 拒绝写下没有加密的内容。
func (t encryptedTransformer) TransformToStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, error) {
	out, err := t.Transformer.TransformToStorage(ctx, data, dataCtx)
	if err == nil && !bytes.HasPrefix(out, encryptedPrefix) {
		return nil, fmt.Errorf("write %s: the file of --encryption-provider-config, as it is now, would store it in plain text: put a provider that encrypts first for %q", t.resource, t.resource.String())
	}
	return out, err
}
