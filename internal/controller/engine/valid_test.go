package engine

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	hub "github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/apis/model/install"
	"github.com/kubellm/kubellm/apis/model/validation"
)

// TestScenariosAreAccepted 服务端收不下的组合，渲染得再好也没有意义。
func TestScenariosAreAccepted(t *testing.T) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	each(t, func(t *testing.T, in Input) {
		external := in.Model.DeepCopy()
		scheme.Default(external)
		var m hub.Model
		if err := scheme.Convert(external, &m, nil); err != nil {
			t.Fatal(err)
		}
		if errs := validation.ValidateModel(&m); len(errs) > 0 {
			t.Errorf("the server refuses this model: %v", errs.ToAggregate())
		}
	})
}
