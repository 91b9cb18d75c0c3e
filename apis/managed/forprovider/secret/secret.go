// +kubebuilder:object:generate=true

// Package secret 是托管资源指向控制面里的 Secret 的方式，以及记住哪一份交给了平台。
package secret

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/utils/ptr"
)

// Reference points at one key of a Secret in the managed resource's own
// namespace.
type Reference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	Key  `json:",inline"`
}

// NamespacedReference points at one key of a Secret.
type NamespacedReference struct {
	// namespace of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	Reference `json:",inline"`
}

// SetReference points at a Secret in the managed resource's own namespace that
// holds credentials under keys of fixed names.
type SetReference struct {
	// name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// NamespacedSetReference points at a Secret that holds credentials under keys of
// fixed names.
type NamespacedSetReference struct {
	// namespace of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace    string `json:"namespace"`
	SetReference `json:",inline"`
}

// Key is the key of a Secret.
type Key struct {
	// key of the Secret's data. Defaults to "kubeconfig".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key *string `json:"key,omitempty"`
}

// Handover says which Secret of this cluster the platform was given last. When
// the Secret or the platform's version is another, it is given again.
type Handover struct {
	// uid of the Secret.
	// +optional
	UID string `json:"uid,omitempty"`
	// resourceVersion of the Secret.
	// +optional
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// key of the Secret that was taken, or the keys that could be, with commas
	// between them.
	// +optional
	Key string `json:"key,omitempty"`
	// version is the opaque version that the platform gave to what it received.
	// +optional
	Version string `json:"version,omitempty"`
}

// Source 指控制面里一个 Secret 的一个或几个键；两种作用域的引用都化成它。
// +kubebuilder:object:generate=false
type Source struct {
	Namespace, Name string
	// Key 是引用点名的那一个键；没有点名的是要取的各个键，逗号相连。
	Key string
	// Takes 是要取的键，各自对应平台对它的称呼；有几个取几个，一个也没有才是错。
	Takes map[string]string
	// Field 是引用它的字段，错误里告诉用户改哪里。
	Field string
}

// In 是命名空间级的引用所指：只能是自己命名空间里的。
func (r *Reference) In(namespace, field, defaultKey string) *Source {
	if r == nil {
		return nil
	}
	key := ptr.Deref(r.Key.Key, defaultKey)
	return &Source{Namespace: namespace, Name: r.Name, Key: key, Takes: map[string]string{key: defaultKey}, Field: field}
}

// Source 是集群级的引用所指。
func (r *NamespacedReference) Source(field, defaultKey string) *Source {
	if r == nil {
		return nil
	}
	return r.In(r.Namespace, field, defaultKey)
}

// In 是命名空间级的引用所指：只能是自己命名空间里的。没有要取的键就没有要交入的。
func (r *SetReference) In(namespace, field string, takes map[string]string) *Source {
	if r == nil || len(takes) == 0 {
		return nil
	}
	// 要取的键变了，就是另一份：来源换了之后，新要的键也得交进去。
	keys := strings.Join(slices.Sorted(maps.Keys(takes)), ",")
	return &Source{Namespace: namespace, Name: r.Name, Key: keys, Takes: takes, Field: field}
}

// Source 是集群级的引用所指。
func (r *NamespacedSetReference) Source(field string, takes map[string]string) *Source {
	if r == nil {
		return nil
	}
	return r.In(r.Namespace, field, takes)
}

// From 按平台的称呼取出一个 Secret 里有内容的键。
func (s *Source) From(data map[string][]byte) map[string][]byte {
	taken := map[string][]byte{}
	for _, key := range slices.Sorted(maps.Keys(s.Takes)) {
		if len(data[key]) > 0 {
			taken[s.Takes[key]] = data[key]
		}
	}
	return taken
}

// KeysText 是给人看的要取的键，例如 key "kubeconfig"。
func (s *Source) KeysText() string {
	quoted := make([]string, 0, len(s.Takes))
	for _, key := range slices.Sorted(maps.Keys(s.Takes)) {
		quoted = append(quoted, fmt.Sprintf("%q", key))
	}
	if len(quoted) == 1 {
		return "key " + quoted[0]
	}
	return "any of the keys " + strings.Join(quoted, ", ")
}
