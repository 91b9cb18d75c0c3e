package auth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/tools/cache"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/internal/service/auth/rbac"
	userservice "github.com/kubellm/kubellm/internal/service/user"
)

// directory 是登记的用户；整个解析都在内存里，不必为它起一台服务器。
type directory map[string]userservice.Identity

func (d directory) Synced() cache.DoneChecker { return nil }
func (d directory) Resolve(name string) (userservice.Identity, bool, error) {
	if d == nil {
		return userservice.Identity{}, false, userservice.ErrNotSynced
	}
	identity, found := d[name]
	return identity, found, nil
}

// noRoles 没有任何角色。
type noRoles struct{}

func (noRoles) Get(_ context.Context, name string, _ metav1.GetOptions) (*v1alpha1.Role, error) {
	return nil, apierrors.NewNotFound(v1alpha1.Resource("roles"), name)
}

// presented 认定请求带着这个身份的凭据；名字为空表示没有凭据。
func presented(name string, groups ...string) authenticator.Request {
	return authenticator.RequestFunc(func(*http.Request) (*authenticator.Response, bool, error) {
		if name == "" {
			return nil, false, nil
		}
		return &authenticator.Response{User: &user.DefaultInfo{Name: name, Groups: groups}}, true, nil
	})
}

// TestNewServiceNeedsEverything 缺一件就是人人放行或人人进不来，必须拒绝构造。
func TestNewServiceNeedsEverything(t *testing.T) {
	complete := Options{ClientCertificates: presented(""), Index: rbac.NewIndex(), Users: directory{}, Roles: noRoles{}}
	if _, err := NewService(complete); err != nil {
		t.Fatalf("a complete service is refused: %v", err)
	}
	cases := map[string]func(*Options){
		"no authenticator": func(o *Options) { o.ClientCertificates = nil },
		"no index":         func(o *Options) { o.Index = nil },
		"no users":         func(o *Options) { o.Users = nil },
		"no roles":         func(o *Options) { o.Roles = nil },
	}
	for name, remove := range cases {
		t.Run(name, func(t *testing.T) {
			options := complete
			remove(&options)
			if _, err := NewService(options); err == nil {
				t.Error("an incomplete service must not be built")
			}
		})
	}
}

func TestAuthenticate(t *testing.T) {
	users := directory{
		"alice": {Name: "alice", UID: "uid-1", Groups: []string{"dev", "ops"}},
		"eve":   {Name: "eve", Suspended: true},
	}
	cases := map[string]struct {
		reason      string
		credentials authenticator.Request
		users       directory
		path        string
		wantName    string
		wantGroups  []string
		wantUID     string
		wantErr     error
	}{
		"registered":            {reason: "the user's own groups join those of the certificate, once each", credentials: presented("alice", "ops"), users: users, wantName: "alice", wantGroups: []string{"ops", "dev", user.AllAuthenticated}, wantUID: "uid-1"},
		"unregistered":          {reason: "a certificate stands for itself", credentials: presented("bob", "guests"), users: users, wantName: "bob", wantGroups: []string{"guests", user.AllAuthenticated}},
		"suspended":             {reason: "a suspended user does not get in, whatever the credential", credentials: presented("eve"), users: users, wantErr: ErrSuspended},
		"platform component":    {reason: "components have no user object and work before users are read", credentials: presented(rbac.ControllerUser), users: nil, wantName: rbac.ControllerUser, wantGroups: []string{user.AllAuthenticated}},
		"administrator":         {reason: "the last resort must not depend on an object that others may write", credentials: presented("system:kubellm-admin", user.SystemPrivilegedGroup), users: nil, wantName: "system:kubellm-admin", wantGroups: []string{user.SystemPrivilegedGroup, user.AllAuthenticated}},
		"suspended superuser":   {reason: "suspending somebody must not depend on which certificate is shown", credentials: presented("eve", user.SystemPrivilegedGroup), users: users, wantErr: ErrSuspended},
		"users not read yet":    {reason: "whether the user is suspended is not known yet", credentials: presented("alice"), users: nil, wantErr: userservice.ErrNotSynced},
		"anonymous, health":     {reason: "load balancers have no credentials", credentials: presented(""), users: users, path: "/readyz", wantName: user.Anonymous, wantGroups: []string{user.AllUnauthenticated}},
		"anonymous, elsewhere":  {reason: "nothing else is for strangers", credentials: presented(""), users: users, path: "/apis"},
		"anonymous, sub health": {reason: "single checks tell too much about the inside", credentials: presented(""), users: users, path: "/readyz/etcd"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			path := tc.path
			if path == "" {
				path = "/apis"
			}
			ready := func(context.Context) error { return nil }
			response, ok, err := newAuthenticator(tc.credentials, tc.users, ready).AuthenticateRequest(httptest.NewRequest(http.MethodGet, path, nil))
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("error: got %v, want %v", err, tc.wantErr)
			}
			if ok != (tc.wantName != "") {
				t.Fatalf("authenticated: got %v", ok)
			}
			if !ok {
				return
			}
			if response.User.GetName() != tc.wantName || response.User.GetUID() != tc.wantUID || !slices.Equal(response.User.GetGroups(), tc.wantGroups) {
				t.Errorf("got %s %v (uid %q), want %s %v (uid %q)", response.User.GetName(), response.User.GetGroups(), response.User.GetUID(), tc.wantName, tc.wantGroups, tc.wantUID)
			}
		})
	}
}

func TestNonResourcePaths(t *testing.T) {
	service, err := NewService(Options{ClientCertificates: presented(""), Index: rbac.NewIndex(), Users: directory{}, Roles: noRoles{}})
	if err != nil {
		t.Fatal(err)
	}
	member := &user.DefaultInfo{Name: "alice", Groups: []string{user.AllAuthenticated}}
	superuser := &user.DefaultInfo{Name: "root", Groups: []string{user.SystemPrivilegedGroup, user.AllAuthenticated}}
	stranger := &user.DefaultInfo{Name: user.Anonymous, Groups: []string{user.AllUnauthenticated}}
	cases := map[string]struct {
		reason  string
		who     user.Info
		verb    string
		path    string
		allowed bool
	}{
		"discovery":             {"kubectl needs it to resolve names", member, "get", "/apis/iam.kubellm.io/v1alpha1", true},
		"openapi":               {"kubectl explain needs it", member, "get", "/openapi/v3/apis/iam.kubellm.io/v1alpha1", true},
		"metrics":               {"tells who does what", member, "get", "/metrics", false},
		"profiles":              {"show memory", member, "get", "/debug/pprof/heap", false},
		"lookalike":             {"only the path itself counts, not its prefix", member, "get", "/apisfoo", false},
		"writing to discovery":  {"nothing is written there", member, "post", "/apis", false},
		"metrics, superuser":    {"superusers may do everything", superuser, "get", "/metrics", true},
		"health, stranger":      {"load balancers", stranger, "get", "/livez", true},
		"discovery, stranger":   {"nothing else is for strangers", stranger, "get", "/apis", false},
		"metrics, monitoring":   {"scraping must not take a superuser's certificate", &user.DefaultInfo{Name: "prometheus", Groups: []string{user.MonitoringGroup, user.AllAuthenticated}}, "get", "/metrics", true},
		"one check, monitoring": {"says which part is not well", &user.DefaultInfo{Name: "prometheus", Groups: []string{user.MonitoringGroup, user.AllAuthenticated}}, "get", "/readyz/etcd", true},
		"profiles, monitoring":  {"show memory", &user.DefaultInfo{Name: "prometheus", Groups: []string{user.MonitoringGroup, user.AllAuthenticated}}, "get", "/debug/pprof/heap", false},
		"discovery, not logged": {"the group decides, not the name", &user.DefaultInfo{Name: "alice"}, "get", "/apis", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			decision, _, err := service.Authorize(context.Background(), authorizer.AttributesRecord{User: tc.who, Verb: tc.verb, Path: tc.path})
			if err != nil {
				t.Fatal(err)
			}
			if allowed := decision == authorizer.DecisionAllow; allowed != tc.allowed {
				t.Errorf("allowed: got %v, want %v", allowed, tc.allowed)
			}
		})
	}
}
