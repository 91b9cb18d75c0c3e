package apiserver

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	clusterclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/cluster/v1alpha1"
	iamclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/iam/v1alpha1"
	modelclient "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

const (
	// patience 是等权限生效、等事件到来的期限；机器再忙也够，真坏了也不会久等。
	patience = 2 * time.Minute
	masters  = "system:masters"
)

// platform 是一个运行中的服务器，外加能为任意身份签证书的 CA 和管理员的客户端。
type platform struct {
	*harness.Platform
	ca    *harness.CA
	admin *client
}

// adopt 给已启动的服务器配上 CA 与管理员客户端。
func adopt(p *harness.Platform) (*platform, error) {
	ca, err := p.CA()
	if err != nil {
		return nil, err
	}
	config, err := harness.RESTConfig(p.Kubeconfig)
	if err != nil {
		return nil, err
	}
	admin, err := newClient(config)
	if err != nil {
		return nil, err
	}
	return &platform{Platform: p, ca: ca, admin: admin}, nil
}

// start 为一个测试单独启动服务器。
func start(t testing.TB, o harness.PlatformOptions) *platform {
	t.Helper()
	p, err := adopt(harness.NewPlatform(t, o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inspectLog(p.LogFile()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// config 返回以 issuer 签发的证书代表 id 的客户端配置；各测试的身份互不相干，不落文件。
func (p *platform) config(t testing.TB, issuer *harness.CA, id harness.Identity) *rest.Config {
	t.Helper()
	pair, err := issuer.IssueClient(id)
	if err != nil {
		t.Fatal(err)
	}
	config := p.anonymous()
	config.CertData, config.KeyData = pair.Cert, pair.Key
	return config
}

// anonymous 返回不带凭据的客户端配置。
func (p *platform) anonymous() *rest.Config {
	return &rest.Config{Host: p.URL, QPS: -1, TLSClientConfig: rest.TLSClientConfig{CAData: p.ca.PEM}, WarningHandler: rest.NoWarnings{}}
}

// as 返回以平台的 CA 证明身份的客户端。
func (p *platform) as(t testing.TB, user string, groups ...string) *client {
	t.Helper()
	return mustClient(t, p.config(t, p.ca, harness.Identity{User: user, Groups: groups}))
}

// client 是一个身份的三种客户端：生成的、动态的和裸 HTTP。
type client struct {
	config   *rest.Config
	iam      iamclient.IamV1alpha1Interface
	clusters clusterclient.ClusterInterface
	// models 是命名空间 default 里的。
	models  modelclient.ModelInterface
	dynamic dynamic.Interface
}

func newClient(config *rest.Config) (*client, error) {
	typed, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &client{config: config, iam: typed.IamV1alpha1(), clusters: typed.ClusterV1alpha1().Clusters(), models: typed.ModelV1alpha1().Models(metav1.NamespaceDefault), dynamic: untyped}, nil
}

func mustClient(t testing.TB, config *rest.Config) *client {
	t.Helper()
	c, err := newClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serial 让各测试的对象名互不相同：它们并行地用着同一个服务器。
var serial atomic.Int64

// unique 返回以 prefix 开头、本程序内唯一的对象名。
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, serial.Add(1)) }

// rule 是 iam 组里的一条规则。
func rule(resources, verbs []string, names ...string) v1alpha1.PolicyRule {
	return v1alpha1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: resources, Verbs: verbs, ResourceNames: names}
}

// clusterRule 是 cluster 组里的一条规则。
func clusterRule(resources, verbs []string, names ...string) v1alpha1.PolicyRule {
	return v1alpha1.PolicyRule{APIGroups: []string{clusterv1alpha1.GroupName}, Resources: resources, Verbs: verbs, ResourceNames: names}
}

// role 由管理员建一个角色，返回它的名字。
func (p *platform) role(t testing.TB, name string, rules ...v1alpha1.PolicyRule) string {
	t.Helper()
	created, err := p.admin.iam.Roles().Create(t.Context(), newRole(name, rules...), metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create role %s: %v", name, err)
	}
	return created.Name
}

// bind 由管理员在给出的命名空间（不给则全部）里把角色授予主体，返回绑定的名字。
func (p *platform) bind(t testing.TB, role string, namespaces []string, subjects ...v1alpha1.Subject) string {
	t.Helper()
	binding := newBinding(unique("binding"), role, namespaces, subjects...)
	if _, err := p.admin.iam.RoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatalf("bind role %s: %v", role, err)
	}
	return binding.Name
}

// user 由管理员建一个用户，返回他的名字。
func (p *platform) user(t testing.TB, name string, groups ...string) string {
	t.Helper()
	if _, err := p.admin.iam.Users().Create(t.Context(), newUser(name, groups...), metav1.CreateOptions{}); err != nil {
		t.Fatalf("create user %s: %v", name, err)
	}
	return name
}

// limited 返回一个只持有 rules 的人，权限已经生效。
func (p *platform) limited(t testing.TB, rules ...v1alpha1.PolicyRule) (*client, string) {
	t.Helper()
	name := unique("limited")
	p.bind(t, p.role(t, name, rules...), nil, userSubject(name))
	p.settle(t)
	return p.as(t, name), name
}

// settle 等服务器的权限索引追上此前的全部写入：它跟随事件流，后建的标记生效，先写的就都生效了。
func (p *platform) settle(t testing.TB) {
	t.Helper()
	mark := unique("settle")
	p.role(t, mark, rule([]string{"roles"}, []string{"get"}, mark))
	p.bind(t, mark, nil, groupSubject(mark))
	p.user(t, mark, mark)
	marked := p.as(t, mark)
	harness.Eventually(t, "the authorization index to catch up", patience, func(ctx context.Context) error {
		_, err := marked.iam.Roles().Get(ctx, mark, metav1.GetOptions{})
		return err
	})
}

func newRole(name string, rules ...v1alpha1.PolicyRule) *v1alpha1.Role {
	return &v1alpha1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.RoleSpec{Rules: rules}}
}

func newUser(name string, groups ...string) *v1alpha1.User {
	return &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserSpec{Groups: groups}}
}

func newBinding(name, role string, namespaces []string, subjects ...v1alpha1.Subject) *v1alpha1.RoleBinding {
	everywhere := len(namespaces) == 0
	return &v1alpha1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RoleBindingSpec{
			RoleRef:       v1alpha1.RoleRef{Name: role},
			Subjects:      subjects,
			Namespaces:    namespaces,
			AllNamespaces: &everywhere,
		},
	}
}

func userSubject(name string) v1alpha1.Subject {
	return v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: name}
}

func groupSubject(name string) v1alpha1.Subject {
	return v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Name: name}
}
