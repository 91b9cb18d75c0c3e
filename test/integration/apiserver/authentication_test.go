package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/test/harness"
)

// healthPaths 是不登录也能看的全部路径。
var healthPaths = []string{"/healthz", "/livez", "/readyz"}

// otherPaths 是服务器上的其余路径，外加想混进去的写法。
var otherPaths = []string{
	"/", "/api", "/api/v1", "/apis", "/apis/", apiPath, apiPath + "/", "/version", "/openapi/v2", "/openapi/v3",
	"/openapi/v3" + apiPath, "/metrics", "/metrics/slis", "/debug/pprof/", "/debug/flags/v", "/logs", "/configz", "/statusz", "/flagz", "/index.json",
	apiPath + "/users", apiPath + "/roles/kubellm-admin", apiPath + "/watch/users", apiPath + "/users?watch=1", apiPath + "/users/x/status",
	"/healthz/", "/healthz/../metrics", "/readyz/../apis", "//metrics", "/healthz%2f..%2fmetrics", "/healthz/etcd", "/livez/ping", "/readyz/informer-sync",
	"/HEALTHZ", "/healthz;/metrics", "/nowhere",
}

// TestAnonymous 保证没有凭据的人只看得到死活。
func TestAnonymous(t *testing.T) {
	t.Parallel()
	anonymous := mustClient(t, shared.anonymous())
	for _, path := range healthPaths {
		for _, target := range []string{path, path + "?verbose"} {
			if got := anonymous.send(t, http.MethodGet, target, ""); got.code != http.StatusOK {
				t.Errorf("GET %s gave %d %.200s", target, got.code, got.body)
			}
		}
	}
	for _, path := range otherPaths {
		if got := anonymous.send(t, http.MethodGet, path, ""); got.code != http.StatusUnauthorized {
			t.Errorf("GET %s gave %d %.200s", path, got.code, got.body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		for _, path := range []string{apiPath + "/users", apiPath + "/users/x", apiPath + "/users/x/status"} {
			if got := anonymous.send(t, method, path, "{}", "Content-Type", jsonType); got.code != http.StatusUnauthorized {
				t.Errorf("%s %s gave %d %.200s", method, path, got.code, got.body)
			}
		}
	}
	if got := anonymous.send(t, http.MethodGet, apiPath+"/users", ""); got.status(t).Reason != metav1.StatusReasonUnauthorized {
		t.Errorf("the answer to a stranger is %s", got.body)
	}
}

// TestForgedIdentity 保证请求头代替不了凭据：没有前置代理，这些头就只是文字。
func TestForgedIdentity(t *testing.T) {
	t.Parallel()
	anonymous := mustClient(t, shared.anonymous())
	for name, headers := range map[string][]string{
		"front proxy":       {"X-Remote-User", "kubellm-admin", "X-Remote-Group", masters},
		"impersonation":     {"Impersonate-User", "kubellm-admin", "Impersonate-Group", masters},
		"an empty token":    {"Authorization", "Bearer "},
		"a made-up token":   {"Authorization", "Bearer x"},
		"a basic login":     {"Authorization", "Basic a3ViZWxsbS1hZG1pbjphZG1pbg=="},
		"a forwarded cert":  {"X-Forwarded-Client-Cert", "Subject=\"CN=kubellm-admin,O=system:masters\""},
		"a websocket token": {"Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.eA"},
	} {
		if got := anonymous.send(t, http.MethodGet, apiPath+"/users", "", headers...); got.code != http.StatusUnauthorized {
			t.Errorf("%s gave %d %.200s", name, got.code, got.body)
		}
	}
}

// TestCertificates 保证只有平台的 CA 签的、没过期的客户端证书算数，否则 401，连健康检查之外的一个字也看不到。
func TestCertificates(t *testing.T) {
	t.Parallel()
	other, err := harness.NewCA("kubellm-ca") // 同名的另一个 CA，差别只在密钥。
	if err != nil {
		t.Fatal(err)
	}
	admin := harness.Identity{User: "kubellm-admin", Groups: []string{masters}}
	expired := admin
	expired.Expired = true
	server, err := shared.ca.IssueServer("kubellm-admin")
	if err != nil {
		t.Fatal(err)
	}
	serving := shared.anonymous()
	serving.CertData, serving.KeyData = server.Cert, server.Key
	cases := map[string]struct {
		reason string
		config *rest.Config
		check  func(error) bool
	}{
		"Good":    {reason: "the platform signed it", config: shared.config(t, shared.ca, admin), check: func(err error) bool { return err == nil }},
		"Other":   {reason: "a stranger signed it", config: shared.config(t, other, admin), check: apierrors.IsUnauthorized},
		"Expired": {reason: "it is over", config: shared.config(t, shared.ca, expired), check: apierrors.IsUnauthorized},
		"NoName":  {reason: "it names nobody", config: shared.config(t, shared.ca, harness.Identity{Groups: []string{masters}}), check: apierrors.IsUnauthorized},
		"Server":  {reason: "a serving certificate is not a client's", config: serving, check: apierrors.IsUnauthorized},
	}
	for name, tc := range cases {
		_, err := mustClient(t, tc.config).iam.Users().List(t.Context(), metav1.ListOptions{Limit: 1})
		if !tc.check(err) {
			t.Errorf("%s: %s, but listing gave %v", name, tc.reason, err)
		}
	}
	// 客户端也要能认出冒充的服务器。
	wrong := shared.config(t, shared.ca, admin)
	wrong.CAData = other.PEM
	if _, err := mustClient(t, wrong).iam.Users().List(t.Context(), metav1.ListOptions{}); err == nil || apierrors.IsUnauthorized(err) {
		t.Errorf("a client that trusts another CA got %v", err)
	}
}

// TestSuspended 保证停用立刻挡住登录，恢复立刻放行，别人不受影响。
func TestSuspended(t *testing.T) {
	t.Parallel()
	name := unique("suspended")
	shared.user(t, name)
	shared.bind(t, "kubellm-viewer", nil, userSubject(name))
	shared.settle(t)
	visitor, neighbour := shared.as(t, name), shared.as(t, name+"-else")
	read := func(ctx context.Context) error {
		_, err := visitor.iam.Roles().List(ctx, metav1.ListOptions{Limit: 1})
		return err
	}
	if err := read(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		suspend(t, shared, name, true)
		harness.Eventually(t, "a suspended user to be kept out", patience, func(ctx context.Context) error {
			if err := read(ctx); !apierrors.IsUnauthorized(err) {
				return fmt.Errorf("reading gives %w, want 401", orNil(err))
			}
			return nil
		})
		// 换一张证书、加上超级用户的组也没有用：被停用的是这个人。
		if _, err := shared.as(t, name, masters).iam.Roles().List(t.Context(), metav1.ListOptions{Limit: 1}); !apierrors.IsUnauthorized(err) {
			t.Errorf("with another certificate the suspended user gets %v", err)
		}
		if _, err := neighbour.iam.Roles().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("someone of a longer name gets %v", err)
		}
		suspend(t, shared, name, false)
		harness.Eventually(t, "the user to be let in again", patience, read)
	}
}

// TestSuspendingTheAdministrator 保证没有人能把管理员锁在门外：admin.kubeconfig 是最后的钥匙，
// 而建用户、改用户的权限会给到许多人。
func TestSuspendingTheAdministrator(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{})
	attacker, _ := p.limited(t, rule([]string{"users"}, []string{"create", "update", "patch"}))
	mark := unique("after")
	for _, name := range []string{"kubellm-admin", mark} {
		user := newUser(name)
		user.Spec.Suspended = ptr.To(true)
		if _, err := attacker.iam.Users().Create(t.Context(), user, metav1.CreateOptions{}); err != nil && name == mark {
			t.Fatal(err)
		}
	}
	// 后建的停用生效了，先建的也就生效了。
	marked := p.as(t, mark)
	harness.Eventually(t, "the suspension to be noticed", patience, func(ctx context.Context) error {
		if _, err := marked.iam.Users().List(ctx, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
			return fmt.Errorf("reading gives %w, want 401", orNil(err))
		}
		return nil
	})
	if _, err := p.admin.iam.Users().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("someone with rights on users only locked the administrator out: %v", err)
	}
}

func suspend(t *testing.T, p *platform, name string, suspended bool) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"suspended":%t}}`, suspended)
	if _, err := p.admin.iam.Users().Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatalf("suspend %s (%t): %v", name, suspended, err)
	}
}

// orNil 让"没有错误"也能写进错误里。
func orNil(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}
