package cluster

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// facts 是平台对成员的观察；它们自己会变，所以只有数据源显示。
var facts = kind.FactsOf(factAttributes, observe)

type observed struct {
	MemberID            *string       `tfsdk:"member_id"`
	Version             *string       `tfsdk:"version"`
	Endpoint            *string       `tfsdk:"endpoint"`
	CredentialsExpireAt *string       `tfsdk:"credentials_expire_at"`
	Nodes               *nodes        `tfsdk:"nodes"`
	Accelerators        []accelerator `tfsdk:"accelerators"`
	Capabilities        []string      `tfsdk:"capabilities"`
	Ready               bool          `tfsdk:"ready"`
	Reason              *string       `tfsdk:"reason"`
	Message             *string       `tfsdk:"message"`
}

type nodes struct {
	Total       int32 `tfsdk:"total"`
	Ready       int32 `tfsdk:"ready"`
	Schedulable int32 `tfsdk:"schedulable"`
}

type accelerator struct {
	Product          string      `tfsdk:"product"`
	ResourceName     string      `tfsdk:"resource_name"`
	Memory           *string     `tfsdk:"memory"`
	Nodes            int32       `tfsdk:"nodes"`
	Capacity         int32       `tfsdk:"capacity"`
	Allocatable      int32       `tfsdk:"allocatable"`
	Allocated        int32       `tfsdk:"allocated"`
	Free             int32       `tfsdk:"free"`
	LargestFreeBlock int32       `tfsdk:"largest_free_block"`
	FreeBlocks       []freeBlock `tfsdk:"free_blocks"`
}

type freeBlock struct {
	Size  int32 `tfsdk:"size"`
	Nodes int32 `tfsdk:"nodes"`
}

func observe(cluster *clusterv1alpha1.Cluster) observed {
	s := cluster.Status
	o := observed{
		MemberID:     known(s.ID),
		Version:      known(s.Version),
		Endpoint:     known(s.Endpoint),
		Accelerators: make([]accelerator, 0, len(s.Accelerators)),
		Capabilities: make([]string, 0, len(s.Capabilities)),
	}
	if s.CredentialsExpireAt != nil {
		o.CredentialsExpireAt = ptr.To(s.CredentialsExpireAt.UTC().Format(time.RFC3339))
	}
	if s.Nodes != nil {
		o.Nodes = &nodes{Total: s.Nodes.Total, Ready: s.Nodes.Ready, Schedulable: s.Nodes.Schedulable}
	}
	for _, a := range s.Accelerators {
		o.Accelerators = append(o.Accelerators, observeAccelerator(a))
	}
	for _, capability := range s.Capabilities {
		o.Capabilities = append(o.Capabilities, string(capability))
	}
	if ready := meta.FindStatusCondition(s.Conditions, clusterv1alpha1.ConditionReady); ready != nil {
		o.Ready = ready.Status == metav1.ConditionTrue
		o.Reason, o.Message = known(ready.Reason), known(ready.Message)
	}
	return o
}

func observeAccelerator(a clusterv1alpha1.Accelerator) accelerator {
	out := accelerator{
		Product: a.Product, ResourceName: a.ResourceName, Nodes: a.Nodes, Capacity: a.Capacity, Allocatable: a.Allocatable,
		Allocated: a.Allocated, Free: a.Free, LargestFreeBlock: a.LargestFreeBlock,
		FreeBlocks: make([]freeBlock, 0, len(a.FreeBlocks)),
	}
	if a.Memory != nil {
		out.Memory = ptr.To(a.Memory.String())
	}
	for _, block := range a.FreeBlocks {
		out.FreeBlocks = append(out.FreeBlocks, freeBlock{Size: block.Size, Nodes: block.Nodes})
	}
	return out
}

// known 把还没观察到的变成 null。
func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func text(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func count(description string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
}

var factAttributes = map[string]schema.Attribute{
	"member_id":             text("Identifies the member cluster: the UID of its namespace `kube-system`."),
	"version":               text("Kubernetes version of the member, such as `v1.37.2`."),
	"endpoint":              text("Address of the member's API server."),
	"credentials_expire_at": text("When the client certificate or token in use expires (RFC 3339), where it says so."),
	"ready":                 schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether models can be placed on the member and looked after there; false as well while that is not known."},
	"reason":                text("Why it is ready or not, in one word, such as `HeartbeatFailed`."),
	"message":               text("Why it is ready or not, for people."),
	"capabilities": schema.ListAttribute{
		ElementType: types.StringType, Computed: true,
		MarkdownDescription: "What the member offers beyond plain Kubernetes, in alphabetical order: `GatewayAPI`, `ImageVolumes`, `KEDA`, `KServe`.",
	},
	"nodes": schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "Counts the member's nodes.",
		Attributes: map[string]schema.Attribute{
			"total":       count("Number of nodes."),
			"ready":       count("Number of nodes that are ready."),
			"schedulable": count("Number of nodes that are ready and not cordoned."),
		},
	},
	"accelerators": schema.ListNestedAttribute{
		Computed: true,
		MarkdownDescription: "The member's accelerators, one entry a product and resource, in alphabetical order. " +
			"The numbers are those last seen.",
		NestedObject: schema.NestedAttributeObject{Attributes: acceleratorAttributes},
	},
}

var acceleratorAttributes = map[string]schema.Attribute{
	"product":            text("The product's name as the nodes are labelled with it, such as `NVIDIA-H100-80GB-HBM3`, or `unknown`."),
	"resource_name":      text("The extended resource that pods ask for, such as `nvidia.com/gpu`."),
	"memory":             text("Memory of one accelerator, such as `81559Mi`, where the nodes are labelled with it."),
	"nodes":              count("Number of nodes that have this product."),
	"capacity":           count("Number of accelerators in all nodes."),
	"allocatable":        count("Number of those that pods can use, on schedulable nodes."),
	"allocated":          count("Number that pods have been given, on all nodes."),
	"free":               count("Number that are left on schedulable nodes."),
	"largest_free_block": count("Largest number that is free on one node: no pod that asks for more can be scheduled."),
	"free_blocks": schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: "On how many schedulable nodes how many are free, largest first; nodes without a free one are left out.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"size":  count("Number of accelerators free on each of these nodes."),
			"nodes": count("Number of such nodes."),
		}},
	},
}
