package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/model"
)

const (
	maxAccelerators = 64
	maxProducts     = 32
	maxProduct      = 253
	maxClusters     = 64
	maxTolerations  = 64
	maxReplicas     = 1000
	maxTarget       = 10000

	minFailoverSeconds = 30

	readWriteMany = "ReadWriteMany"
	readWriteOnce = "ReadWriteOnce"

	effectNoSchedule = "NoSchedule"
	effectNoExecute  = "NoExecute"
)

func validateResources(resources *model.Resources, path *field.Path) field.ErrorList {
	if resources == nil {
		return nil
	}
	errs := validateAccelerator(resources.Accelerator, path.Child("accelerator"))
	errs = append(errs, positive(resources.CPU, path.Child("cpu"))...)
	errs = append(errs, positive(resources.Memory, path.Child("memory"))...)
	errs = append(errs, positive(resources.SharedMemory, path.Child("sharedMemory"))...)
	memory, shared := resources.Memory, resources.SharedMemory
	if memory != nil && shared != nil && memory.Sign() > 0 && shared.Cmp(*memory) >= 0 {
		errs = append(errs, field.Invalid(path.Child("sharedMemory"), shared.String(), fmt.Sprintf(
			"must be less than spec.resources.memory (%s), because it counts toward it: give more memory or less of it to /dev/shm", memory.String())))
	}
	return errs
}

func validateAccelerator(request *model.AcceleratorRequest, path *field.Path) field.ErrorList {
	if request == nil {
		return nil
	}
	errs := fieldcheck.Range(request.Count, 1, maxAccelerators, path.Child("count"))
	if name := request.ResourceName; name != nil {
		errs = append(errs, validateResourceName(*name, path.Child("resourceName"))...)
	}
	products := path.Child("products")
	if tooMany := fieldcheck.Count(len(request.Products), maxProducts, products); len(tooMany) > 0 {
		return append(errs, tooMany...)
	}
	for i, product := range request.Products {
		if strings.TrimSpace(product) != product || product == "" {
			errs = append(errs, field.Invalid(products.Index(i), product, "must be a product as the status of a Cluster names it, such as NVIDIA-H100-80GB-HBM3"))
		}
		errs = append(errs, fieldcheck.Length(&product, maxProduct, products.Index(i))...)
	}
	return append(errs, fieldcheck.Distinct(request.Products, products)...)
}

// validateResourceName 只收扩展资源：cpu 与 memory 另有字段，kubernetes.io 的归成员自己。
func validateResourceName(name string, path *field.Path) field.ErrorList {
	domain, _, found := strings.Cut(name, "/")
	if !found || domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io") {
		return field.ErrorList{field.Invalid(path, name, "must be an extended resource with a domain of its maker, such as nvidia.com/gpu")}
	}
	return fieldcheck.Messages(name, path, validation.IsQualifiedName(name))
}

func positive(quantity *resource.Quantity, path *field.Path) field.ErrorList {
	if quantity == nil || quantity.Sign() > 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, quantity.String(), "must be more than nothing")}
}

func validatePlacement(placement *model.Placement, path *field.Path) field.ErrorList {
	if placement == nil {
		return nil
	}
	errs := validateCandidates(placement, path)
	errs = append(errs, validateTolerations(placement.Tolerations, path.Child("tolerations"))...)
	errs = append(errs, fieldcheck.Range(placement.Clusters, 1, maxClusters, path.Child("clusters"))...)
	errs = append(errs, oneOf(placement.Strategy, path.Child("strategy"), model.PlacementSpread, model.PlacementPack)...)
	if placement.Failover != nil {
		errs = append(errs, fieldcheck.Range(&placement.Failover.AfterSeconds, minFailoverSeconds, maxSeconds, path.Child("failover", "afterSeconds"))...)
	}
	return errs
}

// validateCandidates 名字与选择器只许用一样；点名比要放的少，永远也放不满，早说为好。
func validateCandidates(placement *model.Placement, path *field.Path) field.ErrorList {
	names, at := placement.ClusterNames, path.Child("clusterNames")
	if errs := fieldcheck.Count(len(names), maxClusters, at); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	for i, name := range names {
		errs = append(errs, fieldcheck.ObjectName(name, at.Index(i))...)
	}
	errs = append(errs, fieldcheck.Distinct(names, at)...)
	if len(names) > 0 && placement.ClusterSelector != nil {
		errs = append(errs, field.Forbidden(path.Child("clusterSelector"), "clusterNames is given too: choose clusters by their names or by a selector, not by both"))
	}
	if wanted := ptr.Deref(placement.Clusters, 1); len(names) > 0 && wanted <= maxClusters && int(wanted) > len(names) {
		errs = append(errs, field.Invalid(path.Child("clusters"), wanted, fmt.Sprintf("is more than clusterNames gives to choose from, which is %d", len(names))))
	}
	return append(errs, metav1validation.ValidateLabelSelector(placement.ClusterSelector, metav1validation.LabelSelectorValidationOptions{}, path.Child("clusterSelector"))...)
}

func validateTolerations(tolerations []model.Toleration, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(tolerations), maxTolerations, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	for i := range tolerations {
		errs = append(errs, validateToleration(&tolerations[i], path.Index(i))...)
	}
	return errs
}

func validateToleration(toleration *model.Toleration, path *field.Path) field.ErrorList {
	errs := oneOf(toleration.Operator, path.Child("operator"), model.TolerationEqual, model.TolerationExists)
	exists := ptr.Deref(toleration.Operator, model.TolerationEqual) == model.TolerationExists
	switch {
	case toleration.Key != "":
		errs = append(errs, metav1validation.ValidateLabelName(toleration.Key, path.Child("key"))...)
	case !exists:
		errs = append(errs, field.Required(path.Child("key"), "only the operator Exists tolerates all keys"))
	}
	if exists && toleration.Value != "" {
		errs = append(errs, field.Invalid(path.Child("value"), toleration.Value, "must be empty with the operator Exists, which tolerates any value"))
	}
	errs = append(errs, validateLabelValue(toleration.Value, path.Child("value"))...)
	if toleration.Effect != "" {
		errs = append(errs, oneOf(&toleration.Effect, path.Child("effect"), effectNoSchedule, effectNoExecute)...)
	}
	return errs
}

func validateScaling(scaling *model.Scaling, path *field.Path) field.ErrorList {
	if scaling == nil {
		return nil
	}
	errs := fieldcheck.Range(scaling.Replicas, 0, maxReplicas, path.Child("replicas"))
	auto := scaling.Autoscaling
	if auto == nil {
		return errs
	}
	if scaling.Replicas != nil {
		errs = append(errs, field.Forbidden(path.Child("replicas"), "autoscaling is given too, and the member cluster chooses the number then: remove replicas or autoscaling"))
	}
	path = path.Child("autoscaling")
	errs = append(errs, validateLeast(auto.MinReplicas, path.Child("minReplicas"))...)
	errs = append(errs, fieldcheck.Range(&auto.MaxReplicas, 1, maxReplicas, path.Child("maxReplicas"))...)
	errs = append(errs, fieldcheck.Range(auto.TargetRequestsPerReplica, 1, maxTarget, path.Child("targetRequestsPerReplica"))...)
	if auto.MinReplicas != nil && *auto.MinReplicas > auto.MaxReplicas {
		errs = append(errs, field.Invalid(path.Child("minReplicas"), *auto.MinReplicas, fmt.Sprintf("must not be more than maxReplicas (%d)", auto.MaxReplicas)))
	}
	return errs
}

// validateLeast 不许缩到零：请求数是从副本上读来的，一个也没有时没有什么会再把模型叫醒。
func validateLeast(least *int32, path *field.Path) field.ErrorList {
	if least != nil && *least == 0 {
		return field.ErrorList{field.Invalid(path, 0,
			"must be at least 1: the number of requests is read from the replicas, so nothing would wake a model without any; set spec.suspended to stop it")}
	}
	return fieldcheck.Range(least, 1, maxReplicas, path)
}

func validateRollout(rollout *model.Rollout, path *field.Path) field.ErrorList {
	if rollout == nil {
		return nil
	}
	errs := oneOf(rollout.Type, path.Child("type"), model.RolloutRolling, model.RolloutRecreate)
	errs = append(errs, fieldcheck.Range(rollout.MaxSurge, 0, maxReplicas, path.Child("maxSurge"))...)
	errs = append(errs, fieldcheck.Range(rollout.MaxUnavailable, 0, maxReplicas, path.Child("maxUnavailable"))...)
	if ptr.Deref(rollout.Type, model.RolloutRolling) == model.RolloutRecreate {
		errs = append(errs, onlyRolling(rollout.MaxSurge, path.Child("maxSurge"))...)
		errs = append(errs, onlyRolling(rollout.MaxUnavailable, path.Child("maxUnavailable"))...)
		return errs
	}
	if ptr.Deref(rollout.MaxSurge, 0) == 0 && ptr.Deref(rollout.MaxUnavailable, 1) == 0 {
		errs = append(errs, field.Invalid(path.Child("maxUnavailable"), 0, "must not be 0 while maxSurge is 0 too: no replica could ever be replaced"))
	}
	return errs
}

func onlyRolling(value *int32, path *field.Path) field.ErrorList {
	if value == nil {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "Recreate stops all replicas at once: remove it, or choose Rolling")}
}

// validateCache 校验缓存卷；只能挂在一个节点上的卷容不下第二个副本，更新途中多出来的也算。
func validateCache(spec *model.ModelSpec, path *field.Path) field.ErrorList {
	cache := spec.Cache
	if cache == nil {
		return nil
	}
	errs := positive(&cache.Size, path.Child("size"))
	if cache.StorageClassName != nil {
		errs = append(errs, fieldcheck.ObjectName(*cache.StorageClassName, path.Child("storageClassName"))...)
	}
	errs = append(errs, oneOf(cache.AccessMode, path.Child("accessMode"), readWriteMany, readWriteOnce)...)
	if ptr.Deref(cache.AccessMode, readWriteMany) != readWriteOnce {
		return errs
	}
	if why := severalReplicas(spec); why != "" {
		errs = append(errs, field.Invalid(path.Child("accessMode"), readWriteOnce, fmt.Sprintf(
			"only one replica can use such a volume, but %s: choose ReadWriteMany, leave spec.cache out, or keep to one replica", why)))
	}
	return errs
}

// severalReplicas 说出一个集群里为什么可能同时有几个副本；不会有时为空。
func severalReplicas(spec *model.ModelSpec) string {
	if scaling := spec.Scaling; scaling != nil {
		if replicas := ptr.Deref(scaling.Replicas, 1); replicas > 1 {
			return fmt.Sprintf("spec.scaling.replicas is %d and they may be spread over nodes", replicas)
		}
		if auto := scaling.Autoscaling; auto != nil && auto.MaxReplicas > 1 {
			return fmt.Sprintf("spec.scaling.autoscaling.maxReplicas is %d", auto.MaxReplicas)
		}
	}
	if spec.Rollout != nil && ptr.Deref(spec.Rollout.MaxSurge, 0) > 0 {
		return fmt.Sprintf("spec.rollout.maxSurge is %d, so that there are more during a rollout", *spec.Rollout.MaxSurge)
	}
	return ""
}
