package crossplane

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// await 等托管资源变成 check 认可的样子；mg 随之是最新的。
func await[M resource.Managed](t *testing.T, c *controlPlane, mg M, what string, timeout time.Duration, check func(M) error) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%T %s to be %s", mg, mg.GetName(), what), timeout, func(ctx context.Context) error {
		if err := c.kube.Get(ctx, client.ObjectKeyFromObject(mg), mg); err != nil {
			return err
		}
		return check(mg)
	})
}

// awaitReady 等托管资源既同步又就绪。
func awaitReady[M resource.Managed](t *testing.T, c *controlPlane, mg M) {
	t.Helper()
	await(t, c, mg, "ready and synced", promptly, isReady[M])
}

func isReady[M resource.Managed](mg M) error {
	for _, kind := range []xpv2.ConditionType{xpv2.TypeSynced, xpv2.TypeReady} {
		if got := mg.GetCondition(kind); got.Status != corev1.ConditionTrue {
			return fmt.Errorf("%s is %s (%s): %s", kind, got.Status, got.Reason, got.Message)
		}
	}
	return nil
}

// awaitNotSynced 等托管资源说出不能同步的原因，其中要有每个 part。
func awaitNotSynced[M resource.Managed](t *testing.T, c *controlPlane, mg M, timeout time.Duration, parts ...string) {
	t.Helper()
	await(t, c, mg, "not synced, saying "+strings.Join(parts, ", "), timeout, func(mg M) error {
		got := mg.GetCondition(xpv2.TypeSynced)
		if got.Status != corev1.ConditionFalse {
			return fmt.Errorf("Synced is %s: %s", got.Status, got.Message)
		}
		for _, part := range parts {
			if !strings.Contains(got.Message, part) {
				return fmt.Errorf("the message does not say %q: %s", part, got.Message)
			}
		}
		return nil
	})
}

// awaitUnready 等托管资源不能同步，也不再说自己就绪；说不就绪时不能没有话。
func awaitUnready[M resource.Managed](t *testing.T, c *controlPlane, mg M, status corev1.ConditionStatus, reason xpv2.ConditionReason) {
	t.Helper()
	await(t, c, mg, fmt.Sprintf("not synced, with Ready %s (%s)", status, reason), promptly, func(mg M) error {
		return isUnready(mg, status, reason)
	})
}

func isUnready(mg resource.Managed, status corev1.ConditionStatus, reason xpv2.ConditionReason) error {
	synced, ready := mg.GetCondition(xpv2.TypeSynced), mg.GetCondition(xpv2.TypeReady)
	if synced.Status != corev1.ConditionFalse || synced.Reason != xpv2.ReasonReconcileError || synced.Message == "" {
		return fmt.Errorf("Synced is %s (%s): %s", synced.Status, synced.Reason, synced.Message)
	}
	if ready.Status != status || ready.Reason != reason || ready.Message == "" {
		return fmt.Errorf("Ready is %s (%s): %s", ready.Status, ready.Reason, ready.Message)
	}
	return nil
}

// notObserved 是平台上的样子没人看得见时就绪状况的理由。
const notObserved xpv2.ConditionReason = "NotObserved"

// awaitGone 等托管资源消失。
func awaitGone(t *testing.T, c *controlPlane, o client.Object) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%T %s to be gone", o, o.GetName()), promptly, func(ctx context.Context) error {
		err := c.kube.Get(ctx, client.ObjectKeyFromObject(o), o)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it is still there with finalizers %q", o.GetFinalizers())
			if mg, ok := o.(resource.Managed); ok {
				err = fmt.Errorf("%w, Synced: %s", err, mg.GetCondition(xpv2.TypeSynced).Message)
			}
		}
		return err
	})
}

// awaitUser 等平台上的用户变成 check 认可的样子。
func (p *platformServer) awaitUser(t *testing.T, name, what string, check func(*iamv1alpha1.User) error) *iamv1alpha1.User {
	t.Helper()
	var user *iamv1alpha1.User
	harness.Eventually(t, fmt.Sprintf("user %s on the platform to be %s", name, what), promptly, func(ctx context.Context) error {
		var err error
		if user, err = p.iam.IamV1alpha1().Users().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		return check(user)
	})
	return user
}

// user 取平台上的用户，必须存在。
func (p *platformServer) user(t *testing.T, name string) *iamv1alpha1.User {
	t.Helper()
	user, err := p.iam.IamV1alpha1().Users().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// noUser 断言平台上没有这个用户。
func (p *platformServer) noUser(t *testing.T, name string) {
	t.Helper()
	if _, err := p.iam.IamV1alpha1().Users().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("user %s: got error %v, want not found", name, err)
	}
}
