package member

import (
	"context"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilversion "k8s.io/apimachinery/pkg/util/version"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// schemaless 用在不针对某种资源的错误里。
var schemaless = schema.GroupResource{}

// aggregated 先要一次说完全部组与资源的发现文档，旧的成员只会给组的清单。
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

const (
	kserveGroup = "serving.kserve.io"
	kedaGroup   = "keda.sh"
)

// kserveResource 是平台在 KServe 上要用的资源；只装了旧的 InferenceService 的不算。
const kserveResource = "llminferenceservices"

// imageVolumesSince 是 OCI 镜像卷默认可用的版本：特性门 ImageVolume 在 1.33 进 beta 时默认仍关，
// 1.35 才默认打开，1.36 起锁定（kubernetes pkg/features/kube_features.go）。节点可能比服务器旧，这里不知道。
var imageVolumesSince = utilversion.MustParseGeneric("1.35.0")

// groups 是成员提供的 API 组与其中的资源；资源为 nil 表示文档没有说。
type groups map[string][]string

// discover 更新 found 的能力；文档没有变时成员只答 304。
func (c *connection) discover(ctx context.Context, found *identity) error {
	header := http.Header{"Accept": {aggregated}}
	if found.etag != "" {
		header.Set("If-None-Match", found.etag)
	}
	answer, err := c.get(ctx, "/apis", header)
	if err != nil {
		return err
	}
	if answer.code == http.StatusNotModified {
		found.capabilities = withImageVolumes(found.capabilities, found.version)
		return nil
	}
	served, err := c.parseGroups(ctx, answer)
	if err != nil {
		return err
	}
	found.etag = answer.header.Get("ETag")
	found.capabilities = capabilities(served, found.version)
	return nil
}

// parseGroups 读两种发现文档。
func (c *connection) parseGroups(ctx context.Context, answer *answer) (groups, error) {
	if strings.Contains(answer.header.Get("Content-Type"), "APIGroupDiscoveryList") {
		return parseAggregated(answer)
	}
	var list metav1.APIGroupList
	if err := answer.decode(&list); err != nil {
		return nil, err
	}
	served := groups{}
	for _, group := range list.Groups {
		served[group.Name] = nil
		if group.Name != kserveGroup {
			continue
		}
		var resources metav1.APIResourceList
		if err := c.read(ctx, "/apis/"+group.PreferredVersion.GroupVersion, &resources); err != nil {
			return nil, err
		}
		for _, resource := range resources.APIResources {
			served[group.Name] = append(served[group.Name], resource.Name)
		}
	}
	return served, nil
}

// parseAggregated 只解开用得着的字段：v2 与 v2beta1 在这里一样。
func parseAggregated(answer *answer) (groups, error) {
	var document struct {
		Items []struct {
			Metadata struct{ Name string }
			Versions []struct{ Resources []struct{ Resource string } }
		}
	}
	if err := answer.decode(&document); err != nil {
		return nil, err
	}
	served := groups{}
	for _, group := range document.Items {
		served[group.Metadata.Name] = nil
		for _, version := range group.Versions {
			for _, resource := range version.Resources {
				served[group.Metadata.Name] = append(served[group.Metadata.Name], resource.Resource)
			}
		}
	}
	return served, nil
}

// capabilities 按字母顺序列出能力。
func capabilities(served groups, version string) []v1alpha1.Capability {
	var can []v1alpha1.Capability
	if _, ok := served["gateway.networking.k8s.io"]; ok {
		can = append(can, v1alpha1.CapabilityGatewayAPI)
	}
	if _, ok := served[kedaGroup]; ok {
		can = append(can, v1alpha1.CapabilityKEDA)
	}
	if slices.Contains(served[kserveGroup], kserveResource) {
		can = append(can, v1alpha1.CapabilityKServe)
	}
	return withImageVolumes(can, version)
}

// withImageVolumes 按版本加上或去掉镜像卷：升级之后发现文档可能一字未变。
func withImageVolumes(can []v1alpha1.Capability, version string) []v1alpha1.Capability {
	can = slices.DeleteFunc(slices.Clone(can), func(c v1alpha1.Capability) bool { return c == v1alpha1.CapabilityImageVolumes })
	if parsed, err := utilversion.ParseGeneric(version); err == nil && parsed.AtLeast(imageVolumesSince) {
		can = append(can, v1alpha1.CapabilityImageVolumes)
	}
	slices.Sort(can)
	return can
}
