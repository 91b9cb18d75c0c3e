package member

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// unknownProduct 是节点没有标明产品时的名字。
const unknownProduct = "unknown"

// migPrefix 开头的是切分后的 GPU，一种切法一种资源。
const migPrefix = "nvidia.com/mig-"

// labelling 说一种加速器的产品与显存写在节点的哪些标签里。
type labelling struct {
	// products 依次查找，取第一个有值的。
	products []string
	// memory 为空表示没有约定的标签。
	memory string
	// bytes 读懂 memory 的值，读不懂为零。
	bytes func(value string) int64
}

// accelerators 是认得的加速器。同一块卡的别的记法（算力百分比、显存、监视用的）不在内，否则会数两遍。
var accelerators = map[corev1.ResourceName]labelling{
	// GKE 自己装驱动，不装 NVIDIA 的标注器，产品在它自己的标签里。
	"nvidia.com/gpu": {
		products: []string{"nvidia.com/gpu.product", "cloud.google.com/gke-accelerator"},
		memory:   "nvidia.com/gpu.memory", bytes: mebibytes,
	},
	"amd.com/gpu": {
		products: []string{"amd.com/gpu.product-name", "beta.amd.com/gpu.product-name"},
		memory:   "amd.com/gpu.vram", bytes: binarySuffix,
	},
	"gpu.intel.com/i915":    {products: []string{"gpu.intel.com/product"}},
	"gpu.intel.com/xe":      {products: []string{"gpu.intel.com/product"}},
	"habana.ai/gaudi":       {},
	"google.com/tpu":        {products: []string{"cloud.google.com/gke-tpu-accelerator"}},
	"aws.amazon.com/neuron": {},
}

// usedLabels 是节点上用得着的标签；切分后的 GPU 的另按前缀认。
var usedLabels = func() map[string]bool {
	used := map[string]bool{
		corev1.LabelHostname: true, corev1.LabelTopologyZone: true, corev1.LabelTopologyRegion: true,
	}
	for _, l := range accelerators {
		for _, key := range append(l.products, l.memory) {
			used[key] = true
		}
	}
	delete(used, "")
	return used
}()

// labellingOf 认出一种资源是不是加速器。
func labellingOf(name corev1.ResourceName) (labelling, bool) {
	if l, ok := accelerators[name]; ok {
		return l, true
	}
	if strings.HasPrefix(string(name), migPrefix) {
		return labelling{products: []string{string(name) + ".product"}, memory: string(name) + ".memory", bytes: mebibytes}, true
	}
	return labelling{}, false
}

// isAccelerator 说一种资源是不是加速器，不建任何东西：每个 Pod 的每个容器都要问它。
func isAccelerator(name corev1.ResourceName) bool {
	_, ok := accelerators[name]
	return ok || strings.HasPrefix(string(name), migPrefix)
}

// product 是节点标明的产品。
func (l labelling) product(labels map[string]string) string {
	for _, key := range l.products {
		if value := labels[key]; value != "" && len(validation.IsValidLabelValue(value)) == 0 {
			return value
		}
	}
	return unknownProduct
}

// memoryBytes 是节点标明的一块的显存；没有标明为零。
func (l labelling) memoryBytes(labels map[string]string) int64 {
	value := labels[l.memory]
	if value == "" {
		return 0
	}
	return l.bytes(value)
}

// mebibytes 读 NVIDIA 的写法：不带单位的 MiB。
func mebibytes(value string) int64 {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n << 20
}

// binarySuffix 读 AMD 的写法：192G 是 192 GiB，按 1024 换算得来。
func binarySuffix(value string) int64 {
	for suffix, shift := range map[string]int{"G": 30, "M": 20} {
		if digits, found := strings.CutSuffix(value, suffix); found {
			if n, err := strconv.ParseInt(digits, 10, 32); err == nil && n >= 0 {
				return n << shift
			}
		}
	}
	return 0
}
