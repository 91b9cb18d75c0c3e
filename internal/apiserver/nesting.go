package apiserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// maxNesting 比任何真的对象都宽裕。合并补丁的代价随嵌套的平方增长：
// 一万层只要几十 KB，却要算半分钟，有写权限的人几个请求就能占满服务器。
const maxNesting = 100

// maxCopied 是一个逐步的补丁里 copy 与 move 的路径加起来的上限：人写的补丁只复制几处。
const maxCopied = 300

// limitNesting 在请求体读到嵌得太深的地方就拒绝，不等它被解开。YAML 靠缩进与短横也能嵌套，
// 块里的文字又可以有括号，数括号数不准：应用的在变成 JSON 之后由 checkApplied 数；
// 建立与改写的直接解进类型，代价只随长度增长，不数。
func limitNesting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if contentType := strings.ToLower(r.Header.Get("Content-Type")); r.Body != nil && (contentType == "" || strings.Contains(contentType, "json")) {
			r.Body = &shallowBody{ReadCloser: r.Body}
		}
		next.ServeHTTP(w, r)
	})
}

// shallowBody 边读边数括号。
type shallowBody struct {
	io.ReadCloser
	brackets
}

func (b *shallowBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if refused := b.check(into[:n]); refused != nil {
		return 0, refused
	}
	return n, err
}

// brackets 一段一段地数 JSON 的括号；字符串里的不算。
type brackets struct {
	depth           int
	quoted, escaped bool
}

// check 接着数 part，嵌得太深时返回要给用户的错误。
func (b *brackets) check(part []byte) error {
	for _, c := range part {
		if b.next(c); b.depth > maxNesting {
			return apierrors.NewBadRequest(fmt.Sprintf("the request body is nested more than %d levels deep, as no object of this API is", maxNesting))
		}
	}
	return nil
}

func (b *brackets) next(c byte) {
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

// checkPointers 拒绝造得出过深对象的逐步补丁：copy 让深度每步翻一倍，几 KB 就有几千层，
// 数括号数不出来。每一步至多加深它的路径那么多，所以路径与复制都有限，深度就有限。
func checkPointers(raw []byte) error {
	var steps []struct{ Op, Path, From string }
	if err := json.Unmarshal(raw, &steps); err != nil {
		return nil // 读不懂的由后面去说。
	}
	copied := 0
	for i, step := range steps {
		deepest := max(strings.Count(step.Path, "/"), strings.Count(step.From, "/"))
		if step.Op == "copy" || step.Op == "move" {
			copied += deepest
		}
		if deepest > maxNesting || copied > maxCopied {
			return apierrors.NewBadRequest(fmt.Sprintf(
				"operation %d of the JSON patch: its paths, or those of all copy and move operations so far, are too long (at most %d and %d segments); use a merge patch or a server-side apply instead",
				i, maxNesting, maxCopied))
		}
	}
	return nil
}
