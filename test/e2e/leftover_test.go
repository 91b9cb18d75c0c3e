package e2e

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/test/harness"
)

// cleared 等前面的测试留在成员上的 Pod 走完：它们还占着卡，这一个测试数到的就不是自己的。
// 谁的 Pod 走不掉，在这里就说出名字来，不让后面的测试一个个莫名地超时。
func cleared(t *testing.T, m *harness.Member) {
	t.Helper()
	harness.Eventually(t, "what earlier tests ran on member "+m.Name+" to be gone", promptly, func(c ctx) error {
		left, err := departing(c, m)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d pods are left: %v", len(left), left)
		}
		return err
	})
}

// departing 返回成员上该走而还没走的 Pod：正在终止的，以及主人（ReplicaSet，或者它的 Deployment）已经不在的。
func departing(c ctx, m *harness.Member) ([]string, error) {
	everything := metav1.ListOptions{}
	pods, err := m.Client().CoreV1().Pods("").List(c, everything)
	if err != nil {
		return nil, err
	}
	sets, err := m.Client().AppsV1().ReplicaSets("").List(c, everything)
	if err != nil {
		return nil, err
	}
	deployments, err := m.Client().AppsV1().Deployments("").List(c, everything)
	if err != nil {
		return nil, err
	}
	owners := map[types.UID]bool{}
	for _, d := range deployments.Items {
		owners[d.UID] = true
	}
	for _, set := range sets.Items {
		owners[set.UID] = owned(set.OwnerReferences, owners)
	}
	var left []string
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil || !owned(pod.OwnerReferences, owners) {
			left = append(left, fmt.Sprintf("%s/%s on node %q (deleted at %v, finalizers %v, owners %+v)",
				pod.Namespace, pod.Name, pod.Spec.NodeName, pod.DeletionTimestamp, pod.Finalizers, pod.OwnerReferences))
		}
	}
	return left, nil
}

// owned 说这些主人是否都还在；没有主人的由建它的测试自己收走。
func owned(references []metav1.OwnerReference, owners map[types.UID]bool) bool {
	return !slices.ContainsFunc(references, func(o metav1.OwnerReference) bool { return !owners[o.UID] })
}
