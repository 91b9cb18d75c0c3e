package credentials

import (
	"errors"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/registry/generic"
	etcd3testing "k8s.io/apiserver/pkg/storage/etcd3/testing"
)

// newStore 在真的 etcd 上建起凭据库，连同看得到它存下什么的客户端与前缀。
func newStore(t *testing.T) (Store, *etcd3testing.EtcdTestServer, string) {
	t.Helper()
	server, config := etcd3testing.NewUnsecuredEtcd3TestClientServer(t)
	t.Cleanup(func() { server.Terminate(t) })
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	config.Codec = apitesting.TestStorageCodec(serializer.NewCodecFactory(scheme), storageVersion)
	store, closeStore, err := NewStore(generic.RESTOptions{StorageConfig: config.ForResource(Resource)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeStore)
	return store, server, config.Prefix
}

var clusters = schema.GroupResource{Group: "cluster.kubellm.io", Resource: "clusters"}

// TestStore 交、取、换、删、列，各按 UID 互不相干。
func TestStore(t *testing.T) {
	store, _, _ := newStore(t)
	ctx := t.Context()
	if _, _, err := store.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing was handed in, but Get gave %v", err)
	}
	first, err := store.Put(ctx, clusters, "a", map[string][]byte{"k": []byte("one")})
	if err != nil || first == "" {
		t.Fatalf("Put: %q, %v", first, err)
	}
	second, err := store.Put(ctx, clusters, "a", map[string][]byte{"k": []byte("one")})
	if err != nil || second == first {
		t.Fatalf("the same credentials again: version %q after %q, %v", second, first, err)
	}
	if _, err := store.Put(ctx, schema.GroupResource{Resource: "others"}, "b", map[string][]byte{"k": []byte("two")}); err != nil {
		t.Fatal(err)
	}
	data, version, err := store.Get(ctx, "a")
	if err != nil || string(data["k"]) != "one" || version != second {
		t.Errorf("Get: %q, version %q, %v", data["k"], version, err)
	}
	entries, err := store.List(ctx, clusters)
	if err != nil || len(entries) != 1 || entries[0] != (Entry{UID: "a", Version: second}) {
		t.Errorf("List shows other kinds' records, or not its own: %v, %v", entries, err)
	}
	for range 2 {
		if err := store.Delete(ctx, "a"); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, _, err := store.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after Delete, Get gave %v", err)
	}
	if _, _, err := store.Get(ctx, "b"); err != nil {
		t.Errorf("the record of another object went with it: %v", err)
	}
}

// TestConcurrentPuts 同时交来时各得各的版本，留下的是其中之一。
func TestConcurrentPuts(t *testing.T) {
	store, _, _ := newStore(t)
	const writers = 8
	versions := make([]string, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			version, err := store.Put(t.Context(), clusters, "a", map[string][]byte{"k": {byte(i)}})
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
			versions[i] = version
		})
	}
	group.Wait()
	data, version, err := store.Get(t.Context(), "a")
	if err != nil || sets.New(versions...).Len() != writers || versions[data["k"][0]] != version {
		t.Errorf("content %v has version %q of %q, %v", data, version, versions, err)
	}
}

// TestCopiesAreDeep 改副本不能改到原件：存储层会缓存对象。
func TestCopiesAreDeep(t *testing.T) {
	list := &RecordList{Items: []Record{{Data: map[string][]byte{"k": []byte("one")}}}}
	copied := list.DeepCopyObject().(*RecordList)
	copied.Items[0].Data["k"][0] = 'X'
	if got := string(list.Items[0].Data["k"]); got != "one" {
		t.Errorf("the original became %q", got)
	}
}
