package v1alpha1

// Condition types of a Model.
const (
	// ConditionReady summarises the other conditions: all wanted replicas serve.
	ConditionReady = "Ready"
	// ConditionAccepted says whether the spec and what it refers to make sense
	// together.
	ConditionAccepted = "Accepted"
	// ConditionScheduled says whether Clusters have been chosen.
	ConditionScheduled = "Scheduled"
	// ConditionApplied says whether the chosen Clusters hold what is wanted.
	ConditionApplied = "Applied"
	// ConditionAvailable says whether the wanted replicas are ready, by the
	// members' word on the current generation.
	ConditionAvailable = "Available"
	// ConditionProgressing says whether replicas are on their way.
	ConditionProgressing = "Progressing"
)

// Reasons of the condition types above. Ready takes over the reason of the
// condition that keeps it from being True.
const (
	// ReasonReady: all wanted replicas are ready on all chosen Clusters.
	ReasonReady = "Ready"
	// ReasonSuspended: spec.suspended is true; nothing runs.
	ReasonSuspended = "Suspended"
	// ReasonDeleting: the Model is being deleted.
	ReasonDeleting = "Deleting"
	// ReasonNotObserved: nothing has been seen of it yet.
	ReasonNotObserved = "NotObserved"

	// ReasonAccepted: spec and references make sense together.
	ReasonAccepted = "Accepted"
	// ReasonSecretNotFound: a Secret that the spec names does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyMissing: a Secret lacks a key that is needed.
	ReasonSecretKeyMissing = "SecretKeyMissing"

	// ReasonScheduled: as many Clusters as wanted have been chosen.
	ReasonScheduled = "Scheduled"
	// ReasonNoClusterFits: fewer Clusters fit than are wanted; the message names
	// a reason for each.
	ReasonNoClusterFits = "NoClusterFits"
	// ReasonNoClusterSelected: the names or the selector match no Cluster.
	ReasonNoClusterSelected = "NoClusterSelected"

	// ReasonApplied: every chosen Cluster holds what is wanted.
	ReasonApplied = "Applied"
	// ReasonApplying: what is wanted is being applied.
	ReasonApplying = "Applying"
	// ReasonApplyFailed: a member refuses what is applied.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonRemovalRefused: a member answers, but refuses that what runs there is
	// removed.
	ReasonRemovalRefused = "RemovalRefused"
	// ReasonClusterUnreachable: a chosen Cluster cannot be reached; what runs
	// there is not known.
	ReasonClusterUnreachable = "ClusterUnreachable"

	// ReasonReplicasReady: the wanted replicas are ready.
	ReasonReplicasReady = "ReplicasReady"
	// ReasonLoading: replicas are starting, downloading or loading.
	ReasonLoading = "Loading"
	// ReasonUnschedulable: the member finds no place for a replica; the message
	// is its scheduler's.
	ReasonUnschedulable = "Unschedulable"
	// ReasonReplicasFailing: replicas cannot start; the message says why.
	ReasonReplicasFailing = "ReplicasFailing"
	// ReasonStartupTimeout: replicas were not ready within the startup timeout.
	ReasonStartupTimeout = "StartupTimeout"
	// ReasonRollingOut: replicas are being replaced.
	ReasonRollingOut = "RollingOut"
	// ReasonComplete: nothing is on its way.
	ReasonComplete = "Complete"
)

// Reasons why a Cluster does not fit.
const (
	// RejectedNotReady: the Cluster is not ready or is not known to be.
	RejectedNotReady = "NotReady"
	// RejectedTaint: a taint is not tolerated.
	RejectedTaint = "Taint"
	// RejectedDeleting: the Cluster is being deleted.
	RejectedDeleting = "Deleting"
	// RejectedNamespace: the namespace on the member would have too long a name.
	RejectedNamespace = "Namespace"
	// RejectedCapability: the Cluster lacks what the delivery or source needs.
	RejectedCapability = "Capability"
	// RejectedProduct: the Cluster has none of the wanted products.
	RejectedProduct = "Product"
	// RejectedFreeBlock: no node has as many free accelerators as a replica needs.
	RejectedFreeBlock = "FreeBlock"
	// RejectedCapacity: the free blocks are too few for all replicas.
	RejectedCapacity = "Capacity"
	// RejectedNotFound: a Cluster that is named does not exist.
	RejectedNotFound = "NotFound"
)
