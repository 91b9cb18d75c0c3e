// Package credentials 存放交给平台的凭据。这里的东西从不对外提供：没有任何 API 路径通到它，
// 只有收下凭据的子资源写、平台自己的控制器经子资源读；落盘时与其它数据一样加密。
package credentials

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName 是凭据的组名；它只出现在 etcd 的键与加密配置里。
const GroupName = "internal.kubellm.io"

// Resource 是加密配置里点名凭据的写法：credentials.internal.kubellm.io。
var Resource = schema.GroupResource{Group: GroupName, Resource: "credentials"}

var storageVersion = schema.GroupVersion{Group: GroupName, Version: "v1"}

// AddToScheme 登记存储用的类型；同一个类型既是内部形式又是存下的形式，它没有别的版本要换算。
func AddToScheme(scheme *runtime.Scheme) error {
	for _, version := range []schema.GroupVersion{storageVersion, {Group: GroupName, Version: runtime.APIVersionInternal}} {
		scheme.AddKnownTypes(version, &Record{}, &RecordList{})
	}
	return scheme.SetVersionPriority(storageVersion)
}

// Record 是一个对象的凭据，以那个对象的 UID 为名：重建出来的同名对象什么也继承不到。
type Record struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Owner 是凭据属于哪种对象，清理时各种类只动自己的。
	Owner string `json:"owner"`
	// Version 每次交来都换成新的随机值，看不出内容。
	Version string `json:"version"`
	// Data 是凭据本身。
	Data map[string][]byte `json:"data"`
}

// RecordList 是 Record 的列表。
type RecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Record `json:"items"`
}

// DeepCopyInto 复制到 out。
func (r *Record) DeepCopyInto(out *Record) {
	*out = *r
	r.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Data = maps.Clone(r.Data)
	for key, value := range out.Data {
		out.Data[key] = append([]byte(nil), value...)
	}
}

// DeepCopyObject 实现 runtime.Object。
func (r *Record) DeepCopyObject() runtime.Object {
	out := &Record{}
	r.DeepCopyInto(out)
	return out
}

// DeepCopyObject 实现 runtime.Object。
func (l *RecordList) DeepCopyObject() runtime.Object {
	out := &RecordList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopyObject().(*Record))
	}
	return out
}
