package kind

import (
	"testing"

	"github.com/kubellm/kubellm/internal/external"
)

func TestSightings(t *testing.T) {
	cases := map[string]struct {
		reason string
		noted  []instance
		want   string
	}{
		"Nothing": {reason: "what was not refreshed is not known"},
		"One":     {reason: "the one that the refresh saw", noted: []instance{{Owner: "terraform/a"}}, want: "terraform/a"},
		"Again":   {reason: "refreshed once more it is still the same", noted: []instance{{Owner: "terraform/a"}, {Owner: "terraform/a"}}, want: "terraform/a"},
		"Two":     {reason: "which of two of one name is meant cannot be told, so neither is", noted: []instance{{Owner: "terraform/a"}, {Owner: "terraform/b"}}},
		"TwoAgain": {
			reason: "what could not be told apart is not known again later",
			noted:  []instance{{Owner: "terraform/a"}, {Owner: "terraform/b"}, {Owner: "terraform/b"}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var s sightings
			for _, inst := range c.noted {
				s.note("user", external.Key{Name: "ada"}, inst)
			}
			s.note("role", external.Key{Name: "ada"}, instance{Owner: "terraform/other"})
			got, ok := s.recall("user", external.Key{Name: "ada"})
			if got.Owner != c.want || ok != (c.want != "") {
				t.Errorf("%s: recall() = %q, %v, want %q", c.reason, got.Owner, ok, c.want)
			}
		})
	}
}
