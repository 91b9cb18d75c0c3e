package external

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/meta"
)

// refusal 是带原因的拒绝。
func refusal(code int32, reason metav1.StatusReason, message string, causes ...metav1.StatusCause) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Reason: reason, Message: message,
		Details: &metav1.StatusDetails{Causes: causes}}}
}

// dialing 是请求没有得到回答的错误，形状与 HTTP 客户端给出的一样。
func dialing(cause error) error {
	return &url.Error{Op: "Get", URL: "https://127.0.0.1:6443/apis/iam.kubellm.io/v1alpha1/users/alice", Err: cause}
}

func TestClassify(t *testing.T) {
	users := schema.GroupResource{Group: "iam.kubellm.io", Resource: "users"}
	cases := map[string]struct {
		reason string
		err    error
		class  Class
		holder string
		fields []FieldError
		says   []string
	}{
		"NotFound": {reason: "the object does not exist", err: apierrors.NewNotFound(users, "alice"), class: ClassNotFound},
		"NoNamespace": {reason: "a namespace that does not exist is not the object missing",
			err: apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "team-a"), class: ClassInvalid, says: []string{"team-a", "create the namespace"}},
		"NamespaceGoing": {reason: "no right would help in a namespace that is being deleted",
			err: refusal(403, metav1.StatusReasonForbidden, "namespace team-a is being terminated", metav1.StatusCause{Type: corev1.NamespaceTerminatingCause}), class: ClassInvalid, says: []string{"being terminated", "gone"}},
		"Unauthenticated": {reason: "401", err: apierrors.NewUnauthorized("no"), class: ClassUnauthenticated, says: []string{"client certificate"}},
		"Forbidden":       {reason: "403 keeps the server's reason", err: apierrors.NewForbidden(users, "alice", errors.New("no verb get")), class: ClassForbidden, says: []string{"no verb get", "grant"}},
		"AlreadyExists":   {reason: "a lost race to create is a conflict", err: apierrors.NewAlreadyExists(users, "alice"), class: ClassConflict},
		"Expired":         {reason: "410 of a continue token", err: apierrors.NewResourceExpired("too old"), class: ClassGone},
		"Invalid": {
			reason: "422 gives the field and what is wrong with it",
			err:    apierrors.NewInvalid(schema.GroupKind{Kind: "User"}, "alice", field.ErrorList{field.Invalid(field.NewPath("spec", "email"), "x", "must be name@domain")}),
			class:  ClassInvalid, fields: []FieldError{{Field: "spec.email", Message: `Invalid value: "x": must be name@domain`}},
			says: []string{"spec.email", "name@domain"},
		},
		"BadRequest": {reason: "400 of an unknown field", err: apierrors.NewBadRequest(`unknown field "spec.nick"`), class: ClassInvalid, says: []string{"spec.nick"}},
		"OwnedByAnother": {
			reason: "the owner rule's cause names the holder",
			err:    refusal(409, metav1.StatusReasonConflict, "no", metav1.StatusCause{Type: meta.CauseOwnedByAnother, Message: "terraform/1"}),
			class:  ClassOwnedByAnother, holder: "terraform/1", says: []string{"terraform/1", "adopt"},
		},
		"FieldConflict": {
			reason: "a field conflict names the field and its manager",
			err: refusal(409, metav1.StatusReasonConflict, "Apply failed", metav1.StatusCause{
				Type: metav1.CauseTypeFieldManagerConflict, Field: ".spec.email", Message: `conflict with "kubectl-edit" using iam.kubellm.io/v1alpha1`}),
			class:  ClassConflict,
			fields: []FieldError{{Field: "spec.email", Message: `conflict with "kubectl-edit" using iam.kubellm.io/v1alpha1`, Manager: "kubectl-edit"}},
			says:   []string{"spec.email", "kubectl-edit"},
		},
		"RateLimited": {reason: "429", err: apierrors.NewTooManyRequests("slow down", 3), class: ClassRateLimited},
		"Unavailable": {reason: "503 without a time to come back", err: apierrors.NewServiceUnavailable("stopping"), class: ClassUnreachable},
		"Internal":    {reason: "500", err: apierrors.NewInternalError(errors.New("bug")), class: ClassInternal},
		"NoSuchKind": {
			reason: "a server that does not know the kind must not look like a missing object: deletes would pretend to succeed",
			err:    apierrors.NewGenericServerResponse(http.StatusNotFound, "GET", users, "alice", "404 page not found", 0, true),
			class:  ClassUnreachable, says: []string{"does not serve the kind"},
		},
		"Refused":     {reason: "nothing listens", err: dialing(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), class: ClassUnreachable, says: []string{"connection refused", "nothing listens"}},
		"NoSuchHost":  {reason: "the name is unknown", err: dialing(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "kubellm.invalid"}}), class: ClassUnreachable, says: []string{"cannot be resolved"}},
		"WrongCA":     {reason: "the CA is not the server's", err: dialing(x509.UnknownAuthorityError{}), class: ClassUnreachable, says: []string{"CA certificate"}},
		"WrongName":   {reason: "the certificate is for another name", err: dialing(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}), class: ClassUnreachable, says: []string{"names that the server's certificate is for"}},
		"ExpiredCert": {reason: "the server's certificate is out of date", err: dialing(x509.CertificateInvalidError{Reason: x509.Expired}), class: ClassUnreachable, says: []string{"renew it"}},
		"Deadline":    {reason: "no answer in time", err: dialing(context.DeadlineExceeded), class: ClassUnreachable, says: []string{"no answer came in time"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := &Platform{server: "https://127.0.0.1:6443"}
			e := p.fail("read", "User", Key{Name: "alice"}, fmt.Errorf("wrapped: %w", tc.err))
			if e.Class != tc.class || ClassOf(fmt.Errorf("again: %w", e)) != tc.class {
				t.Errorf("%s: got class %s, want %s", tc.reason, e.Class, tc.class)
			}
			if HolderOf(e) != tc.holder || !slices.Equal(e.Fields, tc.fields) {
				t.Errorf("%s: got holder %q and fields %+v", tc.reason, e.Holder, e.Fields)
			}
			if !errors.Is(e, tc.err) {
				t.Errorf("%s: the cause is lost", tc.reason)
			}
			for _, fact := range append(tc.says, "cannot read User", `"alice"`, p.server) {
				if !strings.Contains(e.Error(), fact) {
					t.Errorf("%s: %q does not say %q", tc.reason, e, fact)
				}
			}
		})
	}
}

func TestExpiredClientCertificateIsNamed(t *testing.T) {
	p := &Platform{server: "https://127.0.0.1:6443", certExpiry: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}
	e := p.fail("read", "User", Key{Name: "alice"}, apierrors.NewUnauthorized("no"))
	if !strings.Contains(e.Error(), "expired at 2020-01-02T03:04:05Z") {
		t.Errorf("the server only says 401, we know that the certificate expired: %v", e)
	}
}

func TestSensitiveValuesStayOutOfErrors(t *testing.T) {
	c := &Client[*iamv1alpha1.User, *iamv1alpha1.UserList]{platform: &Platform{}, kind: testKind}
	err := c.fail("create", Key{Name: "alice"}, apierrors.NewInvalid(schema.GroupKind{Kind: "User"}, "alice", field.ErrorList{
		field.Invalid(field.NewPath("spec", "displayName"), "hunter2", "no"), field.Invalid(field.NewPath("spec", "email"), "shown", "no")}))
	for text := err; text != nil; text = errors.Unwrap(text) {
		if strings.Contains(text.Error(), "hunter2") {
			t.Errorf("the value of a sensitive field is shown: %v", text)
		}
	}
	if !strings.Contains(err.Error(), "spec.displayName") || !strings.Contains(err.Error(), "shown") {
		t.Errorf("the fields must still be named: %v", err)
	}
}

func TestClassOfNothing(t *testing.T) {
	if ClassOf(nil) != "" || ClassOf(errors.New("x")) != ClassInternal || HolderOf(errors.New("x")) != "" {
		t.Error("no error has no class, a foreign one is internal and has no holder")
	}
	if e := OwnedByAnother("User", Key{Name: "alice"}, "terraform/1"); ClassOf(e) != ClassOwnedByAnother || HolderOf(e) != "terraform/1" || !strings.Contains(e.Error(), "terraform/1") {
		t.Errorf("got %v", e)
	}
}

// TestErrorIsOneSentence 看平台的整句接上下一步时不会有两个标点。
func TestErrorIsOneSentence(t *testing.T) {
	err := &Error{Class: ClassFailed, Op: "wait for", Kind: "Model", Err: &waitError{state: `it will not become ready: Secret "a" has no key "b".`}, advice: "correct it"}
	if got, want := err.Error(), `cannot wait for Model: it will not become ready: Secret "a" has no key "b"; correct it`; got != want {
		t.Errorf("the error is\n%s\nwant\n%s", got, want)
	}
}
