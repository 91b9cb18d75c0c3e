// Package validation 校验 cluster 组的内部对象：坏输入在这里得到指名字段、说明原因与改法的回答。
package validation

import (
	"fmt"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/apis/fieldcheck"
)

const (
	maxPlace  = 63
	maxZones  = 64
	maxTaints = 64
	// maxPrefix 给模型的命名空间留下至少一半的长度。
	maxPrefix = 32

	maxIntervalSeconds  = 3600
	maxTimeoutSeconds   = 300
	maxFailureThreshold = 100

	// kubernetesPrefix 开头的命名空间属于成员自己；前缀与命名空间拼起来绝不能落到那里。
	kubernetesPrefix = "kube-"
)

// ValidateCluster 校验一个成员集群；它引用的 Secret 不必已经存在，那由条件说明。
func ValidateCluster(c *cluster.Cluster) field.ErrorList {
	errs := fieldcheck.NotReserved(c.Name, field.NewPath("metadata", "name"))
	spec := field.NewPath("spec")
	errs = append(errs, validateCredentials(c.Spec.Credentials, spec.Child("credentials"))...)
	if c.Spec.Region != nil {
		errs = append(errs, validatePlace(*c.Spec.Region, spec.Child("region"))...)
	}
	errs = append(errs, validateZones(c.Spec.Zones, spec.Child("zones"))...)
	errs = append(errs, validateTaints(c.Spec.Taints, spec.Child("taints"))...)
	errs = append(errs, validateHeartbeat(c.Spec.Heartbeat, spec.Child("heartbeat"))...)
	if c.Spec.WorkloadNamespacePrefix != nil {
		errs = append(errs, validatePrefix(*c.Spec.WorkloadNamespacePrefix, spec.Child("workloadNamespacePrefix"))...)
	}
	return append(errs, validateDeletionPolicy(c.Spec.DeletionPolicy, spec.Child("deletionPolicy"))...)
}

// ValidateClusterUpdate 保证前缀不变：变了就再也找不到已经放在成员上的东西。
func ValidateClusterUpdate(c, old *cluster.Cluster) field.ErrorList {
	is, was := ptr.Deref(c.Spec.WorkloadNamespacePrefix, ""), ptr.Deref(old.Spec.WorkloadNamespacePrefix, "")
	if is == was {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("spec", "workloadNamespacePrefix"), is,
		fmt.Sprintf("is immutable (it is %q): what runs on the member would be lost sight of; delete the cluster and create another", was))}
}

func validateCredentials(source *cluster.CredentialsSource, path *field.Path) field.ErrorList {
	if source == nil || source.KubeconfigSecretRef == nil {
		return nil
	}
	ref, path := source.KubeconfigSecretRef, path.Child("kubeconfigSecretRef")
	errs := fieldcheck.NamespaceName(ref.Namespace, path.Child("namespace"))
	errs = append(errs, fieldcheck.ObjectName(ref.Name, path.Child("name"))...)
	if ref.Key != nil {
		errs = append(errs, fieldcheck.Messages(*ref.Key, path.Child("key"), validation.IsConfigMapKey(*ref.Key))...)
	}
	return errs
}

// validatePlace 校验区域与可用区：人给的名字，不限形状，但看不见的差别不算差别。
func validatePlace(name string, path *field.Path) field.ErrorList {
	switch {
	case strings.TrimSpace(name) == "":
		return field.ErrorList{field.Invalid(path, name, "must not be empty: give it a name, or leave it out")}
	case strings.TrimSpace(name) != name:
		return field.ErrorList{field.Invalid(path, name, "must not start or end with white space")}
	}
	return fieldcheck.Length(&name, maxPlace, path)
}

func validateZones(zones []string, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(zones), maxZones, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	for i, zone := range zones {
		errs = append(errs, validatePlace(zone, path.Index(i))...)
	}
	return append(errs, fieldcheck.Distinct(zones, path)...)
}

// validateTaints 每个键在每种作用下只许有一个：两个就说不清模型要容忍哪一个。
func validateTaints(taints []cluster.Taint, path *field.Path) field.ErrorList {
	if errs := fieldcheck.Count(len(taints), maxTaints, path); len(errs) > 0 {
		return errs
	}
	var errs field.ErrorList
	identities := make([]string, 0, len(taints))
	for i, taint := range taints {
		errs = append(errs, validateTaint(taint, path.Index(i))...)
		identities = append(identities, fmt.Sprintf("%s:%s", taint.Key, taint.Effect))
	}
	return append(errs, fieldcheck.Distinct(identities, path)...)
}

func validateTaint(taint cluster.Taint, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if taint.Key == "" {
		errs = append(errs, field.Required(path.Child("key"), "a taint is told by its key, such as maintenance or example.org/team"))
	} else {
		errs = append(errs, metav1validation.ValidateLabelName(taint.Key, path.Child("key"))...)
	}
	errs = append(errs, fieldcheck.Messages(taint.Value, path.Child("value"), validation.IsValidLabelValue(taint.Value))...)
	switch taint.Effect {
	case cluster.TaintNoSchedule, cluster.TaintNoExecute:
	case "":
		errs = append(errs, field.Required(path.Child("effect"), "say what it does to models that do not tolerate it: NoSchedule or NoExecute"))
	default:
		errs = append(errs, field.NotSupported(path.Child("effect"), taint.Effect, []cluster.TaintEffect{cluster.TaintNoSchedule, cluster.TaintNoExecute}))
	}
	return errs
}

func validateHeartbeat(heartbeat *cluster.Heartbeat, path *field.Path) field.ErrorList {
	if heartbeat == nil {
		return nil
	}
	errs := fieldcheck.Range(heartbeat.IntervalSeconds, 1, maxIntervalSeconds, path.Child("intervalSeconds"))
	errs = append(errs, fieldcheck.Range(heartbeat.TimeoutSeconds, 1, maxTimeoutSeconds, path.Child("timeoutSeconds"))...)
	return append(errs, fieldcheck.Range(heartbeat.FailureThreshold, 1, maxFailureThreshold, path.Child("failureThreshold"))...)
}

// validatePrefix 要求前缀加上任何命名空间都可能是合法的命名空间，而且不会是成员自己的。
func validatePrefix(prefix string, path *field.Path) field.ErrorList {
	switch {
	case prefix == "":
		return field.ErrorList{field.Invalid(path, prefix, `must not be empty, or models could run in the member's own namespaces: give one such as "kubellm-"`)}
	case len(prefix) > maxPrefix:
		return field.ErrorList{field.TooLong(path, prefix, maxPrefix)}
	case strings.HasPrefix(prefix, kubernetesPrefix) || strings.HasPrefix(kubernetesPrefix, prefix):
		return field.ErrorList{field.Invalid(path, prefix, fmt.Sprintf("must not lead to namespaces starting with %q, which are the member's own", kubernetesPrefix))}
	}
	return fieldcheck.Messages(prefix, path, apivalidation.ValidateNamespaceName(prefix, true))
}

func validateDeletionPolicy(policy *cluster.DeletionPolicy, path *field.Path) field.ErrorList {
	if policy == nil {
		return nil
	}
	switch *policy {
	case cluster.DeletionDrain, cluster.DeletionOrphan:
		return nil
	default:
		return field.ErrorList{field.NotSupported(path, *policy, []cluster.DeletionPolicy{cluster.DeletionDrain, cluster.DeletionOrphan})}
	}
}
