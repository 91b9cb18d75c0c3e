package model

import (
	"k8s.io/utils/ptr"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

type model struct {
	Source                source     `tfsdk:"source"`
	Engine                engine     `tfsdk:"engine"`
	ServedName            *string    `tfsdk:"served_name"`
	Resources             *resources `tfsdk:"resources"`
	Placement             *placement `tfsdk:"placement"`
	Scaling               *scaling   `tfsdk:"scaling"`
	Adapters              []adapter  `tfsdk:"adapters"`
	Cache                 *cache     `tfsdk:"cache"`
	Rollout               *rollout   `tfsdk:"rollout"`
	StartupTimeoutSeconds *int32     `tfsdk:"startup_timeout_seconds"`
	Suspended             *bool      `tfsdk:"suspended"`
	DeletionPolicy        *string    `tfsdk:"deletion_policy"`
}

type source struct {
	HuggingFace *huggingFace `tfsdk:"hugging_face"`
	OCI         *oci         `tfsdk:"oci"`
	S3          *s3          `tfsdk:"s3"`
	PVC         *pvc         `tfsdk:"pvc"`
}

type huggingFace struct {
	Repo           string        `tfsdk:"repo"`
	Revision       *string       `tfsdk:"revision"`
	File           *string       `tfsdk:"file"`
	TokenSecretRef *secretKeyRef `tfsdk:"token_secret_ref"`
}

type oci struct {
	Image         string        `tfsdk:"image"`
	PullSecretRef *secretKeyRef `tfsdk:"pull_secret_ref"`
}

type s3 struct {
	Bucket               string     `tfsdk:"bucket"`
	Prefix               *string    `tfsdk:"prefix"`
	Endpoint             *string    `tfsdk:"endpoint"`
	Region               *string    `tfsdk:"region"`
	CredentialsSecretRef *secretRef `tfsdk:"credentials_secret_ref"`
}

type pvc struct {
	ClaimName string  `tfsdk:"claim_name"`
	Path      *string `tfsdk:"path"`
}

type secretKeyRef struct {
	Name string `tfsdk:"name"`
	Key  string `tfsdk:"key"`
}

type secretRef struct {
	Name string `tfsdk:"name"`
}

type engine struct {
	Type          string   `tfsdk:"type"`
	Image         *string  `tfsdk:"image"`
	Args          []string `tfsdk:"args"`
	Env           []envVar `tfsdk:"env"`
	ContextLength *int32   `tfsdk:"context_length"`
	Delivery      *string  `tfsdk:"delivery"`
}

type envVar struct {
	Name  string  `tfsdk:"name"`
	Value *string `tfsdk:"value"`
}

// resources 里的数量是文字：属性的类型已查过写法，也知道哪些写法一样多。
type resources struct {
	Accelerator  *accelerator `tfsdk:"accelerator"`
	CPU          *string      `tfsdk:"cpu"`
	Memory       *string      `tfsdk:"memory"`
	SharedMemory *string      `tfsdk:"shared_memory"`
}

type accelerator struct {
	ResourceName *string  `tfsdk:"resource_name"`
	Count        *int32   `tfsdk:"count"`
	Products     []string `tfsdk:"products"`
}

type placement struct {
	ClusterNames    []string     `tfsdk:"cluster_names"`
	ClusterSelector *selector    `tfsdk:"cluster_selector"`
	Tolerations     []toleration `tfsdk:"tolerations"`
	Clusters        *int32       `tfsdk:"clusters"`
	Strategy        *string      `tfsdk:"strategy"`
	Failover        *failover    `tfsdk:"failover"`
}

type selector struct {
	MatchLabels      map[string]string `tfsdk:"match_labels"`
	MatchExpressions []requirement     `tfsdk:"match_expressions"`
}

type requirement struct {
	Key      string   `tfsdk:"key"`
	Operator string   `tfsdk:"operator"`
	Values   []string `tfsdk:"values"`
}

type toleration struct {
	Key      *string `tfsdk:"key"`
	Operator *string `tfsdk:"operator"`
	Value    *string `tfsdk:"value"`
	Effect   *string `tfsdk:"effect"`
}

type failover struct {
	AfterSeconds int32 `tfsdk:"after_seconds"`
}

type scaling struct {
	Replicas    *int32       `tfsdk:"replicas"`
	Autoscaling *autoscaling `tfsdk:"autoscaling"`
}

type autoscaling struct {
	MinReplicas              *int32 `tfsdk:"min_replicas"`
	MaxReplicas              int32  `tfsdk:"max_replicas"`
	TargetRequestsPerReplica *int32 `tfsdk:"target_requests_per_replica"`
}

type adapter struct {
	Name   string        `tfsdk:"name"`
	Source adapterSource `tfsdk:"source"`
}

type adapterSource struct {
	HuggingFace *adapterRepo  `tfsdk:"hugging_face"`
	OCI         *adapterImage `tfsdk:"oci"`
	PVC         *pvc          `tfsdk:"pvc"`
}

type adapterRepo struct {
	Repo string `tfsdk:"repo"`
}

type adapterImage struct {
	Image string `tfsdk:"image"`
}

type cache struct {
	Size             *string `tfsdk:"size"`
	StorageClassName *string `tfsdk:"storage_class_name"`
	AccessMode       *string `tfsdk:"access_mode"`
}

type rollout struct {
	Type           *string `tfsdk:"type"`
	MaxSurge       *int32  `tfsdk:"max_surge"`
	MaxUnavailable *int32  `tfsdk:"max_unavailable"`
}

// defaults 是服务端替没写的字段填的值。要不要卡是要紧的，所以卡数没有默认值：导入时总显示。
var defaults = model{
	Engine: engine{Delivery: ptr.To(string(modelv1alpha1.DeliveryDeployment))},
	Resources: &resources{
		Accelerator:  &accelerator{ResourceName: ptr.To(modelv1alpha1.DefaultAcceleratorResource)},
		SharedMemory: ptr.To(modelv1alpha1.DefaultSharedMemory),
	},
	Placement: &placement{Clusters: ptr.To(int32(1)), Strategy: ptr.To(string(modelv1alpha1.PlacementSpread))},
	Scaling: &scaling{
		Replicas: ptr.To(int32(1)),
		Autoscaling: &autoscaling{
			MinReplicas: ptr.To(int32(1)), TargetRequestsPerReplica: ptr.To(modelv1alpha1.DefaultTargetRequestsPerReplica),
		},
	},
	Cache: &cache{AccessMode: ptr.To(modelv1alpha1.DefaultAccessMode)},
	Rollout: &rollout{
		Type: ptr.To(string(modelv1alpha1.RolloutRolling)), MaxSurge: ptr.To(int32(0)), MaxUnavailable: ptr.To(int32(1)),
	},
	StartupTimeoutSeconds: ptr.To(modelv1alpha1.DefaultStartupTimeoutSeconds),
	Suspended:             ptr.To(false),
	DeletionPolicy:        ptr.To(string(modelv1alpha1.DeletionDelete)),
}
