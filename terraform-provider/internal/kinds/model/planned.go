package model

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/terraform-provider/internal/kind"
)

// planned 是 data.kubellm_model_plan 的答案：平台此刻会放在哪里、哪里放不下、会放上去什么。
var planned = kind.FactsOf(planAttributes, intended)

type intention struct {
	Time             *string           `tfsdk:"time"`
	Message          *string           `tfsdk:"message"`
	Placements       []intendedPlace   `tfsdk:"placements"`
	RejectedClusters []rejected        `tfsdk:"rejected_clusters"`
	Manifests        map[string]string `tfsdk:"manifests"`
}

type intendedPlace struct {
	Cluster   string  `tfsdk:"cluster"`
	Namespace *string `tfsdk:"namespace"`
	Product   *string `tfsdk:"product"`
	Replicas  int32   `tfsdk:"replicas"`
}

func intended(m *modelv1alpha1.Model) intention {
	out := intention{Placements: []intendedPlace{}, RejectedClusters: []rejected{}, Manifests: map[string]string{}}
	plan := m.Status.Plan
	if plan == nil {
		// 要被替换的，等旧的不在了才问得到。
		return out
	}
	out.Time, out.Message = known(plan.Time.UTC().Format(time.RFC3339)), known(plan.Message)
	for _, p := range plan.Placements {
		out.Placements = append(out.Placements, intendedPlace{
			Cluster: p.Cluster, Namespace: known(p.Namespace), Product: known(p.Product), Replicas: p.Replicas,
		})
	}
	for _, r := range plan.RejectedClusters {
		out.RejectedClusters = append(out.RejectedClusters, rejected{Cluster: r.Cluster, Reason: r.Reason, Message: r.Message})
	}
	for _, of := range plan.Manifests {
		out.Manifests[of.Cluster] = of.YAML
	}
	return out
}

var planAttributes = map[string]schema.Attribute{
	"time":    fact("The moment that the plan was made; capacity may move afterwards."),
	"message": fact("The plan in one line."),
	"placements": list("Clusters that would be chosen, in alphabetical order; none where the model would be accepted and wait.", map[string]schema.Attribute{
		"cluster":   fact("The cluster's name."),
		"namespace": fact("Namespace on the member cluster that the model would run in."),
		"product":   fact("The accelerator that the replicas would be reserved on."),
		"replicas":  count("Wanted number of replicas."),
	}),
	"rejected_clusters": list("Clusters that do not fit, in alphabetical order.", map[string]schema.Attribute{
		"cluster": fact("The cluster's name."),
		"reason":  fact("Why it does not fit, in one word, such as `FreeBlock`."),
		"message": fact("Why it does not fit, for people."),
	}),
	"manifests": schema.MapAttribute{
		ElementType: types.StringType, Computed: true,
		MarkdownDescription: "What would be applied to each chosen cluster, as YAML, by the cluster's name; no secret is in it.",
	},
}
