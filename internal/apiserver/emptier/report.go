package emptier

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// report 在状态里说还剩什么、谁没放手；没有变化就不写。条件与上游同名，kubectl 与脚本按它们找。
func (e *Emptier) report(ctx context.Context, namespace *corev1.Namespace, left []remainder) error {
	var contents, holders []string
	for _, rest := range left {
		contents = append(contents, fmt.Sprintf("%s has %d resource instances", rest.resource, rest.count))
		for finalizer, count := range rest.finalizers {
			holders = append(holders, fmt.Sprintf("%s in %d resource instances", finalizer, count))
		}
	}
	slices.Sort(contents)
	slices.Sort(holders)
	updated := namespace.DeepCopy()
	setCondition(updated, corev1.NamespaceContentRemaining, "SomeResourcesRemain", "Some resources are remaining: ", contents)
	setCondition(updated, corev1.NamespaceFinalizersRemaining, "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: ", holders)
	if apiequality.Semantic.DeepEqual(updated.Status, namespace.Status) {
		return nil
	}
	_, err := e.namespaces.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // 别的副本也在写；下一次再看。
	}
	return fmt.Errorf("report what is left in the namespace: %w", err)
}

func setCondition(namespace *corev1.Namespace, kind corev1.NamespaceConditionType, reason, text string, facts []string) {
	condition := corev1.NamespaceCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: text + strings.Join(facts, ", "), LastTransitionTime: metav1.Now()}
	if len(facts) == 0 {
		condition.Status, condition.Reason, condition.Message = corev1.ConditionFalse, "ContentRemoved", "Nothing of this kind is left."
	}
	at := slices.IndexFunc(namespace.Status.Conditions, func(c corev1.NamespaceCondition) bool { return c.Type == kind })
	if at < 0 {
		namespace.Status.Conditions = append(namespace.Status.Conditions, condition)
		return
	}
	existing := &namespace.Status.Conditions[at]
	if existing.Status == condition.Status {
		condition.LastTransitionTime = existing.LastTransitionTime
	}
	*existing = condition
}
