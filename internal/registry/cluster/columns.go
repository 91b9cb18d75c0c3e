package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/registry"
)

// columns 先答"能用吗、还有多少卡、最大能放下多大的一块"，其余留给 -o wide。
func columns() []registry.Column[*cluster.Cluster] {
	return []registry.Column[*cluster.Cluster]{
		{Name: "Ready", Description: "Whether models can be placed on the member.", Value: condition(v1alpha1.ConditionReady)},
		{Name: "Version", Description: "The member's Kubernetes version.", Value: func(c *cluster.Cluster) any { return c.Status.Version }},
		{Name: "Nodes", Description: "The member's nodes: ready/all.", Value: nodes},
		{Name: "Free-GPUs", Description: "The member's accelerators: free/allocatable; stale when the platform no longer knows.", Value: accelerators},
		{Name: "Largest Block", Type: "integer", Description: "The most accelerators that are free on one node.", Value: largestBlock},
		{Name: "Region", Description: "Where the member is.", Wide: true, Value: func(c *cluster.Cluster) any { return ptr.Deref(c.Spec.Region, "") }},
		{Name: "Products", Description: "The member's accelerators by product: free/allocatable.", Wide: true, Value: products},
		{Name: "Reachable", Description: "Whether the member answers probes.", Wide: true, Value: condition(v1alpha1.ConditionReachable)},
		{Name: "Credentials", Description: "Whether the member accepts the platform's credentials.", Wide: true, Value: condition(v1alpha1.ConditionCredentialsValid)},
		{Name: "Capacity", Description: "Whether the numbers of nodes and accelerators are those of now.", Wide: true, Value: condition(v1alpha1.ConditionCapacityKnown)},
		{Name: "Endpoint", Description: "The address of the member's API server.", Wide: true, Value: func(c *cluster.Cluster) any { return c.Status.Endpoint }},
		{Name: "Expires", Description: "When the platform's credentials expire.", Wide: true, Value: expires},
	}
}

func condition(conditionType string) func(*cluster.Cluster) any {
	return func(c *cluster.Cluster) any { return registry.ConditionStatus(c.Status.Conditions, conditionType) }
}

func nodes(c *cluster.Cluster) any {
	if c.Status.Nodes == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", c.Status.Nodes.Ready, c.Status.Nodes.Total)
}

// accelerators 合计各种卡。看不到的数字标明是旧的，没看过就留空：空闲的卡数不能说假话。
func accelerators(c *cluster.Cluster) any {
	known := registry.ConditionStatus(c.Status.Conditions, v1alpha1.ConditionCapacityKnown) == string(metav1.ConditionTrue)
	if !known && len(c.Status.Accelerators) == 0 {
		return ""
	}
	var free, allocatable int32
	for _, accelerator := range c.Status.Accelerators {
		free += accelerator.Free
		allocatable += accelerator.Allocatable
	}
	cell := fmt.Sprintf("%d/%d", free, allocatable)
	if !known {
		cell += " (stale)"
	}
	return cell
}

func largestBlock(c *cluster.Cluster) any {
	if len(c.Status.Accelerators) == 0 {
		return nil
	}
	return slices.MaxFunc(c.Status.Accelerators, func(a, b cluster.Accelerator) int {
		return int(a.LargestFreeBlock) - int(b.LargestFreeBlock)
	}).LargestFreeBlock
}

// products 画出前几种卡，列宽才不会失控。
func products(c *cluster.Cluster) any {
	const most = 3
	var parts []string
	for i, accelerator := range c.Status.Accelerators {
		if i == most {
			parts = append(parts, fmt.Sprintf("+%d", len(c.Status.Accelerators)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%s:%d/%d", accelerator.Product, accelerator.Free, accelerator.Allocatable))
	}
	return strings.Join(parts, ",")
}

func expires(c *cluster.Cluster) any {
	if c.Status.CredentialsExpireAt == nil {
		return ""
	}
	return c.Status.CredentialsExpireAt.UTC().Format(time.RFC3339)
}
