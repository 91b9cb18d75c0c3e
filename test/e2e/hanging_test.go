package e2e

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// crowd 是慢的成员上的 Model 数，比控制器的工作者多得多；其中 leaving 个在它慢着的时候被删除，其余的改了要求。
const crowd, leaving = 16, 8

// patient 的心跳迟迟不下结论：挡住请求的不能是心跳，那样慢就不会有人等了。
const patient = `{"spec":{"heartbeat":{"intervalSeconds":10,"timeoutSeconds":10,"failureThreshold":20}}}`

// TestSlowMemberHoldsUpNobody 一个成员久久不答，放在上面的又都要动：别的成员上新来的照样就绪，
// 这边一个也没有动成；它缓过来，要动的都动成。
func TestSlowMemberHoldsUpNobody(t *testing.T) {
	for _, slow := range []struct {
		name, reason string
		stall        func(*testing.T, *harness.Member) (end func() error)
		// said 是变了要求的那些此时该说的。
		said func(*v1alpha1.Model) error
	}{
		{"hung", "its API server hangs as a whole, and connections stay open", hang, isNotReady},
		{"admission", "it answers heartbeats and watches, but admission of deployments and their deletion hangs", stallAdmission,
			is(metav1.ConditionFalse, v1alpha1.ReasonApplying)},
	} {
		t.Run(slow.name, func(t *testing.T) {
			on := "slow-" + slow.name
			create(t, on, clusterv1alpha1.DeletionOrphan)
			harness.MustKubectl(t, env.platform.Kubeconfig, "", "patch", "cluster", on, "--type=merge", "--patch="+patient)
			handIn(t, on, harness.MemberKubeconfig(t, env.alpha, admin, time.Hour))
			awaitReady(t, on)
			register(t, "quick-"+slow.name, env.beta, clusterv1alpha1.DeletionOrphan)
			for i := range crowd {
				deploy(t, wish{name: oneOf(slow.name, i), clusters: []string{on}, replicas: 1, gpus: 1})
			}
			for i := range crowd {
				awaitModel(t, oneOf(slow.name, i), "serving", promptly, serves(on))
			}
			before, end := attempts(t, on), slow.stall(t, env.alpha)
			for i := range crowd {
				if i < leaving {
					harness.MustKubectl(t, env.platform.Kubeconfig, "", "delete", "model", oneOf(slow.name, i), "-n", team, "--wait=false")
				} else {
					change(t, oneOf(slow.name, i), `{"spec":{"engine":{"args":["--max-num-seqs=7"]}}}`)
				}
			}
			deploy(t, wish{name: "beside-" + slow.name, clusters: []string{"quick-" + slow.name}, replicas: 1, gpus: 1})
			awaitModel(t, "beside-"+slow.name, "serving although another member is slow: "+slow.reason, promptly, serves("quick-"+slow.name))
			if n := attempts(t, on) - before; n >= crowd {
				t.Errorf("until then %v requests waited for the slow member, as many as there were to be made: what is elsewhere waits with them", n)
			}
			for i := leaving; i < crowd; i++ {
				awaitModel(t, oneOf(slow.name, i), "waiting for the slow member", promptly, slow.said)
			}
			if moved := settled(t, slow.name, on); len(moved) > 0 {
				t.Errorf("the member does not hang: %v were changed or removed there", moved)
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			for i := range crowd {
				if i < leaving {
					awaitModelGone(t, oneOf(slow.name, i))
				} else {
					awaitModel(t, oneOf(slow.name, i), "changed after all", promptly, serves(on))
				}
			}
		})
	}
}

// isNotReady 要求说的是当前的 spec，而且不说就绪。
func isNotReady(m *v1alpha1.Model) error {
	if meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionReady) || m.Status.ObservedGeneration != m.Generation {
		return fmt.Errorf("generation %d, observed %d", m.Generation, m.Status.ObservedGeneration)
	}
	return nil
}

// attempts 是控制器至今为模型向一个成员发出、又等到头的请求；心跳只读，它有多少只看过了多久。
func attempts(t *testing.T, cluster string) float64 {
	t.Helper()
	var n float64
	for _, s := range scrape(t, http.DefaultClient, env.controller.MetricsURL)["kubellm_member_request_duration_seconds_count"] {
		if string(s.Metric["cluster"]) == cluster && (s.Metric["verb"] == "patch" || s.Metric["verb"] == "delete") {
			n += float64(s.Value)
		}
	}
	return n
}

// oneOf 是慢的成员上的第 i 个 Model 的名字。
func oneOf(test string, i int) string { return "crowd-" + test + "-" + strconv.Itoa(i) }

// settled 返回已经照新的要求就绪或者已经没了的。
func settled(t *testing.T, test, on string) []string {
	t.Helper()
	list, err := models(t).ModelV1alpha1().Models(team).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]*v1alpha1.Model{}
	for i := range list.Items {
		there[list.Items[i].Name] = &list.Items[i]
	}
	var done []string
	for i := range crowd {
		if m := there[oneOf(test, i)]; m == nil || serves(on)(m) == nil {
			done = append(done, oneOf(test, i))
		}
	}
	return done
}

// hang 停住成员的 API 服务器。
func hang(t *testing.T, m *harness.Member) func() error {
	t.Helper()
	if err := m.HangAPIServer(); err != nil {
		t.Fatal(err)
	}
	resume := sync.OnceValue(m.ResumeAPIServer)
	t.Cleanup(func() {
		if err := resume(); err != nil {
			t.Error(err)
		}
	})
	return resume
}

// stallAdmission 让成员对 Deployment 的准入去问一个从不回答的 webhook。
func stallAdmission(t *testing.T, m *harness.Member) func() error {
	t.Helper()
	released := make(chan struct{})
	var asked atomic.Int32
	webhook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-released:
		case <-r.Context().Done():
		}
		http.Error(w, "the webhook is gone", http.StatusServiceUnavailable)
	}))
	t.Cleanup(webhook.Close)
	configurations := m.Client().AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := configurations.Create(t.Context(), webhookConfiguration(webhook), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceValue(func() error {
		c, cancel := cleanup()
		defer cancel()
		defer close(released)
		return configurations.Delete(c, stalling, metav1.DeleteOptions{})
	})
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	// 服务器过一会儿才认得新的 webhook：试到它来问为止。
	harness.Eventually(t, "the member to ask the webhook", promptly, func(c ctx) error {
		c, cancel := context.WithTimeout(c, time.Second)
		defer cancel()
		_, err := m.Client().AppsV1().Deployments(workloads).Create(c, nobody, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if asked.Load() == 0 {
			return fmt.Errorf("it did not ask: %w", err)
		}
		return nil
	})
	return end
}

// nobody 只用来试，从不真的建。
var nobody = &appsv1.Deployment{
	ObjectMeta: metav1.ObjectMeta{Name: "nobody"},
	Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "nobody"}},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "nobody"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.org/engine:1"}}},
		},
	},
}

const stalling = "stalling.e2e.kubellm.io"

func webhookConfiguration(webhook *httptest.Server) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: stalling},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: stalling, AdmissionReviewVersions: []string{"v1"}, TimeoutSeconds: ptr.To(int32(30)),
			SideEffects:   ptr.To(admissionregistrationv1.SideEffectClassNone),
			FailurePolicy: ptr.To(admissionregistrationv1.Fail),
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      ptr.To(webhook.URL),
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: webhook.Certificate().Raw}),
			},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": workloads}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update, admissionregistrationv1.Delete},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
			}},
		}},
	}
}
