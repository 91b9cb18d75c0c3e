package validation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/model"
)

// check 比较出错的字段与类别，而不是整句文字。
func check(t *testing.T, errs field.ErrorList, want []string) {
	t.Helper()
	got := make([]string, 0, len(errs))
	for _, err := range errs {
		got = append(got, string(err.Type)+" "+err.Field)
		if err.Detail == "" && err.Type != field.ErrorTypeRequired && err.Type != field.ErrorTypeDuplicate {
			t.Errorf("%s: the error does not say what is wrong: %v", err.Field, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors: got %v, want %v (%v)", got, want, errs.ToAggregate())
	}
}

func invalid(fields ...string) []string {
	out := make([]string, 0, len(fields))
	for _, name := range fields {
		out = append(out, errorOf(field.ErrorTypeInvalid, name)...)
	}
	return out
}

func errorOf(errorType field.ErrorType, name string) []string {
	return []string{string(errorType) + " " + name}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("x%d", i)
	}
	return out
}

// valid 是一份什么都合格的模型；各用例改掉其中一处。
func valid(change func(*model.ModelSpec)) *model.Model {
	m := &model.Model{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "default"}, Spec: model.ModelSpec{
		Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B"}},
		Engine: model.Engine{Type: model.EngineVLLM, Delivery: ptr.To(model.DeliveryDeployment)},
	}}
	if change != nil {
		change(&m.Spec)
	}
	return m
}

type specCase struct {
	reason string
	change func(*model.ModelSpec)
	want   []string
}

func run(t *testing.T, cases map[string]specCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			check(t, ValidateModel(valid(tc.change)), tc.want)
		})
	}
}

func TestValidateModelName(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, name string
		ok           bool
	}{
		"ordinary":  {"a Service can have that name", "qwen3-8b", true},
		"longest":   {"40 characters fit", strings.Repeat("a", 40), true},
		"too long":  {"names made from it would not fit", strings.Repeat("a", 41), false},
		"dotted":    {"a Service has no dots", "qwen3.8b", false},
		"digit":     {"a Service starts with a letter", "3-qwen", false},
		"uppercase": {"nor has it capitals", "Qwen", false},
		"empty":     {"it needs a name", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ValidateModelName(tc.name, false); (len(got) == 0) != tc.ok {
				t.Errorf("%s: %q gave %q", tc.reason, tc.name, got)
			}
		})
	}
}

func TestValidateSource(t *testing.T) {
	from := func(source model.ModelSource) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) { spec.Source = source }
	}
	hf := func(source model.HuggingFaceSource) func(*model.ModelSpec) {
		return from(model.ModelSource{HuggingFace: &source})
	}
	s3 := func(source model.S3Source) func(*model.ModelSpec) { return from(model.ModelSource{S3: &source}) }
	pvc := func(claim string, path *string) func(*model.ModelSpec) {
		return from(model.ModelSource{PVC: &model.PVCSource{ClaimName: claim, Path: path}})
	}
	oci := func(image string) func(*model.ModelSpec) {
		return from(model.ModelSource{OCI: &model.OCISource{Image: image}})
	}
	token := func(name, key string) func(*model.ModelSpec) {
		return hf(model.HuggingFaceSource{Repo: "a/b", TokenSecretRef: &model.SecretKeyReference{Name: name, Key: key}})
	}
	run(t, map[string]specCase{
		"none":             {"it has to come from somewhere", from(model.ModelSource{}), errorOf(field.ErrorTypeRequired, "spec.source")},
		"two":              {"which of them?", from(model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "a/b"}, PVC: &model.PVCSource{ClaimName: "c"}}), invalid("spec.source")},
		"all":              {"which of them?", from(model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "a/b"}, PVC: &model.PVCSource{ClaimName: "c"}, OCI: &model.OCISource{Image: "i"}, S3: &model.S3Source{Bucket: "abc"}}), invalid("spec.source")},
		"huggingFace":      {"ordinary", hf(model.HuggingFaceSource{Repo: "Qwen/Qwen3-8B-GGUF", Revision: ptr.To("refs/pr/1"), TokenSecretRef: &model.SecretKeyReference{Name: "hf", Key: "token"}}), nil},
		"old repo":         {"some have no owner", hf(model.HuggingFaceSource{Repo: "gpt2"}), nil},
		"no repo":          {"which?", hf(model.HuggingFaceSource{}), errorOf(field.ErrorTypeRequired, "spec.source.huggingFace.repo")},
		"repo as flag":     {"the engine would take it for an argument", hf(model.HuggingFaceSource{Repo: "--host"}), invalid("spec.source.huggingFace.repo")},
		"repo as URL":      {"only the repository", hf(model.HuggingFaceSource{Repo: "https://huggingface.co/a/b"}), invalid("spec.source.huggingFace.repo")},
		"repo too long":    {"none is as long", hf(model.HuggingFaceSource{Repo: strings.Repeat("a", 201)}), errorOf(field.ErrorTypeTooLong, "spec.source.huggingFace.repo")},
		"revision as flag": {"the engine would take it for an argument", hf(model.HuggingFaceSource{Repo: "a/b", Revision: ptr.To("-x")}), invalid("spec.source.huggingFace.revision")},
		"revision empty":   {"leave it out", hf(model.HuggingFaceSource{Repo: "a/b", Revision: ptr.To("")}), invalid("spec.source.huggingFace.revision")},
		"file outside": {"outside the repository", func(spec *model.ModelSpec) {
			spec.Engine.Type, spec.Source.HuggingFace.File = model.EngineLlamaCpp, ptr.To("../a.gguf")
		}, invalid("spec.source.huggingFace.file")},
		"token nameless":    {"which Secret?", token("", "k"), errorOf(field.ErrorTypeRequired, "spec.source.huggingFace.tokenSecretRef.name")},
		"token keyless":     {"which key?", token("s", ""), errorOf(field.ErrorTypeRequired, "spec.source.huggingFace.tokenSecretRef.key")},
		"token bad key":     {"no Secret has it", token("s", "a b"), invalid("spec.source.huggingFace.tokenSecretRef.key")},
		"oci":               {"ordinary", oci("registry.example.org:5000/models/qwen3:8b@sha256:00"), nil},
		"oci empty":         {"which?", oci(""), errorOf(field.ErrorTypeRequired, "spec.source.oci.image")},
		"oci with spaces":   {"no reference", oci("a b"), invalid("spec.source.oci.image")},
		"oci address":       {"references have no scheme", oci("https://registry.example.org/models/qwen3:8b"), invalid("spec.source.oci.image")},
		"oci password":      {"everybody would see it", oci("me:secret@registry.example.org/models/qwen3:8b"), invalid("spec.source.oci.image")},
		"oci plain":         {"Docker Hub's own", oci("qwen3_8b"), nil},
		"s3":                {"ordinary", s3(model.S3Source{Bucket: "models", Prefix: ptr.To("qwen/8b/"), Endpoint: ptr.To("https://minio.example.org:9000"), Region: ptr.To("eu-central-1"), CredentialsSecretRef: &model.SecretReference{Name: "s3"}}), nil},
		"s3 no bucket":      {"which?", s3(model.S3Source{}), errorOf(field.ErrorTypeRequired, "spec.source.s3.bucket")},
		"s3 bucket shape":   {"no bucket has capitals", s3(model.S3Source{Bucket: "Models"}), invalid("spec.source.s3.bucket")},
		"s3 prefix":         {"keys start without a slash", s3(model.S3Source{Bucket: "models", Prefix: ptr.To("/a")}), invalid("spec.source.s3.prefix")},
		"s3 endpoint":       {"no address", s3(model.S3Source{Bucket: "models", Endpoint: ptr.To("minio:9000")}), invalid("spec.source.s3.endpoint")},
		"s3 endpoint login": {"a spec is no place for a password", s3(model.S3Source{Bucket: "models", Endpoint: ptr.To("https://u:p@minio")}), invalid("spec.source.s3.endpoint")},
		"s3 region":         {"no region", s3(model.S3Source{Bucket: "models", Region: ptr.To("EU 1")}), invalid("spec.source.s3.region")},
		"s3 secret":         {"which?", s3(model.S3Source{Bucket: "models", CredentialsSecretRef: &model.SecretReference{}}), errorOf(field.ErrorTypeRequired, "spec.source.s3.credentialsSecretRef.name")},
		"pvc":               {"ordinary", pvc("models", ptr.To("qwen/8b")), nil},
		"pvc nameless":      {"which?", pvc("", nil), errorOf(field.ErrorTypeRequired, "spec.source.pvc.claimName")},
		"pvc absolute":      {"relative to the volume", pvc("models", ptr.To("/a")), invalid("spec.source.pvc.path")},
		"pvc outside":       {"outside the volume", pvc("models", ptr.To("a/../../b")), invalid("spec.source.pvc.path")},
	})
}

// TestPasswordIsNotRepeated 保证地址里误写的密码不会再出现在回答里，回答会进日志。
func TestPasswordIsNotRepeated(t *testing.T) {
	m := valid(func(spec *model.ModelSpec) {
		spec.Source = model.ModelSource{S3: &model.S3Source{Bucket: "models", Endpoint: ptr.To("https://user:hunter2@minio")}}
	})
	if errs := ValidateModel(m); len(errs) == 0 || strings.Contains(errs.ToAggregate().Error(), "hunter2") {
		t.Errorf("the answer is %v", errs.ToAggregate())
	}
}

func TestValidateServing(t *testing.T) {
	engine := func(change func(*model.Engine)) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) { change(&spec.Engine) }
	}
	llamaCpp := func(file *string, delivery model.Delivery) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) {
			spec.Engine.Type, spec.Engine.Delivery, spec.Source.HuggingFace.File = model.EngineLlamaCpp, &delivery, file
		}
	}
	served := func(name string) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) { spec.ServedName = &name }
	}
	adapters := func(names ...string) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) {
			for _, name := range names {
				spec.Adapters = append(spec.Adapters, model.Adapter{Name: name, Source: model.ModelSource{HuggingFace: &model.HuggingFaceSource{Repo: "a/lora"}}})
			}
		}
	}
	env := func(names ...string) func(*model.ModelSpec) {
		return engine(func(e *model.Engine) {
			for _, name := range names {
				e.Env = append(e.Env, model.EnvVar{Name: name, Value: "x"})
			}
		})
	}
	run(t, map[string]specCase{
		"valid":              {"everything else has a default or may be left out", nil, nil},
		"no engine":          {"which?", engine(func(e *model.Engine) { e.Type = "" }), errorOf(field.ErrorTypeRequired, "spec.engine.type")},
		"unknown engine":     {"there are three", engine(func(e *model.Engine) { e.Type = "Ollama" }), errorOf(field.ErrorTypeNotSupported, "spec.engine.type")},
		"unknown delivery":   {"there are two", engine(func(e *model.Engine) { e.Delivery = ptr.To(model.Delivery("Pod")) }), errorOf(field.ErrorTypeNotSupported, "spec.engine.delivery")},
		"KServe":             {"it runs vLLM", engine(func(e *model.Engine) { e.Delivery = ptr.To(model.DeliveryKServe) }), nil},
		"LlamaCpp":           {"a single file", llamaCpp(ptr.To("q4.gguf"), model.DeliveryDeployment), nil},
		"LlamaCpp no file":   {"which file?", llamaCpp(nil, model.DeliveryDeployment), errorOf(field.ErrorTypeRequired, "spec.source.huggingFace.file")},
		"LlamaCpp KServe":    {"KServe does not run it", llamaCpp(ptr.To("q4.gguf"), model.DeliveryKServe), invalid("spec.engine.delivery")},
		"image":              {"no reference", engine(func(e *model.Engine) { e.Image = ptr.To("--x") }), invalid("spec.engine.image")},
		"context":            {"requests have a length", engine(func(e *model.Engine) { e.ContextLength = ptr.To(int32(0)) }), invalid("spec.engine.contextLength")},
		"args":               {"the user's own", engine(func(e *model.Engine) { e.Args = []string{"--enable-prefix-caching", "--max-num-seqs", "64"} }), nil},
		"managed arg":        {"the platform would look elsewhere", engine(func(e *model.Engine) { e.Args = []string{"--seed=1", "--port=9000"} }), invalid("spec.engine.args[1]")},
		"managed arg, split": {"the value follows", engine(func(e *model.Engine) { e.Args = []string{"--port", "9000"} }), invalid("spec.engine.args[0]")},
		"too many args":      {"128 are enough", engine(func(e *model.Engine) { e.Args = slices.Repeat([]string{"--seed=1"}, 129) }), errorOf(field.ErrorTypeTooMany, "spec.engine.args")},
		"long arg":           {"the member would refuse it", engine(func(e *model.Engine) { e.Args = []string{"-" + strings.Repeat("x", 4096)} }), errorOf(field.ErrorTypeTooLong, "spec.engine.args[0]")},
		"NUL":                {"no process takes it", engine(func(e *model.Engine) { e.Args = []string{"--a=\x00b"} }), invalid("spec.engine.args[0]")},
		"env":                {"the user's own", env("VLLM_LOGGING_LEVEL"), nil},
		"managed env":        {"the platform sets it", env("HF_TOKEN"), invalid("spec.engine.env[0].name")},
		"env twice":          {"which of them?", env("A", "A"), errorOf(field.ErrorTypeDuplicate, "spec.engine.env[1].name")},
		"env malformed":      {"no process has it", env("A=B"), invalid("spec.engine.env[0].name")},
		"env too much": {"it could not be stored", engine(func(e *model.Engine) {
			e.Env = []model.EnvVar{{Name: strings.Repeat("A", 200<<10)}, {Name: "B", Value: strings.Repeat("x", 32768)}, {Name: "C", Value: strings.Repeat("x", 32768)}}
		}), invalid("spec.engine.env")},
		"too many env":       {"128 are enough", env(many(129)...), errorOf(field.ErrorTypeTooMany, "spec.engine.env")},
		"served name":        {"as the Hub writes it", served("Qwen/Qwen3-8B"), nil},
		"served empty":       {"leave it out", served(""), errorOf(field.ErrorTypeRequired, "spec.servedName")},
		"served as flag":     {"the engine would take it for an argument", served("--port"), invalid("spec.servedName")},
		"served spaced":      {"the engine would take it for two", served("a b"), invalid("spec.servedName")},
		"served long":        {"128 are enough", served(strings.Repeat("a", 129)), errorOf(field.ErrorTypeTooLong, "spec.servedName")},
		"adapters":           {"ordinary", adapters("sql", "chat-2"), nil},
		"adapter twice":      {"which of them?", adapters("sql", "sql"), errorOf(field.ErrorTypeDuplicate, "spec.adapters[1].name")},
		"adapter nameless":   {"how is it called?", adapters(""), errorOf(field.ErrorTypeRequired, "spec.adapters[0].name")},
		"adapter like model": {"requests could not tell them apart", adapters("chat"), invalid("spec.adapters[0].name")},
		"too many adapters":  {"32 are enough", adapters(many(33)...), errorOf(field.ErrorTypeTooMany, "spec.adapters")},
		"adapter sourceless": {"from where?", func(spec *model.ModelSpec) { spec.Adapters = []model.Adapter{{Name: "sql"}} }, errorOf(field.ErrorTypeRequired, "spec.adapters[0].source")},
		"startup too short":  {"nothing loads in a second", func(spec *model.ModelSpec) { spec.StartupTimeoutSeconds = ptr.To(int32(59)) }, invalid("spec.startupTimeoutSeconds")},
		"startup too long":   {"a day is the most", func(spec *model.ModelSpec) { spec.StartupTimeoutSeconds = ptr.To(int32(86401)) }, invalid("spec.startupTimeoutSeconds")},
		"unknown deletion":   {"there are two", func(spec *model.ModelSpec) { spec.DeletionPolicy = ptr.To(model.DeletionPolicy("Keep")) }, errorOf(field.ErrorTypeNotSupported, "spec.deletionPolicy")},
	})
}

func TestValidateRunning(t *testing.T) {
	resources := func(r model.Resources) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) { spec.Resources = &r }
	}
	quantity := func(text string) *resource.Quantity { return ptr.To(resource.MustParse(text)) }
	accelerator := func(name string, count int32, products ...string) func(*model.ModelSpec) {
		return resources(model.Resources{Accelerator: &model.AcceleratorRequest{ResourceName: &name, Count: &count, Products: products}})
	}
	placement := func(p model.Placement) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) { spec.Placement = &p }
	}
	selector := func(key string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{key: "b"}}
	}
	tolerates := func(toleration model.Toleration) func(*model.ModelSpec) {
		return placement(model.Placement{Tolerations: []model.Toleration{toleration}})
	}
	failover := func(seconds int32) func(*model.ModelSpec) {
		return placement(model.Placement{Failover: &model.Failover{AfterSeconds: seconds}})
	}
	const (
		gpu       = "nvidia.com/gpu"
		toleratAt = "spec.placement.tolerations[0]"
	)
	run(t, map[string]specCase{
		"resources":            {"ordinary", resources(model.Resources{CPU: quantity("500m"), Memory: quantity("64Gi"), SharedMemory: quantity("8Gi")}), nil},
		"negative cpu":         {"less than nothing", resources(model.Resources{CPU: quantity("-1")}), invalid("spec.resources.cpu")},
		"no memory":            {"nothing runs in nothing", resources(model.Resources{Memory: quantity("0")}), invalid("spec.resources.memory")},
		"no shared memory":     {"engines need some", resources(model.Resources{SharedMemory: quantity("0")}), invalid("spec.resources.sharedMemory")},
		"all memory shared":    {"it counts toward the memory", resources(model.Resources{Memory: quantity("8Gi"), SharedMemory: quantity("8Gi")}), invalid("spec.resources.sharedMemory")},
		"accelerator":          {"ordinary; whether a cluster has it is for the condition", accelerator(gpu, 8, "NVIDIA-H100", "never heard of"), nil},
		"no accelerators":      {"leave it out", accelerator(gpu, 0), invalid("spec.resources.accelerator.count")},
		"negative":             {"less than none", accelerator(gpu, -1), invalid("spec.resources.accelerator.count")},
		"too many":             {"no node has as many", accelerator(gpu, 65), invalid("spec.resources.accelerator.count")},
		"plain resource":       {"that has a field of its own", accelerator("memory", 1), invalid("spec.resources.accelerator.resourceName")},
		"member's resource":    {"it is the member's own", accelerator("kubernetes.io/x", 1), invalid("spec.resources.accelerator.resourceName")},
		"malformed":            {"no resource is called that", accelerator("nvidia.com/g p", 1), invalid("spec.resources.accelerator.resourceName")},
		"product twice":        {"a slip", accelerator(gpu, 1, "a", "a"), errorOf(field.ErrorTypeDuplicate, "spec.resources.accelerator.products[1]")},
		"product empty":        {"which?", accelerator(gpu, 1, ""), invalid("spec.resources.accelerator.products[0]")},
		"too many products":    {"leave it out", accelerator(gpu, 1, many(33)...), errorOf(field.ErrorTypeTooMany, "spec.resources.accelerator.products")},
		"by names":             {"ordinary; they need not exist yet", placement(model.Placement{ClusterNames: []string{"a", "b"}, Clusters: ptr.To(int32(2))}), nil},
		"by selector":          {"ordinary; it may match nothing", placement(model.Placement{ClusterSelector: selector("a")}), nil},
		"by both":              {"which of them?", placement(model.Placement{ClusterNames: []string{"a"}, ClusterSelector: selector("a")}), errorOf(field.ErrorTypeForbidden, "spec.placement.clusterSelector")},
		"name twice":           {"a slip", placement(model.Placement{ClusterNames: []string{"a", "a"}}), errorOf(field.ErrorTypeDuplicate, "spec.placement.clusterNames[1]")},
		"name malformed":       {"no cluster is called that", placement(model.Placement{ClusterNames: []string{"A_B"}}), invalid("spec.placement.clusterNames[0]")},
		"too many names":       {"use a selector", placement(model.Placement{ClusterNames: many(65)}), errorOf(field.ErrorTypeTooMany, "spec.placement.clusterNames")},
		"more than named":      {"it would never be satisfied", placement(model.Placement{ClusterNames: []string{"a"}, Clusters: ptr.To(int32(2))}), invalid("spec.placement.clusters")},
		"selector malformed":   {"no label is called that", placement(model.Placement{ClusterSelector: selector("a b")}), invalid("spec.placement.clusterSelector.matchLabels")},
		"no clusters":          {"suspend it instead", placement(model.Placement{Clusters: ptr.To(int32(0))}), invalid("spec.placement.clusters")},
		"too many clusters":    {"64 are the most", placement(model.Placement{Clusters: ptr.To(int32(65))}), invalid("spec.placement.clusters")},
		"unknown strategy":     {"there are two", placement(model.Placement{Strategy: ptr.To(model.PlacementStrategy("Random"))}), errorOf(field.ErrorTypeNotSupported, "spec.placement.strategy")},
		"hasty failover":       {"a short outage would move it", failover(29), invalid("spec.placement.failover.afterSeconds")},
		"late failover":        {"a day is the most", failover(86401), invalid("spec.placement.failover.afterSeconds")},
		"failover":             {"ordinary", failover(30), nil},
		"tolerates":            {"ordinary", tolerates(model.Toleration{Key: "a", Value: "b", Effect: "NoSchedule"}), nil},
		"tolerates all":        {"an empty key with Exists", tolerates(model.Toleration{Operator: ptr.To(model.TolerationExists)}), nil},
		"tolerates nothing":    {"an empty key without Exists", tolerates(model.Toleration{}), errorOf(field.ErrorTypeRequired, toleratAt+".key")},
		"value with Exists":    {"any value is tolerated", tolerates(model.Toleration{Key: "a", Value: "b", Operator: ptr.To(model.TolerationExists)}), invalid(toleratAt + ".value")},
		"unknown operator":     {"there are two", tolerates(model.Toleration{Key: "a", Operator: ptr.To(model.TolerationOperator("Gt"))}), errorOf(field.ErrorTypeNotSupported, toleratAt+".operator")},
		"unknown effect":       {"there are two", tolerates(model.Toleration{Key: "a", Effect: "PreferNoSchedule"}), errorOf(field.ErrorTypeNotSupported, toleratAt+".effect")},
		"toleration malformed": {"no taint is called that", tolerates(model.Toleration{Key: "a b"}), invalid(toleratAt + ".key")},
	})
}

func TestValidateReplicas(t *testing.T) {
	scaling := func(replicas *int32, auto *model.Autoscaling) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) { spec.Scaling = &model.Scaling{Replicas: replicas, Autoscaling: auto} }
	}
	auto := func(least, most, target int32) func(*model.ModelSpec) {
		return scaling(nil, &model.Autoscaling{MinReplicas: &least, MaxReplicas: most, TargetRequestsPerReplica: &target})
	}
	rollout := func(kind model.RolloutType, surge, unavailable *int32) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) {
			spec.Rollout = &model.Rollout{Type: &kind, MaxSurge: surge, MaxUnavailable: unavailable}
		}
	}
	cache := func(mode, size string, more func(*model.ModelSpec)) func(*model.ModelSpec) {
		return func(spec *model.ModelSpec) {
			spec.Cache = &model.Cache{Size: resource.MustParse(size), AccessMode: &mode}
			if more != nil {
				more(spec)
			}
		}
	}
	n := ptr.To[int32]
	const unavailable = "spec.rollout.maxUnavailable"
	run(t, map[string]specCase{
		"replicas":            {"ordinary", scaling(n(3), nil), nil},
		"none":                {"stopped by scaling", scaling(n(0), nil), nil},
		"negative":            {"less than none", scaling(n(-1), nil), invalid("spec.scaling.replicas")},
		"too many":            {"1000 are the most", scaling(n(1001), nil), invalid("spec.scaling.replicas")},
		"autoscaling":         {"ordinary", auto(1, 4, 16), nil},
		"both":                {"who decides?", scaling(n(1), &model.Autoscaling{MaxReplicas: 2}), errorOf(field.ErrorTypeForbidden, "spec.scaling.replicas")},
		"upside down":         {"no number is between", auto(3, 2, 16), invalid("spec.scaling.autoscaling.minReplicas")},
		"scaled to nothing":   {"nothing would wake it", auto(0, 2, 16), invalid("spec.scaling.autoscaling.minReplicas")},
		"negative least":      {"less than none", auto(-1, 2, 16), invalid("spec.scaling.autoscaling.minReplicas")},
		"no most":             {"nothing could run", auto(1, 0, 16), invalid("spec.scaling.autoscaling.maxReplicas", "spec.scaling.autoscaling.minReplicas")},
		"no target":           {"replicas without end", auto(1, 1, 0), invalid("spec.scaling.autoscaling.targetRequestsPerReplica")},
		"rolling":             {"the default", rollout(model.RolloutRolling, n(0), n(1)), nil},
		"surging":             {"with spare accelerators", rollout(model.RolloutRolling, n(1), n(0)), nil},
		"neither":             {"nothing could be replaced", rollout(model.RolloutRolling, n(0), n(0)), invalid(unavailable)},
		"negative surge":      {"less than none", rollout(model.RolloutRolling, n(-1), n(1)), invalid("spec.rollout.maxSurge")},
		"negative missing":    {"less than none", rollout(model.RolloutRolling, n(1), n(-1)), invalid(unavailable)},
		"recreate":            {"ordinary", rollout(model.RolloutRecreate, nil, nil), nil},
		"recreate with surge": {"all stop at once", rollout(model.RolloutRecreate, n(1), n(1)), slices.Concat(errorOf(field.ErrorTypeForbidden, "spec.rollout.maxSurge"), errorOf(field.ErrorTypeForbidden, unavailable))},
		"unknown rollout":     {"there are two", rollout("Canary", nil, nil), errorOf(field.ErrorTypeNotSupported, "spec.rollout.type")},
		"shared cache":        {"all replicas use it", cache(readWriteMany, "1Gi", scaling(n(3), nil)), nil},
		"own cache":           {"one replica uses it", cache(readWriteOnce, "1Gi", scaling(n(1), nil)), nil},
		"own cache, spread":   {"the second replica would wait for good", cache(readWriteOnce, "1Gi", scaling(n(2), nil)), invalid("spec.cache.accessMode")},
		"own cache, scaled":   {"there may be a second", cache(readWriteOnce, "1Gi", auto(1, 2, 16)), invalid("spec.cache.accessMode")},
		"own cache, surging":  {"there is a second during a rollout", cache(readWriteOnce, "1Gi", rollout(model.RolloutRolling, n(1), n(0))), invalid("spec.cache.accessMode")},
		"unknown mode":        {"there are two", cache("ReadOnlyMany", "1Gi", nil), errorOf(field.ErrorTypeNotSupported, "spec.cache.accessMode")},
		"no size":             {"nothing fits", cache(readWriteMany, "0", nil), invalid("spec.cache.size")},
		"storage class":       {"no class is called that", cache(readWriteMany, "1Gi", func(spec *model.ModelSpec) { spec.Cache.StorageClassName = ptr.To("A b") }), invalid("spec.cache.storageClassName")},
	})
}

func TestValidateModelUpdate(t *testing.T) {
	cache := func(size, mode string, class *string) *model.Cache {
		return &model.Cache{Size: resource.MustParse(size), AccessMode: &mode, StorageClassName: class}
	}
	kserve := valid(func(spec *model.ModelSpec) { spec.Engine.Delivery = ptr.To(model.DeliveryKServe) })
	cached := func(c *model.Cache) *model.Model {
		return valid(func(spec *model.ModelSpec) { spec.Cache = c })
	}
	named := func(name string) *model.Model {
		return valid(func(spec *model.ModelSpec) { spec.ServedName = &name })
	}
	const why = "what the members hold cannot follow"
	for name, tc := range map[string]struct {
		reason  string
		is, was *model.Model
		want    []string
	}{
		"unchanged":        {"nothing to say", valid(nil), valid(nil), nil},
		"image":            {"replicas are replaced", valid(func(spec *model.ModelSpec) { spec.Engine.Image = ptr.To("x") }), valid(nil), nil},
		"source":           {"replicas are replaced", valid(func(spec *model.ModelSpec) { spec.Source.HuggingFace.Repo = "a/b" }), valid(nil), nil},
		"engine":           {why, valid(func(spec *model.ModelSpec) { spec.Engine.Type = model.EngineSGLang }), valid(nil), invalid("spec.engine.type")},
		"delivery":         {why, kserve, valid(nil), invalid("spec.engine.delivery")},
		"served name":      {"callers would lose it", named("b"), named("a"), invalid("spec.servedName")},
		"served name set":  {"callers would lose it", named("b"), valid(nil), invalid("spec.servedName")},
		"served name same": {"saying what holds is no change", named("chat"), valid(nil), nil},
		"served removed":   {"it would fall back to the model's name", valid(nil), named("b"), invalid("spec.servedName")},
		"larger cache":     {"volumes grow", cached(cache("2Gi", readWriteMany, nil)), cached(cache("1Gi", readWriteMany, nil)), nil},
		"smaller cache":    {"volumes do not shrink", cached(cache("1Gi", readWriteMany, nil)), cached(cache("2Gi", readWriteMany, nil)), invalid("spec.cache.size")},
		"cache mode":       {why, cached(cache("1Gi", readWriteOnce, nil)), cached(cache("1Gi", readWriteMany, nil)), invalid("spec.cache.accessMode")},
		"cache class":      {why, cached(cache("1Gi", readWriteMany, ptr.To("fast"))), cached(cache("1Gi", readWriteMany, nil)), invalid("spec.cache.storageClassName")},
		"class removed":    {why, cached(cache("1Gi", readWriteMany, nil)), cached(cache("1Gi", readWriteMany, ptr.To("fast"))), invalid("spec.cache.storageClassName")},
		"cache removed":    {"then it is gone", valid(nil), cached(cache("1Gi", readWriteMany, nil)), nil},
		"cache added":      {"then there is one", cached(cache("1Gi", readWriteMany, nil)), valid(nil), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			errs := ValidateModelUpdate(tc.is, tc.was)
			check(t, errs, tc.want)
			for _, err := range errs {
				if strings.Contains(err.Error(), `""`) {
					t.Errorf("the message quotes what is not there: %v", err)
				}
			}
		})
	}
}
