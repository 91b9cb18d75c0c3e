package user

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

const (
	// DefaultForLabel 的值是用户的 UID：同名重建的用户不会继承前人的绑定，没有这个标签的绑定控制器从不碰。
	DefaultForLabel = "iam.kubellm.io/default-for"

	defaultPrefix = "default-"
	// hashDigits 个十六进制位足以区分截断后相同的长名字。
	hashDigits = 10
)

// ensureDefaultBinding 给第一次见到的用户建默认绑定，并记在状态里；此后再不重建，管理员删了就是删了。
func (r *Reconciler) ensureDefaultBinding(ctx context.Context, user *v1alpha1.User) error {
	if r.DefaultRole == "" || user.Status.ObservedGeneration != 0 {
		return nil
	}
	live := &v1alpha1.User{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(user), live); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get user %q from the server: %w", user.Name, err)
	}
	if live.UID != user.UID || live.Status.ObservedGeneration != 0 {
		// 缓存落后：用户已不在、已重建，或者绑定早已给过；随后的状态写入会因此落空，等缓存跟上再来。
		return nil
	}
	return r.createDefaultBinding(ctx, user)
}

func (r *Reconciler) createDefaultBinding(ctx context.Context, user *v1alpha1.User) error {
	binding := defaultBinding(user, r.DefaultRole)
	err := r.Client.Create(ctx, binding)
	if apierrors.IsAlreadyExists(err) {
		return r.settleExisting(ctx, user, binding.Name)
	}
	if err != nil {
		return fmt.Errorf("create the default role binding %q of user %q: %w", binding.Name, user.Name, err)
	}
	user.Status.DefaultRoleBinding = binding.Name
	return nil
}

// settleExisting 处理名字已被占用的三种来历：我们刚建的、前一个同名用户留下的、别人建的。
func (r *Reconciler) settleExisting(ctx context.Context, user *v1alpha1.User, name string) error {
	existing := &v1alpha1.RoleBinding{}
	if err := r.Live.Get(ctx, client.ObjectKey{Name: name}, existing); err != nil {
		return fmt.Errorf("get role binding %q: %w", name, err)
	}
	switch owner, ours := existing.Labels[DefaultForLabel]; {
	case owner == string(user.UID):
		user.Status.DefaultRoleBinding = name
		return nil
	case ours:
		if err := r.deleteBinding(ctx, existing); err != nil {
			return err
		}
		return r.createDefaultBinding(ctx, user)
	default:
		log.FromContext(ctx).Info("No default role binding is made for the user: a role binding of that name exists and is left alone", "roleBinding", name)
		return nil
	}
}

// releaseDefaultBinding 在用户消失后收走它的默认绑定：独立运行时没有垃圾回收器替我们做。
func (r *Reconciler) releaseDefaultBinding(ctx context.Context, user string) error {
	binding := &v1alpha1.RoleBinding{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: defaultBindingName(user)}, binding)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get the default role binding of the deleted user %q: %w", user, err)
	}
	if _, ours := binding.Labels[DefaultForLabel]; !ours {
		return nil
	}
	// 刚重启时用户的缓存可能比绑定的旧，先确认用户真的不在，别收走新用户的绑定。
	err = r.Live.Get(ctx, client.ObjectKey{Name: user}, &v1alpha1.User{})
	if apierrors.IsNotFound(err) {
		return r.deleteBinding(ctx, binding)
	}
	if err != nil {
		return fmt.Errorf("confirm that user %q is gone: %w", user, err)
	}
	return nil
}

// deleteBinding 只删看到的那一个：同名重建的绑定不受牵连。
func (r *Reconciler) deleteBinding(ctx context.Context, binding *v1alpha1.RoleBinding) error {
	err := r.Client.Delete(ctx, binding, client.Preconditions{UID: ptr.To(binding.UID)})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the default role binding %q, whose user is gone: %w", binding.Name, err)
	}
	return nil
}

func defaultBinding(user *v1alpha1.User, role string) *v1alpha1.RoleBinding {
	return &v1alpha1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{
			Name:   defaultBindingName(user.Name),
			Labels: map[string]string{DefaultForLabel: string(user.UID)},
		},
		Spec: v1alpha1.RoleBindingSpec{
			RoleRef:       v1alpha1.RoleRef{Name: role},
			Subjects:      []v1alpha1.Subject{{Kind: v1alpha1.SubjectUser, Name: user.Name}},
			AllNamespaces: ptr.To(true),
		},
	}
}

// defaultBindingName 由用户名得出绑定名；放不下时截断并加上散列，用户名不同绑定名就不同。
func defaultBindingName(user string) string {
	name := defaultPrefix + user
	if len(name) <= validation.DNS1123SubdomainMaxLength {
		return name
	}
	sum := sha256.Sum256([]byte(user))
	kept := strings.TrimRight(name[:validation.DNS1123SubdomainMaxLength-hashDigits-1], "-.")
	return kept + "-" + hex.EncodeToString(sum[:])[:hashDigits]
}
