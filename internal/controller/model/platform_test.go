package model

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	cluster "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	iam "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/index"
	"github.com/kubellm/kubellm/internal/controller/scheduler"
	"github.com/kubellm/kubellm/internal/member"
	"github.com/kubellm/kubellm/test/harness"
)

// platform 是一个真的平台服务器：Client 与控制器的一样读缓存、写服务器，Live 不经缓存。
type platform struct {
	client.Client
	Live   client.Client
	config *rest.Config
	scheme *runtime.Scheme
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{config: harness.Config(t, harness.NewPlatform(t, harness.PlatformOptions{}).Kubeconfig), scheme: runtime.NewScheme()}
	for _, add := range []func(*runtime.Scheme) error{iam.AddToScheme, cluster.AddToScheme, v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(p.scheme); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.Live, err = client.New(p.config, client.Options{Scheme: p.scheme}); err != nil {
		t.Fatal(err)
	}
	p.Client = p.cached(t, cache.Options{})
	return p
}

// cached 造一个读缓存的客户端。
func (p *platform) cached(t *testing.T, o cache.Options) client.Client {
	t.Helper()
	o.Scheme = p.scheme
	seen, err := cache.New(p.config, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := index.Setup(ctx, seen); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- seen.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	if !seen.WaitForCacheSync(ctx) {
		t.Fatal("the cache does not start")
	}
	c, err := client.New(p.config, client.Options{Scheme: p.scheme, Cache: &client.CacheOptions{Reader: seen}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// patience 是等缓存跟上的上限。
const patience = 2 * time.Minute

// create 造一个 Cluster，就绪的；等缓存看到它。
func (p *platform) create(t *testing.T, name string) *cluster.Cluster {
	t.Helper()
	c := &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := p.Live.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{cluster.ConditionReady, cluster.ConditionReachable, cluster.ConditionCredentialsValid} {
		meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: cluster.ReasonReady})
	}
	if err := p.Live.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p.await(t, c)
	return c
}

// deploy 造一个要放在 clusters 上的 Model；等缓存看到它。
func (p *platform) deploy(t *testing.T, name string, clusters ...string) *v1alpha1.Model {
	t.Helper()
	m := &v1alpha1.Model{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: v1alpha1.ModelSpec{
		Source: v1alpha1.ModelSource{HuggingFace: &v1alpha1.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}}, Engine: v1alpha1.Engine{Type: v1alpha1.EngineVLLM},
		Placement: &v1alpha1.Placement{ClusterNames: clusters},
	}}
	if err := p.Live.Create(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	p.await(t, m)
	return m
}

// await 等缓存里的不比 object 旧。
func (p *platform) await(t *testing.T, object client.Object) {
	t.Helper()
	harness.Eventually(t, "the cache to have "+object.GetName(), patience, func(ctx context.Context) error {
		seen := object.DeepCopyObject().(client.Object)
		if err := p.Get(ctx, client.ObjectKeyFromObject(object), seen); err != nil {
			return err
		}
		if seen.GetResourceVersion() != object.GetResourceVersion() {
			return errors.New("it has another version")
		}
		return nil
	})
}

// TestHeir 成员上的同名对象哪些接得过来：自己的，被人揭去标签的，主人已经不在的；别人的从不。
func TestHeir(t *testing.T) {
	p := newPlatform(t)
	living := p.deploy(t, "living")
	a := applying{site: &site{cluster: &cluster.Cluster{ObjectMeta: metav1.ObjectMeta{UID: "c"}}}, model: chat(), platform: p.Client}
	labelled := func(model, on types.UID) map[string]string {
		return map[string]string{v1alpha1.LabelModelUID: string(model), cluster.LabelClusterUID: string(on)}
	}
	for why, c := range map[string]struct {
		labels map[string]string
		heir   bool
	}{
		"its own":                                       {labelled(a.model.UID, "c"), true},
		"its own of a former Cluster":                   {labelled(a.model.UID, "former"), true},
		"somebody took the label away":                  {map[string]string{cluster.LabelClusterUID: "c"}, true},
		"what a Model left that is no more":             {labelled("deleted", "c"), true},
		"what a Model left on a former Cluster":         {labelled("deleted", "former"), false},
		"no label of a Model, and of a former Cluster":  {map[string]string{cluster.LabelClusterUID: "former"}, false},
		"another Model's, which lives":                  {labelled(living.UID, "c"), false},
		"nothing to do with the platform":               {map[string]string{"owner": "others"}, false},
		"no labels at all, which nobody vouches for":    {nil, false},
		"the label of a Model, and none of any Cluster": {map[string]string{v1alpha1.LabelModelUID: "deleted"}, false},
	} {
		err := a.heir(t.Context(), target{kind: deploymentKind}, c.labels)
		var foreign *foreignError
		if heir := err == nil; heir != c.heir || !heir && !errors.As(err, &foreign) {
			t.Errorf("%s: it is taken over: %t, want %t (%v)", why, heir, c.heir, err)
		}
	}
}

// TestClusterIsGoneBySayOfTheServer 缓存里没有的 Cluster 要服务器也说没有才算：不然那里跑着的就没有人收拾。
func TestClusterIsGoneBySayOfTheServer(t *testing.T) {
	p := newPlatform(t)
	there := p.create(t, "there")
	// 什么也看不到的缓存，与落后得还没看到它的一样。
	behind := p.cached(t, cache.Options{ByObject: map[client.Object]cache.ByObject{&cluster.Cluster{}: {Label: labels.SelectorFromSet(labels.Set{"seen": "never"})}}})
	for why, c := range map[string]struct {
		cached client.Client
		name   string
		uid    types.UID
		there  bool
	}{
		"the cache has it":                      {p.Client, "there", there.UID, true},
		"the cache is behind":                   {behind, "there", there.UID, true},
		"nobody has it":                         {p.Client, "gone", there.UID, false},
		"another one has been registered since": {p.Client, "there", "former", false},
	} {
		r := &Reconciler{Client: c.cached, Live: p.Live}
		if got, err := r.cluster(t.Context(), c.name, string(c.uid)); err != nil || (got != nil) != c.there {
			t.Errorf("%s: it is there: %t, want %t (%v)", why, got != nil, c.there, err)
		}
	}
}

// TestDecisionIsLoggedOnce 改变了放置的决定记一行，说得出谁、到哪里、为什么；同样的决定再做几遍不再记，spec 里的从不记。
func TestDecisionIsLoggedOnce(t *testing.T) {
	p := newPlatform(t)
	p.create(t, "a")
	p.create(t, "b")
	r := &Reconciler{Client: p.Client, Live: p.Live, Members: member.New(member.Options{}), Clock: clock.RealClock{}, Metrics: NewMetrics(nil)}
	m := p.deploy(t, "logged", "a", "missing")
	for _, step := range []struct {
		why  string
		do   func(*v1alpha1.Model)
		says []string
	}{
		{"it is placed, and one name does not exist", func(*v1alpha1.Model) {}, []string{`"model"={"name"="logged" "namespace"="default"}`, `"clusters"=["a"]`, `"rejections"=1`, `"reason"="Scheduled"`}},
		{"the same again", func(*v1alpha1.Model) {}, nil},
		{"what changes no placement", func(m *v1alpha1.Model) { m.Spec.Engine.Args = []string{"--seed=1"} }, nil},
		{"it moves", func(m *v1alpha1.Model) { m.Spec.Placement.ClusterNames = []string{"b"} }, []string{`"clusters"=["b"]`, `"rejections"=0`, "leaves a, is added to b"}},
		{"it goes nowhere", func(m *v1alpha1.Model) { m.Spec.Placement.ClusterNames = []string{"missing"} }, []string{`"clusters"=[]`, `"reason"="NoClusterSelected"`, "leaves b"}},
		{"it is still nowhere", func(*v1alpha1.Model) {}, nil},
	} {
		if step.do(m); m.Spec.Engine.Args != nil || step.says != nil {
			if err := p.Live.Update(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			p.await(t, m)
		}
		var lines []string
		ctx := log.IntoContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{Verbosity: 0}))
		if _, reserved, err := r.decide(ctx, m); err != nil || !reserved {
			t.Fatalf("%s: reserved: %t, %v", step.why, reserved, err)
		}
		p.await(t, m)
		if step.says == nil {
			if len(lines) > 0 {
				t.Errorf("%s: it is logged again: %q", step.why, lines)
			}
			continue
		}
		if len(lines) != 1 || slices.ContainsFunc(step.says, func(text string) bool { return !strings.Contains(lines[0], text) }) || strings.Contains(lines[0], "Qwen") {
			t.Errorf("%s: logged is %q, want one line with %q and nothing of the spec", step.why, lines, step.says)
		}
	}
}

// TestRotationWhileTheMemberIsAwaited 成员还没有答复时换了凭据：从前的话说的是用着旧的那份，不能接着作数；没有换的照旧。
func TestRotationWhileTheMemberIsAwaited(t *testing.T) {
	p := newPlatform(t)
	on := p.create(t, "a")
	r := &Reconciler{Client: p.Client, Live: p.Live, Members: member.New(member.Options{})}
	m := chat()
	placements := []v1alpha1.ModelPlacement{{Cluster: "a", ClusterUID: string(on.UID), Replicas: 1}}
	r.carriersOf(m.UID)[on.UID] = carried{"v1", map[string]string{v1alpha1.CredentialToken: "former"}}
	for why, c := range map[string]struct {
		credentials credentials
		rotated     bool
	}{
		"the same":                           {credentials{sums: map[string]string{v1alpha1.CredentialToken: "former"}}, false},
		"another token":                      {credentials{sums: map[string]string{v1alpha1.CredentialToken: "present"}}, true},
		"none any more":                      {credentials{}, true},
		"nobody can say, the Secret is gone": {credentials{problem: &problem{v1alpha1.ReasonSecretNotFound, "It does not exist."}}, false},
	} {
		v := view{m, facts{now: now, credentials: c.credentials}}
		if err := r.attend(t.Context(), &v, scheduler.Result{Placements: placements}); err != nil {
			t.Fatal(err)
		}
		if s := v.sites[0]; !s.waiting || s.rotated != c.rotated {
			t.Errorf("%s: waiting: %t; rotated: %t, want %t", why, s.waiting, s.rotated, c.rotated)
		}
	}
}
