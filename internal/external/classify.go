package external

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubellm/kubellm/apis/meta"
)

// namespaces 是命名空间的资源名；它们不由本层驱动，答复里有它就是说对象所在的那一个。
const namespaces = "namespaces"

// classify 把一次请求的错误变成 Error 的分类、字段、占有者与建议；op、kind、key、server 由调用者填。
func classify(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		again := *known
		return &again
	}
	var throttled *throttledError
	if errors.As(err, &throttled) {
		return &Error{Class: ClassRateLimited, RetryAfter: throttled.after, Err: err}
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return classifyStatus(status.Status(), err)
	}
	return &Error{Class: transportClass(err), Err: err, advice: transportAdvice(err)}
}

// classifyStatus 按服务端的回答分类。
func classifyStatus(s metav1.Status, err error) *Error {
	e := &Error{Class: statusClass(s), Err: err}
	if s.Details == nil {
		return e
	}
	if s.Code == http.StatusNotFound && s.Details.Kind == namespaces {
		// 没有的是命名空间而不是对象：当成"对象不存在"，工具链会以为它被删了。
		return &Error{Class: ClassInvalid, Err: err, advice: fmt.Sprintf("create the namespace %q on the platform, or name another", s.Details.Name)}
	}
	for _, cause := range s.Details.Causes {
		switch cause.Type {
		case meta.CauseOwnedByAnother:
			e.Class, e.Holder, e.Fields = ClassOwnedByAnother, cause.Message, nil
			return e
		case metav1.CauseTypeUnexpectedServerResponse:
			if s.Code == http.StatusNotFound {
				// 答复的不是对象的 404 而是路径的 404：当成"对象不存在"会让删除假装成功。
				return &Error{Class: ClassUnreachable, Err: err,
					advice: "this server does not serve the kind: check the server address and the platform's version"}
			}
		case corev1.NamespaceTerminatingCause:
			return &Error{Class: ClassInvalid, Err: err, advice: "wait until the namespace is gone and create it anew on the platform, or name another"}
		case metav1.CauseTypeFieldManagerConflict:
			e.Fields = append(e.Fields, FieldError{Field: strings.TrimPrefix(cause.Field, "."),
				Message: cause.Message, Manager: quoted(cause.Message)})
		default:
			if e.Class == ClassInvalid && cause.Field != "" {
				e.Fields = append(e.Fields, FieldError{Field: cause.Field, Message: cause.Message})
			}
		}
	}
	return e
}

// statusClass 按原因和状态码分类。
func statusClass(s metav1.Status) Class {
	switch s.Code {
	case http.StatusUnauthorized:
		return ClassUnauthenticated
	case http.StatusForbidden:
		return ClassForbidden
	case http.StatusNotFound:
		return ClassNotFound
	case http.StatusConflict:
		return ClassConflict
	case http.StatusGone:
		return ClassGone
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return ClassInvalid
	case http.StatusTooManyRequests:
		return ClassRateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return ClassUnreachable
	default:
		return ClassInternal
	}
}

// transportClass 区分没有得到回答与回答无法理解。
func transportClass(err error) Class {
	var netErr net.Error
	var urlErr *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &netErr), errors.As(err, &urlErr), isCertificateError(err):
		return ClassUnreachable
	default:
		return ClassInternal
	}
}

// isCertificateError 识别 TLS 握手里的证书问题。
func isCertificateError(err error) bool {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}

// transportAdvice 按具体的原因说该检查什么。
func transportAdvice(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return "the CA certificate of these credentials is not the one of this server: take it from the platform's kubeconfig"
	case errors.As(err, &host):
		return "use one of the names that the server's certificate is for, or have it issued for this one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate is not valid now: renew it, or set the clock right"
	case errors.As(err, &dns):
		return "check the server address: its host name cannot be resolved from here"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at that address: check the server address and that the platform is running"
	default:
		return ""
	}
}

// explained 是自己说得清楚、不必再往里找原因的错误。
type explained interface {
	error
	explained()
}

// causeText 取最里层的原因：外层的动词和网址整句里已经有了。
func causeText(err error) string {
	var own explained
	var urlErr *url.Error
	switch {
	case errors.As(err, &own):
		return own.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer came in time"
	case errors.As(err, &urlErr):
		return urlErr.Err.Error()
	default:
		return err.Error()
	}
}

// quoted 取第一对引号里的内容；冲突原因的文字里那是字段管理者的名字。
func quoted(s string) string {
	_, rest, found := strings.Cut(s, `"`)
	if !found {
		return ""
	}
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

// throttledError 是平台要求稍后再来、而这里不再等的请求。
type throttledError struct {
	after time.Duration
	err   error
}

func (e *throttledError) Error() string {
	return "the platform asks to try again in " + e.after.String() + ": " + e.err.Error()
}

func (e *throttledError) Unwrap() error { return e.err }
func (e *throttledError) explained()    {}
