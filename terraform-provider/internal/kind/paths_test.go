package kind

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestAttributeName(t *testing.T) {
	cases := map[string]struct{ reason, want string }{
		"email":          {"一个词的字段名不变", "email"},
		"displayName":    {"大写处断开", "display_name"},
		"apiGroups":      {"开头的缩写是小写的", "api_groups"},
		"clusterIP":      {"结尾的缩写算一个词", "cluster_ip"},
		"huggingFaceURI": {"结尾的缩写算一个词", "hugging_face_uri"},
		"caURLPath":      {"中间的缩写与后一个词分开", "ca_url_path"},
	}
	for field, c := range cases {
		if got := attributeName(field); got != c.want {
			t.Errorf("%s: attributeName(%q) = %q, want %q", c.reason, field, got, c.want)
		}
	}
}

func TestAttributePath(t *testing.T) {
	in := schema.Schema{Attributes: map[string]schema.Attribute{
		"name":   schema.StringAttribute{Required: true},
		"labels": schema.MapAttribute{ElementType: types.StringType, Optional: true},
		"groups": schema.ListAttribute{ElementType: types.StringType, Optional: true},
		"cluster_rules": schema.SingleNestedAttribute{Optional: true, Attributes: map[string]schema.Attribute{
			"args": schema.ListAttribute{ElementType: types.StringType, Optional: true},
		}},
		"rules": schema.ListNestedAttribute{
			Optional: true,
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"api_groups": schema.ListAttribute{ElementType: types.StringType, Required: true},
			}},
		},
	}}
	cases := map[string]struct {
		reason string
		want   path.Path
		absent bool
	}{
		"metadata.name":             {reason: "元数据的字段是顶层属性", want: path.Root("name")},
		"metadata.labels[a.b/c]":    {reason: "标签的键不是下标", want: path.Root("labels").AtMapKey("a.b/c")},
		"metadata.labels.team":      {reason: "键也可能写成一步", want: path.Root("labels")},
		"spec.groups[1]":            {reason: "列表的元素", want: path.Root("groups").AtListIndex(1)},
		"spec.rules[0].apiGroups":   {reason: "嵌套的字段指到它所在的那一个元素", want: path.Root("rules").AtListIndex(0)},
		"spec.clusterRules":         {reason: "字段改成 snake_case", want: path.Root("cluster_rules")},
		"spec.clusterRules.args[2]": {reason: "嵌套列表的元素也一样", want: path.Root("cluster_rules")},
		"spec.rules[0].unheardOf":   {reason: "配置里没有的字段指到最近的上一层", want: path.Root("rules").AtListIndex(0)},
		"spec.unheardOf":            {reason: "配置里完全没有的字段不挂在属性上", absent: true},
		"status.conditions":         {reason: "状态不在配置里", absent: true},
		"spec":                      {reason: "整个 spec 没有对应的属性", absent: true},
		"":                          {reason: "平台没有指出字段", absent: true},
	}
	for field, c := range cases {
		got, found := attributePath(t.Context(), in, field)
		if found == c.absent || (!c.absent && !got.Equal(c.want)) {
			t.Errorf("%s: attributePath(%q) = %s, %v; want %s, %v", c.reason, field, got, found, c.want, !c.absent)
		}
	}
}
