package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckEncryption 凭据绝不以明文落盘：只认上游会用的那一条，次序与上游相同。
func TestCheckEncryption(t *testing.T) {
	const box, plain = "[{secretbox: {}}, {identity: {}}]", "[{identity: {}}, {secretbox: {}}]"
	entry := func(resources, providers string) string {
		return "- resources: [" + resources + "]\n  providers: " + providers + "\n"
	}
	both := "secrets, credentials.internal.kubellm.io"
	cases := map[string]struct {
		reason  string
		entries string
		refused []string
	}{
		"everything":      {"one entry for all", entry("'*.*'", box), nil},
		"named":           {"named one by one", entry(both, box), nil},
		"groups":          {"by their groups; '*.' is the core group", entry("'*.', '*.internal.kubellm.io'", box), nil},
		"others in plain": {"what is no secret may be plain", entry(both, box) + entry("'*.*'", plain), nil},
		"identity first":  {"what is written goes through the first provider", entry("'*.*'", plain), []string{"secrets", "credentials.internal.kubellm.io"}},
		"one missing":     {"nothing matches the other", entry("secrets", box), []string{"credentials.internal.kubellm.io"}},
		"one spared":      {"the entry that names it wins over the wildcard", entry("secrets", plain) + entry("'*.*'", box), []string{"secrets"}},
		"group spared":    {"a group wins over everything", entry("'*.internal.kubellm.io'", plain) + entry("'*.*'", box), []string{"credentials.internal.kubellm.io"}},
		"nothing":         {"no entry at all", "", []string{"secrets", "credentials.internal.kubellm.io"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			file := filepath.Join(t.TempDir(), "encryption.yaml")
			if err := os.WriteFile(file, []byte("kind: EncryptionConfiguration\nresources:\n"+tc.entries), 0o600); err != nil {
				t.Fatal(err)
			}
			err := checkEncryption(file)
			if (err != nil) != (len(tc.refused) > 0) {
				t.Fatalf("got %v, want a refusal of %v", err, tc.refused)
			}
			for _, resource := range tc.refused {
				if !strings.Contains(err.Error(), `"`+resource+`"`) {
					t.Errorf("the refusal does not name %s: %v", resource, err)
				}
			}
		})
	}
}
