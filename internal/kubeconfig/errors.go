package kubeconfig

import (
	"fmt"
	"strings"
)

// Rule 是一条准入规则的名字；使用者与条件的 reason 都按它分辨。
type Rule string

// 准入规则。
const (
	// Malformed：读不出来，多半是被截断或粘错了东西。
	Malformed Rule = "Malformed"
	// TooLarge：超过 MaxSize。
	TooLarge Rule = "TooLarge"
	// NoContext：没有当前上下文，就不知道该用哪个集群、哪个用户。
	NoContext Rule = "NoContext"
	// NoServer：没有可用的服务器地址。
	NoServer Rule = "NoServer"
	// NoCredentials：既没有令牌也没有客户端证书，会成为匿名访问。
	NoCredentials Rule = "NoCredentials"
	// Exec：要在平台的进程里执行命令。
	Exec Rule = "Exec"
	// AuthProvider：要平台加载登录插件。
	AuthProvider Rule = "AuthProvider"
	// TokenFile：要平台读自己机器上的文件当令牌。
	TokenFile Rule = "TokenFile"
	// FilePath：要平台读自己机器上的文件当证书。
	FilePath Rule = "FilePath"
	// BasicAuth：用户名与口令。
	BasicAuth Rule = "BasicAuth"
	// InsecureTLS：不校验成员的证书，而没有人明说可以。
	InsecureTLS Rule = "InsecureTLS"
	// PlainHTTP：不加密，而没有人明说可以。
	PlainHTTP Rule = "PlainHTTP"
	// Impersonation：扮成别的身份，平台看到的权限就不是凭据本身的。
	Impersonation Rule = "Impersonation"
	// Proxy：让平台替写 kubeconfig 的人去连任意地址。
	Proxy Rule = "Proxy"
)

const flatten = `"kubectl config view --raw --flatten --minify" writes files out and leaves one context`

// advice 对每条规则说明为什么不行、该怎么办；全是常量，文件内容因此不可能混进错误。
var advice = map[Rule]string{
	Malformed:     "it is cut short, damaged or not a kubeconfig; hand in the whole output of kubectl config view --raw --flatten --minify",
	TooLarge:      "it is larger than 1 MiB; " + flatten,
	NoContext:     "it has no current context, or the current context does not exist, or the file is cut short; choose one with kubectl config use-context",
	NoServer:      "the current context has no cluster with a server of the form https://host:port, or the file is cut short",
	NoCredentials: "the user of the current context has neither a token nor a client certificate with its key, or the file is cut short; write one of them into the file",
	Exec:          "it runs a command, which would be run on the platform; use a token or a client certificate written into the file instead, for example that of a ServiceAccount (kubectl create token), and leave other contexts out: " + flatten,
	AuthProvider:  "it uses a log-in plugin, which the platform does not have; use a token or a client certificate written into the file instead, and leave other contexts out: " + flatten,
	TokenFile:     "it refers to a file with a token, which would be read on the platform; write the token into the file, and leave other contexts out: " + flatten,
	FilePath:      "it refers to files, which would be read on the platform; write them into the file: " + flatten,
	BasicAuth:     "it uses a user name and password; use a token or a client certificate instead",
	InsecureTLS:   "it does not verify the server's certificate; write certificate-authority-data into the file, or say that this is wanted with insecureSkipTLSVerify: true",
	PlainHTTP:     "its server is reached without encryption; use an https:// address, or say that this is wanted with insecureSkipTLSVerify: true",
	Impersonation: "it impersonates somebody; use credentials that are allowed what is needed themselves",
	Proxy:         "it names a proxy; let the platform reach the server directly, or set the proxy for the whole platform with HTTPS_PROXY",
}

// Error 说一份 kubeconfig 违反了哪条规则；其中绝没有文件的内容，可以进状态、事件与日志。
type Error struct {
	Rule Rule
	// Fields 是犯规的 kubeconfig 字段名（不是值），按字母排序。
	Fields []string
}

// Error 说明规则与出路。
func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return fmt.Sprintf("the kubeconfig breaks the rule %s: %s", e.Rule, advice[e.Rule])
	}
	return fmt.Sprintf("the kubeconfig breaks the rule %s (%s): %s", e.Rule, strings.Join(e.Fields, ", "), advice[e.Rule])
}

// Unusable 分开两种拒绝：true 表示文件残缺、谁都用不了；false 表示文件能用，但平台不肯用。
func (e *Error) Unusable() bool {
	switch e.Rule {
	case Malformed, TooLarge, NoContext, NoServer, NoCredentials:
		return true
	default:
		return false
	}
}

func breaks(rule Rule, fields ...string) *Error { return &Error{Rule: rule, Fields: fields} }
