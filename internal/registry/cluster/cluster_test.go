package cluster

import (
	"context"
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster"
	"github.com/kubellm/kubellm/internal/service/auth"
)

// TestWarn 合法但多半不是本意的写法都有提醒，平常的没有。
func TestWarn(t *testing.T) {
	beat := func(interval, timeout, threshold int32) cluster.ClusterSpec {
		return cluster.ClusterSpec{Heartbeat: &cluster.Heartbeat{IntervalSeconds: &interval, TimeoutSeconds: &timeout, FailureThreshold: &threshold}}
	}
	cases := map[string]struct {
		reason string
		spec   cluster.ClusterSpec
		want   int
	}{
		"plain":     {"nothing to say", beat(30, 10, 3), 0},
		"equal":     {"a probe ends before the next begins", beat(10, 10, 3), 0},
		"slow":      {"the interval is not kept while the member is down", beat(5, 10, 3), 1},
		"nervous":   {"one lost packet and the member is gone", beat(30, 10, 1), 1},
		"insecure":  {"anybody in between gets in", cluster.ClusterSpec{Credentials: &cluster.CredentialsSource{InsecureSkipTLSVerify: ptr.To(true)}}, 1},
		"said once": {"false is the default", cluster.ClusterSpec{Credentials: &cluster.CredentialsSource{InsecureSkipTLSVerify: ptr.To(false)}}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := warn(&cluster.Cluster{Spec: tc.spec}); len(got) != tc.want {
				t.Errorf("%s: got warnings %q, want %d", tc.reason, got, tc.want)
			}
		})
	}
}

// asked 记下被问过的密文。
type asked []string

func (a *asked) ConfirmSecret(_ context.Context, use auth.SecretUse, namespace, name string) error {
	*a = append(*a, strings.Join(append([]string{namespace + "/" + name}, use.Changed...), " "))
	return nil
}

func (a *asked) ConfirmHandedIn(_ context.Context, use auth.HandedInUse) error {
	*a = append(*a, strings.Join(append([]string{"handed in"}, use.Changed...), " "))
	return nil
}

// TestCredentialsAreConfirmed 只在凭据的去向变了的时候才问：不然控制器与改区域的人都要有读 Secret 的权利。
func TestCredentialsAreConfirmed(t *testing.T) {
	of := func(name, key string) *cluster.Cluster {
		c := valid()
		c.Spec.Credentials.KubeconfigSecretRef = &cluster.SecretKeyReference{Namespace: "ns", Name: name, Key: &key}
		return c
	}
	handed := func() *cluster.Cluster {
		return &cluster.Cluster{Spec: cluster.ClusterSpec{Credentials: &cluster.CredentialsSource{}}, Status: cluster.ClusterStatus{CredentialsVersion: "v"}}
	}
	insecure := func(c *cluster.Cluster) *cluster.Cluster {
		c.Spec.Credentials.InsecureSkipTLSVerify = ptr.To(true)
		return c
	}
	both := insecure(of("a", "k"))
	both.Status.CredentialsVersion = "v"
	const loosened = " spec.credentials.insecureSkipTLSVerify"
	cases := map[string]struct {
		reason   string
		obj, old *cluster.Cluster
		want     asked
	}{
		"created":          {"new", of("a", "k"), nil, asked{"ns/a"}},
		"unchanged":        {"was asked before", of("a", "k"), of("a", "k"), nil},
		"other":            {"another Secret", of("b", "k"), of("a", "k"), asked{"ns/b"}},
		"other key":        {"another value of it", of("a", "l"), of("a", "k"), asked{"ns/a"}},
		"set later":        {"new", of("a", "k"), &cluster.Cluster{}, asked{"ns/a"}},
		"removed":          {"letting go is free", &cluster.Cluster{}, of("a", "k"), nil},
		"without any":      {"nothing to ask", &cluster.Cluster{}, nil, nil},
		"created insecure": {"anybody in between gets it", insecure(of("a", "k")), nil, asked{"ns/a" + loosened}},
		"loosened":         {"anybody in between gets it", insecure(of("a", "k")), of("a", "k"), asked{"ns/a" + loosened}},
		"still loose":      {"was asked before", insecure(of("a", "k")), insecure(of("a", "k")), nil},
		"tightened":        {"fewer get it", of("a", "k"), insecure(of("a", "k")), nil},
		"handed in":        {"nothing goes elsewhere", handed(), handed(), nil},
		"handed, loosened": {"anybody in between gets it", insecure(handed()), handed(), asked{"handed in" + loosened}},
		"back to handed":   {"it is used again, without verification", insecure(handed()), both, asked{"handed in" + loosened}},
		"loosened, empty":  {"there is nothing to get", insecure(&cluster.Cluster{Spec: cluster.ClusterSpec{Credentials: &cluster.CredentialsSource{}}}), &cluster.Cluster{}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var guard asked
			if err := confirm(t.Context(), &guard, intake(nil), tc.obj, tc.old); err != nil || !slices.Equal(guard, tc.want) {
				t.Errorf("%s: asked about %q (%v), want %q", tc.reason, guard, err, tc.want)
			}
		})
	}
}
