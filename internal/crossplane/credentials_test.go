package crossplane

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// kubeconfigOf 拼出一份 kubeconfig；user 是 users[0].user 的内容，cluster 追加在服务器地址之后。
func kubeconfigOf(cluster, user string) string {
	return "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n" +
		"clusters: [{name: c, cluster: {server: 'https://platform:6443'" + cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n"
}

func TestRESTConfigFrom(t *testing.T) {
	const secret = "t0p-s3cret"
	type want struct {
		host, token string
		says        []string
	}
	cases := map[string]struct {
		reason string
		config config
		data   map[string]string
		want   want
	}{
		"kubeconfig": {
			reason: "A self-contained kubeconfig is taken as it is.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"k": kubeconfigOf("", "token: "+secret)},
			want:   want{host: "https://platform:6443", token: secret},
		},
		"server wins": {
			reason: "The config's server counts over the kubeconfig's.",
			config: config{secretKey: ptr.To("k"), server: ptr.To("https://other:6443")},
			data:   map[string]string{"k": kubeconfigOf("", "token: "+secret)},
			want:   want{host: "https://other:6443", token: secret},
		},
		"missing key": {
			reason: "The error names the key that is wanted and those that are there.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"config": secret},
			want:   want{says: []string{`"k"`, "config"}},
		},
		"malformed": {
			reason: "A kubeconfig cut short is said to be that, without showing any of it.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"k": kubeconfigOf("", "token: "+secret)[:80]},
			want:   want{says: []string{`"k"`, "kubeconfig"}},
		},
		"no cluster": {
			reason: "A kubeconfig without a server must not become localhost.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"k": "apiVersion: v1\nkind: Config\n"},
			want:   want{says: []string{`"k"`, "kubeconfig"}},
		},
		"command": {
			reason: "Commands would run in the provider.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"k": kubeconfigOf("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, interactiveMode: Never}")},
			want:   want{says: []string{"exec", "flatten"}},
		},
		"token file": {
			reason: "Files are the provider's own: its token would go to whoever wrote the Secret.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"k": kubeconfigOf("", "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token")},
			want:   want{says: []string{"tokenFile"}},
		},
		"certificate files": {
			reason: "All fields that refer to files are named at once.",
			config: config{secretKey: ptr.To("k")},
			data:   map[string]string{"k": kubeconfigOf(", certificate-authority: /etc/ca", "client-certificate: /etc/crt, client-key: /etc/key")},
			want:   want{says: []string{"certificate-authority", "client-certificate", "client-key"}},
		},
		"token": {
			reason: "A service account token Secret can be used as it is; a newline at the end is not part of the token.",
			config: config{server: ptr.To("https://platform:6443")},
			data:   map[string]string{"token": secret + "\n", "ca.crt": "CA", "namespace": "x"},
			want:   want{host: "https://platform:6443", token: secret},
		},
		"certificate": {
			reason: "A TLS Secret can be used as it is.",
			config: config{server: ptr.To("https://platform:6443")},
			data:   map[string]string{"tls.crt": "CERT", "tls.key": "KEY"},
			want:   want{host: "https://platform:6443"},
		},
		"half a certificate": {
			reason: "A certificate is of no use without its key.",
			config: config{server: ptr.To("https://platform:6443")},
			data:   map[string]string{"tls.crt": "CERT"},
			want:   want{says: []string{"tls.crt", "tls.key"}},
		},
		"nobody": {
			reason: "Anonymous access is never meant.",
			config: config{server: ptr.To("https://platform:6443")},
			want:   want{says: []string{"token", "tls.crt", "no keys"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "creds"}, Data: map[string][]byte{}}
			for key, value := range tc.data {
				s.Data[key] = []byte(value)
			}
			got, err := restConfigFrom(tc.config, s)
			if (err != nil) != (len(tc.want.says) > 0) {
				t.Fatalf("%s\nrestConfigFrom(...): got error %v", tc.reason, err)
			}
			if err == nil {
				if got.Host != tc.want.host || got.BearerToken != tc.want.token {
					t.Errorf("%s\nrestConfigFrom(...): got host %q and token %q, want %q and %q", tc.reason, got.Host, got.BearerToken, tc.want.host, tc.want.token)
				}
				return
			}
			for _, part := range append(tc.want.says, `"creds"`, `"ns"`) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s\nthe error does not say %s: %v", tc.reason, part, err)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s\nthe error gives the secret away: %v", tc.reason, err)
			}
		})
	}
}
