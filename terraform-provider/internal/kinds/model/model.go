// Package model 是 kubellm_model：一个放在成员集群上对外服务的模型。
package model

import (
	"time"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/validation"
	"github.com/kubellm/kubellm/internal/external/kinds"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// readyTimeout 比一个副本默认的启动期限长半个小时：先等到平台自己说等够了，而不是这边先走。
const readyTimeout = time.Duration(modelv1alpha1.DefaultStartupTimeoutSeconds)*time.Second + 30*time.Minute

// Kind 声明 kubellm_model 与 kubellm_models。
var Kind = &kind.Kind[model, *modelv1alpha1.Model, *modelv1alpha1.ModelList]{
	Name:   "model",
	Plural: "models",
	Title:  "model",
	Description: "A large language model that is served on member clusters: where its files come from, which engine serves it, what a replica needs " +
		"and where it may run. The platform chooses the clusters and looks after what runs there.",
	External:     kinds.Model,
	Attributes:   attributes,
	Secret:       secret,
	Defaults:     defaults,
	Filters:      map[string]string{"engine": "spec.engine.type"},
	Facts:        facts,
	Waits:        func(*modelv1alpha1.Model) bool { return true },
	ReadyTimeout: readyTimeout,
	Preview:      preview,
	Planned:      planned,
	Asking:       map[string]string{modelv1alpha1.AnnotationPlan: modelv1alpha1.PlanAlways},
	Names: kind.Names{
		Description: "lower case letters, digits and `-`, starting with a letter and ending with a letter or digit, at most 40 characters",
		Problems:    func(name string) []string { return validation.ValidateModelName(name, false) },
	},
	ToAPI:   toAPI,
	FromAPI: fromAPI,
}
