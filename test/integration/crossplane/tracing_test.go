package crossplane

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// TestTracing 看一个用户的来龙去脉：provider 的每次协调是一条追踪，发往平台与控制面的请求都在它下面；
// 监视与轮询的缓存不在其中。
func TestTracing(t *testing.T) {
	t.Parallel()
	collector := harness.NewCollector(t)
	traced, err := startControlPlane(t.Context(), newStack(t), "traced")
	if err != nil {
		t.Fatal(err)
	}
	if err := traced.connect(t.Context(), platform); err != nil {
		t.Fatal(err)
	}
	if err := traced.startProvider(t.Context(), "--poll=1h", "--tracing-config-file="+harness.TracingConfig(t, collector.Address, 1_000_000)); err != nil {
		t.Fatal(err)
	}
	mg := user(traced.namespace(t), "traced")
	if err := traced.kube.Create(t.Context(), mg); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, traced, mg)
	creating := func(root, request harness.Span) bool {
		return request.Parent == root.ID && root.Parent == "" && root.Name == "reconcile User" &&
			root.Attributes["kubellm.object.name"] == mg.Name && root.Attributes["kubellm.object.uid"] == string(mg.UID) &&
			request.Attributes["url.full"] == platform.URL+"/apis/iam.kubellm.io/v1alpha1/users/traced" && request.Attributes["http.response.status_code"] == "201"
	}
	harness.Eventually(t, "the trace of making the user", promptly, func(context.Context) error {
		spans := collector.Spans()
		for _, request := range spans {
			if slices.ContainsFunc(spans, func(root harness.Span) bool { return creating(root, request) }) {
				return nil
			}
		}
		return fmt.Errorf("none of %d spans is the request for it, under a reconcile of it", len(spans))
	})
	// 停下时送出剩下的，此后什么也不会再来。
	if err := traced.provider.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, span := range collector.Spans() {
		if span.Service != "kubellm-crossplane" || span.Parent == "" && !strings.HasPrefix(span.Name, "reconcile ") {
			t.Errorf("this is not of a reconcile of the provider: %+v", span)
		}
		if strings.Contains(span.Attributes["url.full"], "?") {
			t.Errorf("the query of a request was recorded: %s", span.Attributes["url.full"])
		}
	}
}
