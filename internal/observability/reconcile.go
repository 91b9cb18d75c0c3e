package observability

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// scope 说 span 出自哪里。
const scope = "github.com/kubellm/kubellm/internal/observability"

// 属性的名字；值只有名字、编号与错误的种类，从不是对象的内容。
const (
	attrController   = attribute.Key("kubellm.controller")
	attrReconcileID  = attribute.Key("kubellm.reconcile.id")
	attrRequeueAfter = attribute.Key("kubellm.reconcile.requeue_after_seconds")
	attrKind         = attribute.Key("kubellm.object.kind")
	attrNamespace    = attribute.Key("kubellm.object.namespace")
	attrName         = attribute.Key("kubellm.object.name")
	attrUID          = attribute.Key("kubellm.object.uid")
	attrGeneration   = attribute.Key("kubellm.object.generation")
	attrCluster      = attribute.Key("kubellm.cluster")
)

// Reconciler 让 next 的每次协调自成一条追踪：它是异步的，一次可以应几个请求，不接在哪个请求的后面。
func (t *Tracing) Reconciler(controller, kind string, next reconcile.Reconciler) reconcile.Reconciler {
	if t == nil {
		return next
	}
	return &traced{
		next: next, tracer: t.provider.Tracer(scope), name: "reconcile " + kind,
		about: trace.WithAttributes(attrController.String(controller), attrKind.String(kind)),
	}
}

type traced struct {
	next   reconcile.Reconciler
	tracer trace.Tracer
	name   string
	about  trace.SpanStartEventOption
}

// Reconcile 实现 reconcile.Reconciler。
func (t *traced) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	ctx, span := t.tracer.Start(ctx, t.name, t.about, trace.WithNewRoot(), trace.WithAttributes(
		attrNamespace.String(req.Namespace), attrName.String(req.Name),
		attrReconcileID.String(string(controller.ReconcileIDFromContext(ctx))),
	))
	result, err := t.next.Reconcile(ctx, req)
	if result.RequeueAfter > 0 {
		span.SetAttributes(attrRequeueAfter.Float64(result.RequeueAfter.Seconds()))
	}
	Span{span}.End(err)
	return result, err
}

// Object 在协调的 span 上记下它读到的是哪一个、哪一代，好与写下那一代的请求对上。
func Object(ctx context.Context, o metav1.Object) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attrUID.String(string(o.GetUID())), attrGeneration.Int64(o.GetGeneration()))
	}
}

// Span 是协调里的一步。
type Span struct{ span trace.Span }

// Start 在协调的 span 之下记一步；没有在记的时候什么也不花。cluster 是这一步对着的 Cluster，可以为空。
func Start(ctx context.Context, step, cluster string) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, step)
	if cluster != "" {
		span.SetAttributes(attrCluster.String(cluster))
	}
	return ctx, Span{span}
}

// End 结束这一步。只记 err 的种类：它的文字会引别的服务的话，那里面有什么不由平台说了算；日志里有全文。
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetAttributes(semconv.ErrorTypeKey.String(errorType(err)))
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// errorType 是错误的种类：API 服务器给的理由，否则是它的 Go 类型。
func errorType(err error) string {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return string(reason)
	}
	return semconv.ErrorType(err).Value.AsString()
}
