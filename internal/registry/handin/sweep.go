package handin

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/internal/credentials"
)

// Owners 是一个种类现存的对象，供清理时与凭据库对照。
type Owners struct {
	Resource schema.GroupResource
	// List 列出现存的全部对象。
	List func(ctx context.Context) ([]Owner, error)
}

// Owner 是一个现存的对象。
type Owner struct {
	Name string
	UID  types.UID
	// Version 是它的状态公布的版本。
	Version string
	// Republish 把公布的版本改成 version。
	Republish func(ctx context.Context, version string) error
}

// Sweep 收拾服务器在两步之间断掉时留下的东西：对象已删而凭据还在的，抹掉；
// 凭据已收下而状态没来得及公布版本的，补上。先列凭据再列对象，途中新交来的就不会被误删。
func Sweep(ctx context.Context, owners Owners, store credentials.Store) error {
	entries, err := store.List(ctx, owners.Resource)
	if err != nil || len(entries) == 0 {
		return err
	}
	list, err := owners.List(ctx)
	if err != nil {
		return fmt.Errorf("list %s to sweep credentials: %w", owners.Resource, err)
	}
	alive := make(map[types.UID]Owner, len(list))
	for _, owner := range list {
		alive[owner.UID] = owner
	}
	var errs []error
	for _, entry := range entries {
		owner, exists := alive[entry.UID]
		switch {
		case !exists:
			errs = append(errs, store.Delete(ctx, entry.UID))
		case owner.Version != entry.Version:
			errs = append(errs, republish(ctx, owner, owners.Resource, entry.Version))
		}
	}
	return errors.Join(errs...)
}

// republish 补写版本；别人先写了（冲突）或对象没了，就没有要补的。
func republish(ctx context.Context, owner Owner, resource schema.GroupResource, version string) error {
	err := owner.Republish(ctx, version)
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("show the version of the credentials of %s %q: %w", resource, owner.Name, err)
}
