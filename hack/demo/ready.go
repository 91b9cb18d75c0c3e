package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// conditioned 是任何种类共有、演示要等的部分。
type conditioned struct {
	Kind     string
	Metadata metav1.ObjectMeta
	Status   struct{ Conditions []metav1.Condition }
}

// awaitReady 等 resource 个个都有这些条件；except 里的不等。
func awaitReady(ctx context.Context, kubeconfig, resource string, conditions []string, except ...string) error {
	what := fmt.Sprintf("all %s to be %s", resource, strings.Join(conditions, " and "))
	if len(except) > 0 {
		what += ", but for " + strings.Join(except, ", ")
	}
	return await(ctx, what, readyLimit, func(ctx context.Context) error {
		out, err := harness.Kubectl(ctx, kubeconfig, "", "get", resource, "--all-namespaces", "-o", "json")
		if err != nil {
			return err
		}
		list := struct{ Items []conditioned }{}
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			return harness.Permanent(fmt.Errorf("read what kubectl printed: %w", err))
		}
		list.Items = slices.DeleteFunc(list.Items, func(c conditioned) bool { return slices.Contains(except, c.Metadata.Name) })
		var missing []string
		for _, c := range list.Items {
			if lack := c.lacks(conditions); lack != "" {
				missing = append(missing, lack)
			}
		}
		if len(missing) > 0 || len(list.Items) == 0 {
			return fmt.Errorf("%d of %d are; missing: %s", len(list.Items)-len(missing), len(list.Items), strings.Join(missing, "; "))
		}
		return nil
	})
}

// lacks 说出第一个还不为真的条件和原因；都为真时为空。
func (c *conditioned) lacks(conditions []string) string {
	for _, want := range conditions {
		at := slices.IndexFunc(c.Status.Conditions, func(c metav1.Condition) bool { return c.Type == want })
		if at < 0 {
			return fmt.Sprintf("%s %s has no condition %s yet", c.Kind, c.Metadata.Name, want)
		}
		if found := c.Status.Conditions[at]; found.Status != metav1.ConditionTrue {
			return strings.TrimSuffix(fmt.Sprintf("%s %s is not %s: %s %s", c.Kind, c.Metadata.Name, want, found.Reason, found.Message), " ")
		}
	}
	return ""
}
