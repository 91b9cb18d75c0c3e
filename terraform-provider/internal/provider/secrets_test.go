package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// TestCredentialsStayOut 令牌与私钥不得出现在状态、计划与最细的日志里。
func TestCredentialsStayOut(t *testing.T) {
	ca, err := platform.CA()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := ca.IssueClient(harness.Identity{User: "admin", Groups: []string{"system:masters"}})
	if err != nil {
		t.Fatal(err)
	}
	const token = "s3cret-token-of-the-test"
	// 私钥的一整行 base64 足以认出它，又不受换行如何转义的影响。
	keyLine := strings.Split(string(admin.Key), "\n")[1]

	name := unique("secret")
	w := newWorkspace(t)
	log := filepath.Join(t.TempDir(), "trace.log")
	w.env = append(w.env, "TF_LOG=TRACE", "TF_LOG_PATH="+log,
		"KUBELLM_SERVER="+platform.URL, "KUBELLM_CA_CERTIFICATE="+string(ca.PEM), "KUBELLM_TOKEN="+token,
		"KUBELLM_CLIENT_CERTIFICATE="+string(admin.Cert), "KUBELLM_CLIENT_KEY="+string(admin.Key))
	w.write(t, "main.tf", userBlock("it", name, `email = "secret@example.com"`)+
		"data \"kubellm_users\" \"all\" {\n  depends_on = [kubellm_user.it]\n}\n")
	w.succeed(t, "plan", "-out=saved")
	plan := w.succeed(t, "show", "-json", "saved")
	applied := w.succeed(t, "apply", "saved")
	state, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "main.tf", userBlock("it", name, `email = "wrong"`))
	refused := w.refuse(t, "errors are logged most", []string{"apply", "-auto-approve"}, "name@domain")
	destroyed := w.destroy(t)
	trace, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}

	if !strings.Contains(string(state), name) || !strings.Contains(plan, name) || !strings.Contains(string(trace), "Platform request") {
		t.Fatal("the test looks at the wrong places: the user's name or the provider's log is not there")
	}
	places := map[string]string{
		"the state": string(state), "the plan": plan, "the trace log": string(trace), "the output": applied + refused + destroyed,
	}
	for place, text := range places {
		for what, secret := range map[string]string{"token": token, "client key": keyLine} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the %s", place, what)
			}
		}
	}
}
