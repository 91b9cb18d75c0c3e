package apiserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/meta"
)

const (
	holder   = "terraform/holder"
	newcomer = "crossplane/newcomer/users.iam.kubellm.m.crossplane.io/team/ada"
	stranger = "terraform/stranger"
)

// TestOwner 走遍归属规则：没有标记的不能打标记，有标记的不能换主，除非存着的对象点名了新主人。
func TestOwner(t *testing.T) {
	cases := map[string]struct {
		reason string
		// stored 是存着的对象的注解，patch 是随后的改动。
		stored, patch map[string]any
		// heldBy 非空表示应当以 409 拒绝，并说出是谁持有。
		heldBy string
		// owner 与 adopt 是放行之后存着的注解。
		owner, adopt string
	}{
		"SetOnUnmarked": {
			reason: "an object made by hand is not taken over silently; those who wrote it are named",
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			heldBy: "by-hand",
		},
		"Change": {
			reason: "an object has one owner",
			stored: annotations(meta.OwnerAnnotation, holder),
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			heldBy: holder,
		},
		"ChangeWithSpec": {
			reason: "a take-over hidden in another change is one all the same",
			stored: annotations(meta.OwnerAnnotation, holder),
			patch:  annotations(meta.OwnerAnnotation, newcomer, "other", "yes"),
			heldBy: holder,
		},
		"AdoptInTheSameRequest": {
			reason: "whoever takes over cannot give himself the permission",
			stored: annotations(meta.OwnerAnnotation, holder),
			patch:  annotations(meta.OwnerAnnotation, newcomer, meta.AdoptAnnotation, newcomer),
			heldBy: holder,
		},
		"AdoptUnmarkedInTheSameRequest": {
			reason: "nor on an object made by hand",
			patch:  annotations(meta.OwnerAnnotation, newcomer, meta.AdoptAnnotation, newcomer),
			heldBy: "by-hand",
		},
		"AdoptNamesAnother": {
			reason: "the permission is for one, by name",
			stored: annotations(meta.OwnerAnnotation, holder, meta.AdoptAnnotation, stranger),
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			heldBy: holder,
		},
		"AdoptNamesAPrefix": {
			reason: "a name that merely begins the same is another's",
			stored: annotations(meta.OwnerAnnotation, holder, meta.AdoptAnnotation, newcomer+"x"),
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			heldBy: holder,
		},
		"AdoptUnmarkedNamesAnother": {
			reason: "the permission is for one, on an object made by hand too",
			stored: annotations(meta.AdoptAnnotation, stranger),
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			heldBy: "by-hand",
		},
		"Adopt": {
			reason: "the stored object names the new owner; the permission is used up",
			stored: annotations(meta.OwnerAnnotation, holder, meta.AdoptAnnotation, newcomer),
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			owner:  newcomer,
		},
		"AdoptUnmarked": {
			reason: "an object made by hand is adopted the same way",
			stored: annotations(meta.AdoptAnnotation, newcomer),
			patch:  annotations(meta.OwnerAnnotation, newcomer),
			owner:  newcomer,
		},
		"AdoptPassingOn": {
			reason: "the new owner does not smuggle in a permission for the next",
			stored: annotations(meta.OwnerAnnotation, holder, meta.AdoptAnnotation, newcomer),
			patch:  annotations(meta.OwnerAnnotation, newcomer, meta.AdoptAnnotation, newcomer),
			owner:  newcomer,
		},
		"Permit": {
			reason: "permission may be given at any time",
			stored: annotations(meta.OwnerAnnotation, holder),
			patch:  annotations(meta.AdoptAnnotation, newcomer),
			owner:  holder, adopt: newcomer,
		},
		"Same": {
			reason: "the owner keeps writing its mark",
			stored: annotations(meta.OwnerAnnotation, holder),
			patch:  annotations(meta.OwnerAnnotation, holder),
			owner:  holder,
		},
		"OtherAnnotation": {
			reason: "who does not touch the mark may write",
			stored: annotations(meta.OwnerAnnotation, holder),
			patch:  annotations("other", "yes"),
			owner:  holder,
		},
	}
	eachStored(t, func(t *testing.T, k kind) {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				eachWay(t, func(t *testing.T, do way) {
					for _, dryRun := range []bool{true, false} {
						before := storeBy(t, k, "by-hand", tc.stored)
						after, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), patch: tc.patch, dryRun: dryRun})
						if tc.heldBy != "" {
							refused(t, err, k, before.GetName(), tc.heldBy, tc.reason)
							unchanged(t, shared, k, before)
							continue
						}
						if apierrors.IsConflict(err) && !isOwnedByAnother(err) {
							continue // 不强制的应用先碰上字段冲突，那是 SSA 自己的规矩。
						}
						if err != nil {
							t.Fatalf("%s (dry run %t): %v", tc.reason, dryRun, err)
						}
						if owner, adopt := marks(after); owner != tc.owner || adopt != tc.adopt {
							t.Errorf("%s: owner %q, adopt %q; want %q, %q", tc.reason, owner, adopt, tc.owner, tc.adopt)
						}
					}
				})
			})
		}
	})
}

// TestOwnerOnCreate 保证创建时就能带标记，之后的规则立刻生效。
func TestOwnerOnCreate(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		name := unique("marked")
		patch := annotations(meta.OwnerAnnotation, holder)
		patch[k.top()] = k.spec
		// 第一个工具链的第一次应用就是创建，第二个的第一次应用必须被拒。
		if _, err := apply(false)(t.Context(), write{p: shared, as: shared.admin, kind: k, name: name, patch: patch}); err != nil {
			t.Fatal(err)
		}
		before := k.get(t, shared, name)
		patch["metadata"] = map[string]any{"annotations": map[string]any{meta.OwnerAnnotation: newcomer}}
		for _, force := range []bool{false, true} {
			obj := k.object(name)
			overlay(obj.Object, patch)
			_, err := k.client(shared.admin).Apply(t.Context(), name, obj, metav1.ApplyOptions{FieldManager: "second", Force: force})
			if !apierrors.IsConflict(err) || force && !isOwnedByAnother(err) {
				t.Errorf("applying another's mark (force %t) gave %v", force, err)
			}
		}
		unchanged(t, shared, k, before)
	})
}

// TestOwnerReleases 保证放手总是允许，而放了手的对象不能不经许可就被捡走。
func TestOwnerReleases(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		releases := map[string]func(context.Context, *unstructured.Unstructured) error{
			"PUT": func(ctx context.Context, obj *unstructured.Unstructured) error {
				obj.SetAnnotations(nil)
				_, err := k.client(shared.admin).Update(ctx, obj, metav1.UpdateOptions{})
				return err
			},
			"merge patch": func(ctx context.Context, obj *unstructured.Unstructured) error {
				_, err := mergePatch(ctx, write{p: shared, as: shared.admin, kind: k, name: obj.GetName(), patch: map[string]any{"metadata": map[string]any{"annotations": nil}}})
				return err
			},
			"apply without": func(ctx context.Context, obj *unstructured.Unstructured) error {
				bare := k.object(obj.GetName())
				_, err := k.client(shared.admin).Apply(ctx, obj.GetName(), bare, metav1.ApplyOptions{FieldManager: "toolchain"})
				return err
			},
		}
		for name, release := range releases {
			obj := k.object(unique("release"))
			obj.SetAnnotations(map[string]string{meta.OwnerAnnotation: holder})
			stored, err := k.client(shared.admin).Apply(t.Context(), obj.GetName(), obj, metav1.ApplyOptions{FieldManager: "toolchain"})
			if err != nil {
				t.Fatal(err)
			}
			if err := release(t.Context(), stored); err != nil {
				t.Fatalf("release by %s: %v", name, err)
			}
			released := k.get(t, shared, obj.GetName())
			if owner, _ := marks(released); owner != "" {
				t.Errorf("after release by %s the owner is %q", name, owner)
			}
			_, err = mergePatch(t.Context(), write{p: shared, as: shared.admin, kind: k, name: obj.GetName(), patch: annotations(meta.OwnerAnnotation, newcomer)})
			refused(t, err, k, obj.GetName(), "", "a released object is nobody's to take")
			unchanged(t, shared, k, released)
		}
	})
}

// TestOwnerThroughStatus 保证 /status 既不能打标记、换主，也不能给出许可。
func TestOwnerThroughStatus(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		for _, stored := range []map[string]any{nil, annotations(meta.OwnerAnnotation, holder), annotations(meta.AdoptAnnotation, newcomer)} {
			eachWay(t, func(t *testing.T, do way) {
				before := storeBy(t, k, "by-hand", stored)
				patch := annotations(meta.OwnerAnnotation, newcomer, meta.AdoptAnnotation, stranger)
				patch["status"] = map[string]any{"observedGeneration": int64(1)}
				_, err := do(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), subresource: "status", patch: patch})
				if err != nil {
					t.Fatal(err)
				}
				wantOwner, wantAdopt := marks(before)
				if owner, adopt := marks(k.get(t, shared, before.GetName())); owner != wantOwner || adopt != wantAdopt {
					t.Errorf("through /status owner became %q and adopt %q; they were %q and %q", owner, adopt, wantOwner, wantAdopt)
				}
			})
		}
	})
}

// TestAdoptionIsUsedUp 保证一次许可只换一次手，SSA 的账上也不再有人拥有它。
func TestAdoptionIsUsedUp(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		before := storeBy(t, k, "by-hand", annotations(meta.OwnerAnnotation, holder, meta.AdoptAnnotation, newcomer))
		take := func(owner string) (*unstructured.Unstructured, error) {
			return apply(true)(t.Context(), write{p: shared, as: shared.admin, kind: k, name: before.GetName(), patch: annotations(meta.OwnerAnnotation, owner)})
		}
		adopted, err := take(newcomer)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range adopted.GetManagedFields() {
			if strings.Contains(entry.FieldsV1.GetRawString(), meta.AdoptAnnotation) {
				t.Errorf("manager %s still owns the annotation that is gone: %s", entry.Manager, entry.FieldsV1.GetRawString())
			}
		}
		_, err = take(holder)
		refused(t, err, k, before.GetName(), newcomer, "the one who gave it away cannot take it back by himself")
		unchanged(t, shared, k, adopted)
	})
}

// storeBy 存下一个带有这些注解、由 manager 写的对象。
func storeBy(t *testing.T, k kind, manager string, patch map[string]any) *unstructured.Unstructured {
	t.Helper()
	obj := k.object(unique("owned"))
	overlay(obj.Object, patch)
	stored, err := k.client(shared.admin).Create(t.Context(), obj, metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func marks(obj *unstructured.Unstructured) (owner, adopt string) {
	return obj.GetAnnotations()[meta.OwnerAnnotation], obj.GetAnnotations()[meta.AdoptAnnotation]
}

// refused 断言一次写入因归属而得 409：原因可由程序识别，话里说得出是谁的、怎么办。
func refused(t *testing.T, err error, k kind, name, heldBy, reason string) {
	t.Helper()
	if apierrors.IsConflict(err) && !isOwnedByAnother(err) && strings.Contains(err.Error(), "Apply failed") {
		// 不强制的应用先碰上字段冲突：同样是 409，点名的是字段管理者。
		return
	}
	if !isOwnedByAnother(err) {
		t.Errorf("%s, but the answer was %v", reason, err)
		return
	}
	for _, fact := range []string{heldBy, wanted(err), name, k.kind, meta.AdoptAnnotation} {
		if !strings.Contains(err.Error(), fact) {
			t.Errorf("%s: the message does not name %q: %v", reason, fact, err)
		}
	}
	if cause := ownedByAnother(err); !strings.Contains(cause.Message, heldBy) || cause.Field == "" {
		t.Errorf("%s: the cause is %+v, want it to name %q", reason, cause, heldBy)
	}
}

// wanted 是想接管的那个：话里必须写出完整的采纳注解，让人照抄。
func wanted(err error) string {
	for _, mark := range []string{newcomer, holder} {
		if strings.Contains(err.Error(), fmt.Sprintf("%s=%s", meta.AdoptAnnotation, mark)) {
			return mark
		}
	}
	return meta.AdoptAnnotation + "=<the new owner>"
}

func isOwnedByAnother(err error) bool { return ownedByAnother(err) != nil }

func ownedByAnother(err error) *metav1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsConflict(err) {
		return nil
	}
	for _, cause := range ptr.Deref(status.Status().Details, metav1.StatusDetails{}).Causes {
		if cause.Type == meta.CauseOwnedByAnother {
			return &cause
		}
	}
	return nil
}
