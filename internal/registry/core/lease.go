package core

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/internal/registry"
)

// Lease 声明租约；控制器靠它选主。
func Lease() *registry.Resource[*coordinationv1.Lease, *coordinationv1.LeaseList] {
	return &registry.Resource[*coordinationv1.Lease, *coordinationv1.LeaseList]{
		Group: coordinationv1.GroupName, Kind: "Lease", Plural: "leases", Singular: "lease", Namespaced: true, Uncategorized: true,
		New:     func() *coordinationv1.Lease { return &coordinationv1.Lease{} },
		NewList: func() *coordinationv1.LeaseList { return &coordinationv1.LeaseList{} },
		Columns: []registry.Column[*coordinationv1.Lease]{
			{Name: "Holder", Description: "Who holds the lease.", Value: func(l *coordinationv1.Lease) any { return ptr.Deref(l.Spec.HolderIdentity, "") }},
		},
		Validate: validateLease,
	}
}

func validateLease(lease *coordinationv1.Lease) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	if duration := lease.Spec.LeaseDurationSeconds; duration != nil && *duration <= 0 {
		errs = append(errs, field.Invalid(spec.Child("leaseDurationSeconds"), *duration, "must be greater than 0"))
	}
	if transitions := lease.Spec.LeaseTransitions; transitions != nil && *transitions < 0 {
		errs = append(errs, field.Invalid(spec.Child("leaseTransitions"), *transitions, "must not be negative"))
	}
	if lease.Spec.Strategy == nil && lease.Spec.PreferredHolder != nil {
		errs = append(errs, field.Forbidden(spec.Child("preferredHolder"), "needs spec.strategy"))
	}
	return errs
}
