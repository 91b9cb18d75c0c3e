package secret

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
)

func TestFrom(t *testing.T) {
	key := (&Reference{Key: Key{Key: ptr.To("config")}}).In("ns", "field", "kubeconfig")
	set := (&SetReference{}).In("ns", "field", map[string]string{"token": "token", ".dockerconfigjson": "dockerconfigjson"})
	cases := map[string]struct {
		reason     string
		source     *Source
		data, want map[string][]byte
	}{
		"one key":    {reason: "The key that is named goes by the platform's name.", source: key, data: map[string][]byte{"config": []byte("a"), "kubeconfig": []byte("b")}, want: map[string][]byte{"kubeconfig": []byte("a")}},
		"some keys":  {reason: "Those that are there are taken, others are not looked at.", source: set, data: map[string][]byte{".dockerconfigjson": []byte("a"), "password": []byte("b")}, want: map[string][]byte{"dockerconfigjson": []byte("a")}},
		"empty keys": {reason: "Nothing is not something to hand in.", source: set, data: map[string][]byte{"token": {}}, want: map[string][]byte{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.source.From(tc.data)); diff != "" {
				t.Errorf("%s\nFrom(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
