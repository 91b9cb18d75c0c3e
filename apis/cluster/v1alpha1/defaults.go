package v1alpha1

import "k8s.io/utils/ptr"

// 未声明时的取值；工具链据此预知服务端会填什么，所以都是常量。
const (
	// DefaultKubeconfigKey is the key of a Secret that a kubeconfig is read from.
	DefaultKubeconfigKey = "kubeconfig"
	// DefaultIntervalSeconds is the time between two probes.
	DefaultIntervalSeconds int32 = 30
	// DefaultTimeoutSeconds is how long one probe may take.
	DefaultTimeoutSeconds int32 = 10
	// DefaultFailureThreshold is how many probes in a row must fail.
	DefaultFailureThreshold int32 = 3
	// DefaultWorkloadNamespacePrefix is put before the namespaces of models.
	DefaultWorkloadNamespacePrefix = "kubellm-"
)

// SetDefaults_ClusterSpec 写明未声明时的取值，让读到对象的人不必去猜。
func SetDefaults_ClusterSpec(spec *ClusterSpec) {
	if spec.Heartbeat == nil {
		spec.Heartbeat = &Heartbeat{}
	}
	if spec.WorkloadNamespacePrefix == nil {
		spec.WorkloadNamespacePrefix = ptr.To(DefaultWorkloadNamespacePrefix)
	}
	if spec.Suspended == nil {
		spec.Suspended = ptr.To(false)
	}
	if spec.DeletionPolicy == nil {
		spec.DeletionPolicy = ptr.To(DeletionDrain)
	}
}

// SetDefaults_Heartbeat 补上没写的节拍。
func SetDefaults_Heartbeat(heartbeat *Heartbeat) {
	if heartbeat.IntervalSeconds == nil {
		heartbeat.IntervalSeconds = ptr.To(DefaultIntervalSeconds)
	}
	if heartbeat.TimeoutSeconds == nil {
		heartbeat.TimeoutSeconds = ptr.To(DefaultTimeoutSeconds)
	}
	if heartbeat.FailureThreshold == nil {
		heartbeat.FailureThreshold = ptr.To(DefaultFailureThreshold)
	}
}

// SetDefaults_CredentialsSource 写明不校验证书必须明说。
func SetDefaults_CredentialsSource(source *CredentialsSource) {
	if source.InsecureSkipTLSVerify == nil {
		source.InsecureSkipTLSVerify = ptr.To(false)
	}
}

// SetDefaults_SecretKeyReference 补上惯用的键。
func SetDefaults_SecretKeyReference(ref *SecretKeyReference) {
	if ref.Key == nil {
		ref.Key = ptr.To(DefaultKubeconfigKey)
	}
}
