package apiserver

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// maxNesting 比任何真的对象都宽裕。合并补丁的代价随嵌套的平方增长：
// 一万层只要几十 KB，却要算半分钟，有写权限的人几个请求就能占满服务器。
const maxNesting = 100

// limitNesting 在请求体读到嵌得太深的地方就拒绝，不等它被解开。
func limitNesting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if contentType := strings.ToLower(r.Header.Get("Content-Type")); r.Body != nil && (contentType == "" || strings.Contains(contentType, "json") || strings.Contains(contentType, "yaml")) {
			r.Body = &shallowBody{ReadCloser: r.Body}
		}
		next.ServeHTTP(w, r)
	})
}

// shallowBody 边读边数括号；字符串里的不算。
type shallowBody struct {
	io.ReadCloser
	depth           int
	quoted, escaped bool
}

func (b *shallowBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	for _, c := range into[:n] {
		if b.next(c); b.depth > maxNesting {
			return 0, apierrors.NewBadRequest(fmt.Sprintf("the request body is nested more than %d levels deep, as no object of this API is", maxNesting))
		}
	}
	return n, err
}

func (b *shallowBody) next(c byte) {
	switch {
	case b.escaped:
		b.escaped = false
	case b.quoted && c == '\\':
		b.escaped = true
	case c == '"':
		b.quoted = !b.quoted
	case b.quoted:
	case c == '{' || c == '[':
		b.depth++
	case c == '}' || c == ']':
		b.depth = max(b.depth-1, 0)
	}
}
