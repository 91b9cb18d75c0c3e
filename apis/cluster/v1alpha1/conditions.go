package v1alpha1

// Condition types of a Cluster.
const (
	// ConditionReady summarises the other conditions: models can be placed on
	// the member cluster and looked after there.
	ConditionReady = "Ready"
	// ConditionCredentialsValid says whether the platform's credentials are
	// acceptable and the member accepts them.
	ConditionCredentialsValid = "CredentialsValid"
	// ConditionReachable says whether the member's API server answers probes.
	ConditionReachable = "Reachable"
	// ConditionCapacityKnown says whether nodes and accelerators in status are
	// those of the member now.
	ConditionCapacityKnown = "CapacityKnown"
	// ConditionDrained says, while a Cluster is being deleted, whether what
	// KubeLLM placed on the member is gone, and what the deletion waits for.
	ConditionDrained = "Drained"
)

// Reasons of the condition types above. Ready takes over the reason of the
// condition that keeps it from being True.
const (
	// ReasonReady: credentials, heartbeat and capacity are all in order.
	ReasonReady = "Ready"
	// ReasonSuspended: spec.suspended is true; the platform does not look at
	// the member.
	ReasonSuspended = "Suspended"
	// ReasonDeleting: the Cluster is being deleted.
	ReasonDeleting = "Deleting"
	// ReasonDuplicateMember: another Cluster stood for the same member first.
	ReasonDuplicateMember = "DuplicateMember"

	// ReasonAccepted: the member accepts the credentials.
	ReasonAccepted = "Accepted"
	// ReasonExpiresSoon: the member accepts the credentials, which expire within
	// seven days.
	ReasonExpiresSoon = "ExpiresSoon"
	// ReasonUnproven: the credentials are acceptable, but the member has not
	// been asked yet or does not answer.
	ReasonUnproven = "Unproven"
	// ReasonCredentialsMissing: no Secret is named and no credentials have been
	// handed in.
	ReasonCredentialsMissing = "CredentialsMissing"
	// ReasonSecretNotFound: the Secret that spec.credentials names does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyMissing: the Secret lacks the key that spec.credentials names.
	ReasonSecretKeyMissing = "SecretKeyMissing"
	// ReasonKubeconfigMalformed: the kubeconfig is cut short or not a kubeconfig.
	ReasonKubeconfigMalformed = "KubeconfigMalformed"
	// ReasonKubeconfigRefused: the kubeconfig breaks a rule, which the message
	// names: files, commands, passwords or unverified TLS.
	ReasonKubeconfigRefused = "KubeconfigRefused"
	// ReasonExpired: the client certificate or token has expired.
	ReasonExpired = "Expired"
	// ReasonUnauthorized: the member does not know the credentials (401).
	ReasonUnauthorized = "Unauthorized"
	// ReasonForbidden: the member knows the credentials but they may not do
	// what the message names (403).
	ReasonForbidden = "Forbidden"
	// ReasonMemberChanged: the credentials lead to another member cluster than
	// the one this Cluster stands for.
	ReasonMemberChanged = "MemberChanged"

	// ReasonHeartbeatSucceeded: the last probe was answered.
	ReasonHeartbeatSucceeded = "HeartbeatSucceeded"
	// ReasonHeartbeatFailed: as many probes in a row as the threshold says were
	// not answered.
	ReasonHeartbeatFailed = "HeartbeatFailed"
	// ReasonMemberNotReady: the member answers that it is not ready.
	ReasonMemberNotReady = "MemberNotReady"

	// ReasonWatching: nodes and pods are followed by watch.
	ReasonWatching = "Watching"
	// ReasonNotObserved: nothing has been seen of it yet.
	ReasonNotObserved = "NotObserved"
	// ReasonStale: the watch is broken; the numbers are those last seen.
	ReasonStale = "Stale"

	// ReasonDraining: what KubeLLM placed on the member is being removed.
	ReasonDraining = "Draining"
	// ReasonDrained: nothing that KubeLLM placed is left on the member, except
	// for namespaces.
	ReasonDrained = "Drained"
	// ReasonMemberUnavailable: the member must be drained but cannot be got at;
	// the message says what releases the deletion.
	ReasonMemberUnavailable = "MemberUnavailable"
)
