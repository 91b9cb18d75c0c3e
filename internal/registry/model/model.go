package model

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/validation"
	"github.com/kubellm/kubellm/internal/credentials"
	"github.com/kubellm/kubellm/internal/registry"
	"github.com/kubellm/kubellm/internal/registry/handin"
	"github.com/kubellm/kubellm/internal/service/auth"
)

var models = model.Resource("models")

// Guard 判断请求者能否让平台替他用一份密文，以及计划里的集群他看不看得。
type Guard interface {
	handin.Guard
	ConfirmSecret(ctx context.Context, use auth.SecretUse, namespace, name string) error
	MayList(ctx context.Context, resource schema.GroupResource) (bool, error)
}

// ClusterLister 给出此刻的全部集群，计划在它们之上作出。
type ClusterLister interface {
	List(ctx context.Context) (*cluster.ClusterList, error)
}

// Model 声明模型种类。
func Model(guard Guard, store credentials.Store, clusters ClusterLister, placer Placer) *registry.Resource[*model.Model, *model.ModelList] {
	credentials := intake(store)
	plans := &planner{guard: guard, placer: placer, clusters: clusters}
	declared := &registry.Resource[*model.Model, *model.ModelList]{
		Group: model.GroupName, Kind: "Model", Plural: "models", Singular: "model", ShortNames: []string{"mdl"}, Namespaced: true,
		New:        func() *model.Model { return &model.Model{} },
		NewList:    func() *model.ModelList { return &model.ModelList{} },
		CopySpec:   func(to, from *model.Model) { to.Spec = from.Spec },
		CopyStatus: func(to, from *model.Model) { to.Status = from.Status },
		Prepare:    func(_ context.Context, obj, old *model.Model) { dropDefaults(obj, old) },
		// 计划只在干跑的回答里；把回答原样写回来的人，不能让它留在库里变成假话。
		PrepareStatus:  func(obj *model.Model) { obj.Status.Plan = nil },
		Conditions:     func(obj *model.Model) []metav1.Condition { return obj.Status.Conditions },
		Published:      credentials.Version,
		Columns:        columns(),
		Fields:         selectable(),
		ValidateName:   validation.ValidateModelName,
		Validate:       validation.ValidateModel,
		ValidateUpdate: validation.ValidateModelUpdate,
		Admit: func(ctx context.Context, obj, old *model.Model) error {
			return confirm(ctx, guard, credentials, obj, old)
		},
		Warn:   warn,
		DryRun: plans.plan,
		Scale:  scale(),
		Subresources: map[string]func(*registry.Storage) rest.Storage{
			handin.Subresource: credentials.REST,
		},
		AfterDelete: credentials.Forget,
		Tidy:        credentials.Sweep,
	}
	plans.models = declared
	return declared
}

// dropDefaults 收回不再适用的默认值：换成自动伸缩或 Recreate 的人没写过它们，也就没法去掉它们。
func dropDefaults(obj, old *model.Model) {
	if old == nil {
		return
	}
	if is, was := obj.Spec.Scaling, old.Spec.Scaling; is != nil && was != nil && is.Autoscaling != nil && was.Autoscaling == nil {
		drop(&is.Replicas, was.Replicas, 1)
	}
	if is, was := obj.Spec.Rollout, old.Spec.Rollout; is != nil && was != nil && ptr.Deref(is.Type, "") == model.RolloutRecreate && ptr.Deref(was.Type, "") == model.RolloutRolling {
		drop(&is.MaxSurge, was.MaxSurge, 0)
		drop(&is.MaxUnavailable, was.MaxUnavailable, 1)
	}
}

// drop 只收回原样留着的默认值；写成别的，就是使用者的意思，由校验去说它不合。
func drop(is **int32, was *int32, standard int32) {
	if *is != nil && was != nil && **is == standard && *was == standard {
		*is = nil
	}
}

// selectable 让人找出用某个引擎的模型，也找出放在某个集群上的。
func selectable() []registry.Field[*model.Model] {
	return []registry.Field[*model.Model]{
		{Path: "spec.engine.type", Value: func(m *model.Model) string { return string(m.Spec.Engine.Type) }},
		{Path: "status.placements.cluster", Values: func(m *model.Model) []string {
			names := make([]string, 0, len(m.Status.Placements))
			for _, placement := range m.Status.Placements {
				names = append(names, placement.Cluster)
			}
			return names
		}},
	}
}

// scale 改的是每个集群里的副本数；用着自动伸缩时由校验拒绝。
func scale() *registry.Scale[*model.Model] {
	return &registry.Scale[*model.Model]{
		Path:     fieldpath.MakePathOrDie("spec", "scaling", "replicas"),
		Replicas: wantedReplicas,
		Set: func(m *model.Model, replicas int32) {
			if m.Spec.Scaling == nil {
				m.Spec.Scaling = &model.Scaling{}
			}
			m.Spec.Scaling.Replicas = &replicas
		},
		Status: func(m *model.Model) (int32, string) { return perCluster(m), m.Status.Selector },
	}
}

// perCluster 是每个集群里现有的副本数，不满一个的进一：自动伸缩器拿它乘以负载的比例，写回每个集群要的副本数；
// 给它各处的总和，放在几个集群上的 Model 每算一次就翻几倍。看不到的集群不在总和里，也就不在分母里。
func perCluster(m *model.Model) int32 {
	var seen int32
	for _, placement := range m.Status.Placements {
		if placement.Phase != model.PlacementUnreachable {
			seen++
		}
	}
	seen = max(seen, 1)
	return (m.Status.Replicas + seen - 1) / seen
}

// wantedReplicas 是每个集群里要的副本数；归自动伸缩管时是它的下限。
func wantedReplicas(m *model.Model) int32 {
	scaling := ptr.Deref(m.Spec.Scaling, model.Scaling{})
	if scaling.Autoscaling != nil {
		return ptr.Deref(scaling.Autoscaling.MinReplicas, 0)
	}
	return ptr.Deref(scaling.Replicas, 0)
}

// warn 说出合法但多半不是本意的写法。
func warn(m *model.Model) []string {
	warnings := engineWarnings(m)
	if accelerator(m) == nil && m.Spec.Engine.Type != model.EngineLlamaCpp && ptr.Deref(m.Spec.Engine.Image, "") == "" {
		warnings = append(warnings, fmt.Sprintf("spec.resources.accelerator: without accelerators %s does not start from its default image, which is made for NVIDIA's: "+
			"ask for accelerators, or name an image for processors in spec.engine.image", m.Spec.Engine.Type))
	}
	if m.Spec.Cache != nil && len(m.Spec.Adapters) == 0 && (m.Spec.Source.OCI != nil || m.Spec.Source.PVC != nil) {
		warnings = append(warnings, "spec.cache: nothing is downloaded from an image or a volume, so the cache stays empty")
	}
	if rollout := m.Spec.Rollout; rollout != nil && ptr.Deref(rollout.MaxSurge, 0) > 0 && accelerator(m) != nil {
		warnings = append(warnings, "spec.rollout.maxSurge: a rollout waits for good where no accelerators are left for the additional replicas")
	}
	return warnings
}

func accelerator(m *model.Model) *model.AcceleratorRequest {
	if m.Spec.Resources == nil {
		return nil
	}
	return m.Spec.Resources.Accelerator
}
