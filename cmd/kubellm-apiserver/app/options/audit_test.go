package options

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	auditapi "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit/policy"
)

// TestAuditNeedsPolicy 要审计却什么也不会记下的配置都不收，无论写成参数还是写进文件；拒绝里有照抄就能用的策略。
func TestAuditNeedsPolicy(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	log, webhook := filepath.Join(dir, "audit.log"), write("webhook.kubeconfig", "")
	good, empty := write("policy.yaml", minimalPolicy), write("empty.yaml", `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}`)
	cases := map[string]struct {
		reason string
		flags  map[string]string
		// refused 是该点名的参数，空为收下；says 是该提到的另一个。
		refused, says string
	}{
		"none":              {"auditing is off unless asked for", nil, "", ""},
		"log":               {"a log and a policy are what it takes", map[string]string{"audit-policy-file": good, "audit-log-path": log}, "", ""},
		"webhook":           {"so are a webhook and a policy", map[string]string{"audit-policy-file": good, "audit-webhook-config-file": webhook}, "", ""},
		"log alone":         {"the log would stay empty", map[string]string{"audit-log-path": log}, "--audit-policy-file", "--audit-log-path"},
		"standard out":      {"so would standard output", map[string]string{"audit-log-path": "-"}, "--audit-policy-file", "--audit-log-path"},
		"webhook alone":     {"the webhook would never be called", map[string]string{"audit-webhook-config-file": webhook}, "--audit-policy-file", "--audit-webhook-config-file"},
		"policy alone":      {"what is recorded would go nowhere", map[string]string{"audit-policy-file": good}, "--audit-policy-file", "--audit-log-path"},
		"policy of nothing": {"a policy without rules records nothing", map[string]string{"audit-policy-file": empty, "audit-log-path": log}, "--audit-policy-file", empty},
	}
	for name, tc := range cases {
		var args []string
		file := "v: 0\n"
		for flag, value := range tc.flags {
			args = append(args, "--"+flag+"="+value)
			file += fmt.Sprintf("%s: %q\n", flag, value)
		}
		for way, errs := range map[string][]error{"flags": validate(t, "", args...), "file": validate(t, file)} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Log(tc.reason)
				at := slices.IndexFunc(errs, names(tc.refused))
				switch {
				case tc.refused == "" && len(errs) > 0:
					t.Errorf("it is refused: %v", errs)
				case tc.refused != "" && (len(errs) != 1 || at < 0 || !strings.Contains(errs[at].Error(), tc.says)):
					t.Errorf("got %v, want one error about %s that mentions %s", errs, tc.refused, tc.says)
				}
			})
		}
	}
	if message := validate(t, "", "--audit-log-path=-")[0].Error(); !strings.Contains(message, minimalPolicy) {
		t.Errorf("the refusal shows no policy to begin with: %s", message)
	}
	loaded, err := policy.LoadPolicyFromBytes([]byte(minimalPolicy))
	if err != nil || len(loaded.Rules) != 1 || loaded.Rules[0].Level != auditapi.LevelMetadata {
		t.Errorf("the policy that is offered gives %+v, %v", loaded, err)
	}
}
