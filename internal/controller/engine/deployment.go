package engine

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	cacheSuffix = "-cache"
	// progressSlack 让成员的期限晚于启动的期限，否则还在装载就先被说成卡住了。
	progressSlack = 600
	// history 够查出上一次是什么样；每多一份，成员上就多一个 ReplicaSet。
	history = 3
)

func deployment(in Input, e backend) client.Object {
	m := in.Model
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: objectMeta(in, ""),
		Spec: appsv1.DeploymentSpec{
			Replicas: replicas(in), Strategy: strategy(m),
			Selector:                &metav1.LabelSelector{MatchLabels: selector(m)},
			ProgressDeadlineSeconds: ptr.To(*m.Spec.StartupTimeoutSeconds + progressSlack),
			RevisionHistoryLimit:    ptr.To[int32](history),
			Template: corev1.PodTemplateSpec{
				// 标签里也有平台自己的：成员的缓存凭它们留住这些 Pod。
				ObjectMeta: metav1.ObjectMeta{Labels: objectLabels(in), Annotations: credentialAnnotations(in)},
				Spec:       podSpec(in, e),
			},
		},
	}
}

// replicas 自动伸缩时不写：写了就会与成员上的伸缩器争。
func replicas(in Input) *int32 {
	switch {
	case suspended(in.Model):
		return ptr.To[int32](0)
	case in.Model.Spec.Scaling.Autoscaling != nil:
		return nil
	}
	return ptr.To(in.Placement.Replicas)
}

// strategy 默认先停一个再起一个：卡占满时多起一个永远等不到卡。
func strategy(m *model.Model) appsv1.DeploymentStrategy {
	rollout := m.Spec.Rollout
	if *rollout.Type == model.RolloutRecreate {
		return appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
	}
	return appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{
		MaxSurge: ptr.To(intstr.FromInt32(*rollout.MaxSurge)), MaxUnavailable: ptr.To(intstr.FromInt32(*rollout.MaxUnavailable)),
	}}
}

func service(in Input) client.Object {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: objectMeta(in, ""),
		Spec: corev1.ServiceSpec{
			Selector: selector(in.Model),
			Ports:    []corev1.ServicePort{{Name: portName, Port: port, TargetPort: intstr.FromString(portName), Protocol: corev1.ProtocolTCP}},
		},
	}
}

func cacheClaim(in Input) client.Object {
	cache := in.Model.Spec.Cache
	return &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: objectMeta(in, cacheSuffix),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.PersistentVolumeAccessMode(*cache.AccessMode)},
			StorageClassName: cache.StorageClassName,
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: cache.Size}},
		},
	}
}
