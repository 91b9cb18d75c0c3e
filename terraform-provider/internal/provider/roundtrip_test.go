package provider

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/diff"
	"sigs.k8s.io/randfill"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/cluster"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/model"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/role"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/rolebinding"
	"github.com/kubellm/kubellm/terraform-provider/internal/kinds/user"
)

// TestMappingLosesNothing 用随机填满的对象检验每个种类的两个方向：漏掉一个字段就会漏管一处授权。
func TestMappingLosesNothing(t *testing.T) {
	t.Run("User", func(t *testing.T) { losesNothing(t, user.Kind) })
	t.Run("Role", func(t *testing.T) { losesNothing(t, role.Kind) })
	t.Run("RoleBinding", func(t *testing.T) { losesNothing(t, rolebinding.Kind) })
	t.Run("Cluster", func(t *testing.T) { losesNothing(t, cluster.Kind) })
	t.Run("Model", func(t *testing.T) { losesNothing(t, model.Kind) })
}

func losesNothing[M any, T external.Object, L runtime.Object](t *testing.T, k *kind.Kind[M, T, L]) {
	filler := randfill.NewWithSeed(1).NilChance(0.3).NumElements(1, 3).Funcs(
		// 元数据与状态不归映射管。
		func(*metav1.ObjectMeta, randfill.Continue) {},
		func(*metav1.TypeMeta, randfill.Continue) {},
		func(*metav1.Condition, randfill.Continue) {},
		// 数量的内部表示不可随意填；整兆的写法读回来还是同一个。
		func(q *resource.Quantity, c randfill.Continue) {
			*q = *resource.NewQuantity((1+c.Int63n(1<<20))<<20, resource.BinarySI)
		},
		// 平台一概拒绝的，适配器没有属性可写。
		func(a *modelv1alpha1.Adapter, c randfill.Continue) {
			c.FillNoCustom(a)
			a.Source.S3 = nil
			if hub := a.Source.HuggingFace; hub != nil {
				hub.Revision, hub.File, hub.TokenSecretRef = nil, nil, nil
			}
			if image := a.Source.OCI; image != nil {
				image.PullSecretRef = nil
			}
		},
	)
	for range 200 {
		from, to := k.External.New(), k.External.New()
		filler.Fill(from)
		k.ToAPI(k.FromAPI(from), to)
		if want, got := specOf(t, from), specOf(t, to); !equality.Semantic.DeepEqual(want, got) {
			t.Fatalf("the mapping changes the spec:\n%s", diff.Diff(want, got))
		}
	}
}

// specOf 取出对象的 spec。
func specOf(t *testing.T, object runtime.Object) any {
	t.Helper()
	whole, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatalf("read the spec: %v", err)
	}
	return whole["spec"]
}
