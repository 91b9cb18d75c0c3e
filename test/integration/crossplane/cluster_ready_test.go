package crossplane

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	forprovider "github.com/kubellm/kubellm/apis/managed/forprovider/cluster/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// TestClusterReady 纳管一个真的成员：就绪跟着平台，看得见加速器；心跳不写控制面；成员没了就说不知道，回来了又好。
func TestClusterReady(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	etcd := harness.NewEtcd(t, harness.EtcdOptions{})
	for scope, build := range clusterScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			name := "ready-" + scope
			member := harness.NewMember(t, harness.MemberOptions{Name: name, EtcdURL: etcd.URL, ControlPlaneOnly: true})
			gpus := harness.GPUNodes{Prefix: "h100", Count: 2, Product: "NVIDIA-H100-80GB-HBM3", MemoryMiB: 81559, GPUs: 8}
			if err := member.AddGPUNodes(t.Context(), gpus); err != nil {
				t.Fatal(err)
			}
			shared.kubeconfigSecret(t, ns, name, "kubeconfig", adminOf(t, member))
			mg := build(ns, name)
			mg.params.Heartbeat = &forprovider.Heartbeat{IntervalSeconds: ptr.To[int32](1), TimeoutSeconds: ptr.To[int32](10), FailureThreshold: ptr.To[int32](2)}
			if err := shared.kube.Create(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			awaitAccelerators(t, mg, "16/16")
			table := harness.MustKubectl(t, shared.Kubeconfig, "", "get", mg.plural, "-n", ns, name)
			for _, column := range []string{"READY", "SYNCED", "EXTERNAL-NAME", "VERSION", "NODES", "FREE-GPUS", "AGE", "16/16", mg.seen().Version} {
				if !strings.Contains(table, column) {
					t.Errorf("kubectl get does not show %q:\n%s", column, table)
				}
			}
			beatsAreNotWritten(t, mg)

			t.Log("what happens on the member shows without a poll")
			gpus.Prefix, gpus.Count = "more", 1
			if err := member.AddGPUNodes(t.Context(), gpus); err != nil {
				t.Fatal(err)
			}
			awaitAccelerators(t, mg, "24/24")

			t.Log("a member that does not answer is not ready, and its numbers are old")
			if err := member.KillAPIServer(); err != nil {
				t.Fatal(err)
			}
			await(t, shared, mg.Managed, "not ready, saying why", promptly, func(got resource.Managed) error {
				if ready := got.GetCondition("Ready"); ready.Status == corev1.ConditionTrue || string(ready.Reason) != clusterv1alpha1.ReasonHeartbeatFailed || ready.Message == "" {
					return fmt.Errorf("Ready is %s (%s): %s", ready.Status, ready.Reason, ready.Message)
				}
				if free := mg.seen().FreeAccelerators; free != "24/24 (stale)" {
					return fmt.Errorf("free accelerators are %q", free)
				}
				return isSynced(got)
			})
			if err := member.StartAPIServer(t.Context()); err != nil {
				t.Fatal(err)
			}
			awaitAccelerators(t, mg, "24/24")

			t.Log("a deletion that waits for the member says so, and what releases it can still be set")
			if err := member.KillAPIServer(); err != nil {
				t.Fatal(err)
			}
			if err := shared.kube.Delete(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			await(t, shared, mg.Managed, "deleting, saying what it waits for", promptly, func(got resource.Managed) error {
				if ready := got.GetCondition("Ready"); ready.Reason != "Deleting" || !strings.Contains(ready.Message, clusterv1alpha1.ReasonMemberUnavailable) {
					return fmt.Errorf("Ready is %s (%s): %s", ready.Status, ready.Reason, ready.Message)
				}
				return nil
			})
			harness.MustKubectl(t, shared.Kubeconfig, "", "patch", mg.plural, "-n", ns, name, "--type=merge", "-p", `{"spec":{"forProvider":{"deletionPolicy":"Orphan"}}}`)
			awaitGone(t, shared, mg.Managed)
			platform.noCluster(t, name)
			shared.nothingShows(t)
		})
	}
}

// adminOf 是成员上管理员的一份新的 kubeconfig。
func adminOf(t *testing.T, member *harness.Member) []byte {
	t.Helper()
	return harness.MemberKubeconfig(t, member, harness.Identity{User: "kubellm", Groups: []string{"system:masters"}}, time.Hour)
}

// TestClusterSecretWakes 看换了内容的 Secret 叫醒用它的资源：它就绪着，一小时才轮询、才心跳一次，别的都叫不醒它。
// 连接平台的凭据没了也一样：成员的死活从此没人看得见，不能还说它就绪。
func TestClusterSecretWakes(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	member := harness.NewMember(t, harness.MemberOptions{Name: "wakes", ControlPlaneOnly: true})
	held := shared.kubeconfigSecret(t, ns, "wakes", "kubeconfig", adminOf(t, member))
	mg := clusterScopes["namespaced"](ns, "wakes")
	mg.params.Heartbeat = &forprovider.Heartbeat{IntervalSeconds: ptr.To[int32](3600), TimeoutSeconds: ptr.To[int32](120)}
	credentials := shared.secret(t, "wakes", map[string][]byte{"kubeconfig": platform.kubeconfig(t, shared.user())})
	shared.config(t, "wakes", secretConfig("wakes"))
	mg.Managed.(resource.ModernManaged).SetProviderConfigReference(clusterConfig("wakes"))
	if err := shared.kube.Create(t.Context(), mg.Managed); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, shared, mg.Managed)
	before := mg.gave().Version
	held.Data["kubeconfig"] = adminOf(t, member)
	if err := shared.kube.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	awaitVersion(t, shared, mg, before, "the changed Secret handed in")
	awaitReady(t, shared, mg.Managed)

	shared.remove(t, credentials)
	awaitUnready(t, shared, mg.Managed, corev1.ConditionUnknown, notObserved)
	shared.make(t, credentials)
	awaitReady(t, shared, mg.Managed)
}

// awaitAccelerators 等托管资源就绪并显示这么多加速器。
func awaitAccelerators(t *testing.T, mg clusterResource, free string) {
	t.Helper()
	await(t, shared, mg.Managed, "ready, showing "+free+" accelerators", 2*promptly, func(got resource.Managed) error {
		if err := isReady(got); err != nil {
			return err
		}
		seen := mg.seen()
		if seen == nil || seen.FreeAccelerators != free || seen.ID == "" {
			return fmt.Errorf("status.atProvider is %+v", seen)
		}
		return nil
	})
}

// beatsAreNotWritten 看平台上的心跳走了几次，而托管资源一次也没有写，平台也没有收到监视之外的请求。
func beatsAreNotWritten(t *testing.T, mg clusterResource) {
	t.Helper()
	const beats = 3
	before, handedIn := mg.GetResourceVersion(), platform.handIns(t, shared.user(), mg.GetName())
	last, seen := platform.cluster(t, mg.GetName()).Status.LastHeartbeatTime, 0
	harness.Eventually(t, fmt.Sprintf("%d heartbeats", beats), promptly, func(context.Context) error {
		now := platform.cluster(t, mg.GetName()).Status.LastHeartbeatTime
		if !now.Equal(last) {
			last, seen = now, seen+1
		}
		if seen < beats {
			return fmt.Errorf("%d were seen", seen)
		}
		return nil
	})
	if err := shared.kube.Get(t.Context(), client.ObjectKeyFromObject(mg.Managed), mg.Managed); err != nil {
		t.Fatal(err)
	}
	if mg.GetResourceVersion() != before {
		t.Errorf("heartbeats alone wrote the managed resource: %s became %s", before, mg.GetResourceVersion())
	}
	if now := platform.handIns(t, shared.user(), mg.GetName()); now != handedIn {
		t.Errorf("heartbeats alone made the credentials be handed in %d times more", now-handedIn)
	}
}
