package member

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ReasonOf 说一次失败是哪一种；nil 为空。
func ReasonOf(err error) Failure {
	var unready *notReadyError
	switch {
	case err == nil:
		return ""
	case apierrors.IsUnauthorized(err):
		return Unauthorized
	case apierrors.IsForbidden(err):
		return Forbidden
	case errors.As(err, &unready), apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err),
		apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err):
		return NotReady
	default:
		return Unreachable
	}
}

// notReadyError 是成员自己说没有就绪，checks 是没有通过的检查。
type notReadyError struct{ checks []string }

func (e *notReadyError) Error() string {
	if len(e.checks) == 0 {
		return "it says that it is not ready"
	}
	return "it says that it is not ready: these checks fail: " + strings.Join(e.checks, ", ")
}

// stableError 换掉错误的文字、留着原因：同一种失败每次说的一样，它会进条件的消息，变一次就写一次。
type stableError struct {
	text  string
	cause error
}

func (e *stableError) Error() string { return e.text }
func (e *stableError) Unwrap() error { return e.cause }

// failed 说明试了什么、为什么不成。
func failed(what string, err error) error {
	return fmt.Errorf("%s: %w", what, stable(err))
}

// stable 去掉临时端口、用时这类每次都不同的字眼，并说该查什么。
func stable(err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	var timeout net.Error
	var status apierrors.APIStatus
	var unready *notReadyError
	text := ""
	switch {
	case errors.As(err, &status), errors.As(err, &unready):
		return err
	case errors.As(err, &unknown):
		text = "its certificate is not signed by the CA of these credentials; take the kubeconfig from this member again"
	case errors.As(err, &host):
		text = "its certificate is not for the address in the kubeconfig; use one of the names that it is for"
	case errors.As(err, &invalid):
		text = "its certificate is not valid now; renew it, or set the clocks right"
	case errors.Is(err, errTooLarge):
		text = errTooLarge.Error()
	case errors.Is(err, ErrSlow):
		text = ErrSlow.Error()
	case errors.As(err, &record):
		text = "what answers at that address does not speak TLS; check the server address"
	case errors.As(err, &dns):
		text = "the host name cannot be resolved; check the server address"
	case errors.Is(err, syscall.ECONNREFUSED):
		text = "connection refused; check the server address and that the member's API server runs"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		text = "no answer came in time; check that the member's API server runs and can be reached from here"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		text = "the connection was lost"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		text = "there is no route to that address; check the server address and the network"
	default:
		return innermost(err)
	}
	return &stableError{text: text, cause: err}
}

// innermost 取网络操作里层的原因：外层的文字带着这一次的端口。
// 不合 HTTP 规矩的回答不转述：地址若指向别的服务，转述就把那个服务的话给人看了。
func innermost(err error) error {
	var op *net.OpError
	var exchange *url.Error
	switch {
	case errors.As(err, &op):
		return &stableError{text: op.Err.Error(), cause: err}
	case errors.As(err, &exchange) && !aboutTLS(exchange.Err):
		return &stableError{text: "what answers at that address does not speak HTTP as a Kubernetes API server does; check the server address", cause: err}
	}
	return err
}

// aboutTLS 认出握手自己的话；标准库没有给它们类型。
func aboutTLS(err error) bool {
	return strings.HasPrefix(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "x509: ")
}
