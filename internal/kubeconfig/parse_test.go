package kubeconfig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubellm/kubellm/test/harness"
)

const (
	address = "https://member.example.org:6443"
	// secret 出现在每一份坏文件的每个角落，错误里一个字都不能有。
	secret = "t0p-s3cret"
)

// material 是拼 kubeconfig 的原料：两套互不相干的证书。
type material struct {
	ca, cert, key, otherKey string
	until                   time.Time
}

func newMaterial(t testing.TB) material {
	t.Helper()
	ca, err := harness.NewCA("member")
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	pair, err := ca.IssueClientUntil(harness.Identity{User: "kubellm"}, until)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ca.IssueClientUntil(harness.Identity{User: "somebody"}, until)
	if err != nil {
		t.Fatal(err)
	}
	return material{ca: string(ca.PEM), cert: string(pair.Cert), key: string(pair.Key), otherKey: string(other.Key), until: until}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// file 拼出一份 kubeconfig；cluster 与 user 是其内容（JSON 的花括号之间）。
func file(cluster, user string) string {
	return "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n" +
		"clusters: [{name: c, cluster: {" + cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n"
}

func jwt(claims string) string {
	return strings.Join([]string{b64("{}"), base64.RawURLEncoding.EncodeToString([]byte(claims)), "c2ln"}, ".")
}

func TestParseAccepts(t *testing.T) {
	m := newMaterial(t)
	server := "server: '" + address + "'"
	pair := "client-certificate-data: " + b64(m.cert) + ", client-key-data: " + b64(m.key)
	soon := m.until.Add(-time.Hour)
	cases := map[string]struct {
		reason    string
		data      string
		insecure  bool
		expiresAt *time.Time
	}{
		"certificate":          {"the usual admin kubeconfig; it expires with its certificate", file(server+", certificate-authority-data: "+b64(m.ca), pair), false, &m.until},
		"opaque token":         {"not every token is a JWT; then nothing is known about its end", file(server, "token: "+secret), false, nil},
		"service account":      {"kubectl create token gives a JWT that says when it ends", file(server, "token: "+jwt(fmt.Sprintf(`{"exp":%d}`, soon.Unix()))), false, &soon},
		"both":                 {"what ends first counts", file(server, pair+", token: "+jwt(fmt.Sprintf(`{"exp":%d}`, soon.Unix()))), false, &soon},
		"both, other way":      {"what ends first counts", file(server, pair+", token: "+jwt(fmt.Sprintf(`{"exp":%d}`, m.until.Add(time.Hour).Unix()))), false, &m.until},
		"endless JWT":          {"a token without exp does not end", file(server, "token: "+jwt(`{"sub":"x"}`)), false, nil},
		"JWT beyond all time":  {"a time that cannot be written is no time", file(server, "token: "+jwt(`{"exp":1e300}`)), false, nil},
		"negative JWT":         {"a time before time is no time", file(server, "token: "+jwt(`{"exp":-1}`)), false, nil},
		"not quite a JWT":      {"two dots do not make a JWT", file(server, "token: a.b.c"), false, nil},
		"JSON":                 {"kubeconfigs may be JSON", `{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"` + address + `"}}],"users":[{"name":"u","user":{"token":"x"}}]}`, false, nil},
		"newline after token":  {"base64 of a file often ends in a newline", file(server, `token: "x\n"`), false, nil},
		"spelled out insecure": {"somebody has said that it is wanted", file(server+", insecure-skip-tls-verify: true", "token: x"), true, nil},
		"password elsewhere":   {"other contexts do not count", strings.Replace(file(server, "token: x"), "users: [", "users: [{name: other, user: {username: a, password: b}}, ", 1), false, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			got, err := Parse([]byte(tc.data), tc.insecure)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if got.Server != address || got.Config.Host != address {
				t.Errorf("server: got %q and %q, want %q", got.Server, got.Config.Host, address)
			}
			if (got.ExpiresAt == nil) != (tc.expiresAt == nil) || got.ExpiresAt != nil && !got.ExpiresAt.Equal(*tc.expiresAt) {
				t.Errorf("expires at: got %v, want %v", got.ExpiresAt, tc.expiresAt)
			}
			if got.Config.BearerToken == "" && len(got.Config.CertData) == 0 {
				t.Error("the identity was lost")
			}
			if _, err := rest.HTTPClientFor(got.Config); err != nil {
				t.Errorf("no client can be built from it: %v", err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	m := newMaterial(t)
	server := "server: '" + address + "'"
	good := file(server, "token: "+secret)
	elsewhere := func(user string) string {
		return strings.Replace(good, "users: [", "users: [{name: "+secret+", user: {"+user+"}}, ", 1)
	}
	cases := map[string]struct {
		reason   string
		data     string
		insecure bool
		rule     Rule
		fields   []string
	}{
		"empty":              {"nothing was handed in", "", false, Malformed, nil},
		"text":               {"not YAML of any structure", secret, false, Malformed, nil},
		"other YAML":         {"YAML, but no kubeconfig", "password: " + secret, false, Malformed, nil},
		"other kind":         {"a manifest was handed in", "apiVersion: v1\nkind: Secret\nmetadata: {name: " + secret + "}", false, Malformed, nil},
		"cut short":          {"half of the file got lost", good[:len(good)-8], false, Malformed, nil},
		"damaged base64":     {"the parser would quote it", file(server, "client-certificate-data: '"+secret+"!', client-key-data: ''"), false, Malformed, nil},
		"binary":             {"not text at all", "\x00\xff" + secret, false, Malformed, nil},
		"too large":          {"would fill the store", good + "#" + strings.Repeat(secret, MaxSize/len(secret)), false, TooLarge, nil},
		"no context":         {"which cluster, which user?", strings.Replace(good, "current-context: c\n", "", 1), false, NoContext, nil},
		"unknown context":    {"names nothing", strings.Replace(good, "current-context: c", "current-context: "+secret, 1), false, NoContext, nil},
		"unknown cluster":    {"no server", strings.Replace(good, "{cluster: c,", "{cluster: "+secret+",", 1), false, NoServer, nil},
		"no server":          {"would become localhost", file("", "token: "+secret), false, NoServer, []string{"server"}},
		"bare host":          {"might be taken for plain HTTP", file("server: '"+secret+":6443'", "token: x"), false, NoServer, []string{"server"}},
		"other scheme":       {"not HTTP", file("server: 'unix:///var/run/"+secret+"'", "token: x"), true, NoServer, []string{"server"}},
		"query":              {"would be lost", file("server: 'https://m/?"+secret+"'", "token: x"), false, NoServer, []string{"server"}},
		"endless server":     {"it would fill the status", file("server: 'https://m/"+strings.Repeat("x", maxServer)+"'", "token: x"), false, NoServer, []string{"server"}},
		"no host":            {"leads nowhere", file("server: 'https:///"+secret+"'", "token: x"), false, NoServer, []string{"server"}},
		"password in server": {"the address is shown in status", file("server: 'https://admin:"+secret+"@m:6443'", "token: x"), true, BasicAuth, []string{"server"}},
		"plain HTTP":         {"the token would be sent in the open", file("server: 'http://"+secret+":80'", "token: x"), false, PlainHTTP, []string{"server"}},
		"insecure":           {"nobody said so", file(server+", insecure-skip-tls-verify: true", "token: "+secret), false, InsecureTLS, []string{"insecure-skip-tls-verify"}},
		"insecure and CA":    {"contradicts itself", file(server+", insecure-skip-tls-verify: true, certificate-authority-data: "+b64(m.ca), "token: "+secret), true, Malformed, []string{"certificate-authority-data", "insecure-skip-tls-verify"}},
		"proxy":              {"the platform would connect to an address of somebody's choosing", file(server+", proxy-url: 'http://"+secret+"'", "token: x"), true, Proxy, []string{"proxy-url"}},
		"damaged CA":         {"no certificate in it", file(server+", certificate-authority-data: "+b64(secret), "token: x"), false, Malformed, []string{"certificate-authority-data"}},
		"second CA cut":      {"half of the bundle got lost", file(server+", certificate-authority-data: "+b64(m.ca+m.ca[:100]), "token: x"), false, Malformed, []string{"certificate-authority-data"}},
		"unknown user":       {"no identity", strings.Replace(good, "user: u}", "user: "+secret+"}", 1), false, NoCredentials, nil},
		"anonymous":          {"never meant", file(server, ""), false, NoCredentials, nil},
		"no key":             {"a certificate is of no use without its key", file(server, "client-certificate-data: "+b64(m.cert)), false, NoCredentials, []string{"client-key-data"}},
		"no certificate":     {"a key is of no use without its certificate", file(server, "client-key-data: "+b64(m.key)), false, NoCredentials, []string{"client-certificate-data"}},
		"foreign key":        {"they do not belong together", file(server, "client-certificate-data: "+b64(m.cert)+", client-key-data: "+b64(m.otherKey)), false, Malformed, []string{"client-key-data"}},
		"certificate cut":    {"half of it got lost", file(server, "client-certificate-data: "+b64(m.cert[:len(m.cert)/2])+", client-key-data: "+b64(m.key)), false, Malformed, []string{"client-certificate-data"}},
		"certificate broken": {"whole PEM around nonsense", file(server, "client-certificate-data: "+b64("-----BEGIN CERTIFICATE-----\n"+b64(secret)+"\n-----END CERTIFICATE-----\n")+", client-key-data: "+b64(m.key)), false, Malformed, []string{"client-certificate-data"}},
		"key cut":            {"half of it got lost", file(server, "client-certificate-data: "+b64(m.cert)+", client-key-data: "+b64(m.key[:60])), false, Malformed, []string{"client-key-data"}},
		"token with newline": {"does not fit into a header", file(server, `token: "`+secret+`\nX: y"`), false, Malformed, []string{"token"}},
		"exec":               {"would run on the platform", file(server, "exec: {apiVersion: client.authentication.k8s.io/v1, command: "+secret+", interactiveMode: Never}"), true, Exec, []string{"exec"}},
		"exec beside token":  {"the token does not make it harmless", file(server, "token: x, exec: {apiVersion: client.authentication.k8s.io/v1, command: "+secret+", interactiveMode: Never}"), true, Exec, []string{"exec"}},
		"exec elsewhere":     {"somebody will switch the context", elsewhere("exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, interactiveMode: Never}"), true, Exec, []string{"exec"}},
		"auth provider":      {"a plugin of the platform's", file(server, "auth-provider: {name: "+secret+"}"), true, AuthProvider, []string{"auth-provider"}},
		"token file":         {"the platform's own token would be sent to the member", file(server, "tokenFile: /"+secret), true, TokenFile, []string{"tokenFile"}},
		"token and its file": {"the file wins over the token", file(server, "token: x, tokenFile: /"+secret), true, TokenFile, []string{"tokenFile"}},
		"files":              {"all of them are named at once", file(server+", certificate-authority: /"+secret, "client-certificate: /crt, client-key: /key"), true, FilePath, []string{"certificate-authority", "client-certificate", "client-key"}},
		"file elsewhere":     {"somebody will switch the context", elsewhere("client-key: /" + secret), false, FilePath, []string{"client-key"}},
		"password":           {"not accepted by Kubernetes for years", file(server, "username: admin, password: "+secret), true, BasicAuth, []string{"password", "username"}},
		"impersonation":      {"rights that are not the credentials' own", file(server, "token: x, as: "+secret), true, Impersonation, []string{"as"}},
		"impersonated group": {"rights that are not the credentials' own", file(server, "token: x, as-groups: ["+secret+"]"), true, Impersonation, []string{"as"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			got, err := Parse([]byte(tc.data), tc.insecure)
			var broken *Error
			if !errors.As(err, &broken) || got != nil {
				t.Fatalf("Parse: got %v, %v; want an error of type *Error", got, err)
			}
			if broken.Rule != tc.rule || !slices.Equal(broken.Fields, tc.fields) {
				t.Errorf("got rule %s on fields %v, want %s on %v", broken.Rule, broken.Fields, tc.rule, tc.fields)
			}
			if !strings.Contains(err.Error(), string(tc.rule)) || strings.Contains(err.Error(), secret) {
				t.Errorf("the error must name the rule %s and show nothing of the file: %v", tc.rule, err)
			}
		})
	}
}

// TestInsecureOnlyWhenSpelledOut 同一份文件，说过可以就收，没说就不收。
func TestInsecureOnlyWhenSpelledOut(t *testing.T) {
	for name, cluster := range map[string]string{
		"unverified": "server: 'https://m:6443', insecure-skip-tls-verify: true",
		"plain":      "server: 'http://m:8080'",
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(file(cluster, "token: x"))
			if _, err := Parse(data, true); err != nil {
				t.Errorf("spelled out: %v", err)
			}
			if _, err := Parse(data, false); err == nil {
				t.Error("not spelled out, but accepted")
			}
		})
	}
}

// TestEveryRuleHasAdvice 每条规则都说得出该怎么办，也都归了类。
func TestEveryRuleHasAdvice(t *testing.T) {
	unusable := []Rule{Malformed, TooLarge, NoContext, NoServer, NoCredentials}
	refused := []Rule{Exec, AuthProvider, TokenFile, FilePath, BasicAuth, InsecureTLS, PlainHTTP, Impersonation, Proxy}
	for _, rule := range slices.Concat(unusable, refused) {
		if advice[rule] == "" {
			t.Errorf("rule %s does not say what to do", rule)
		}
		if got := breaks(rule).Unusable(); got != slices.Contains(unusable, rule) {
			t.Errorf("rule %s: unusable is %t", rule, got)
		}
	}
	if len(advice) != len(unusable)+len(refused) {
		t.Errorf("%d rules have advice, %d are classified", len(advice), len(unusable)+len(refused))
	}
}

// FuzzParse 任何输入要么得到规则错误，要么得到不碰文件、不跑命令、连得出去的配置。
func FuzzParse(f *testing.F) {
	m := newMaterial(f)
	server := "server: '" + address + "'"
	whole, err := harness.EncodeKubeconfig(address, []byte(m.ca), clientcmdapi.AuthInfo{ClientCertificateData: []byte(m.cert), ClientKeyData: []byte(m.key)})
	if err != nil {
		f.Fatal(err)
	}
	seeds := []string{
		string(whole), string(whole[:len(whole)/2]), "", "null", "[]", "a: &a [*a]",
		file(server, "token: "+jwt(`{"exp":1}`)), file(server, "tokenFile: /etc/passwd"),
		file(server, "exec: {command: sh}"), file(server, "auth-provider: {name: oidc}"),
		file(server+", certificate-authority: /etc/ca", "client-certificate: /a, client-key: /b"),
		file("server: 'http://u:p@h', proxy-url: 'socks5://x'", "username: a, password: b"),
		file(server+", insecure-skip-tls-verify: true", "token: a, as: b"),
	}
	for _, seed := range seeds {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, allowInsecure bool) {
		got, err := Parse(data, allowInsecure)
		if err != nil {
			var broken *Error
			if !errors.As(err, &broken) || advice[broken.Rule] == "" {
				t.Fatalf("not a rule's error: %v", err)
			}
			return
		}
		c := got.Config
		if c.ExecProvider != nil || c.AuthProvider != nil || c.BearerTokenFile != "" || c.CertFile != "" || c.KeyFile != "" || c.CAFile != "" || c.Username != "" || c.Password != "" || c.Proxy != nil || c.Impersonate.UserName != "" {
			t.Fatal("the configuration reaches outside the file")
		}
		if !allowInsecure && (c.Insecure || !strings.HasPrefix(c.Host, "https://")) {
			t.Fatal("an insecure configuration was accepted")
		}
		if got.ExpiresAt != nil {
			if _, err := got.ExpiresAt.MarshalText(); err != nil {
				t.Fatalf("the time cannot be written to status: %v", err)
			}
		}
		if _, err := rest.HTTPClientFor(c); err != nil {
			t.Fatalf("no client can be built from it: %v", err)
		}
	})
}
