package engine

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

const (
	port     = 8000
	portName = "http"

	containerName = "engine"
	homePath      = "/home/kubellm"

	volumeHome  = "home"
	volumeCache = "cache"
	volumeShm   = "dshm"

	user = 1000
	// gracePeriod 与 drainPause：先从 Service 里退出来，再给手上的请求一点时间。
	gracePeriod = 60
	drainPause  = 15
)

// podSpec 是一个副本。
func podSpec(in Input, e backend) corev1.PodSpec {
	m := in.Model
	source := modelFiles(in)
	adapters, extra := adapterFiles(in)
	spec := corev1.PodSpec{
		AutomountServiceAccountToken: ptr.To(false), EnableServiceLinks: ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To[int64](gracePeriod),
		SecurityContext:               podSecurity(), ImagePullSecrets: pullSecrets(in),
		Affinity: affinity(in), Tolerations: tolerations(m),
		Containers: []corev1.Container{engineContainer(in, e, source, adapters)},
		Volumes:    slices.Concat(commonVolumes(m), source.volumes, extra.volumes),
	}
	spec.Containers[0].VolumeMounts = slices.Concat(commonMounts(), source.mounts, extra.mounts)
	if source.download != nil {
		spec.InitContainers = []corev1.Container{*source.download}
	}
	return spec
}

// engineContainer 是引擎：参数里平台的在前，用户的在后，一律原样传递。
func engineContainer(in Input, e backend, source files, adapters []adapter) corev1.Container {
	m := in.Model
	l := launch{model: m, servedName: ServedName(m), path: source.path, adapters: adapters}
	if accelerated(m) {
		l.accelerators = *m.Spec.Resources.Accelerator.Count
	}
	return corev1.Container{
		Name: containerName, Image: Image(m), ImagePullPolicy: corev1.PullIfNotPresent,
		Command: e.command(), Args: literals(append(e.args(l), m.Spec.Engine.Args...)),
		Env:          environment(in, source, e.env(l)),
		Ports:        []corev1.ContainerPort{{Name: portName, ContainerPort: port, Protocol: corev1.ProtocolTCP}},
		Resources:    requirements(m),
		StartupProbe: startupProbe(m), ReadinessProbe: probe(10), LivenessProbe: probe(15),
		// 原生的等待，不需要镜像里有 sleep；Kubernetes 1.30 起默认可用。
		Lifecycle:                &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drainPause}}},
		SecurityContext:          hardened(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
}

// home 给普通用户一个可写的家。USER 也要说：镜像里没有这个用户，PyTorch 查不到它的名字就起不来。
func home() []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "HOME", Value: homePath}, {Name: "USER", Value: managedBy}}
}

// environment 平台的在前、用户的在后，各有固定的次序。
func environment(in Input, source files, own []corev1.EnvVar) []corev1.EnvVar {
	env := append(home(), corev1.EnvVar{Name: "HF_HOME", Value: cachePath + "/huggingface"})
	env = slices.Concat(env, own, source.env)
	if source.download == nil {
		env = append(env, credentialEnv(in)...)
	}
	return append(env, userEnv(in.Model)...)
}

func userEnv(m *model.Model) []corev1.EnvVar {
	var env []corev1.EnvVar
	for _, v := range m.Spec.Engine.Env {
		env = append(env, corev1.EnvVar{Name: v.Name, Value: literal(v.Value)})
	}
	slices.SortFunc(env, func(a, b corev1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return env
}

// podSecurity 满足 restricted 级别；fsGroup 让普通用户写得进缓存卷，已经是它的就不逐个改。
func podSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](user), RunAsGroup: ptr.To[int64](user),
		FSGroup: ptr.To[int64](user), FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// hardened 是容器一级的。根文件系统不设为只读：NVIDIA 的 CDI 钩子启动容器时要往里写库的索引，引擎也往 /tmp 里编译内核。
func hardened() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false), Privileged: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(false),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// startupPeriod 是启动探针的间隔。
const startupPeriod = 10

// startupThreshold 不足一次的也算一次，免得比用户要的早放弃。
func startupThreshold(m *model.Model) int32 {
	return (*m.Spec.StartupTimeoutSeconds + startupPeriod - 1) / startupPeriod
}

func startupProbe(m *model.Model) *corev1.Probe {
	p := probe(startupPeriod)
	p.FailureThreshold = startupThreshold(m)
	return p
}

func probe(period int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/health", Port: intstr.FromString(portName), Scheme: corev1.URISchemeHTTP,
		}},
		PeriodSeconds: period, TimeoutSeconds: 5, FailureThreshold: 3,
	}
}

// requirements 加速器与内存要多少给多少；处理器只要求不封顶，封顶只会让空闲的白白闲着。
func requirements(m *model.Model) corev1.ResourceRequirements {
	requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
	resources := m.Spec.Resources
	if resources.CPU != nil {
		requests[corev1.ResourceCPU] = *resources.CPU
	}
	if resources.Memory != nil {
		requests[corev1.ResourceMemory], limits[corev1.ResourceMemory] = *resources.Memory, *resources.Memory
	}
	if request := resources.Accelerator; request != nil {
		name, count := corev1.ResourceName(*request.ResourceName), *resource.NewQuantity(int64(*request.Count), resource.DecimalSI)
		requests[name], limits[name] = count, count
	}
	var out corev1.ResourceRequirements
	if len(requests) > 0 {
		out.Requests = requests
	}
	if len(limits) > 0 {
		out.Limits = limits
	}
	return out
}

func commonVolumes(m *model.Model) []corev1.Volume {
	cache := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	if m.Spec.Cache != nil {
		cache = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: m.Name + cacheSuffix}}
	}
	return []corev1.Volume{
		{Name: volumeHome, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: volumeCache, VolumeSource: cache},
		sharedMemory(m),
	}
}

// sharedMemory 必须有上限：没有时它能吃光节点的内存；用掉的算在容器的内存里。
func sharedMemory(m *model.Model) corev1.Volume {
	return corev1.Volume{Name: volumeShm, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
		Medium: corev1.StorageMediumMemory, SizeLimit: m.Spec.Resources.SharedMemory,
	}}}
}

func commonMounts() []corev1.VolumeMount {
	return []corev1.VolumeMount{
		{Name: volumeHome, MountPath: homePath},
		{Name: volumeCache, MountPath: cachePath},
		{Name: volumeShm, MountPath: "/dev/shm"},
	}
}

// productLabels 是节点用来说明加速器产品的标签，一种资源可能有几种，随装的标注器而定。
var productLabels = map[string][]string{
	"nvidia.com/gpu":     {"nvidia.com/gpu.product", "cloud.google.com/gke-accelerator"},
	"amd.com/gpu":        {"amd.com/gpu.product-name", "beta.amd.com/gpu.product-name"},
	"gpu.intel.com/i915": {"gpu.intel.com/product"},
	"gpu.intel.com/xe":   {"gpu.intel.com/product"},
	"google.com/tpu":     {"cloud.google.com/gke-tpu-accelerator"},
}

// unknownProduct 是节点没有标明产品时 Cluster 状态里的名字：它们认得出，是因为一种标签也没有。
const unknownProduct = "unknown"

// affinity 把副本留在为它预留的那种产品上；几种标签中有一个对得上就行。预留在没标明的节点上的，不许去标明了的：
// 那里的卡没有为它预留，这里的却一直替它空着。
func affinity(in Input) *corev1.Affinity {
	request := in.Model.Spec.Resources.Accelerator
	if request == nil {
		return nil
	}
	products := request.Products
	if in.Placement.Product != "" {
		products = []string{in.Placement.Product}
	}
	terms := termsOf(labelsOf(*request.ResourceName), products)
	if len(terms) == 0 {
		return nil
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

// termsOf 是选中 products 的几种说法，合一种就行。
func termsOf(labels, products []string) []corev1.NodeSelectorTerm {
	known := slices.DeleteFunc(slices.Clone(products), func(product string) bool { return product == unknownProduct })
	slices.Sort(known)
	var terms []corev1.NodeSelectorTerm
	var unlabelled []corev1.NodeSelectorRequirement
	for _, label := range labels {
		if len(known) > 0 {
			terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: label, Operator: corev1.NodeSelectorOpIn, Values: known},
			}})
		}
		unlabelled = append(unlabelled, corev1.NodeSelectorRequirement{Key: label, Operator: corev1.NodeSelectorOpDoesNotExist})
	}
	if len(known) < len(products) && len(unlabelled) > 0 {
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: unlabelled})
	}
	return terms
}

func labelsOf(resourceName string) []string {
	if strings.HasPrefix(resourceName, "nvidia.com/mig-") {
		return []string{resourceName + ".product"}
	}
	return productLabels[resourceName]
}

// tolerations 让副本上得了专留给加速器的节点：它们多半带着以资源命名的污点。
func tolerations(m *model.Model) []corev1.Toleration {
	if !accelerated(m) {
		return nil
	}
	return []corev1.Toleration{{
		Key: *m.Spec.Resources.Accelerator.ResourceName, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule,
	}}
}
