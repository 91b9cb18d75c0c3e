package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/test/harness"
)

// TestPaging 保证翻页看到的是第一页那一刻的全貌：其间的增删既不漏也不重。
func TestPaging(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		const total, page = 25, 10
		batch := unique("page")
		var want []string
		for i := range total {
			want = append(want, k.create(t, shared, fmt.Sprintf("%s-%02d", batch, i), "batch", batch).GetName())
		}
		options := metav1.ListOptions{LabelSelector: "batch=" + batch, Limit: page}
		var got []string
		var sizes []int
		var versions []string
		for {
			list, err := k.client(shared.admin).List(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, names(list)...)
			sizes = append(sizes, len(list.Items))
			versions = append(versions, list.GetResourceVersion())
			if options.Continue = list.GetContinue(); options.Continue == "" {
				break
			}
			if len(sizes) == 1 {
				// 第一页之后：删掉一个还没翻到的，再添一个还没翻到的位置上的。
				if err := k.client(shared.admin).Delete(t.Context(), batch+"-20", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				k.create(t, shared, batch+"-21-new", "batch", batch)
			}
		}
		if diff := cmp.Diff([]int{page, page, total - 2*page}, sizes); diff != "" {
			t.Errorf("pages are not of the sizes asked for (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the pages together are not what there was at the first one (-want +got):\n%s", diff)
		}
		if len(slices.Compact(versions)) != 1 {
			t.Errorf("the pages are of different resource versions: %v", versions)
		}
	})
}

// TestPagesAnnounceTheRest 保证客户端能显示进度：没有选择器时每页说出还剩多少。
func TestPagesAnnounceTheRest(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		for range 3 {
			k.create(t, shared, unique("rest"))
		}
		list, err := k.client(shared.admin).List(t.Context(), metav1.ListOptions{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != 1 || list.GetContinue() == "" || ptr.Deref(list.GetRemainingItemCount(), 0) < 2 {
			t.Errorf("the first page has %d objects, continue %q, %v remaining", len(list.Items), list.GetContinue(), list.GetRemainingItemCount())
		}
	})
}

// TestExpired 保证过期的翻页与 watch 得到 410 和可行的下一步：etcd 压缩之后旧版本真的没有了。
func TestExpired(t *testing.T) {
	t.Parallel()
	p := start(t, harness.PlatformOptions{Args: []string{"--etcd-compaction-interval=1s"}})
	for i := range 4 {
		users.create(t, p, fmt.Sprintf("expired-%d", i))
	}
	c := users.client(p.admin)
	first, err := c.List(t.Context(), metav1.ListOptions{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	// 监听缓存会留着旧快照一阵子；重启后它从现状开始，旧版本只能问 etcd。
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := metav1.ListOptions{Limit: 2, Continue: first.GetContinue()}
	var expired error
	harness.Eventually(t, "the continue token to expire", patience, func(ctx context.Context) error {
		// 没有新的写入就没有旧版本可压缩。
		if _, err := mergePatch(ctx, write{p: p, as: p.admin, kind: users, name: "expired-0", patch: users.change(unique("tick"))}); err != nil {
			return harness.Permanent(err)
		}
		if _, expired = c.List(ctx, next); expired == nil {
			return errors.New("it is still good")
		}
		return nil
	})
	if !apierrors.IsResourceExpired(expired) {
		t.Fatalf("listing on with an expired token gave %v, want 410 Expired", expired)
	}
	if message := expired.Error(); !strings.Contains(message, "continue") || !strings.Contains(message, "limit") && !strings.Contains(message, "without") {
		t.Errorf("the message does not say what to do: %s", message)
	}
	// 回答里带着一个能接着翻、但不再一致的令牌。
	var status apierrors.APIStatus
	if !errors.As(expired, &status) || status.Status().Continue == "" {
		t.Fatalf("the answer has no token to go on with: %#v", expired)
	}
	rest, err := c.List(t.Context(), metav1.ListOptions{Continue: status.Status().Continue})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"expired-2", "expired-3"}, names(rest)); diff != "" {
		t.Errorf("going on with the new token does not give the rest (-want +got):\n%s", diff)
	}
	if _, err := c.List(t.Context(), metav1.ListOptions{ResourceVersion: first.GetResourceVersion(), ResourceVersionMatch: metav1.ResourceVersionMatchExact}); !apierrors.IsResourceExpired(err) {
		t.Errorf("listing at a compacted resource version gave %v, want 410", err)
	}
}

// TestBadContinue 保证编造的令牌得到 400 而不是 500 或别人的数据。
func TestBadContinue(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		for _, token := range []string{"rubbish", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8uLi8ifQ"} {
			if _, err := k.client(shared.admin).List(t.Context(), metav1.ListOptions{Limit: 1, Continue: token}); !apierrors.IsBadRequest(err) {
				t.Errorf("token %q gave %v, want 400", token, err)
			}
		}
	})
}

// TestBadParameters 保证写错的查询参数得到 400：尤其清空时，读不懂的选择器绝不能当作没有选择器。
func TestBadParameters(t *testing.T) {
	eachStored(t, func(t *testing.T, k kind) {
		for _, query := range []string{
			"limit=ten", "resourceVersion=rubbish", "resourceVersion=-1", "resourceVersionMatch=Exact", "resourceVersionMatch=Perhaps&resourceVersion=1",
			"labelSelector=a,,b(", "fieldSelector=spec.nonsense=x", "timeoutSeconds=soon&watch=1", "sendInitialEvents=true", "watch=1&sendInitialEvents=true",
		} {
			if got := shared.admin.send(t, http.MethodGet, k.path()+"?"+query, ""); got.code != http.StatusBadRequest && got.code != http.StatusUnprocessableEntity {
				t.Errorf("GET ?%s gave %d %.200s", query, got.code, got.body)
			}
		}
		for _, query := range []string{"labelSelector=a,,b(", "fieldSelector=spec.nonsense=x"} {
			if got := shared.admin.send(t, http.MethodDelete, k.path()+"?dryRun=All&"+query, ""); got.code != http.StatusBadRequest {
				t.Errorf("DELETE ?%s gave %d %.200s", query, got.code, got.body)
			}
		}
		for _, query := range []string{"dryRun=Perhaps", "fieldValidation=Sometimes", "fieldManager=" + strings.Repeat("m", 200)} {
			if got := shared.admin.send(t, http.MethodPost, k.path()+"?"+query, encode(t, k.object(unique("bad")).Object), "Content-Type", jsonType); got.code != http.StatusBadRequest && got.code != http.StatusUnprocessableEntity {
				t.Errorf("POST ?%s gave %d %.200s", query, got.code, got.body)
			}
		}
	})
}

func TestSelectors(t *testing.T) {
	t.Parallel()
	ada, bob, nobody := unique("ada"), unique("bob"), unique("nobody")
	batch := unique("select")
	email := func(name string) map[string]any { return map[string]any{"email": name + "@example.org"} }
	for name, spec := range map[string]map[string]any{ada: email(ada), bob: email(bob), nobody: {}} {
		k := users
		k.spec = spec
		k.create(t, shared, name, "batch", batch, "first", name[:1])
	}
	viewer, missing := unique("viewer"), unique("missing")
	for name, role := range map[string]string{viewer: "kubellm-viewer", missing: missing} {
		k := roleBindings
		k.spec = map[string]any{"roleRef": map[string]any{"name": role}, "allNamespaces": true}
		k.create(t, shared, name, "batch", batch)
	}
	cases := map[string]struct {
		reason  string
		kind    kind
		options metav1.ListOptions
		want    []string
	}{
		"Email":        {reason: "someone is found by mail address", kind: users, options: metav1.ListOptions{FieldSelector: "spec.email=" + ada + "@example.org"}, want: []string{ada}},
		"NoSuchEmail":  {reason: "nobody has it", kind: users, options: metav1.ListOptions{FieldSelector: "spec.email=" + unique("x") + "@example.org"}},
		"PartOfEmail":  {reason: "a selector compares the whole value", kind: users, options: metav1.ListOptions{FieldSelector: "spec.email=" + ada}},
		"WithoutEmail": {reason: "an unset field equals the empty value", kind: users, options: metav1.ListOptions{FieldSelector: "spec.email=", LabelSelector: "batch=" + batch}, want: []string{nobody}},
		"OtherEmail":   {reason: "unequal works too", kind: users, options: metav1.ListOptions{FieldSelector: "spec.email!=" + ada + "@example.org", LabelSelector: "batch=" + batch}, want: []string{bob, nobody}},
		"Name":         {reason: "every kind is selectable by name", kind: users, options: metav1.ListOptions{FieldSelector: "metadata.name=" + bob}, want: []string{bob}},
		"Both":         {reason: "selectors add up", kind: users, options: metav1.ListOptions{FieldSelector: "spec.email=" + ada + "@example.org,metadata.name=" + bob}},
		"Role":         {reason: "who holds a role", kind: roleBindings, options: metav1.ListOptions{FieldSelector: "spec.roleRef.name=" + missing}, want: []string{missing}},
		"RoleInBatch":  {reason: "field and label selectors add up", kind: roleBindings, options: metav1.ListOptions{FieldSelector: "spec.roleRef.name=kubellm-viewer", LabelSelector: "batch=" + batch}, want: []string{viewer}},
		"Label":        {reason: "label selectors take sets", kind: users, options: metav1.ListOptions{LabelSelector: "batch=" + batch + ",first in (a,n)"}, want: []string{ada, nobody}},
		"NotLabel":     {reason: "label selectors take absence", kind: users, options: metav1.ListOptions{LabelSelector: "batch=" + batch + ",first notin (a),!absent"}, want: []string{bob, nobody}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// 空版本号读最新，"0" 读监听缓存：两条路的选择结果必须一样。
			for _, version := range []string{"", "0"} {
				tc.options.ResourceVersion = version
				if version == "0" {
					waitForCache(t, tc.kind, batch)
				}
				list, err := tc.kind.client(shared.admin).List(t.Context(), tc.options)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, names(list)); diff != "" {
					t.Errorf("%s (resourceVersion %q) (-want +got):\n%s", tc.reason, version, diff)
				}
			}
		})
	}
}

// waitForCache 等监听缓存看到这一批对象。
func waitForCache(t *testing.T, k kind, batch string) {
	t.Helper()
	fresh, err := k.client(shared.admin).List(t.Context(), metav1.ListOptions{LabelSelector: "batch=" + batch})
	if err != nil {
		t.Fatal(err)
	}
	// 不早于该版本的读会等缓存追上。
	if _, err := k.client(shared.admin).List(t.Context(), metav1.ListOptions{ResourceVersion: fresh.GetResourceVersion(), Limit: 1}); err != nil {
		t.Fatal(err)
	}
}

// TestUnsupportedSelectors 保证选择器写错时得到 400 和可用的路径，list 与 watch 一样。
func TestUnsupportedSelectors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		kind   kind
		field  string
		names  []string
	}{
		"User":         {reason: "a user is not selected by display name", kind: users, field: "spec.displayName=x", names: []string{"spec.displayName", "metadata.name", "spec.email"}},
		"Role":         {reason: "a role has no fields to select by", kind: roles, field: "spec.description=x", names: []string{"spec.description", "metadata.name"}},
		"RoleBinding":  {reason: "subjects are a list", kind: roleBindings, field: "spec.subjects=x", names: []string{"spec.subjects", "metadata.name", "spec.roleRef.name"}},
		"OtherKinds":   {reason: "one kind's field is not another's", kind: users, field: "spec.roleRef.name=x", names: []string{"spec.roleRef.name", "spec.email"}},
		"NoNamespaces": {reason: "the kinds have no namespace", kind: users, field: "metadata.namespace=x", names: []string{"metadata.namespace", "spec.email"}},
		"Malformed":    {reason: "this is no selector at all", kind: users, field: "spec.email", names: []string{"spec.email"}},
	}
	for name, tc := range cases {
		for _, watch := range []string{"", "&watch=1"} {
			t.Run(name+watch, func(t *testing.T) {
				got := shared.admin.send(t, http.MethodGet, tc.kind.path()+"?fieldSelector="+tc.field+watch, "")
				if got.code != http.StatusBadRequest {
					t.Fatalf("%s: got %d %.300s", tc.reason, got.code, got.body)
				}
				message := got.status(t).Message
				for _, want := range tc.names {
					if !strings.Contains(message, want) {
						t.Errorf("the message does not name %s: %s", want, message)
					}
				}
			})
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	reader := unique("reader")
	u, r, b := users, roles, roleBindings
	u.spec = map[string]any{"email": "t@example.org", "groups": []any{"a", "b"}, "suspended": true}
	r.spec = map[string]any{"description": "Reads.", "rules": roles.spec["rules"]}
	b.spec = map[string]any{
		"roleRef": map[string]any{"name": reader}, "namespaces": []any{"one", "two"},
		"subjects": []any{
			map[string]any{"kind": "User", "name": "ada"}, map[string]any{"kind": "Group", "name": "dev"},
			map[string]any{"kind": "ServiceAccount", "name": "ci", "namespace": "build"}, map[string]any{"kind": "User", "name": "bob"},
		},
	}
	cases := map[string]struct {
		reason string
		kind   kind
		status map[string]any
		// columns 是列名，宽列以 + 开头；cells 是它们的内容，年龄除外。
		columns []string
		cells   []any
	}{
		"User": {
			reason:  "who someone is and whether he may come in",
			kind:    u,
			status:  map[string]any{"roles": []any{"x", "y"}, "conditions": observed()["conditions"]},
			columns: []string{"Name", "Email", "Suspended", "Ready", "+Groups", "+Roles", "Age"},
			cells:   []any{"t@example.org", true, "True", "a,b", "x,y"},
		},
		"Role":        {reason: "what a role is for", kind: r, columns: []string{"Name", "Rules", "+Description", "Age"}, cells: []any{float64(1), "Reads."}},
		"RoleBinding": {reason: "what is granted to whom and where", kind: b, columns: []string{"Name", "Role", "Subjects", "Ready", "+Namespaces", "Age"}, cells: []any{reader, "User/ada,Group/dev,ServiceAccount/ci,+1", "", "one,two"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			obj := tc.kind.create(t, shared, unique("table"))
			if tc.status != nil {
				if _, err := put(t.Context(), write{p: shared, as: shared.admin, kind: tc.kind, name: obj.GetName(), subresource: "status", patch: map[string]any{"status": tc.status}}); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{tc.kind.path(obj.GetName()), tc.kind.path(obj.GetName(), "status"), tc.kind.path() + "?fieldSelector=metadata.name=" + obj.GetName()} {
				checkTable(t, shared.admin.send(t, http.MethodGet, path, "", "Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"), obj.GetName(), tc.columns, tc.cells)
			}
		})
	}
}

func checkTable(t *testing.T, got answer, name string, columns []string, cells []any) {
	t.Helper()
	var table metav1.Table
	if err := json.Unmarshal([]byte(got.body), &table); err != nil || got.code != http.StatusOK || len(table.Rows) != 1 {
		t.Fatalf("got %d with %d rows (%v): %.500s", got.code, len(table.Rows), err, got.body)
	}
	var headers []string
	for i, column := range table.ColumnDefinitions {
		header := column.Name
		if column.Priority > 0 {
			header = "+" + header
		}
		headers = append(headers, header)
		if column.Description == "" {
			t.Errorf("column %s does not say what it shows", column.Name)
		}
		if declared := typeOf(table.Rows[0].Cells[i]); column.Type != declared {
			t.Errorf("column %s is declared %s but holds %s", column.Name, column.Type, declared)
		}
	}
	if diff := cmp.Diff(columns, headers); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	row := table.Rows[0].Cells
	if diff := cmp.Diff(append([]any{name}, cells...), row[:len(row)-1]); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
}

// typeOf 是一个单元格在 JSON 里的类型，按表格列声明的叫法。
func typeOf(cell any) string {
	switch cell.(type) {
	case bool:
		return "boolean"
	case float64:
		return "integer"
	default:
		return "string"
	}
}

// TestDefaultsAreWrittenOut 保证没写的字段以取值示人，读的人不必猜。
func TestDefaultsAreWrittenOut(t *testing.T) {
	t.Parallel()
	user, err := shared.admin.iam.Users().Create(t.Context(), newUser(unique("defaults")), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if user.Spec.Suspended == nil || *user.Spec.Suspended {
		t.Errorf("suspended defaults to %v, want false", user.Spec.Suspended)
	}
	binding := newBinding(unique("defaults"), "kubellm-viewer", []string{"one"})
	binding.Spec.AllNamespaces = nil
	created, err := shared.admin.iam.RoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if created.Spec.AllNamespaces == nil || *created.Spec.AllNamespaces {
		t.Errorf("allNamespaces defaults to %v, want false: what is not said is never everything", created.Spec.AllNamespaces)
	}
}

func names(list *unstructured.UnstructuredList) []string {
	var out []string
	for _, item := range list.Items {
		out = append(out, item.GetName())
	}
	return out
}
