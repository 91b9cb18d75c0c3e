package model

import (
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"

	"github.com/kubellm/kubellm/apis/model"
	"github.com/kubellm/kubellm/internal/credentials"
)

// TestSweep 上一个进程断在两步之间：收下而没公布的补上公布，模型已不在的抹掉，别的不动；再来一次什么也不做。
func TestSweep(t *testing.T) {
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	main, declared, store := declare(t, config)
	// 同名的模型在两个命名空间里：要公布到对的那一个。
	created := map[string]*model.Model{}
	for _, namespace := range []string{"interrupted", "without"} {
		m := valid()
		m.Namespace = namespace
		obj, err := main.Create(request.WithNamespace(t.Context(), namespace), m, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		created[namespace] = obj.(*model.Model)
	}
	data := map[string][]byte{"token": []byte("hf_x")}
	handedIn, err := store.Put(t.Context(), models, created["interrupted"].UID, data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), models, "no-such-model", data); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if err := declared.TidyUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for namespace, want := range map[string]string{"interrupted": handedIn, "without": ""} {
			obj, err := main.Get(request.WithNamespace(t.Context(), namespace), "foo", &metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if found := obj.(*model.Model); found.Status.CredentialsVersion != want || found.Generation != 1 {
				t.Errorf("the model in %s shows version %q in generation %d, want %q", namespace, found.Status.CredentialsVersion, found.Generation, want)
			}
		}
		if _, _, err := store.Get(t.Context(), "no-such-model"); !errors.Is(err, credentials.ErrNotFound) {
			t.Errorf("what was handed in for a model that is gone is still there: %v", err)
		}
		if _, version, err := store.Get(t.Context(), created["interrupted"].UID); err != nil || version != handedIn {
			t.Errorf("what the model has was changed to version %q: %v", version, err)
		}
	}
}
