package kind

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestAttributeName(t *testing.T) {
	cases := map[string]struct{ reason, want string }{
		"email":          {"a name of one word stays", "email"},
		"displayName":    {"words part at capitals", "display_name"},
		"apiGroups":      {"initials at the start are lower case", "api_groups"},
		"clusterIP":      {"initials at the end are one word", "cluster_ip"},
		"huggingFaceURI": {"initials at the end are one word", "hugging_face_uri"},
		"caURLPath":      {"initials in the middle part from the next word", "ca_url_path"},
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
		"metadata.name":             {reason: "fields of the metadata are top-level attributes", want: path.Root("name")},
		"metadata.labels[a.b/c]":    {reason: "the key of a label is no index", want: path.Root("labels").AtMapKey("a.b/c")},
		"metadata.labels.team":      {reason: "a key may be written as a step too", want: path.Root("labels")},
		"spec.groups[1]":            {reason: "an element of a list", want: path.Root("groups").AtListIndex(1)},
		"spec.rules[0].apiGroups":   {reason: "a nested field leads to the element that it is in", want: path.Root("rules").AtListIndex(0)},
		"spec.clusterRules":         {reason: "fields become snake_case", want: path.Root("cluster_rules")},
		"spec.clusterRules.args[2]": {reason: "elements of nested lists do too", want: path.Root("cluster_rules")},
		"spec.rules[0].unheardOf":   {reason: "a field that the configuration lacks leads to the nearest one above", want: path.Root("rules").AtListIndex(0)},
		"spec.unheardOf":            {reason: "a field that the configuration lacks altogether is at no attribute", absent: true},
		"status.conditions":         {reason: "status is not in the configuration", absent: true},
		"spec":                      {reason: "the whole spec has no attribute of its own", absent: true},
		"":                          {reason: "the platform names no field", absent: true},
	}
	for field, c := range cases {
		got, found := attributePath(t.Context(), in, field)
		if found == c.absent || (!c.absent && !got.Equal(c.want)) {
			t.Errorf("%s: attributePath(%q) = %s, %v; want %s, %v", c.reason, field, got, found, c.want, !c.absent)
		}
	}
}
