package member

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// 成员是别人的：它答什么、答多少、何时答，都不能拖垮管着一百个成员的这一个进程。
const (
	// maxBody 是一个回答的上限；一页五百个真实的节点，不过二三十 MB。
	maxBody = 128 << 20
	// maxSaid 是抄进错误的一段话的上限；条件里放得下的还要短。
	maxSaid = 1024
	// maxChecks 是点名的未通过检查的上限。
	maxChecks = 20
	// maxFact 是版本与身份的上限；真的不过几十个字节。
	maxFact = 128
	// liveTimeout 是监视以外一次请求的上限；发现文档的请求不听调用者的期限，全靠它。
	liveTimeout = 10 * time.Second
)

var errTooLarge = errors.New("the answer is too large")

// httpClient 造出访问成员的客户端；timeout 为零是没有时限，监视要一直开着。
// 它不跟着重定向走：成员不能让平台替它去敲别处的门，再从错误里读出那里的话。
func httpClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// bounded 限住每个回答占的内存；监视没有尽头，它的每一帧由客户端库限住。
type bounded struct {
	next http.RoundTripper
}

func (t *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil && verbOf(req) != verbWatch {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
	}
	return resp, err
}

// WrappedRoundTripper 让客户端库能找到里层的传输。
func (t *bounded) WrappedRoundTripper() http.RoundTripper { return t.next }

// boundedBody 读过上限就失败；截断的文档多半也解不开，但那样说的就不是实情了。
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: it is over %d MiB", errTooLarge, maxBody>>20)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// clip 截短成员说的话，不从字符中间断开。
func clip(text string) string {
	if len(text) <= maxSaid {
		return text
	}
	cut := maxSaid
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// fact 只收真成员会说的版本与身份：它们原样进状态、事件与终端。
func fact(what, name, value string) (string, error) {
	if len(value) <= maxFact && strings.IndexFunc(value, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0 {
		return value, nil
	}
	return "", fmt.Errorf("%s: what answers is not a Kubernetes API server: its %s is longer than %d bytes or cannot be printed", what, name, maxFact)
}
