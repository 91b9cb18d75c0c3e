// Package model 声明 model.kubellm.io 的种类：模型、它的 /scale、收下凭据的子资源，以及干跑时给出的计划。
package model

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
)

// Group 列出本组的版本与种类。
func Group(guard Guard, store credentials.Store, clusters ClusterLister, placer Placer) registry.Group {
	return registry.Group{
		Name:      model.GroupName,
		Versions:  []schema.GroupVersion{v1alpha1.SchemeGroupVersion},
		Resources: []registry.Installer{Model(guard, store, clusters, placer)},
	}
}
