package crossplane

import (
	"encoding/base64"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// TestModelSecret 走完模型的令牌的一生：平台还没有命名空间、Secret 还没有、交入、换了内容、在平台上被人换掉、Secret 没了、托管资源删除。
func TestModelSecret(t *testing.T) {
	t.Parallel()
	for scope, build := range modelScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			// 名字不与成员集群的相同：交入的次数是按名字数的。
			ns, name := shared.namespace(t), "model-secret-"+scope
			mg := build(ns, name)
			mg.params.DeletionPolicy = ptrTo(modelv1alpha1.DeletionOrphan)
			if err := shared.kube.Create(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg.Managed, promptly, `Secret "`+name+`"`, "does not exist", `"token"`, "credentialsSecretRef")
			held := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: map[string][]byte{"password": []byte(memberToken)}}
			if err := shared.kube.Create(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg.Managed, promptly, `"token"`, "missing", "password")
			held.Data = map[string][]byte{"token": []byte(memberToken), "accessKeyID": []byte("id"), "secretAccessKey": []byte(memberToken)}
			if err := shared.kube.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}

			t.Log("a namespace that the platform does not have is said to be that")
			awaitNotSynced(t, shared, mg.Managed, promptly, ns, "create the namespace")
			platform.noModel(t, ns, name)
			kubectl(t, platform, "create", "namespace", ns)
			first := awaitTokens(t, ns, mg, "", "the Secret handed in")
			generation := platform.model(t, ns, name).Generation

			t.Log("a changed Secret is handed in again")
			held.Data["token"] = []byte(memberToken + "2")
			if err := shared.kube.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			second := awaitTokens(t, ns, mg, first, "the changed Secret handed in")

			t.Log("what somebody else hands in does not last")
			kubectl(t, platform, "create", "--raw", "/apis/model.kubellm.io/v1alpha1/namespaces/"+ns+"/models/"+name+"/credentials", "-f",
				writeFile(t, `{"apiVersion":"model.kubellm.io/v1alpha1","kind":"ModelCredentials","spec":{"data":{"token":"`+base64.StdEncoding.EncodeToString([]byte("other"))+`"}}}`))
			third := awaitTokens(t, ns, mg, second, "its own Secret again")
			platform.awaitHandIns(t, shared.user(), name, 3)

			t.Log("a Secret made anew is another Secret, whatever is in it")
			if err := shared.kube.Delete(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			held = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: held.Data}
			if err := shared.kube.Create(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			awaitTokens(t, ns, mg, third, "the Secret made anew handed in")
			platform.awaitHandIns(t, shared.user(), name, 4)

			t.Log("without the Secret it says so and changes nothing, and can be deleted")
			if err := shared.kube.Delete(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			awaitNotSynced(t, shared, mg.Managed, promptly, `Secret "`+name+`"`, `"`+ns+`"`)
			if now := platform.model(t, ns, name); now.Generation != generation || now.Status.CredentialsVersion != mg.gave().Version {
				t.Errorf("the model on the platform was changed: generation %d, version %s", now.Generation, now.Status.CredentialsVersion)
			}
			if err := shared.kube.Delete(t.Context(), mg.Managed); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, shared, mg.Managed)
			platform.noModel(t, ns, name)
			shared.nothingShows(t)
		})
	}
}
