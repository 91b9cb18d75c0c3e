package credentials

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
)

// ErrNotFound 表示没有交来过凭据。
var ErrNotFound = errors.New("no credentials have been handed in")

// Entry 是不带内容的一条记录，供清理时对照。
type Entry struct {
	UID     types.UID
	Version string
}

// Store 按所属对象的 UID 存取凭据。
type Store interface {
	// Put 收下凭据，换掉旧的；返回新的版本。
	Put(ctx context.Context, owner schema.GroupResource, uid types.UID, data map[string][]byte) (version string, err error)
	// Get 取出凭据与它的版本；没有时是 ErrNotFound。
	Get(ctx context.Context, uid types.UID) (data map[string][]byte, version string, err error)
	// Delete 抹掉凭据；本来就没有不算错。
	Delete(ctx context.Context, uid types.UID) error
	// List 列出属于一种对象的全部记录。
	List(ctx context.Context, owner schema.GroupResource) ([]Entry, error)
}

type store struct {
	raw    storage.Interface
	prefix string
}

// NewStore 用服务器自己的存储选项建立凭据库，静态加密因此同样管到它。
// 不经监听缓存：凭据只在被问到时才进内存。返回的函数在服务器停下时放开存储。
func NewStore(getter generic.RESTOptionsGetter) (Store, func(), error) {
	options, err := getter.GetRESTOptions(Resource, &Record{})
	if err != nil {
		return nil, nil, fmt.Errorf("find the storage of credentials: %w", err)
	}
	prefix := "/" + GroupName + "/" + Resource.Resource
	raw, destroy, err := generic.NewRawStorage(options.StorageConfig,
		func() runtime.Object { return &Record{} }, func() runtime.Object { return &RecordList{} }, prefix)
	if err != nil {
		return nil, nil, fmt.Errorf("open the storage of credentials: %w", err)
	}
	return &store{raw: raw, prefix: prefix}, destroy, nil
}

func (s *store) Put(ctx context.Context, owner schema.GroupResource, uid types.UID, data map[string][]byte) (string, error) {
	version := rand.Text()
	update := func(current runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		record := current.(*Record)
		record.Name, record.Owner, record.Version, record.Data = string(uid), owner.String(), version, data
		if record.CreationTimestamp.IsZero() {
			record.CreationTimestamp = metav1.Now()
		}
		return record, nil, nil
	}
	if err := s.raw.GuaranteedUpdate(ctx, s.key(uid), &Record{}, true, nil, update, nil); err != nil {
		return "", fmt.Errorf("store the credentials of %s %s: %w", owner, uid, err)
	}
	return version, nil
}

func (s *store) Get(ctx context.Context, uid types.UID) (map[string][]byte, string, error) {
	record := &Record{}
	err := s.raw.Get(ctx, s.key(uid), storage.GetOptions{}, record)
	switch {
	case storage.IsNotFound(err):
		return nil, "", ErrNotFound
	case err != nil:
		return nil, "", fmt.Errorf("read the credentials of %s: %w", uid, err)
	}
	return record.Data, record.Version, nil
}

func (s *store) Delete(ctx context.Context, uid types.UID) error {
	err := s.raw.Delete(ctx, s.key(uid), &Record{}, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{})
	if err != nil && !storage.IsNotFound(err) {
		return fmt.Errorf("remove the credentials of %s: %w", uid, err)
	}
	return nil
}

func (s *store) List(ctx context.Context, owner schema.GroupResource) ([]Entry, error) {
	list := &RecordList{}
	if err := s.raw.GetList(ctx, s.prefix, storage.ListOptions{Recursive: true, Predicate: storage.Everything}, list); err != nil {
		return nil, fmt.Errorf("list the credentials of %s: %w", owner, err)
	}
	var entries []Entry
	for i := range list.Items {
		if record := &list.Items[i]; record.Owner == owner.String() {
			entries = append(entries, Entry{UID: types.UID(record.Name), Version: record.Version})
		}
	}
	return entries, nil
}

func (s *store) key(uid types.UID) string { return s.prefix + "/" + string(uid) }
