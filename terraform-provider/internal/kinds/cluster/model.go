package cluster

import (
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

type model struct {
	Credentials             *credentials `tfsdk:"credentials"`
	Region                  *string      `tfsdk:"region"`
	Zones                   []string     `tfsdk:"zones"`
	Taints                  []taint      `tfsdk:"taints"`
	Heartbeat               *heartbeat   `tfsdk:"heartbeat"`
	WorkloadNamespacePrefix *string      `tfsdk:"workload_namespace_prefix"`
	Suspended               *bool        `tfsdk:"suspended"`
	DeletionPolicy          *string      `tfsdk:"deletion_policy"`
}

type credentials struct {
	KubeconfigSecretRef   *secretRef `tfsdk:"kubeconfig_secret_ref"`
	InsecureSkipTLSVerify *bool      `tfsdk:"insecure_skip_tls_verify"`
}

type secretRef struct {
	Namespace string  `tfsdk:"namespace"`
	Name      string  `tfsdk:"name"`
	Key       *string `tfsdk:"key"`
}

type taint struct {
	Key    string  `tfsdk:"key"`
	Value  *string `tfsdk:"value"`
	Effect string  `tfsdk:"effect"`
}

type heartbeat struct {
	IntervalSeconds  *int32 `tfsdk:"interval_seconds"`
	TimeoutSeconds   *int32 `tfsdk:"timeout_seconds"`
	FailureThreshold *int32 `tfsdk:"failure_threshold"`
}

// defaults 是服务端替没写的字段填的值；Secret 引用里的必填字段没有默认值。
var defaults = model{
	Credentials: &credentials{
		KubeconfigSecretRef:   &secretRef{Key: ptr.To(clusterv1alpha1.DefaultKubeconfigKey)},
		InsecureSkipTLSVerify: ptr.To(false),
	},
	Heartbeat: &heartbeat{
		IntervalSeconds:  ptr.To(clusterv1alpha1.DefaultIntervalSeconds),
		TimeoutSeconds:   ptr.To(clusterv1alpha1.DefaultTimeoutSeconds),
		FailureThreshold: ptr.To(clusterv1alpha1.DefaultFailureThreshold),
	},
	WorkloadNamespacePrefix: ptr.To(clusterv1alpha1.DefaultWorkloadNamespacePrefix),
	Suspended:               ptr.To(false),
	DeletionPolicy:          ptr.To(string(clusterv1alpha1.DeletionDrain)),
}

func toAPI(m model, cluster *clusterv1alpha1.Cluster) {
	cluster.Spec = clusterv1alpha1.ClusterSpec{
		Region:                  m.Region,
		Zones:                   m.Zones,
		WorkloadNamespacePrefix: m.WorkloadNamespacePrefix,
		Suspended:               m.Suspended,
		DeletionPolicy:          (*clusterv1alpha1.DeletionPolicy)(m.DeletionPolicy),
	}
	if c := m.Credentials; c != nil {
		cluster.Spec.Credentials = &clusterv1alpha1.CredentialsSource{InsecureSkipTLSVerify: c.InsecureSkipTLSVerify}
		if ref := c.KubeconfigSecretRef; ref != nil {
			cluster.Spec.Credentials.KubeconfigSecretRef = &clusterv1alpha1.SecretKeyReference{
				Namespace: ref.Namespace, Name: ref.Name, Key: ref.Key,
			}
		}
	}
	for _, t := range m.Taints {
		cluster.Spec.Taints = append(cluster.Spec.Taints, clusterv1alpha1.Taint{
			Key: t.Key, Value: ptr.Deref(t.Value, ""), Effect: clusterv1alpha1.TaintEffect(t.Effect),
		})
	}
	if h := m.Heartbeat; h != nil {
		cluster.Spec.Heartbeat = &clusterv1alpha1.Heartbeat{
			IntervalSeconds: h.IntervalSeconds, TimeoutSeconds: h.TimeoutSeconds, FailureThreshold: h.FailureThreshold,
		}
	}
}

func fromAPI(cluster *clusterv1alpha1.Cluster) model {
	m := model{
		Region:                  cluster.Spec.Region,
		Zones:                   cluster.Spec.Zones,
		WorkloadNamespacePrefix: cluster.Spec.WorkloadNamespacePrefix,
		Suspended:               cluster.Spec.Suspended,
		DeletionPolicy:          (*string)(cluster.Spec.DeletionPolicy),
	}
	if c := cluster.Spec.Credentials; c != nil {
		m.Credentials = &credentials{InsecureSkipTLSVerify: c.InsecureSkipTLSVerify}
		if ref := c.KubeconfigSecretRef; ref != nil {
			m.Credentials.KubeconfigSecretRef = &secretRef{Namespace: ref.Namespace, Name: ref.Name, Key: ref.Key}
		}
	}
	for _, t := range cluster.Spec.Taints {
		one := taint{Key: t.Key, Effect: string(t.Effect)}
		if t.Value != "" {
			one.Value = ptr.To(t.Value)
		}
		m.Taints = append(m.Taints, one)
	}
	if h := cluster.Spec.Heartbeat; h != nil {
		m.Heartbeat = &heartbeat{
			IntervalSeconds: h.IntervalSeconds, TimeoutSeconds: h.TimeoutSeconds, FailureThreshold: h.FailureThreshold,
		}
	}
	return m
}
