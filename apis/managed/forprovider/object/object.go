// +kubebuilder:object:generate=true

// Package object 是所有托管资源共有的那一部分：平台对象的元数据里能声明的与要展示的。
package object

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/meta"
)

// Parameters are the parts of the platform object's metadata that a managed
// resource can set. The object's name is the managed resource's external name.
type Parameters struct {
	// labels of the object on the platform. Labels that are not listed here are
	// left alone.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations of the object on the platform. Annotations that are not listed
	// here are left alone. kubellm.io/owner and kubellm.io/adopt are reserved.
	// +optional
	// +kubebuilder:validation:MaxProperties=256
	// +kubebuilder:validation:XValidation:rule="!('kubellm.io/owner' in self) && !('kubellm.io/adopt' in self)",message="kubellm.io/owner and kubellm.io/adopt are reserved: the provider sets them"
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ObjectMeta 只带用户声明的标签与标注；名字由外部名决定，不在这里。
func (p Parameters) ObjectMeta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Labels: p.Labels, Annotations: p.Annotations}
}

// Observation is what the platform object's metadata shows.
type Observation struct {
	// uid of the object on the platform.
	// +optional
	UID string `json:"uid,omitempty"`
	// owner is the mark of the one managed resource or Terraform resource that
	// manages the object; empty where no toolchain does.
	// +optional
	Owner string `json:"owner,omitempty"`
}

// Observe 摘出元数据里要展示的部分。
func Observe(o metav1.Object) Observation {
	return Observation{UID: string(o.GetUID()), Owner: o.GetAnnotations()[meta.OwnerAnnotation]}
}
