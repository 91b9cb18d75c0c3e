package v1alpha1

import (
	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
)

// ClusterParameters are what is wanted of a member cluster of the platform. The
// kubeconfig comes from a Secret of this cluster, kubeconfigSecretRef, or is one
// that the platform already has, platformKubeconfigSecretRef.
type ClusterParameters struct {
	object.Parameters `json:",inline"`

	// platformKubeconfigSecretRef points at a Secret that exists on the platform,
	// not in this cluster, and holds the kubeconfig. The provider's credentials
	// must be allowed to get it. It excludes kubeconfigSecretRef.
	// +optional
	PlatformKubeconfigSecretRef *PlatformSecretReference `json:"platformKubeconfigSecretRef,omitempty"`
	// insecureSkipTLSVerify must be true for a kubeconfig that does not verify
	// the member's certificate to be accepted. Anybody between the platform and
	// the member can then take its credentials. Where it is not set, nobody else
	// can set it either.
	// +optional
	InsecureSkipTLSVerify *bool `json:"insecureSkipTLSVerify,omitempty"`
	// region is where the member cluster is, for people and for selectors.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^\S(.*\S)?$`
	Region *string `json:"region,omitempty"`
	// zones are the failure domains that the member's nodes are in.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^\S(.*\S)?$`
	// +kubebuilder:validation:XValidation:rule="self.all(z, self.exists_one(o, o == z))",message="a zone is listed twice"
	Zones []string `json:"zones,omitempty"`
	// taints keep models that do not tolerate them off the member cluster.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(t, self.exists_one(o, o.key == t.key && o.effect == t.effect))",message="there are two taints of the same key and effect"
	Taints []Taint `json:"taints,omitempty"`
	// heartbeat says how often the member is probed and when it counts as
	// unreachable.
	// +optional
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	// workloadNamespacePrefix is put before a model's namespace to name the
	// namespace on the member cluster that the model runs in. The platform takes
	// kubellm- where it is not set. It cannot be changed once the cluster is on
	// the platform: delete the managed resource and make another. Writing out what
	// it is anyway changes nothing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9][-a-z0-9]*$`
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('kube-') && !'kube-'.startsWith(self)",message="namespaces starting with \"kube-\" are the member's own"
	WorkloadNamespacePrefix *string `json:"workloadNamespacePrefix,omitempty"`
	// suspended takes the platform off the member cluster while it is true:
	// nothing is probed, watched, placed or removed there.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`
	// deletionPolicy says what becomes of the things that KubeLLM placed on the
	// member when the Cluster is deleted from the platform: Drain removes them
	// first, Orphan leaves them there. The namespaces that KubeLLM made stay in
	// any case, with what others keep in them.
	// +optional
	DeletionPolicy *clusterv1alpha1.DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// PlatformSecretReference points at one key of a Secret of the platform.
type PlatformSecretReference struct {
	// namespace of the Secret on the platform.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	// name of the Secret on the platform.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// key of the Secret's data; the platform takes "kubeconfig" where it is not
	// set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key *string `json:"key,omitempty"`
}

// Taint keeps models that do not tolerate it off a member cluster.
type Taint struct {
	// key is a label key, such as maintenance or example.org/team.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$`
	Key string `json:"key"`
	// value is a label value.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?$`
	Value string `json:"value,omitempty"`
	// effect is NoSchedule, which keeps new models away, or NoExecute, which also
	// takes those placed before to other member clusters.
	Effect clusterv1alpha1.TaintEffect `json:"effect"`
}

// Heartbeat says how a member cluster is probed.
type Heartbeat struct {
	// intervalSeconds is the time between two probes.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	IntervalSeconds *int32 `json:"intervalSeconds,omitempty"`
	// timeoutSeconds is how long one probe may take.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=300
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// failureThreshold is how many probes in a row must fail before the member
	// counts as unreachable.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	FailureThreshold *int32 `json:"failureThreshold,omitempty"`
}

// Desired 是这些参数所说的成员集群，名字除外。
func (p *ClusterParameters) Desired() *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{
		ObjectMeta: p.ObjectMeta(),
		Spec: clusterv1alpha1.ClusterSpec{
			Credentials:             p.credentials(),
			Region:                  p.Region,
			Zones:                   p.Zones,
			WorkloadNamespacePrefix: p.WorkloadNamespacePrefix,
			Suspended:               p.Suspended,
			DeletionPolicy:          p.DeletionPolicy,
		},
	}
	for _, taint := range p.Taints {
		c.Spec.Taints = append(c.Spec.Taints, clusterv1alpha1.Taint(taint))
	}
	if p.Heartbeat != nil {
		heartbeat := clusterv1alpha1.Heartbeat(*p.Heartbeat)
		c.Spec.Heartbeat = &heartbeat
	}
	return c
}

// credentials 只说平台那一侧的 Secret；控制面里的那一份另行交入。
func (p *ClusterParameters) credentials() *clusterv1alpha1.CredentialsSource {
	if p.PlatformKubeconfigSecretRef == nil && p.InsecureSkipTLSVerify == nil {
		return nil
	}
	source := &clusterv1alpha1.CredentialsSource{InsecureSkipTLSVerify: p.InsecureSkipTLSVerify}
	if p.PlatformKubeconfigSecretRef != nil {
		ref := clusterv1alpha1.SecretKeyReference(*p.PlatformKubeconfigSecretRef)
		source.KubeconfigSecretRef = &ref
	}
	return source
}
