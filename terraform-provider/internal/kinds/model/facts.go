package model

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// facts 是模型实际的样子；它们自己会变，所以只有数据源显示。
var facts = kind.FactsOf(factAttributes, observe)

type observed struct {
	ServedAs          *string     `tfsdk:"served_as"`
	Image             *string     `tfsdk:"image"`
	Endpoint          *string     `tfsdk:"endpoint"`
	EndpointCluster   *string     `tfsdk:"endpoint_cluster"`
	Replicas          int32       `tfsdk:"replicas"`
	ReadyReplicas     int32       `tfsdk:"ready_replicas"`
	Placements        []placed    `tfsdk:"placements"`
	RemovedPlacements []removed   `tfsdk:"removed_placements"`
	RejectedClusters  []rejected  `tfsdk:"rejected_clusters"`
	Conditions        []condition `tfsdk:"conditions"`
	Ready             bool        `tfsdk:"ready"`
	Reason            *string     `tfsdk:"reason"`
	Message           *string     `tfsdk:"message"`
}

type placed struct {
	Cluster       string  `tfsdk:"cluster"`
	Namespace     *string `tfsdk:"namespace"`
	Product       *string `tfsdk:"product"`
	Phase         *string `tfsdk:"phase"`
	Replicas      int32   `tfsdk:"replicas"`
	ReadyReplicas int32   `tfsdk:"ready_replicas"`
	Endpoint      *string `tfsdk:"endpoint"`
	Reason        *string `tfsdk:"reason"`
	Message       *string `tfsdk:"message"`
}

type removed struct {
	Cluster string  `tfsdk:"cluster"`
	Message *string `tfsdk:"message"`
}

type rejected struct {
	Cluster string `tfsdk:"cluster"`
	Reason  string `tfsdk:"reason"`
	Message string `tfsdk:"message"`
}

type condition struct {
	Type    string  `tfsdk:"type"`
	Status  string  `tfsdk:"status"`
	Reason  string  `tfsdk:"reason"`
	Message *string `tfsdk:"message"`
}

func observe(m *modelv1alpha1.Model) observed {
	s := m.Status
	o := observed{
		ServedAs: known(s.ServedName), Image: known(s.Image), Endpoint: known(s.Endpoint), EndpointCluster: known(s.EndpointCluster),
		Replicas: s.Replicas, ReadyReplicas: s.ReadyReplicas,
		Placements:        make([]placed, 0, len(s.Placements)),
		RemovedPlacements: make([]removed, 0, len(s.RemovedPlacements)),
		RejectedClusters:  make([]rejected, 0, len(s.RejectedClusters)),
		Conditions:        make([]condition, 0, len(s.Conditions)),
	}
	for _, p := range s.Placements {
		o.Placements = append(o.Placements, placed{
			Cluster: p.Cluster, Namespace: known(p.Namespace), Product: known(p.Product), Phase: known(string(p.Phase)),
			Replicas: p.Replicas, ReadyReplicas: p.ReadyReplicas, Endpoint: known(p.Endpoint),
			Reason: known(p.Reason), Message: known(p.Message),
		})
	}
	for _, r := range s.RemovedPlacements {
		o.RemovedPlacements = append(o.RemovedPlacements, removed{Cluster: r.Cluster, Message: known(r.Message)})
	}
	for _, r := range s.RejectedClusters {
		o.RejectedClusters = append(o.RejectedClusters, rejected{Cluster: r.Cluster, Reason: r.Reason, Message: r.Message})
	}
	for _, c := range s.Conditions {
		o.Conditions = append(o.Conditions, condition{Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: known(c.Message)})
	}
	if ready := meta.FindStatusCondition(s.Conditions, modelv1alpha1.ConditionReady); ready != nil {
		o.Ready = ready.Status == metav1.ConditionTrue
		o.Reason, o.Message = known(ready.Reason), known(ready.Message)
	}
	return o
}

func fact(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func count(description string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
}

func list(description string, attributes map[string]schema.Attribute) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		Computed: true, MarkdownDescription: description, NestedObject: schema.NestedAttributeObject{Attributes: attributes},
	}
}

var factAttributes = map[string]schema.Attribute{
	"served_as":        fact("Name that requests call the model by."),
	"image":            fact("The engine's image in use."),
	"endpoint":         fact("Address of the placement that requests are best sent to, within the member of `endpoint_cluster`."),
	"endpoint_cluster": fact("The cluster whose placement `endpoint` is the address of."),
	"replicas":         count("Number of replicas on all clusters."),
	"ready_replicas":   count("Number of replicas that are ready."),
	"ready":            schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether all wanted replicas serve; false as well while that is not known."},
	"reason":           fact("Why it is ready or not, in one word, such as `NoClusterFits`."),
	"message":          fact("Why it is ready or not, for people."),
	"placements": list("Clusters that the model is placed on, in alphabetical order.", map[string]schema.Attribute{
		"cluster":        fact("The cluster's name."),
		"namespace":      fact("Namespace on the member cluster that the model runs in."),
		"product":        fact("The accelerator that the replicas are reserved on."),
		"phase":          fact("How far the placement has come: `Pending`, `Applying`, `Loading`, `Ready`, `Failed` or `Unreachable`."),
		"replicas":       count("Wanted number of replicas."),
		"ready_replicas": count("Number of replicas that are ready."),
		"endpoint":       fact("Address on the member cluster."),
		"reason":         fact("Why the placement is in its phase, in one word."),
		"message":        fact("Why the placement is in its phase, for people."),
	}),
	"removed_placements": list("Clusters that the model has left and on which something of it may still run.", map[string]schema.Attribute{
		"cluster": fact("The cluster's name."),
		"message": fact("What the removal waits for."),
	}),
	"rejected_clusters": list("Clusters that do not fit, in alphabetical order.", map[string]schema.Attribute{
		"cluster": fact("The cluster's name."),
		"reason":  fact("Why it does not fit, in one word, such as `FreeBlock`."),
		"message": fact("Why it does not fit, for people."),
	}),
	"conditions": list("The latest observations.", map[string]schema.Attribute{
		"type":    fact("What it is about, such as `Scheduled`."),
		"status":  fact("`True`, `False`, or `Unknown` when there is no fresh evidence for it."),
		"reason":  fact("Why, in one word."),
		"message": fact("Why, for people."),
	}),
}
