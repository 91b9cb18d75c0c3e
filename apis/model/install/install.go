// Package install 把 model 组的全部版本装进一个 Scheme，服务端与往返测试共用同一份。
package install

import (
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Install 登记内部类型与全部外部版本，并定版本优先级。
func Install(scheme *runtime.Scheme) {
	utilruntime.Must(model.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	utilruntime.Must(scheme.SetVersionPriority(v1alpha1.SchemeGroupVersion))
}
