package apiserver

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// TestInvalidSecrets 保证坏的密文被拒、什么也没存，而且回答里没有密文的内容。
func TestInvalidSecrets(t *testing.T) {
	t.Parallel()
	const content = "very-secret-content"
	with := func(kind corev1.SecretType, keys ...string) *corev1.Secret {
		out := &corev1.Secret{Type: kind, Data: map[string][]byte{}}
		for _, key := range keys {
			out.Data[key] = []byte(content)
		}
		return out
	}
	cases := map[string]struct {
		reason string
		secret *corev1.Secret
		field  string
		says   string
	}{
		"Key":          {"a key becomes a file's name", with("", "a/b"), "data", "must consist of"},
		"ParentKey":    {"nor may it leave the directory", with("", ".."), "data", ".."},
		"TooLarge":     {"etcd takes no more", &corev1.Secret{Data: map[string][]byte{"a": []byte(strings.Repeat(content, corev1.MaxSecretSize/len(content)+1))}}, "data", "1048576"},
		"TLSNoKey":     {"a server could not use it", with(corev1.SecretTypeTLS, "tls.crt"), "data[tls.key]", "kubernetes.io/tls"},
		"TLSNoCert":    {"nor this one", with(corev1.SecretTypeTLS, "tls.key"), "data[tls.crt]", "kubernetes.io/tls"},
		"DockerNoKey":  {"the kubelet looks for this key", with(corev1.SecretTypeDockerConfigJson, "config"), "data[.dockerconfigjson]", "dockerconfigjson"},
		"DockerNoJSON": {"and parses it", with(corev1.SecretTypeDockerConfigJson, ".dockerconfigjson"), "data[.dockerconfigjson]", "JSON"},
		"BasicAuth":    {"a login has a name or a password", with(corev1.SecretTypeBasicAuth, "token"), "data[username]", "password"},
		"SSHAuth":      {"a key is needed", with(corev1.SecretTypeSSHAuth, "id_rsa"), "data[ssh-privatekey]", "ssh-auth"},
	}
	client := shared.admin.core(t).CoreV1().Secrets("default")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.secret.Name = unique("invalid")
			_, err := client.Create(t.Context(), tc.secret, metav1.CreateOptions{})
			isInvalid(t, err, tc.field, tc.says, tc.reason)
			if strings.Contains(errText(err), content) {
				t.Error("the answer shows what was in the secret")
			}
			absent(t, shared, secrets, tc.secret.Name)
		})
	}
	largest := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: unique("largest")}, Data: map[string][]byte{"a": make([]byte, corev1.MaxSecretSize)}}
	if _, err := client.Create(t.Context(), largest, metav1.CreateOptions{}); err != nil {
		t.Errorf("a secret of exactly 1 MiB was refused: %v", err)
	}
}

// TestSecretDefaults 保证 stringData 只写不读、并进 data，类型默认为 Opaque，且各种写法结果一样。
func TestSecretDefaults(t *testing.T) {
	t.Parallel()
	want := map[string]any{"kept": base64.StdEncoding.EncodeToString([]byte("text")), "changing": base64.StdEncoding.EncodeToString([]byte("both"))}
	data := map[string]any{"changing": base64.StdEncoding.EncodeToString([]byte("loses"))}
	text := map[string]any{"kept": "text", "changing": "both"}
	for _, do := range []way{put, mergePatch, apply(true)} {
		stored := secrets.create(t, shared, unique("folded"))
		patch := map[string]any{"data": data, "stringData": text}
		after, err := do(t.Context(), write{p: shared, as: shared.admin, kind: secrets, name: stored.GetName(), patch: patch})
		must(t, err)
		if diff := cmp.Diff(want, after.Object["data"]); diff != "" || after.Object["stringData"] != nil || after.Object["type"] != "Opaque" {
			t.Errorf("stored as type %v with stringData %v (-want +got):\n%s", after.Object["type"], after.Object["stringData"], diff)
		}
		unchanged(t, shared, secrets, after)
	}
	created := secrets.object(unique("created"))
	created.Object["stringData"] = map[string]any{"word": "text"}
	stored, err := secrets.client(shared.admin).Create(t.Context(), created, metav1.CreateOptions{FieldManager: "maker"})
	must(t, err)
	for _, entry := range stored.GetManagedFields() {
		if raw := entry.FieldsV1.GetRawString(); strings.Contains(raw, "stringData") || !strings.Contains(raw, "f:word") {
			t.Errorf("the bookkeeping names what is not stored, or not what is: %s", raw)
		}
	}
}

// TestSecretImmutability 保证类型不变，声明不可变的内容不变，不论哪一种写法。
func TestSecretImmutability(t *testing.T) {
	t.Parallel()
	client := shared.admin.core(t).CoreV1().Secrets("default")
	cases := map[string]struct {
		reason string
		patch  map[string]any
		field  string
	}{
		"Type":  {"a program relies on it", map[string]any{"type": "kubernetes.io/basic-auth"}, "type"},
		"Data":  {"it is declared immutable", secrets.change("other"), "data"},
		"Unset": {"what could be unset would promise nothing", map[string]any{"immutable": false}, "immutable"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fixed := secret(unique("fixed"))
			fixed.Immutable = ptr.To(true)
			_, err := client.Create(t.Context(), fixed, metav1.CreateOptions{})
			must(t, err)
			before := secrets.get(t, shared, fixed.Name)
			for _, do := range []way{put, mergePatch, apply(true)} {
				_, err := do(t.Context(), write{p: shared, as: shared.admin, kind: secrets, name: fixed.Name, patch: tc.patch})
				isInvalid(t, err, tc.field, "", tc.reason)
				unchanged(t, shared, secrets, before)
			}
			if _, err := mergePatch(t.Context(), write{p: shared, as: shared.admin, kind: secrets, name: fixed.Name, patch: labels("a", "b")}); err != nil {
				t.Errorf("labels of an immutable secret cannot be changed: %v", err)
			}
		})
	}
}

// TestSecretsAreNotForViewers 保证只读角色读不到密文，而控制器读得到。
func TestSecretsAreNotForViewers(t *testing.T) {
	t.Parallel()
	name := unique("viewer")
	shared.bind(t, "kubellm-viewer", nil, userSubject(name))
	shared.settle(t)
	viewer, controller := shared.as(t, name).core(t), shared.as(t, "system:kubellm-controller").core(t)
	if _, err := shared.as(t, name).iam.Users().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("the viewer cannot see users: %v", err)
	}
	if _, err := viewer.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the viewer listing secrets gave %v, want 403", err)
	}
	if _, err := controller.CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{Limit: 1}); err != nil {
		t.Errorf("the controller cannot read secrets: %v", err)
	}
	if err := controller.CoreV1().Secrets("default").Delete(t.Context(), "any", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the controller deleting a secret gave %v, want 403", err)
	}
}

// TestNamespacedGrants 保证授在一个命名空间里的，只在那里有效。
func TestNamespacedGrants(t *testing.T) {
	t.Parallel()
	admin := shared.admin.core(t)
	mine, other := namespace(t, admin), namespace(t, admin)
	name := unique("tenant")
	reader := rule([]string{"secrets"}, []string{"list", "create"})
	reader.APIGroups = []string{""}
	shared.bind(t, shared.role(t, name, reader), []string{mine}, userSubject(name))
	shared.settle(t)
	tenant := shared.as(t, name).core(t)
	if _, err := tenant.CoreV1().Secrets(mine).Create(t.Context(), secret("s"), metav1.CreateOptions{}); err != nil {
		t.Errorf("creating a secret where it was granted gave %v", err)
	}
	for _, in := range []string{other, ""} {
		if _, err := tenant.CoreV1().Secrets(in).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("listing secrets in %q gave %v, want 403", in, err)
		}
	}
}

// TestCoreEncodings 保证核心种类 protobuf、JSON、YAML 与只看元数据都说得，client-go 默认要的是 protobuf。
func TestCoreEncodings(t *testing.T) {
	t.Parallel()
	obj := secrets.create(t, shared, unique("encoding"))
	for accept, contentType := range map[string]string{
		"application/vnd.kubernetes.protobuf":                                             "application/vnd.kubernetes.protobuf",
		"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1": "application/vnd.kubernetes.protobuf",
		"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1":                    jsonType,
		"application/yaml": "application/yaml",
		jsonType:           jsonType,
	} {
		got := shared.admin.send(t, http.MethodGet, secrets.path(obj.GetName()), "", "Accept", accept)
		if got.code != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), contentType) {
			t.Errorf("asking for %s gave %d %s", accept, got.code, got.header.Get("Content-Type"))
		}
		if strings.Contains(accept, "Metadata") && strings.Contains(got.body, "a2VwdA") {
			t.Errorf("asking for %s gave the content too", accept)
		}
	}
}
