package kind

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// sameDuration 让计划在一样久时保留状态里的写法。时限只由配置而来，平台从不改写它，所以不必另有一种类型。
type sameDuration struct{}

func (sameDuration) Description(context.Context) string {
	return "keeps the duration as it is written in the state where it is as long"
}

func (m sameDuration) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

func (sameDuration) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if equallyLong(req.StateValue, req.PlanValue) {
		resp.PlanValue = req.StateValue
	}
}

// equallyLong 说两个时长是否一样久；没写的、未知的与不是时长的，和谁都不一样。
func equallyLong(a, b types.String) bool {
	one, err := time.ParseDuration(a.ValueString())
	if err != nil {
		return false
	}
	other, err := time.ParseDuration(b.ValueString())
	return err == nil && one == other
}
