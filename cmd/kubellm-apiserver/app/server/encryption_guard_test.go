package server

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	"k8s.io/apiserver/pkg/storage/value/encrypt/secretbox"
)

// fixedOptions 给每种资源同一个转换器。
type fixedOptions struct{ transformer value.Transformer }

func (f fixedOptions) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	config := &storagebackend.ConfigForResource{GroupResource: resource}
	config.Transformer = f.transformer
	return generic.RESTOptions{StorageConfig: config}, nil
}

// TestEncryptedOnly 换上来的配置若不加密，凭据就写不进去；别的不管。
func TestEncryptedOnly(t *testing.T) {
	box := value.NewPrefixTransformers(nil, value.PrefixTransformer{Prefix: []byte("k8s:enc:secretbox:v1:a:"), Transformer: secretbox.NewSecretboxTransformer([32]byte{1})})
	credentials := schema.GroupResource{Group: "internal.kubellm.io", Resource: "credentials"}
	cases := map[string]struct {
		reason      string
		resource    schema.GroupResource
		transformer value.Transformer
		written     bool
	}{
		"encrypted secret":      {"it is unreadable", schema.GroupResource{Resource: "secrets"}, box, true},
		"plain secret":          {"anybody with the disk could read it", schema.GroupResource{Resource: "secrets"}, identity.NewEncryptCheckTransformer(), false},
		"encrypted credentials": {"they are unreadable", credentials, box, true},
		"plain credentials":     {"anybody with the disk could read them", credentials, identity.NewEncryptCheckTransformer(), false},
		"plain event":           {"it holds no secret", schema.GroupResource{Resource: "events"}, identity.NewEncryptCheckTransformer(), true},
		"same name elsewhere":   {"another group's secrets are none of ours", schema.GroupResource{Group: "x", Resource: "secrets"}, identity.NewEncryptCheckTransformer(), true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			options, err := encryptedOnly{fixedOptions{tc.transformer}}.GetRESTOptions(tc.resource, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = options.StorageConfig.Transformer.TransformToStorage(t.Context(), []byte(`{"kind":"x"}`), value.DefaultContext("/x"))
			if (err == nil) != tc.written {
				t.Errorf("%s: written %v, want %v: %v", tc.reason, err == nil, tc.written, err)
			}
		})
	}
	if _, err := (encryptedOnly{fixedOptions{}}).GetRESTOptions(credentials, nil); err == nil {
		t.Error("without any transformer credentials would be plain")
	}
}
