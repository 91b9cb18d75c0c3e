package provider

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var requestCount = regexp.MustCompile(`^apiserver_request_total\{.*resource="([a-z]+)".*verb="([A-Z]+)".*\} ([0-9.e+]+)$`)

// requests 从平台自己的指标数出对一个资源的请求，按动词；测试逐个跑，其间没有别人。
func requests(t *testing.T, resource string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, line := range strings.Split(kubectl(t, "get", "--raw", "/metrics"), "\n") {
		found := requestCount.FindStringSubmatch(line)
		if found == nil || found[1] != resource {
			continue
		}
		n, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			t.Fatalf("read the platform's metrics: %v", err)
		}
		out[found[2]] += int(n)
	}
	return out
}

// ownWatches 是平台自己的部件在这期间至多会换的监视：监视在结束时才计数，而它们每过几分钟就换一次，不是要量的花费。
const ownWatches = 4

// spent 是做一件事花掉的请求。
func spent(t *testing.T, resource string, do func()) map[string]int {
	t.Helper()
	before := requests(t, resource)
	do()
	after := requests(t, resource)
	for verb, n := range before {
		after[verb] -= n
	}
	maps.DeleteFunc(after, func(verb string, n int) bool { return n == 0 || verb == "WATCH" && n <= ownWatches })
	return after
}

// TestRequestBudget 数二百个资源的一生要多少请求：刷新不超过 16 次 GET 与一次 LIST，写一个就是一次请求。
func TestRequestBudget(t *testing.T) {
	const count = 200
	prefix := unique("many")
	w := newUserWorkspace(t, platform.Kubeconfig)
	config := func(domain string) string {
		return fmt.Sprintf(`resource "kubellm_user" "many" {
  count = %d
  name  = "%s-${count.index}"
  email = "u${count.index}@%s"
}
`, count, prefix, domain)
	}
	refresh := func(what string, got map[string]int) {
		t.Helper()
		if got["GET"] > 16 || got["LIST"] > 1 {
			t.Errorf("%s cost %v, want at most 16 GET and 1 LIST", what, got)
		}
	}

	w.write(t, "main.tf", config("example.com"))
	got := spent(t, "users", func() { w.apply(t) })
	if want := map[string]int{"PATCH": count}; !maps.Equal(got, want) && !maps.Equal(got, map[string]int{"APPLY": count}) {
		t.Errorf("creating %d users cost %v, want %v", count, got, want)
	}
	got = spent(t, "users", func() { w.emptyPlan(t, "the second plan of two hundred resources is empty") })
	refresh("an empty plan", got)
	if len(got) > 2 {
		t.Errorf("an empty plan cost %v, want GET and LIST only", got)
	}

	w.write(t, "main.tf", config("example.org"))
	got = spent(t, "users", func() { w.apply(t) })
	refresh("the refresh before an update", got)
	if got["PATCH"]+got["APPLY"] != count {
		t.Errorf("updating %d users cost %v, want one request each", count, got)
	}

	got = spent(t, "users", func() { w.destroy(t) })
	t.Logf("destroying %d users cost %v", count, got)
	if got["DELETE"] != count {
		t.Errorf("destroying %d users cost %v", count, got)
	}
}
