package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

// 未声明时的取值；工具链据此预知服务端会填什么，所以都是常量。
const (
	// DefaultStartupTimeoutSeconds is how long a replica may take to start.
	DefaultStartupTimeoutSeconds int32 = 3600
	// DefaultAcceleratorResource is the extended resource that pods ask for.
	DefaultAcceleratorResource = "nvidia.com/gpu"
	// DefaultSharedMemory is the size of /dev/shm.
	DefaultSharedMemory = "1Gi"
	// DefaultTargetRequestsPerReplica is how many requests a replica works on.
	DefaultTargetRequestsPerReplica int32 = 16
	// DefaultAccessMode is that of a cache that all replicas share.
	DefaultAccessMode = "ReadWriteMany"
)

// SetDefaults_ModelSpec 写明未声明时的取值，让读到对象的人不必去猜。
func SetDefaults_ModelSpec(spec *ModelSpec) {
	setDefault(&spec.Resources, Resources{})
	setDefault(&spec.Placement, Placement{})
	setDefault(&spec.Scaling, Scaling{})
	setDefault(&spec.Rollout, Rollout{})
	setDefault(&spec.StartupTimeoutSeconds, DefaultStartupTimeoutSeconds)
	setDefault(&spec.Suspended, false)
	setDefault(&spec.DeletionPolicy, DeletionDelete)
}

// SetDefaults_Engine 补上交付方式。
func SetDefaults_Engine(engine *Engine) { setDefault(&engine.Delivery, DeliveryDeployment) }

// SetDefaults_Resources 补上共享内存：多卡的引擎缺了它就起不来。
func SetDefaults_Resources(resources *Resources) {
	setDefault(&resources.SharedMemory, resource.MustParse(DefaultSharedMemory))
}

// SetDefaults_AcceleratorRequest 补上最常见的卡。
func SetDefaults_AcceleratorRequest(request *AcceleratorRequest) {
	setDefault(&request.ResourceName, DefaultAcceleratorResource)
	setDefault(&request.Count, 1)
}

// SetDefaults_Placement 补上放几个集群、怎样挑。
func SetDefaults_Placement(placement *Placement) {
	setDefault(&placement.Clusters, 1)
	setDefault(&placement.Strategy, PlacementSpread)
}

// SetDefaults_Toleration 补上比较方式。
func SetDefaults_Toleration(toleration *Toleration) {
	setDefault(&toleration.Operator, TolerationEqual)
}

// SetDefaults_Scaling 两样都没写就是一个副本；写了自动伸缩，副本数就归它。
func SetDefaults_Scaling(scaling *Scaling) {
	if scaling.Autoscaling == nil {
		setDefault(&scaling.Replicas, 1)
	}
}

// SetDefaults_Autoscaling 补上下限与目标。
func SetDefaults_Autoscaling(autoscaling *Autoscaling) {
	setDefault(&autoscaling.MinReplicas, 1)
	setDefault(&autoscaling.TargetRequestsPerReplica, DefaultTargetRequestsPerReplica)
}

// SetDefaults_Cache 补上访问方式。
func SetDefaults_Cache(cache *Cache) { setDefault(&cache.AccessMode, DefaultAccessMode) }

// SetDefaults_Rollout 补上不会在满员的卡上卡死的更新方式。
func SetDefaults_Rollout(rollout *Rollout) {
	setDefault(&rollout.Type, RolloutRolling)
	if *rollout.Type == RolloutRolling {
		setDefault(&rollout.MaxSurge, 0)
		setDefault(&rollout.MaxUnavailable, 1)
	}
}

// setDefault 填上没写的字段。
func setDefault[V any](field **V, value V) {
	if *field == nil {
		*field = ptr.To(value)
	}
}
