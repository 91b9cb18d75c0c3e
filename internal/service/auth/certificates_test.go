package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
)

// TestOrdinaryIdentity 别的 CA 不能造出平台的超级用户。
func TestOrdinaryIdentity(t *testing.T) {
	cases := map[string]struct {
		reason  string
		subject pkix.Name
		want    bool
	}{
		"ordinary":       {"a user of another authority is a user", pkix.Name{CommonName: "alice", Organization: []string{"dev"}}, true},
		"superuser":      {"an administrator there is not one here", pkix.Name{CommonName: "clerk", Organization: []string{"dev", "system:masters"}}, false},
		"component name": {"the controller's identity is the platform's own", pkix.Name{CommonName: "system:kubellm-controller"}, false},
		"no name":        {"nobody", pkix.Name{Organization: []string{"dev"}}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			_, ok, _ := ordinaryIdentity([]*x509.Certificate{{Subject: tc.subject, Raw: []byte("x")}})
			if ok != tc.want {
				t.Errorf("accepted: got %v, want %v", ok, tc.want)
			}
		})
	}
}
