package model

import (
	"context"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/test/harness"
)

// stage 是一个真的 kube-apiserver，既存着平台的 Secret，又是成员；上面有一个要令牌的 Model。
type stage struct {
	*Reconciler
	c     client.Client
	model *v1alpha1.Model
	on    *cluster.Cluster
	// reads 数取了几次 Secret 的内容；token 是平台上此刻的令牌。
	reads *counting
	token string
}

// counting 是数着次数的读者。
type counting struct {
	client.Reader
	n int
}

func (c *counting) Get(ctx context.Context, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
	c.n++
	return c.Reader.Get(ctx, key, object, opts...)
}

func newStage(t *testing.T, server *harness.KubeAPIServer) *stage {
	t.Helper()
	c, err := client.New(harness.Config(t, server.Kubeconfig), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := chat()
	m.Spec.Engine.Type = v1alpha1.EngineVLLM
	m.Spec.Source.HuggingFace = &v1alpha1.HuggingFaceSource{Repo: "meta/gated", TokenSecretRef: &v1alpha1.SecretKeyReference{Name: "hub", Key: "token"}}
	m.Spec.Scaling = &v1alpha1.Scaling{Replicas: ptr.To[int32](1)}
	m.Status.Placements = []v1alpha1.ModelPlacement{{Cluster: "a", ClusterUID: "c", Namespace: "kubellm-team-a", Replicas: 1}}
	for _, name := range []string{"team-a", "kubellm-team-a"} {
		if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	reads := &counting{Reader: c}
	return &stage{Reconciler: &Reconciler{Client: c, Live: reads}, c: c, model: m, reads: reads,
		on: &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "c"}}}
}

// tokenIs 改平台上点名的 Secret 里的令牌；没有的造一个。
func (s *stage) tokenIs(t *testing.T, token string) {
	t.Helper()
	s.token = token
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.model.Spec.Source.HuggingFace.TokenSecretRef.Name, Namespace: "team-a"}, Data: map[string][]byte{"token": []byte(token)}}
	if err := s.c.Update(t.Context(), secret); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	} else if err == nil {
		return
	}
	if err := s.c.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// round 走一轮，返回那一处；成员此刻的样子由它自己说。
func (s *stage) round(t *testing.T, as client.Client, kept bool) site {
	t.Helper()
	got, err := s.credentials(t.Context(), s.model)
	if err != nil {
		t.Fatal(err)
	}
	at := site{placement: s.model.Status.Placements[0], cluster: s.on, client: as, kept: kept, objects: s.placed(t)}
	s.apply(t.Context(), view{s.model, facts{now: now, credentials: got}}, &at)
	return at
}

// placed 是为这个模型放在成员上的，身份与标签，照监视里的样子。
func (s *stage) placed(t *testing.T) []client.Object {
	t.Helper()
	var all []client.Object
	deployments, secretList := &appsv1.DeploymentList{}, &corev1.SecretList{}
	for _, list := range []client.ObjectList{deployments, secretList} {
		if err := s.c.List(t.Context(), list, client.InNamespace("kubellm-team-a"), client.MatchingLabels{v1alpha1.LabelModelUID: string(s.model.UID)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range deployments.Items {
		all = append(all, &deployments.Items[i])
	}
	for i := range secretList.Items {
		bare := &metav1.PartialObjectMetadata{ObjectMeta: secretList.Items[i].ObjectMeta}
		bare.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(secretKind))
		all = append(all, bare)
	}
	return all
}

func (s *stage) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := s.c.Get(t.Context(), client.ObjectKey{Namespace: "kubellm-team-a", Name: "chat"}, d); err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *stage) secret(t *testing.T) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := s.c.Get(t.Context(), client.ObjectKey{Namespace: "kubellm-team-a", Name: "chat-credentials"}, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

// TestRotationReachesWhatIsKept 换了的令牌也到得了没有答应、原样留着的一处：只换 Secret，跑着的不动；答应了才换副本，恰好一次。
// 不放的时候不取内容，取来的也不留在内存里。
func TestRotationReachesWhatIsKept(t *testing.T) {
	s := newStage(t, harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{}))
	tamper := func() {
		secret := s.secret(t)
		secret.Data = map[string][]byte{"token": []byte("hf_stolen")}
		if err := s.c.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		why   string
		do    func()
		kept  bool
		token string
		// rolled 说副本换不换，reads 是取几次内容。
		rolled bool
		reads  int
	}{
		{"it is placed", func() { s.tokenIs(t, "hf_first") }, false, "hf_first", true, 1},
		{"nothing has changed", func() {}, false, "hf_first", false, 0},
		{"kept, nothing has changed", func() {}, true, "hf_first", false, 0},
		{"kept, another token", func() { s.tokenIs(t, "hf_second") }, true, "hf_second", false, 1},
		{"still kept", func() {}, true, "hf_second", false, 0},
		{"kept, and the controller has started anew", func() { s.Reconciler = &Reconciler{Client: s.c, Live: s.reads} }, true, "hf_second", false, 1},
		{"kept, another token in another Secret", func() {
			s.model.Spec.Source.HuggingFace.TokenSecretRef.Name = "hub-2"
			s.tokenIs(t, "hf_third")
		}, true, "hf_third", false, 1},
		{"granted: the pods take the token up", func() {}, false, "hf_third", true, 0},
		{"granted, nothing has changed", func() {}, false, "hf_third", false, 0},
		{"somebody writes into the member's Secret: its content is read again", tamper, false, "hf_third", false, 1},
		{"another source is asked for and not granted: what runs needs what it has", func() {
			s.model.Spec.Source.HuggingFace.Repo = "meta/other"
			s.tokenIs(t, "hf_of_the_other")
		}, true, "hf_third", false, 1},
		{"the other source is granted", func() {}, false, "hf_of_the_other", true, 1},
	} {
		before := &appsv1.Deployment{}
		if err := s.c.Get(t.Context(), client.ObjectKey{Namespace: "kubellm-team-a", Name: "chat"}, before); client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		step.do()
		s.reads.n = 0
		if at := s.round(t, s.c, step.kept); at.err != nil || at.applied == step.kept {
			t.Fatalf("%s: applied: %t, error: %v", step.why, at.applied, at.err)
		}
		if got := string(s.secret(t).Data["token"]); got != step.token {
			t.Errorf("%s: the member holds %q, want %q", step.why, got, step.token)
		}
		after := s.deployment(t)
		version := func(d *appsv1.Deployment) string { return d.Spec.Template.Annotations[engine.AnnotationCredentials] }
		if rolled := version(after) != version(before); rolled != step.rolled || !rolled && after.Generation != before.Generation {
			t.Errorf("%s: the pods are replaced: %t, want %t; generation %d, before %d", step.why, rolled, step.rolled, after.Generation, before.Generation)
		}
		if s.reads.n != step.reads {
			t.Errorf("%s: the content was read %d times, want %d", step.why, s.reads.n, step.reads)
		}
		s.remembersNothing(t, step.why)
	}
}

// TestCredentialsThatTurned 看过之后、放上去之前又换了的，不放：内容与版本对不上，副本就不会再换。旧的话也不再作数。
func TestCredentialsThatTurned(t *testing.T) {
	s := newStage(t, harness.NewKubeAPIServer(t, harness.KubeAPIServerOptions{}))
	s.tokenIs(t, "hf_first")
	if at := s.round(t, s.c, false); at.err != nil {
		t.Fatal(at.err)
	}
	seen, err := s.credentials(t.Context(), s.model)
	if err != nil {
		t.Fatal(err)
	}
	s.tokenIs(t, "hf_second")
	// 成员上的没有了，非放不可。
	if err := s.c.Delete(t.Context(), s.secret(t)); err != nil {
		t.Fatal(err)
	}
	at := site{placement: s.model.Status.Placements[0], cluster: s.on, client: s.c, objects: s.placed(t)}
	s.apply(t.Context(), view{s.model, facts{now: now, credentials: seen}}, &at)
	if at.err != nil || at.applied || !at.waiting || !at.rotated || at.retry == 0 {
		t.Errorf("it is to be taken up in a moment: %+v", at)
	}
	if at := s.round(t, s.c, false); at.err != nil || string(s.secret(t).Data["token"]) != "hf_second" {
		t.Errorf("the round after that: %v, %q", at.err, s.secret(t).Data["token"])
	}
}

// remembersNothing 要求控制器记着的东西里没有令牌；摘要在，所以找的地方是对的。
func (s *stage) remembersNothing(t *testing.T, why string) {
	t.Helper()
	grip, held := s.grips.of(s.model), s.carriersOf(s.model.UID)
	memory := fmt.Sprintf("%s %s %+v", *grip, held, s.recordsOf(s.model.UID))
	if strings.Contains(memory, "hf_") {
		t.Errorf("%s: the controller keeps the token in memory: %s", why, memory)
	}
	if !strings.Contains(memory, digest([]byte(s.token))) {
		t.Errorf("%s: not even the digest of the token %q was found, the search is blind: %s", why, s.token, memory)
	}
}
