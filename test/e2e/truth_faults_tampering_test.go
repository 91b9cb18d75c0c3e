package e2e

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// tampering 有人越过平台动了成员上的东西；多数由平台当场修好，修好之前不许说就绪。
func tampering() []fault {
	return []fault{
		// 整个删掉。
		{name: "Deployment deleted by hand", inject: func(ctx context.Context, w *world) error {
			d, err := w.held(onAlpha, single)
			if err != nil {
				return err
			}
			return env.alpha.Client().AppsV1().Deployments(d.Namespace).Delete(ctx, d.Name, metav1.DeleteOptions{})
		}},
		// 缩到零：成员会说“零个要零个就绪”。
		{name: "Deployment scaled to zero by hand", inject: func(ctx context.Context, w *world) error {
			return w.tamper(ctx, onAlpha, several, types.MergePatchType, `{"spec":{"replicas":0}}`)
		}},
		// 换镜像：副本个个就绪，只是跑的不是要的。
		{name: "image changed by hand", inject: func(ctx context.Context, w *world) error {
			return w.tamper(ctx, onAlpha, single, types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"engine","image":"example.org/other:1"}]}}}}`)
		}},
		// 停住滚动：旧的副本一直就绪着，新的一个也不会来；要平台先让它动起来。
		{name: "Deployment paused by hand, then the Model changed", inject: func(ctx context.Context, w *world) error {
			return errors.Join(w.tamper(ctx, onAlpha, single, types.MergePatchType, `{"spec":{"paused":true}}`),
				w.patch(ctx, single, `{"spec":{"engine":{"args":["--seed=3"]}}}`))
		}},
		// 抹去平台认它的标签：东西还在，平台却看不见了。
		{name: "platform's label removed from the Deployment", inject: func(ctx context.Context, w *world) error {
			return w.tamper(ctx, onAlpha, single, types.MergePatchType, `{"metadata":{"labels":{"`+v1alpha1.LabelModelUID+`":null}}}`)
		}},
		// 连命名空间一起删：成员要先收尾，其间什么也放不进去。
		{name: "namespace on the member deleted", inject: func(ctx context.Context, _ *world) error {
			return env.alpha.Client().CoreV1().Namespaces().Delete(ctx, workloads, metav1.DeleteOptions{})
		}},
	}
}
