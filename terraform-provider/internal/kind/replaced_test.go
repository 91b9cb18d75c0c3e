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
		"Nothing": {reason: "没刷新过的不认识"},
		"One":     {reason: "刷新时看到的那一个", noted: []instance{{Owner: "terraform/a"}}, want: "terraform/a"},
		"Again":   {reason: "同一个再刷新一次还是它", noted: []instance{{Owner: "terraform/a"}, {Owner: "terraform/a"}}, want: "terraform/a"},
		"Two":     {reason: "同名的两个说不清是哪一个，宁可不认", noted: []instance{{Owner: "terraform/a"}, {Owner: "terraform/b"}}},
		"TwoAgain": {
			reason: "说不清之后也不会又认得",
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
