// Package iam 声明 iam.kubellm.io 的各个种类；每个种类一个短文件，在 Group 里各占一行。
package iam

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubellm/kubellm/apis/iam"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// Group 列出本组的版本与种类。
func Group(guard auth.Guard) registry.Group {
	return registry.Group{
		Name:     iam.GroupName,
		Versions: []schema.GroupVersion{v1alpha1.SchemeGroupVersion},
		Resources: []registry.Installer{
			User(guard),
			Role(guard),
			RoleBinding(guard),
		},
	}
}
