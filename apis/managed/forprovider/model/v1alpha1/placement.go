package v1alpha1

import (
	"context"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/managed/reference"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Placement says which member clusters a model may run on. The provider fills in
// the references that clusterNamesSelector has found, and clusterNames.
//
// +kubebuilder:validation:XValidation:rule="!has(self.clusterSelector) || !(has(self.clusterNames) || has(self.clusterNamesRefs) || has(self.clusterNamesSelector))",message="clusterSelector, by labels of the platform's Clusters, and clusterNames, clusterNamesRefs and clusterNamesSelector exclude each other"
type Placement struct {
	// clusterNames are the platform's Clusters to choose from, by their names
	// there. Without them and without clusterSelector all are.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	ClusterNames []string `json:"clusterNames,omitempty"`
	// clusterNamesRefs point at Cluster managed resources of the same scope, and
	// in a namespace of the same namespace, whose external names are clusterNames.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	ClusterNamesRefs []xpv2.Reference `json:"clusterNamesRefs,omitempty"`
	// clusterNamesSelector selects Cluster managed resources by their labels in
	// this cluster, of the same scope, and in a namespace of the same namespace.
	// +optional
	ClusterNamesSelector *xpv2.Selector `json:"clusterNamesSelector,omitempty"`
	// clusterSelector chooses from the platform's Clusters by their labels there.
	// +optional
	ClusterSelector *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	// tolerations let the model onto Clusters with taints.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// clusters is the number of Clusters that the model is placed on, each with
	// all its replicas. The platform takes 1 where it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Clusters *int32 `json:"clusters,omitempty"`
	// strategy is how Clusters are chosen among those that fit: Spread takes those
	// with the most free accelerators, Pack those that are left with the fewest.
	// +optional
	Strategy *modelv1alpha1.PlacementStrategy `json:"strategy,omitempty"`
	// failover moves the model away from Clusters that are lost. Without it the
	// model waits for its Cluster for good.
	// +optional
	Failover *Failover `json:"failover,omitempty"`
}

// Toleration lets a model onto Clusters with matching taints.
//
// +kubebuilder:validation:XValidation:rule="(has(self.key) && size(self.key) > 0) || (has(self.operator) && self.operator == 'Exists')",message="only the operator Exists tolerates all keys: give a key"
type Toleration struct {
	// key is the taint's key; empty with the operator Exists tolerates all keys.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"`
	// operator is Equal or Exists. The platform takes Equal where it is not set.
	// +optional
	Operator *modelv1alpha1.TolerationOperator `json:"operator,omitempty"`
	// value is the taint's value, with the operator Equal.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Value string `json:"value,omitempty"`
	// effect is NoSchedule or NoExecute; both are tolerated where it is not set.
	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;NoExecute
	Effect string `json:"effect,omitempty"`
}

// Failover moves a model away from Clusters that are lost.
type Failover struct {
	// afterSeconds is how long a Cluster must have been lost before the model is
	// placed elsewhere.
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=86400
	AfterSeconds int32 `json:"afterSeconds"`
}

// ResolveReferences 把指向 Cluster 托管资源的引用换成平台上的集群名；to 是引用者所在作用域的 Cluster。
func (p *ModelParameters) ResolveReferences(ctx context.Context, c client.Reader, from client.Object, to reference.To) error {
	if p.Placement == nil {
		return nil
	}
	return reference.ResolveMany(ctx, c, from, to, reference.Fields{
		Path:     "spec.forProvider.placement.clusterNames",
		Values:   &p.Placement.ClusterNames,
		Refs:     &p.Placement.ClusterNamesRefs,
		Selector: p.Placement.ClusterNamesSelector,
	})
}

func (p *Placement) desired() *modelv1alpha1.Placement {
	if p == nil {
		return nil
	}
	out := &modelv1alpha1.Placement{ClusterNames: p.ClusterNames, ClusterSelector: p.ClusterSelector, Clusters: p.Clusters,
		Strategy: p.Strategy, Failover: (*modelv1alpha1.Failover)(p.Failover)}
	for _, toleration := range p.Tolerations {
		out.Tolerations = append(out.Tolerations, modelv1alpha1.Toleration(toleration))
	}
	return out
}
