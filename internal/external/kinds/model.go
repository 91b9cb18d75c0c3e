package kinds

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

// Model 驱动模型；来源要的令牌由 models/credentials 交入。没有授权的字段：指向平台 Secret 的引用，
// 谁写谁就得能读那个 Secret，在背后加一个并不能多得什么。
var Model = &external.Kind[*modelv1alpha1.Model, *modelv1alpha1.ModelList]{
	GroupVersionKind: modelv1alpha1.SchemeGroupVersion.WithKind("Model"),
	Resource:         "models",
	Namespaced:       true,
	New:              func() *modelv1alpha1.Model { return &modelv1alpha1.Model{} },
	Client: func(c versioned.Interface, namespace string) external.Resource[*modelv1alpha1.Model, *modelv1alpha1.ModelList] {
		return c.ModelV1alpha1().Models(namespace)
	},
	Items:      func(l *modelv1alpha1.ModelList) []*modelv1alpha1.Model { return pointers(l.Items) },
	Conditions: func(m *modelv1alpha1.Model) []metav1.Condition { return m.Status.Conditions },
	Immutable: []external.Immutable[*modelv1alpha1.Model]{
		{Path: []string{"spec", "engine", "type"}},
		{Path: []string{"spec", "engine", "delivery"}, Effective: delivery},
		{Path: []string{"spec", "servedName"}, Effective: servedName},
	},
	Atomic: [][]string{
		{"spec", "resources", "accelerator"}, {"spec", "placement", "tolerations"}, {"spec", "scaling", "autoscaling"},
		{"spec", "cache"}, {"spec", "rollout"},
	},
	Default: modelv1alpha1.SetObjectDefaults_Model,
	// 环境变量里不该有秘密，但总有人放。
	Sensitive: [][]string{{"spec", "engine", "env"}},
	Intake: &external.Intake[*modelv1alpha1.Model]{
		Field:   "credentials",
		HandIn:  handInTokens,
		Version: func(m *modelv1alpha1.Model) string { return m.Status.CredentialsVersion },
		Pending: func(m *modelv1alpha1.Model) bool {
			return !isParked(m) && m.Status.ObservedCredentialsVersion != m.Status.CredentialsVersion
		},
	},
	// 只列等多久都一样的。放不下、连不上、成员拒收、副本起不来、Secret 还没有或还缺那个键都可能自己好：腾出了卡、
	// 配额放宽、下载重试成功、密钥同步过来了；过了启动期限则是平台自己说的"不必再等"。
	Terminal: []string{modelv1alpha1.ReasonStartupTimeout},
	Leaving:  modelv1alpha1.ConditionReady,
	Parked:   isParked,
}

// handInTokens 交入来源要的令牌；带上 uid，重建的同名模型收不到上一个的。
func handInTokens(ctx context.Context, c versioned.Interface, key external.Key, uid types.UID, data external.SecretData) (string, error) {
	answer, err := c.ModelV1alpha1().Models(key.Namespace).CreateCredentials(ctx, key.Name, &modelv1alpha1.ModelCredentials{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: uid},
		Spec:       modelv1alpha1.ModelCredentialsSpec{Data: data},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return answer.Status.Version, nil
}

// delivery 是算数的交付方式。
func delivery(m *modelv1alpha1.Model) string {
	return string(ptr.Deref(m.Spec.Engine.Delivery, modelv1alpha1.DeliveryDeployment))
}

// servedName 是请求用来叫模型的名字；没写的是模型自己的名字。
func servedName(m *modelv1alpha1.Model) string { return ptr.Deref(m.Spec.ServedName, m.Name) }

// isParked 说模型此刻是否不该有副本。
func isParked(m *modelv1alpha1.Model) bool { return ptr.Deref(m.Spec.Suspended, false) }
