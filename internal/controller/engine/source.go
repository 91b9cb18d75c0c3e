package engine

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	modelsPath   = "/models"
	adaptersPath = "/adapters"
	cachePath    = "/models-cache"

	volumeModel = "model"

	// singleFile 是 llama.cpp 要的那个文件在镜像里的名字：镜像里有什么，事先看不到，只能约定。
	singleFile = "model.gguf"
)

// files 是文件所在，和为此要挂载、设置、先下载的。
type files struct {
	path    string
	volumes []corev1.Volume
	mounts  []corev1.VolumeMount
	env     []corev1.EnvVar
	// download 先于引擎运行，只有引擎自己读不了的来源才有。
	download *corev1.Container
}

// modelFiles 是模型的文件。
func modelFiles(in Input) files {
	source, single := &in.Model.Spec.Source, in.Model.Spec.Engine.Type == model.EngineLlamaCpp
	switch {
	case source.HuggingFace != nil:
		return files{path: source.HuggingFace.Repo}
	case source.S3 != nil && single:
		return downloaded(in, source.S3)
	case source.S3 != nil:
		return files{path: s3URL(source.S3), env: s3Env(source.S3)}
	case source.OCI != nil && single:
		f := mounted(source, volumeModel, modelsPath)
		f.path = path.Join(modelsPath, singleFile)
		return f
	}
	return mounted(source, volumeModel, modelsPath)
}

// adapterFiles 是各适配器的文件，按名字排序：列表里换个次序不该让副本重启。
func adapterFiles(in Input) (adapters []adapter, all files) {
	ordered := slices.SortedFunc(slices.Values(in.Model.Spec.Adapters), func(a, b model.Adapter) int { return strings.Compare(a.Name, b.Name) })
	for i := range ordered {
		a := &ordered[i]
		f := files{}
		if a.Source.HuggingFace != nil {
			f.path = a.Source.HuggingFace.Repo
		} else {
			f = mounted(&a.Source, fmt.Sprintf("adapter-%d", i), fmt.Sprintf("%s/%d", adaptersPath, i))
		}
		adapters = append(adapters, adapter{name: a.Name, path: f.path})
		all.volumes, all.mounts = append(all.volumes, f.volumes...), append(all.mounts, f.mounts...)
	}
	return adapters, all
}

// mounted 是只读挂载的来源：OCI 镜像卷，或成员上已有的卷。
func mounted(source *model.ModelSource, volume, at string) files {
	f := files{path: at, mounts: []corev1.VolumeMount{{Name: volume, MountPath: at, ReadOnly: true}}}
	if source.OCI != nil {
		f.volumes = []corev1.Volume{{Name: volume, VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: source.OCI.Image, PullPolicy: corev1.PullIfNotPresent},
		}}}
		return f
	}
	f.path = path.Join(at, ptr.Deref(source.PVC.Path, ""))
	f.volumes = []corev1.Volume{{Name: volume, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: source.PVC.ClaimName, ReadOnly: true},
	}}}
	return f
}
