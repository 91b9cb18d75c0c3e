package v1alpha1

// Condition types used by the kinds of this group.
const (
	// ConditionReady summarises the other conditions of an object.
	ConditionReady = "Ready"
	// ConditionSuspended says whether a user is kept from authenticating.
	ConditionSuspended = "Suspended"
	// ConditionRoleResolved says whether the role a binding points at exists.
	ConditionRoleResolved = "RoleResolved"
	// ConditionSubjectsResolved says whether the users a binding names exist.
	ConditionSubjectsResolved = "SubjectsResolved"
)

// Reasons of the condition types above.
const (
	// ReasonActive: the user may authenticate and holds the roles in status.
	ReasonActive = "Active"
	// ReasonSuspended: spec.suspended is true and the platform keeps the user
	// from authenticating, as it asks for.
	ReasonSuspended = "Suspended"
	// ReasonNotSuspended: spec.suspended is false.
	ReasonNotSuspended = "NotSuspended"
	// ReasonRoleFound: the role exists.
	ReasonRoleFound = "RoleFound"
	// ReasonRoleNotFound: the role does not exist; the binding grants nothing.
	ReasonRoleNotFound = "RoleNotFound"
	// ReasonSubjectsFound: every user named as a subject exists.
	ReasonSubjectsFound = "SubjectsFound"
	// ReasonSubjectsNotFound: some users named as subjects do not exist.
	ReasonSubjectsNotFound = "SubjectsNotFound"
	// ReasonNoSubjects: the binding names no subjects, so nobody is granted the role.
	ReasonNoSubjects = "NoSubjects"
	// ReasonGranting: the binding grants its role to its subjects.
	ReasonGranting = "Granting"
)
