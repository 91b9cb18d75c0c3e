package engine

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestARestrictedNamespaceTakesThePods 让真的 kube-apiserver 按 restricted 级别准入每种引擎、每种来源的 Pod；
// 成员的管理员强制它时，别的级别只会让副本一个也建不起来。
func TestARestrictedNamespaceTakesThePods(t *testing.T) {
	server := harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{})
	member, err := kubernetes.NewForConfig(harness.Config(t, server.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	const namespace = "kubellm-restricted"
	_, err = member.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	admit := func(pod corev1.PodSpec) error {
		_, err := member.CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "replica"}, Spec: pod},
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		return err
	}
	each(t, func(t *testing.T, in Input) {
		if delivery(in.Model) == model.DeliveryKServe {
			t.Skip("KServe hardens the pod")
		}
		if err := admit(podOf(t, in)); err != nil {
			t.Errorf("a namespace of the level restricted refuses the pod: %v", err)
		}
	})
	for name, loosen := range map[string]func(*corev1.PodSpec){
		"Root":         func(pod *corev1.PodSpec) { pod.SecurityContext.RunAsNonRoot = nil },
		"Privileges":   func(pod *corev1.PodSpec) { pod.Containers[0].SecurityContext.AllowPrivilegeEscalation = ptr.To(true) },
		"Capabilities": func(pod *corev1.PodSpec) { pod.Containers[0].SecurityContext.Capabilities = nil },
		"Seccomp":      func(pod *corev1.PodSpec) { pod.SecurityContext.SeccompProfile = nil },
		"InitContainer": func(pod *corev1.PodSpec) {
			pod.InitContainers = []corev1.Container{{Name: "loose", Image: "example.org/x:1"}}
		},
		"HostPath": func(pod *corev1.PodSpec) {
			pod.Volumes[0].VolumeSource = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
		},
	} {
		t.Run("TheCheckItself/"+name, func(t *testing.T) {
			pod := podOf(t, base())
			loosen(&pod)
			if err := admit(pod); !apierrors.IsForbidden(err) {
				t.Errorf("a pod that is less hardened was taken, so that this test shows nothing: %v", err)
			}
		})
	}
}
