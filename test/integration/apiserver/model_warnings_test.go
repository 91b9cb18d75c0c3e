package apiserver

import (
	"net/http"
	"strings"
	"testing"
)

// notForAnyEyes 是写错了地方的密文。
const notForAnyEyes = "hf_NotForAnyEyesNotForAnyEyes"

// dryRunEngine 预演创建一个用这个引擎的模型。
func dryRunEngine(t *testing.T, engine string) answer {
	t.Helper()
	body := `{"apiVersion":"model.kubellm.io/v1alpha1","kind":"Model","metadata":{"name":"` + unique("warned") + `","namespace":"default"},` +
		`"spec":{"source":{"huggingFace":{"repo":"a/b"}},"resources":{"accelerator":{"count":1}},"engine":` + engine + `}}`
	return shared.admin.send(t, http.MethodPost, models.path()+"?dryRun=All", body, "Content-Type", jsonType)
}

// TestModelWarnings 保证引擎多半不认得的参数、写进 spec 的密文，在创建时就有提醒，而提醒不重复密文。
func TestModelWarnings(t *testing.T) {
	t.Parallel()
	for engine, c := range map[string]struct{ says, reason string }{
		`{"type":"VLLM","args":["--max-num-seqs","64"]}`:                                              {"", "vLLM takes it"},
		`{"type":"VLLM","args":["--max-num-sequences=64"]}`:                                           {"spec.engine.args[0]", "vLLM would not start with it"},
		`{"type":"VLLM","image":"example.org/vllm:nightly","args":["--max-num-sequences=64"]}`:        {"", "nobody knows what another image takes"},
		`{"type":"SGLang","env":[{"name":"WANDB_API_KEY","value":"` + notForAnyEyes + `"}]}`:          {"spec.engine.env[0].value", "everybody who reads the Model reads it"},
		`{"type":"SGLang","image":"example.org/sglang:v1","args":["--router=` + notForAnyEyes + `"]}`: {"spec.engine.args[0]", "so it is with arguments"},
	} {
		got := dryRunEngine(t, engine)
		warning := strings.Join(got.header.Values("Warning"), "\n")
		// 计划总在警告里：kubectl 不带 -o 时，别处看不到它。
		if got.code != http.StatusCreated || !strings.Contains(warning, "status.plan: ") || !strings.Contains(warning, c.says) || c.says == "" && strings.Contains(warning, "spec.") {
			t.Errorf("%s gave %d with warning %q, because %s", engine, got.code, warning, c.reason)
		}
		if strings.Contains(warning, notForAnyEyes) {
			t.Errorf("%s: the warning repeats the secret", engine)
		}
	}
}

// TestRefusedModelsRepeatNoSecrets 保证拒绝的回答里没有写错地方的密文：它会留在终端与工单里。
func TestRefusedModelsRepeatNoSecrets(t *testing.T) {
	t.Parallel()
	for engine, field := range map[string]string{
		`{"type":"VLLM","args":["--api-key=` + notForAnyEyes + `"]}`:                     "spec.engine.args[0]",
		`{"type":"SGLang","env":[{"name":"HF_TOKEN=` + notForAnyEyes + `","value":""}]}`: "spec.engine.env[0].name",
		`{"type":"VLLM","image":"https://user:` + notForAnyEyes + `@example.org/vllm"}`:  "spec.engine.image",
	} {
		got := dryRunEngine(t, engine)
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, field) {
			t.Errorf("%s gave %d without naming %s", engine, got.code, field)
		}
		if strings.Contains(got.body, notForAnyEyes) {
			t.Errorf("%s: the answer repeats the secret", engine)
		}
	}
}
