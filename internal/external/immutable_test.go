package external_test

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
	"github.com/kubellm/kubellm/internal/external/kinds"
)

// TestImmutableDefaults 看没写的不可变字段：写明它本来的值、再去掉，都不算改；真要改的不发出去就拒绝，
// 说得出从什么到什么。平台自己的判断与此一样。
func TestImmutableDefaults(t *testing.T) {
	chain := connect(t, admin(t, sharedPlatform(t)), external.Options{})
	client := external.NewClient(chain.Platform, kinds.Model)
	served := func(name string) func(*modelv1alpha1.ModelSpec) {
		return func(spec *modelv1alpha1.ModelSpec) { spec.ServedName = ptr.To(name) }
	}
	delivered := func(by modelv1alpha1.Delivery) func(*modelv1alpha1.ModelSpec) {
		return func(spec *modelv1alpha1.ModelSpec) { spec.Engine.Delivery = ptr.To(by) }
	}
	bare := func(*modelv1alpha1.ModelSpec) {}
	cases := map[string]struct {
		reason  string
		is, was func(*modelv1alpha1.ModelSpec)
		// says 为空表示没有改什么，该收下。
		says []string
	}{
		"served-written":    {reason: "it is called by its name anyway", was: bare, is: served("served-written")},
		"served-removed":    {reason: "it is called by its name then, as before", was: served("served-removed"), is: bare},
		"delivery-written":  {reason: "that is the default", was: bare, is: delivered(modelv1alpha1.DeliveryDeployment)},
		"delivery-removed":  {reason: "that is the default", was: delivered(modelv1alpha1.DeliveryDeployment), is: bare},
		"served-set":        {reason: "callers would lose it", was: bare, is: served("chat"), says: []string{"spec.servedName", `from "served-set" to "chat"`}},
		"served-unset":      {reason: "callers would lose it", was: served("chat"), is: bare, says: []string{"spec.servedName", `from "chat" to "served-unset"`}},
		"delivery-set":      {reason: "what runs is of another kind", was: bare, is: delivered(modelv1alpha1.DeliveryKServe), says: []string{"spec.engine.delivery", `from "Deployment" to "KServe"`}},
		"delivery-unset":    {reason: "what runs is of another kind", was: delivered(modelv1alpha1.DeliveryKServe), is: bare, says: []string{"spec.engine.delivery", `from "KServe" to "Deployment"`}},
		"delivery-replaced": {reason: "what runs is of another kind", was: delivered(modelv1alpha1.DeliveryDeployment), is: delivered(modelv1alpha1.DeliveryKServe), says: []string{"spec.engine.delivery", `from "Deployment" to "KServe"`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			desired := func(edit func(*modelv1alpha1.ModelSpec)) external.Desired[*modelv1alpha1.Model] {
				m := &modelv1alpha1.Model{ObjectMeta: named(name)}
				m.Namespace = "default"
				m.Spec.Source.HuggingFace = &modelv1alpha1.HuggingFaceSource{Repo: "a/b"}
				m.Spec.Engine.Type = modelv1alpha1.EngineVLLM
				edit(&m.Spec)
				return external.Desired[*modelv1alpha1.Model]{Owner: chain.owner, Object: m}
			}
			created := wrote[*modelv1alpha1.Model](t)(client.Apply(t.Context(), desired(tc.was), nil))
			unread := created.DeepCopy()
			unread.SetResourceVersion("")
			_, byPlatform := client.Apply(t.Context(), desired(tc.is), &unread)
			if tc.says == nil {
				if byPlatform != nil {
					t.Errorf("%s: the platform refuses it: %v", tc.reason, byPlatform)
				}
				wrote[*modelv1alpha1.Model](t)(client.Apply(t.Context(), desired(tc.is), &created))
				return
			}
			wantClass(t, tc.reason+", the platform says", byPlatform, external.ClassInvalid)
			patches := chain.requests(t, "patch")
			_, err := client.Apply(t.Context(), desired(tc.is), &created)
			wantClass(t, tc.reason, err, external.ClassInvalid)
			for _, part := range tc.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: the error does not say %q: %v", tc.reason, part, err)
				}
			}
			if sent := chain.requests(t, "patch") - patches; sent != 0 {
				t.Errorf("%s: %d requests were sent for a change that cannot be made", tc.reason, sent)
			}
		})
	}
}
