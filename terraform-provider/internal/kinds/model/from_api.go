package model

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

func fromAPI(in *modelv1alpha1.Model) model {
	spec := in.Spec
	m := model{
		Source: sourceFromAPI(spec.Source),
		Engine: engine{
			Type: string(spec.Engine.Type), Image: spec.Engine.Image, Args: spec.Engine.Args,
			ContextLength: spec.Engine.ContextLength, Delivery: (*string)(spec.Engine.Delivery),
		},
		ServedName:            spec.ServedName,
		Resources:             resourcesFromAPI(spec.Resources),
		Placement:             placementFromAPI(spec.Placement),
		Scaling:               scalingFromAPI(spec.Scaling),
		StartupTimeoutSeconds: spec.StartupTimeoutSeconds,
		Suspended:             spec.Suspended,
		DeletionPolicy:        (*string)(spec.DeletionPolicy),
	}
	for _, e := range spec.Engine.Env {
		m.Engine.Env = append(m.Engine.Env, envVar{Name: e.Name, Value: known(e.Value)})
	}
	for _, a := range spec.Adapters {
		m.Adapters = append(m.Adapters, adapter{Name: a.Name, Source: adapterFromAPI(a.Source)})
	}
	if c := spec.Cache; c != nil {
		m.Cache = &cache{Size: ptr.To(c.Size.String()), StorageClassName: c.StorageClassName, AccessMode: c.AccessMode}
	}
	if r := spec.Rollout; r != nil {
		m.Rollout = &rollout{Type: (*string)(r.Type), MaxSurge: r.MaxSurge, MaxUnavailable: r.MaxUnavailable}
	}
	return m
}

func sourceFromAPI(in modelv1alpha1.ModelSource) source {
	var s source
	if h := in.HuggingFace; h != nil {
		s.HuggingFace = &huggingFace{Repo: h.Repo, Revision: h.Revision, File: h.File, TokenSecretRef: secretKeyFromAPI(h.TokenSecretRef)}
	}
	if o := in.OCI; o != nil {
		s.OCI = &oci{Image: o.Image, PullSecretRef: secretKeyFromAPI(o.PullSecretRef)}
	}
	if b := in.S3; b != nil {
		s.S3 = &s3{Bucket: b.Bucket, Prefix: b.Prefix, Endpoint: b.Endpoint, Region: b.Region}
		if b.CredentialsSecretRef != nil {
			s.S3.CredentialsSecretRef = &secretRef{Name: b.CredentialsSecretRef.Name}
		}
	}
	s.PVC = (*pvc)(in.PVC)
	return s
}

func adapterFromAPI(in modelv1alpha1.ModelSource) adapterSource {
	s := adapterSource{PVC: (*pvc)(in.PVC)}
	if h := in.HuggingFace; h != nil {
		s.HuggingFace = &adapterRepo{Repo: h.Repo}
	}
	if o := in.OCI; o != nil {
		s.OCI = &adapterImage{Image: o.Image}
	}
	return s
}

func secretKeyFromAPI(ref *modelv1alpha1.SecretKeyReference) *secretKeyRef {
	if ref == nil {
		return nil
	}
	return &secretKeyRef{Name: ref.Name, Key: ref.Key}
}

func resourcesFromAPI(in *modelv1alpha1.Resources) *resources {
	if in == nil {
		return nil
	}
	r := &resources{CPU: amountText(in.CPU), Memory: amountText(in.Memory), SharedMemory: amountText(in.SharedMemory)}
	if a := in.Accelerator; a != nil {
		r.Accelerator = &accelerator{ResourceName: a.ResourceName, Count: a.Count, Products: a.Products}
	}
	return r
}

func amountText(quantity *resource.Quantity) *string {
	if quantity == nil {
		return nil
	}
	return ptr.To(quantity.String())
}

func placementFromAPI(in *modelv1alpha1.Placement) *placement {
	if in == nil {
		return nil
	}
	p := &placement{ClusterNames: in.ClusterNames, Clusters: in.Clusters, Strategy: (*string)(in.Strategy)}
	if s := in.ClusterSelector; s != nil {
		p.ClusterSelector = &selector{MatchLabels: s.MatchLabels}
		for _, r := range s.MatchExpressions {
			p.ClusterSelector.MatchExpressions = append(p.ClusterSelector.MatchExpressions,
				requirement{Key: r.Key, Operator: string(r.Operator), Values: r.Values})
		}
	}
	for _, t := range in.Tolerations {
		p.Tolerations = append(p.Tolerations, toleration{
			Key: known(t.Key), Operator: (*string)(t.Operator), Value: known(t.Value), Effect: known(t.Effect),
		})
	}
	if in.Failover != nil {
		p.Failover = &failover{AfterSeconds: in.Failover.AfterSeconds}
	}
	return p
}

func scalingFromAPI(in *modelv1alpha1.Scaling) *scaling {
	if in == nil {
		return nil
	}
	s := &scaling{Replicas: in.Replicas}
	if a := in.Autoscaling; a != nil {
		s.Autoscaling = &autoscaling{
			MinReplicas: a.MinReplicas, MaxReplicas: a.MaxReplicas, TargetRequestsPerReplica: a.TargetRequestsPerReplica,
		}
	}
	return s
}

// known 把空的文字变成 null：平台不区分空的与没写的。
func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
