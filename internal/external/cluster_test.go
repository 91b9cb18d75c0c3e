package external_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/test/harness"
)

type (
	clusterDesired = external.Desired[*clusterv1alpha1.Cluster]
	clusterSeen    = external.Observation[*clusterv1alpha1.Cluster]
	clusterWritten = external.Written[*clusterv1alpha1.Cluster]
	clusterClient  = external.Client[*clusterv1alpha1.Cluster, *clusterv1alpha1.ClusterList]
)

// memberToken 是成员的令牌，绝不许出现在任何错误与差异里。
const memberToken = "t0p-s3cret-m3mber-t0ken"

// clusterStage 是一个工具链和它想要的成员集群。
type clusterStage struct {
	*toolchain
	*clusterClient
	t    *testing.T
	want clusterDesired
}

func newClusterStage(t *testing.T, mode external.ReadMode) *clusterStage {
	t.Helper()
	chain := connect(t, admin(t, sharedPlatform(t)), external.Options{Reads: mode})
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	return &clusterStage{toolchain: chain, clusterClient: external.NewClient(chain.Platform, kinds.Cluster), t: t,
		want: clusterDesired{Object: &clusterv1alpha1.Cluster{ObjectMeta: named(name)}, Owner: chain.owner}}
}

// gives 让工具链持有一份秘密，来历是 source；上次交入的照旧记着。
func (s *clusterStage) gives(source string, value []byte) {
	last := external.Handover{}
	if s.want.Secret != nil {
		last = s.want.Secret.Last
	}
	s.want.Secret = &external.Secret{Source: source, Data: external.SecretData{clusterv1alpha1.DefaultKubeconfigKey: value}, Last: last}
}

// apply 写入并像适配器那样记住交入的一对。
func (s *clusterStage) apply(observed **clusterv1alpha1.Cluster) (clusterWritten, error) {
	s.t.Helper()
	written, err := s.Apply(s.t.Context(), s.want, observed)
	if written.Applied && s.want.Secret != nil {
		s.want.Secret.Last = written.Handover
	}
	return written, err
}

func (s *clusterStage) observe() clusterSeen {
	s.t.Helper()
	return must[clusterSeen](s.t)(s.Observe(s.t.Context(), s.want))
}

// stored 是平台上现在的样子。
func (s *clusterStage) stored() *clusterv1alpha1.Cluster {
	s.t.Helper()
	return must[*clusterv1alpha1.Cluster](s.t)(byHand(s.t, sharedPlatform(s.t)).ClusterV1alpha1().Clusters().Get(s.t.Context(), s.want.Key().Name, metav1.GetOptions{}))
}

// handInByHand 在背后交入另一份凭据。
func (s *clusterStage) handInByHand() {
	s.t.Helper()
	_, err := byHand(s.t, sharedPlatform(s.t)).ClusterV1alpha1().Clusters().CreateCredentials(s.t.Context(), s.want.Key().Name,
		&clusterv1alpha1.ClusterCredentials{Spec: clusterv1alpha1.ClusterCredentialsSpec{Kubeconfig: memberKubeconfig(s.t)}}, metav1.CreateOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
}

// memberKubeconfig 是一份合乎规则的 kubeconfig；没有人在那个地址上。
func memberKubeconfig(t *testing.T) []byte {
	t.Helper()
	ca, err := harness.NewCA("member")
	if err != nil {
		t.Fatal(err)
	}
	return must[[]byte](t)(harness.EncodeKubeconfig("https://127.0.0.1:1", ca.PEM, clientcmdapi.AuthInfo{Token: memberToken}))
}

// noSecret 断言一段文字里没有秘密。
func noSecret(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, memberToken) {
		t.Errorf("the secret is shown: %s", text)
	}
}

// TestSecretIsHandedIn 走完一份秘密的一生：交入、静止、换了来历、被人在背后换掉。
func TestSecretIsHandedIn(t *testing.T) {
	for name, mode := range map[string]external.ReadMode{"Informer": external.InformerReads, "Refresh": external.RefreshReads} {
		t.Run(name, func(t *testing.T) {
			s := newClusterStage(t, mode)
			s.gives("first", memberKubeconfig(t))
			created := must[clusterWritten](t)(s.apply(nil))
			if created.Handover.Source != "first" || created.Handover.Version == "" || created.Object.Status.CredentialsVersion != created.Handover.Version {
				t.Fatalf("the creation must hand the secret in and return what to remember: %+v of a cluster with version %q", created.Handover, created.Object.Status.CredentialsVersion)
			}
			seen := s.observe()
			if !seen.UpToDate || seen.SecretDue || seen.Ready.Status != metav1.ConditionUnknown {
				t.Fatalf("what was just handed in must not be due again: %q, %+v", seen.Diff, seen.Ready)
			}

			s.gives("second", nil)
			if seen = s.observe(); seen.UpToDate || !seen.SecretDue || len(seen.Diff) != 1 || seen.Diff[0].Path != "credentials" {
				t.Fatalf("another source is a difference, seen without the value: %q", seen.Diff)
			}
			noSecret(t, fmt.Sprintf("%s %+v", seen.Diff, s.want))
			s.gives("second", memberKubeconfig(t))
			patches := s.requests(t, "patch")
			changed := must[clusterWritten](t)(s.apply(&seen.Object))
			if sent := s.requests(t, "patch") - patches; sent != 0 || changed.Object.Generation != created.Object.Generation {
				t.Errorf("only the secret differs, the spec must not be written: %d patches, generation %d", sent, changed.Object.Generation)
			}
			if changed.Handover.Source != "second" || changed.Handover.Version == created.Handover.Version {
				t.Errorf("the second secret has its own version: %+v", changed.Handover)
			}

			s.handInByHand()
			harness.Eventually(t, "the secret that was handed in behind our back to be due again", patience, func(context.Context) error {
				if seen = s.observe(); !seen.SecretDue {
					return fmt.Errorf("the platform is at version %s", seen.Object.Status.CredentialsVersion)
				}
				return nil
			})
			must[clusterWritten](t)(s.apply(&seen.Object))
			if seen = s.observe(); !seen.UpToDate {
				t.Errorf("after it is handed in again there is still %s", seen.Diff)
			}
		})
	}
}

// TestSecretIsHandedInOnce 让监视有机会落后：每次交入之后立刻观察，都不许说还要再交。
func TestSecretIsHandedInOnce(t *testing.T) {
	s := newClusterStage(t, external.InformerReads)
	const rounds = 30
	s.gives("0", memberKubeconfig(t))
	must[clusterWritten](t)(s.apply(nil))
	for round := 1; round < rounds; round++ {
		s.gives(fmt.Sprint(round), memberKubeconfig(t))
		seen := s.observe()
		must[clusterWritten](t)(s.apply(&seen.Object))
		if seen = s.observe(); !seen.UpToDate {
			t.Fatalf("round %d: %s", round, seen.Diff)
		}
	}
	if sent := s.requests(t, "create"); sent != rounds {
		t.Errorf("handed in %d times, want %d", sent, rounds)
	}
	before := s.requests(t, "")
	for range 10 {
		s.observe()
	}
	if sent := s.requests(t, "") - before; sent != 0 {
		t.Errorf("a steady state costs %d requests, want none", sent)
	}
}

// TestRefusedSecret 看对象已写成而秘密被拒：调用者知道对象在，也知道为什么，而错误里没有秘密。
func TestRefusedSecret(t *testing.T) {
	cases := map[string]struct {
		reason string
		value  func(t *testing.T) []byte
		user   string
		class  external.Class
		says   string
	}{
		"Exec": {
			reason: "a kubeconfig that runs commands is refused by a rule, which the error names",
			value: func(t *testing.T) []byte {
				return must[[]byte](t)(harness.EncodeKubeconfig("https://127.0.0.1:1", nil, clientcmdapi.AuthInfo{Token: memberToken,
					Exec: &clientcmdapi.ExecConfig{Command: memberToken, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}}))
			},
			class: external.ClassInvalid, says: "exec",
		},
		"Truncated": {
			reason: "a kubeconfig cut short is refused",
			value:  func(t *testing.T) []byte { return memberKubeconfig(t)[:150] },
			class:  external.ClassInvalid, says: "kubeconfig",
		},
		"NoValue": {
			reason: "the value is needed once it is to be handed in",
			value:  func(*testing.T) []byte { return nil },
			class:  external.ClassInvalid, says: "value",
		},
		"Forbidden": {
			reason: "who may write clusters may not hand credentials in by that alone",
			value:  memberKubeconfig, user: "cluster-writer",
			class: external.ClassForbidden, says: "credentials",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newClusterStage(t, external.RefreshReads)
			if tc.user != "" {
				s.as(tc.user)
			}
			s.gives("first", tc.value(t))
			written, err := s.apply(nil)
			wantClass(t, tc.reason, err, tc.class)
			if !written.Applied || written.Object.GetUID() != s.stored().UID || written.Handover != (external.Handover{}) {
				t.Errorf("%s: the caller must learn that the object exists and that nothing was handed in: %+v", tc.reason, written)
			}
			if !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "hand in the credentials of") {
				t.Errorf("%s: the error does not say what was tried and %q: %v", tc.reason, tc.says, err)
			}
			noSecret(t, fmt.Sprintf("%v %+v", err, err))
			if seen := s.observe(); !seen.Owned || !seen.SecretDue {
				t.Errorf("%s: it is still to be handed in: %+v", tc.reason, seen)
			}
		})
	}
}

// as 换成一个只许写集群、不许交凭据的用户的身份。
func (s *clusterStage) as(user string) {
	s.t.Helper()
	platform := sharedPlatform(s.t)
	iam := byHand(s.t, platform).IamV1alpha1()
	ctx := s.t.Context()
	rules := []iamv1alpha1.PolicyRule{{APIGroups: []string{"cluster.kubellm.io"}, Resources: []string{"clusters"}, Verbs: []string{"get", "list", "create", "patch"}}}
	must[*iamv1alpha1.User](s.t)(iam.Users().Create(ctx, newUser(user, iamv1alpha1.UserSpec{}), metav1.CreateOptions{}))
	must[*iamv1alpha1.Role](s.t)(iam.Roles().Create(ctx, &iamv1alpha1.Role{ObjectMeta: named(user), Spec: iamv1alpha1.RoleSpec{Rules: rules}}, metav1.CreateOptions{}))
	must[*iamv1alpha1.RoleBinding](s.t)(iam.RoleBindings().Create(ctx, &iamv1alpha1.RoleBinding{ObjectMeta: named(user), Spec: iamv1alpha1.RoleBindingSpec{
		RoleRef: iamv1alpha1.RoleRef{Name: user}, Subjects: []iamv1alpha1.Subject{{Kind: iamv1alpha1.SubjectUser, Name: user}}, AllNamespaces: ptr.To(true),
	}}, metav1.CreateOptions{}))
	cfg := harness.Config(s.t, harness.KubeconfigFor(s.t, platform, harness.Identity{User: user}))
	settled := external.NewClient(connect(s.t, cfg, external.Options{Reads: external.RefreshReads}).Platform, kinds.Cluster)
	harness.Eventually(s.t, "the rights of "+user+" to take effect", patience, func(ctx context.Context) error {
		if _, err := settled.Read(ctx, external.Key{Name: "nothing-of-that-name"}); external.ClassOf(err) != external.ClassNotFound {
			return fmt.Errorf("reading: %w", err)
		}
		return nil
	})
	s.toolchain = connect(s.t, cfg, external.Options{Reads: external.RefreshReads})
	s.clusterClient = external.NewClient(s.Platform, kinds.Cluster)
}

// TestSecretIsNotForTheNext 看同名重建的集群收不到交给上一个的秘密。
func TestSecretIsNotForTheNext(t *testing.T) {
	s := newClusterStage(t, external.RefreshReads)
	created := must[clusterWritten](t)(s.apply(nil))
	clusters := byHand(t, sharedPlatform(t)).ClusterV1alpha1().Clusters()
	name := created.Object.Name
	if err := clusters.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	must[*clusterv1alpha1.Cluster](t)(clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: named(name)}, metav1.CreateOptions{}))

	s.gives("first", memberKubeconfig(t))
	_, err := s.apply(&created.Object)
	wantClass(t, "the cluster that the secret was for is gone", err, external.ClassNotFound)
	if got := s.stored().Status.CredentialsVersion; got != "" {
		t.Errorf("the next cluster of that name received the secret, version %q", got)
	}
}

// TestWaitForCluster 由人扮演控制器写状态，看等待何时结束、说什么。
func TestWaitForCluster(t *testing.T) {
	const kept = "the version that was handed in"
	ready := func(status metav1.ConditionStatus, reason string) metav1.Condition {
		return metav1.Condition{Type: clusterv1alpha1.ConditionReady, Status: status, Reason: reason, Message: "said by the controller"}
	}
	cases := map[string]struct {
		reason    string
		spec      clusterv1alpha1.ClusterSpec
		condition metav1.Condition
		// observed 是控制器看过的凭据版本；behind 让条件说的是上一代。
		observed string
		behind   bool
		class    external.Class
		says     string
	}{
		"Ready":        {reason: "the platform is satisfied", condition: ready(metav1.ConditionTrue, "Ready"), observed: kept},
		"Terminal":     {reason: "waiting does not mend a refused kubeconfig", condition: ready(metav1.ConditionFalse, "KubeconfigRefused"), observed: kept, class: external.ClassFailed, says: "KubeconfigRefused"},
		"NotTerminal":  {reason: "a member that does not answer may come back", condition: ready(metav1.ConditionFalse, "HeartbeatFailed"), observed: kept, class: external.ClassNotReady, says: "HeartbeatFailed"},
		"NoEvidence":   {reason: "Unknown is never terminal", condition: ready(metav1.ConditionUnknown, "Expired"), observed: kept, class: external.ClassNotReady, says: "Expired"},
		"OldSecret":    {reason: "the verdict is about the secret before this one", condition: ready(metav1.ConditionFalse, "KubeconfigRefused"), observed: "older", class: external.ClassNotReady, says: "NotObserved"},
		"OldSecretWas": {reason: "that the secret before this one worked proves nothing", condition: ready(metav1.ConditionTrue, "Ready"), observed: "older", class: external.ClassNotReady, says: "NotObserved"},
		"OldSpec":      {reason: "the verdict is about the spec before this one", condition: ready(metav1.ConditionFalse, "DuplicateMember"), observed: kept, behind: true, class: external.ClassNotReady, says: "NotObserved"},
		"Suspended":    {reason: "nobody looks at a suspended cluster: do not wait", spec: clusterv1alpha1.ClusterSpec{Suspended: ptr.To(true)}, condition: ready(metav1.ConditionFalse, "Suspended")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newClusterStage(t, external.RefreshReads)
			s.want.Object.Spec = tc.spec
			s.gives("first", memberKubeconfig(t))
			written := must[clusterWritten](t)(s.apply(nil))
			said := written.Object.DeepCopy()
			tc.condition.LastTransitionTime = metav1.Now()
			if tc.condition.ObservedGeneration = said.Generation; tc.behind {
				tc.condition.ObservedGeneration--
			}
			said.Status.Conditions = []metav1.Condition{tc.condition}
			if said.Status.ObservedCredentialsVersion = tc.observed; tc.observed == kept {
				said.Status.ObservedCredentialsVersion = said.Status.CredentialsVersion
			}
			must[*clusterv1alpha1.Cluster](t)(byHand(t, sharedPlatform(t)).ClusterV1alpha1().Clusters().UpdateStatus(t.Context(), said, metav1.UpdateOptions{}))

			var object *clusterv1alpha1.Cluster
			wait := func(ctx context.Context) (err error) {
				object, err = s.WaitReady(ctx, written.Object, nil)
				return err
			}
			var err error
			if tc.class == external.ClassNotReady {
				err = runOut(t, tc.says, wait)
			} else {
				err = wait(t.Context())
			}
			wantClass(t, tc.reason, err, tc.class)
			if object.GetUID() != written.Object.UID {
				t.Errorf("%s: the wait must return the object last seen: %+v", tc.reason, object)
			}
			var failure *external.Error
			if errors.As(err, &failure) && (failure.Ready.Reason != tc.says || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%s: want the reason %s: %v (%+v)", tc.reason, tc.says, err, failure.Ready)
			}
		})
	}
}

// TestWaitForTheDeleted 看正在被删除的与换了一个的对象都不再等。
func TestWaitForTheDeleted(t *testing.T) {
	s := newClusterStage(t, external.RefreshReads)
	written := must[clusterWritten](t)(s.apply(nil))
	clusters := byHand(t, sharedPlatform(t)).ClusterV1alpha1().Clusters()
	held := written.Object.DeepCopy()
	held.Finalizers = []string{"test.kubellm.io/held"}
	must[*clusterv1alpha1.Cluster](t)(clusters.Update(t.Context(), held, metav1.UpdateOptions{}))
	if err := clusters.Delete(t.Context(), held.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := s.WaitReady(t.Context(), written.Object, nil)
	wantClass(t, "what is being deleted will not become ready", err, external.ClassFailed)

	held = s.stored()
	drained := metav1.Condition{Type: clusterv1alpha1.ConditionDrained, Status: metav1.ConditionFalse, Reason: clusterv1alpha1.ReasonMemberUnavailable, Message: "said by the controller", LastTransitionTime: metav1.Now()}
	held.Status.Conditions = []metav1.Condition{drained}
	held = must[*clusterv1alpha1.Cluster](t)(clusters.UpdateStatus(t.Context(), held, metav1.UpdateOptions{}))
	err = runOut(t, drained.Message, func(ctx context.Context) error { return s.WaitGone(ctx, s.want.Key(), held.UID) })
	wantClass(t, "the deletion waits for a finalizer", err, external.ClassNotReady)
	var failure *external.Error
	if !errors.As(err, &failure) || failure.Ready.Reason != drained.Reason || !strings.Contains(err.Error(), drained.Message) {
		t.Errorf("what the platform says that the deletion waits for is passed on: %v", err)
	}

	held.Finalizers = nil
	must[*clusterv1alpha1.Cluster](t)(clusters.Update(t.Context(), held, metav1.UpdateOptions{}))
	must[*clusterv1alpha1.Cluster](t)(clusters.Create(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: named(held.Name)}, metav1.CreateOptions{}))
	// 不带资源版本就从现在的样子看起，而不是从那时起重放。
	written.Object.ResourceVersion = ""
	_, err = s.WaitReady(t.Context(), written.Object, nil)
	wantClass(t, "another object of the same name is not the one waited for", err, external.ClassNotFound)
}
