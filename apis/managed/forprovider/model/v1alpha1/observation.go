package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/managed/forprovider/object"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// ModelObservation is what the platform shows of a model.
type ModelObservation struct {
	object.Observation      `json:",inline"`
	modelv1alpha1.ModelSpec `json:",inline"`

	// name is the model's name on the platform.
	// +optional
	Name string `json:"name,omitempty"`
	// namespace is the model's namespace on the platform.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// observedGeneration is the generation that the platform's status was
	// computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are the platform's: Ready, Accepted, Scheduled, Applied,
	// Available and Progressing.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// credentialsVersion is the opaque version of the credentials last handed in.
	// +optional
	CredentialsVersion string `json:"credentialsVersion,omitempty"`
	// observedCredentialsVersion is the version of the credentials that the
	// platform's status was computed from.
	// +optional
	ObservedCredentialsVersion string `json:"observedCredentialsVersion,omitempty"`
	// image is the engine's image in use.
	// +optional
	Image string `json:"image,omitempty"`
	// endpoint is the address of the placement that requests are best sent to. It
	// is an address within the member of endpointCluster.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// endpointCluster is the Cluster whose placement endpoint is the address of.
	// +optional
	EndpointCluster string `json:"endpointCluster,omitempty"`
	// replicas counts the replicas on all clusters: ready/wanted, such as 1/2, and
	// ?/2 while none of the clusters can be seen.
	// +optional
	Replicas string `json:"replicas,omitempty"`
	// clusterNames are the Clusters that the model is placed on, with commas
	// between them.
	// +optional
	ClusterNames string `json:"clusterNames,omitempty"`
	// placements are the Clusters that the model is placed on.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	Placements []PlacementObservation `json:"placements,omitempty"`
	// removedPlacements are the Clusters that the model has left and on which
	// something of it may still run.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	RemovedPlacements []modelv1alpha1.RemovedPlacement `json:"removedPlacements,omitempty"`
}

// PlacementObservation is one Cluster that a model is placed on.
type PlacementObservation struct {
	// cluster is the Cluster's name on the platform.
	Cluster string `json:"cluster"`
	// namespace is the namespace on the member cluster that the model runs in.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// product is the accelerator that the replicas are reserved on.
	// +optional
	Product string `json:"product,omitempty"`
	// phase is how far the placement has come.
	// +optional
	Phase modelv1alpha1.PlacementPhase `json:"phase,omitempty"`
	// replicas is the wanted number of replicas.
	Replicas int32 `json:"replicas"`
	// readyReplicas is the number of replicas that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// endpoint is the address on the member cluster.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// reason says in one word why the placement is in its phase.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says it for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// ObserveModel 摘出模型里要展示的部分；m 与缓存共享，所以先复制。
// 各集群被拒的理由不在其中：它随别人的占用而变，抄过来的话，静止的模型也会一直写控制面；放不下时条件里有它的摘要。
func ObserveModel(m *modelv1alpha1.Model) *ModelObservation {
	spec, status := m.Spec.DeepCopy(), m.Status.DeepCopy()
	seen := &ModelObservation{
		Observation:                object.Observe(m),
		ModelSpec:                  *spec,
		Name:                       m.Name,
		Namespace:                  m.Namespace,
		ObservedGeneration:         status.ObservedGeneration,
		Conditions:                 status.Conditions,
		CredentialsVersion:         status.CredentialsVersion,
		ObservedCredentialsVersion: status.ObservedCredentialsVersion,
		Image:                      status.Image,
		Endpoint:                   status.Endpoint,
		EndpointCluster:            status.EndpointCluster,
		RemovedPlacements:          status.RemovedPlacements,
	}
	if status.ServedName != "" {
		// 没写时请求该用的名字由平台说。
		seen.ServedName = &status.ServedName
	}
	names := make([]string, 0, len(status.Placements))
	for i := range status.Placements {
		placement := &status.Placements[i]
		names = append(names, placement.Cluster)
		seen.Placements = append(seen.Placements, observePlacement(placement))
	}
	seen.ClusterNames = strings.Join(names, ",")
	visible := func(p modelv1alpha1.ModelPlacement) bool { return p.Phase != modelv1alpha1.PlacementUnreachable }
	switch {
	case slices.ContainsFunc(status.Placements, visible):
		seen.Replicas = fmt.Sprintf("%d/%d", status.ReadyReplicas, wantedReplicas(spec))
	case len(names) > 0:
		seen.Replicas = fmt.Sprintf("?/%d", wantedReplicas(spec))
	}
	return seen
}

// wantedReplicas 是 spec 在各个集群上一共要的副本；自动伸缩的是它的下限，停着的一个也不要。
func wantedReplicas(spec *modelv1alpha1.ModelSpec) int32 {
	if ptr.Deref(spec.Suspended, false) {
		return 0
	}
	scaling, placement := ptr.Deref(spec.Scaling, modelv1alpha1.Scaling{}), ptr.Deref(spec.Placement, modelv1alpha1.Placement{})
	each := ptr.Deref(scaling.Replicas, 1)
	if scaling.Autoscaling != nil {
		each = ptr.Deref(scaling.Autoscaling.MinReplicas, 1)
	}
	return each * ptr.Deref(placement.Clusters, 1)
}

// observePlacement 摘出一处放置里给人看的；控制器自己的账目不在其中。
func observePlacement(p *modelv1alpha1.ModelPlacement) PlacementObservation {
	return PlacementObservation{Cluster: p.Cluster, Namespace: p.Namespace, Product: p.Product, Phase: p.Phase, Replicas: p.Replicas,
		ReadyReplicas: p.ReadyReplicas, Endpoint: p.Endpoint, Reason: p.Reason, Message: p.Message}
}

// DeletionWaitsFor 是平台说删除在等什么，没说的为空。
func (o *ModelObservation) DeletionWaitsFor() string {
	if o == nil {
		return ""
	}
	for _, condition := range o.Conditions {
		if condition.Type == modelv1alpha1.ConditionReady && condition.Reason == modelv1alpha1.ReasonDeleting {
			return condition.Message
		}
	}
	return ""
}

// ConnectionDetails 是应用要找到模型所需的；地址只在那个集群里说得通，所以也说是哪一个。没有地址时写空，旧的地址不留着骗人。
func (o *ModelObservation) ConnectionDetails() map[string][]byte {
	if o == nil {
		return nil
	}
	return map[string][]byte{
		"endpoint": []byte(o.Endpoint), "cluster": []byte(o.EndpointCluster), "servedName": []byte(ptr.Deref(o.ServedName, "")),
	}
}
