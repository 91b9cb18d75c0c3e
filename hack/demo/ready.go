package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/test/harness"
)

// batch 是要一起就绪的一批对象：kubectl 在 kubeconfig 所指之处对 resources 列出的一切。
type batch struct {
	name, kubeconfig, resources string
	// conditions 个个都要为真。
	conditions []string
	// except 里的不等。
	except []string
}

// everything 是平台上有就绪可言的一切，不管谁建的；Role 没有条件，存下了就算数。
func everything(platform *harness.Platform) batch {
	return batch{
		name: "all users, role bindings, clusters and models of the platform", kubeconfig: platform.Kubeconfig,
		resources: "users,rolebindings,clusters,models", conditions: []string{"Ready"}, except: []string{autoscaled},
	}
}

// managed 是 Crossplane 的全部托管资源。
func managed(plane *harness.KubeAPIServer) batch {
	return batch{name: "all managed resources", kubeconfig: plane.Kubeconfig, resources: "managed", conditions: []string{"Synced", "Ready"}}
}

// conditioned 是任何种类共有、演示要等的部分。
type conditioned struct {
	Kind     string
	Metadata metav1.ObjectMeta
	Status   struct{ Conditions []metav1.Condition }
}

// awaitReady 等一批对象个个就绪；等不到的错误带着缺的条件和平台给的原因。
func awaitReady(ctx context.Context, b batch) error {
	what := fmt.Sprintf("%s to be %s", b.name, strings.Join(b.conditions, " and "))
	if len(b.except) > 0 {
		what += ", but for " + strings.Join(b.except, " and ")
	}
	return await(ctx, what, readyLimit, b.ready)
}

// ready 看一遍；还有没就绪的就是错误，逐个说出缺什么。
func (b batch) ready(ctx context.Context) error {
	out, err := harness.Kubectl(ctx, b.kubeconfig, "", "get", b.resources, "--all-namespaces", "-o", "json")
	if err != nil {
		return err
	}
	list := struct{ Items []conditioned }{}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return harness.Permanent(fmt.Errorf("read what kubectl printed: %w", err))
	}
	return b.lacks(list.Items)
}

// lacks 见 ready。
func (b batch) lacks(found []conditioned) error {
	awaited := slices.DeleteFunc(slices.Clone(found), func(c conditioned) bool { return slices.Contains(b.except, c.Metadata.Name) })
	if len(awaited) == 0 {
		return errors.New("there are none yet")
	}
	var lacking []string
	for i := range awaited {
		if lack := awaited[i].lacks(b.conditions); lack != "" {
			lacking = append(lacking, lack)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d are; not yet:\n- %s", len(awaited)-len(lacking), len(awaited), strings.Join(lacking, "\n- "))
}

// lacks 说出第一个还不为真的条件和原因；都为真时为空。旧的一代的条件不算数。
func (c *conditioned) lacks(conditions []string) string {
	name := c.Metadata.Name
	if c.Metadata.Namespace != "" {
		name = c.Metadata.Namespace + "/" + name
	}
	for _, want := range conditions {
		at := slices.IndexFunc(c.Status.Conditions, func(c metav1.Condition) bool { return c.Type == want })
		if at < 0 {
			return fmt.Sprintf("%s %s has no condition %s yet", c.Kind, name, want)
		}
		found := c.Status.Conditions[at]
		if found.Status != metav1.ConditionTrue {
			return strings.TrimSuffix(fmt.Sprintf("%s %s is not %s (%s): %s", c.Kind, name, want, found.Reason, found.Message), ": ")
		}
		if found.ObservedGeneration != 0 && found.ObservedGeneration < c.Metadata.Generation {
			return fmt.Sprintf("%s %s is %s, but that is not yet said of its latest change", c.Kind, name, want)
		}
	}
	return ""
}
