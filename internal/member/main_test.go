package member_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// patience 是等待一件事的期限，给忙的机器留足余量。
	patience = 2 * time.Minute
	// brief 只够问一次而不久等。
	brief   = 500 * time.Millisecond
	product = "NVIDIA-H100-80GB-HBM3"
	gpu     = corev1.ResourceName("nvidia.com/gpu")
)

// eyes 是一个看着若干成员的 Members，以及它发出的请求的计数。
type eyes struct {
	*member.Members
	registry *prometheus.Registry
	// stop 结束它，返回时什么也不该留下。
	stop func()
}

// open 启动一个 Members，测试结束时停止。
func open(t *testing.T) *eyes {
	t.Helper()
	return openWith(t, member.Options{})
}

// openWith 启动一个按 o 的 Members。
func openWith(t *testing.T, o member.Options) *eyes {
	t.Helper()
	registry := prometheus.NewRegistry()
	o.Logger, o.Registerer, o.Workers = testr.NewWithOptions(t, testr.Options{Verbosity: 1}), registry, 4
	m := member.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Start(ctx) }()
	e := &eyes{Members: m, registry: registry, stop: func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the members did not stop cleanly: %v", err)
		}
		done <- nil
	}}
	t.Cleanup(e.stop)
	return e
}

// newMember 启动一个只有控制面的成员。
func newMember(t *testing.T) *harness.Member {
	t.Helper()
	return harness.NewMember(t, harness.MemberOptions{ControlPlaneOnly: true})
}

// target 是以 config 看成员 a，节拍快到不拖慢测试；只有不答的成员才要等到头。
func target(config *rest.Config) member.Target {
	return member.Target{
		Name: "a", UID: "1", Config: config, CredentialsVersion: "v1",
		Interval: 2 * time.Second, Timeout: 10 * time.Second, FailureThreshold: 2,
	}
}

// until 等到成员 a 的证据满足 check。
func (e *eyes) until(t *testing.T, what string, check func(member.Evidence) bool) member.Evidence {
	t.Helper()
	var last member.Evidence
	harness.Eventually(t, what, patience, func(context.Context) error {
		evidence, ok := e.Evidence("a")
		last = evidence
		if ok && check(evidence) {
			return nil
		}
		return fmt.Errorf("known %v: %+v", ok, evidence)
	})
	return last
}

func known(e member.Evidence) bool   { return e.Capacity.Known }
func unknown(e member.Evidence) bool { return !e.Capacity.Known }
func failed(e member.Evidence) bool  { return e.Probe.Failed }

// failedAs 说心跳以这个理由失败了。
func failedAs(reason member.Failure) func(member.Evidence) bool {
	return func(e member.Evidence) bool { return e.Probe.Failed && member.ReasonOf(e.Probe.Err) == reason }
}

// free 说容量确知，而且恰好空着 n 块。
func free(n int32) func(member.Evidence) bool {
	return func(e member.Evidence) bool {
		var sum int32
		for _, a := range e.Capacity.Accelerators {
			sum += a.Free
		}
		return e.Capacity.Known && sum == n
	}
}

// requests 是发往成员 a 的某种请求至今的个数。
func (e *eyes) requests(t *testing.T, verb string) uint64 {
	t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, family := range families {
		if family.GetName() != "kubellm_member_request_duration_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "verb" && label.GetValue() == verb {
					sum += metric.GetHistogram().GetSampleCount()
				}
			}
		}
	}
	return sum
}

// addNodes 加上 n 个各有 8 块 GPU 的就绪节点。
func addNodes(t *testing.T, m *harness.Member, n int) {
	t.Helper()
	if err := m.AddGPUNodes(t.Context(), harness.GPUNodes{Prefix: "h100", Count: n, Product: product, MemoryMiB: 81559, GPUs: 8}); err != nil {
		t.Fatal(err)
	}
}

// addPod 放上一个占着 gpus 块、已绑到节点上的 Pod。
func addPod(t *testing.T, m *harness.Member, name, node string, gpus int64) {
	t.Helper()
	list := corev1.ResourceList{}
	if gpus > 0 {
		list[gpu] = *resource.NewQuantity(gpus, resource.DecimalSI)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"note": "not of interest"}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Name: "main", Image: "example.org/engine:1", Resources: corev1.ResourceRequirements{Requests: list, Limits: list},
		}}},
	}
	if _, err := m.Client().CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func deletePod(t *testing.T, m *harness.Member, name string) {
	t.Helper()
	now := int64(0)
	if err := m.Client().CoreV1().Pods("default").Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
}

// configOf 读一份 kubeconfig。
func configOf(t *testing.T, kubeconfig []byte) *rest.Config {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// accelerator 取唯一的一行。
func accelerator(t *testing.T, e member.Evidence) v1alpha1.Accelerator {
	t.Helper()
	if len(e.Capacity.Accelerators) != 1 {
		t.Fatalf("there must be one row of accelerators: %+v", e.Capacity.Accelerators)
	}
	return e.Capacity.Accelerators[0]
}

var errNotYet = errors.New("not yet")
