package model

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

func toAPI(m model, out *modelv1alpha1.Model) {
	out.Spec = modelv1alpha1.ModelSpec{
		Source: sourceToAPI(m.Source),
		Engine: modelv1alpha1.Engine{
			Type: modelv1alpha1.EngineType(m.Engine.Type), Image: m.Engine.Image, Args: m.Engine.Args,
			ContextLength: m.Engine.ContextLength, Delivery: (*modelv1alpha1.Delivery)(m.Engine.Delivery),
		},
		ServedName:            m.ServedName,
		Resources:             resourcesToAPI(m.Resources),
		Placement:             placementToAPI(m.Placement),
		Scaling:               scalingToAPI(m.Scaling),
		StartupTimeoutSeconds: m.StartupTimeoutSeconds,
		Suspended:             m.Suspended,
		DeletionPolicy:        (*modelv1alpha1.DeletionPolicy)(m.DeletionPolicy),
	}
	for _, e := range m.Engine.Env {
		out.Spec.Engine.Env = append(out.Spec.Engine.Env, modelv1alpha1.EnvVar{Name: e.Name, Value: ptr.Deref(e.Value, "")})
	}
	for _, a := range m.Adapters {
		out.Spec.Adapters = append(out.Spec.Adapters, modelv1alpha1.Adapter{Name: a.Name, Source: adapterToAPI(a.Source)})
	}
	if c := m.Cache; c != nil {
		out.Spec.Cache = &modelv1alpha1.Cache{Size: amount(ptr.Deref(c.Size, "")), StorageClassName: c.StorageClassName, AccessMode: c.AccessMode}
	}
	if r := m.Rollout; r != nil {
		out.Spec.Rollout = &modelv1alpha1.Rollout{
			Type: (*modelv1alpha1.RolloutType)(r.Type), MaxSurge: r.MaxSurge, MaxUnavailable: r.MaxUnavailable,
		}
	}
}

func sourceToAPI(s source) modelv1alpha1.ModelSource {
	var out modelv1alpha1.ModelSource
	if h := s.HuggingFace; h != nil {
		out.HuggingFace = &modelv1alpha1.HuggingFaceSource{
			Repo: h.Repo, Revision: h.Revision, File: h.File, TokenSecretRef: secretKeyToAPI(h.TokenSecretRef),
		}
	}
	if o := s.OCI; o != nil {
		out.OCI = &modelv1alpha1.OCISource{Image: o.Image, PullSecretRef: secretKeyToAPI(o.PullSecretRef)}
	}
	if b := s.S3; b != nil {
		out.S3 = &modelv1alpha1.S3Source{Bucket: b.Bucket, Prefix: b.Prefix, Endpoint: b.Endpoint, Region: b.Region}
		if b.CredentialsSecretRef != nil {
			out.S3.CredentialsSecretRef = &modelv1alpha1.SecretReference{Name: b.CredentialsSecretRef.Name}
		}
	}
	out.PVC = (*modelv1alpha1.PVCSource)(s.PVC)
	return out
}

func adapterToAPI(s adapterSource) modelv1alpha1.ModelSource {
	out := modelv1alpha1.ModelSource{PVC: (*modelv1alpha1.PVCSource)(s.PVC)}
	if h := s.HuggingFace; h != nil {
		out.HuggingFace = &modelv1alpha1.HuggingFaceSource{Repo: h.Repo}
	}
	if o := s.OCI; o != nil {
		out.OCI = &modelv1alpha1.OCISource{Image: o.Image}
	}
	return out
}

func secretKeyToAPI(ref *secretKeyRef) *modelv1alpha1.SecretKeyReference {
	if ref == nil {
		return nil
	}
	return &modelv1alpha1.SecretKeyReference{Name: ref.Name, Key: ref.Key}
}

func resourcesToAPI(r *resources) *modelv1alpha1.Resources {
	if r == nil {
		return nil
	}
	out := &modelv1alpha1.Resources{CPU: optionalAmount(r.CPU), Memory: optionalAmount(r.Memory), SharedMemory: optionalAmount(r.SharedMemory)}
	if a := r.Accelerator; a != nil {
		out.Accelerator = &modelv1alpha1.AcceleratorRequest{ResourceName: a.ResourceName, Count: a.Count, Products: a.Products}
	}
	return out
}

// amount 读出一个数量；不是数量的文字在拆开配置时就已拒绝，到不了这里。
func amount(text string) resource.Quantity { return resource.MustParse(text) }

func optionalAmount(text *string) *resource.Quantity {
	if text == nil {
		return nil
	}
	return ptr.To(amount(*text))
}

func placementToAPI(p *placement) *modelv1alpha1.Placement {
	if p == nil {
		return nil
	}
	out := &modelv1alpha1.Placement{
		ClusterNames: p.ClusterNames, Clusters: p.Clusters, Strategy: (*modelv1alpha1.PlacementStrategy)(p.Strategy),
	}
	if s := p.ClusterSelector; s != nil {
		out.ClusterSelector = &metav1.LabelSelector{MatchLabels: s.MatchLabels}
		for _, r := range s.MatchExpressions {
			out.ClusterSelector.MatchExpressions = append(out.ClusterSelector.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: r.Key, Operator: metav1.LabelSelectorOperator(r.Operator), Values: r.Values,
			})
		}
	}
	for _, t := range p.Tolerations {
		out.Tolerations = append(out.Tolerations, modelv1alpha1.Toleration{
			Key: ptr.Deref(t.Key, ""), Operator: (*modelv1alpha1.TolerationOperator)(t.Operator),
			Value: ptr.Deref(t.Value, ""), Effect: ptr.Deref(t.Effect, ""),
		})
	}
	if p.Failover != nil {
		out.Failover = &modelv1alpha1.Failover{AfterSeconds: p.Failover.AfterSeconds}
	}
	return out
}

func scalingToAPI(s *scaling) *modelv1alpha1.Scaling {
	if s == nil {
		return nil
	}
	out := &modelv1alpha1.Scaling{Replicas: s.Replicas}
	if a := s.Autoscaling; a != nil {
		out.Autoscaling = &modelv1alpha1.Autoscaling{
			MinReplicas: a.MinReplicas, MaxReplicas: a.MaxReplicas, TargetRequestsPerReplica: a.TargetRequestsPerReplica,
		}
	}
	return out
}
