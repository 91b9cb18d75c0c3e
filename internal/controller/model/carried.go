package model

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
)

const secretKind = "Secret"

// carried 是一个成员上的副本正用着的凭据的版本与摘要。内容没变，版本就不变：
// 给 Secret 贴个标签、重启控制器，都不该让几十分钟才装好的副本重来一遍。
// 摘要只在内存里比，成员上留下的只有不透明的版本。
type carried struct {
	version string
	sums    map[string]string
}

// carriers 是一个模型在各个集群上的，按 Cluster 的 UID。
type carriers map[types.UID]carried

// rendering 是一处要放的；Secret 只有键，内容到真要放上去时才填。
type rendering struct {
	view
	*site
	version string
	// wants 是要放的，按放的次序。
	wants []client.Object
	// filled 是填上了内容的，只在这一轮里有。
	filled []client.Object
}

// render 渲染一处要放的：凭据的内容与那里从前的一样，就还用从前的版本。
func (r *Reconciler) render(ctx context.Context, v view, s *site) (*rendering, error) {
	all := r.carriersOf(v.UID)
	now := carried{v.credentials.version, v.credentials.sums}
	was, known := all[s.cluster.UID]
	if !known {
		// 重启之后内存里没有，就向成员问一次它自己的那份。
		var err error
		if was, err = r.onMember(ctx, v, s); err != nil {
			return nil, err
		}
	}
	if was.version != "" && maps.Equal(was.sums, now.sums) {
		now.version = was.version
	}
	all[s.cluster.UID] = now
	wants, err := renderAs(v, s, now.version, nil)
	return &rendering{view: v, site: s, version: now.version, wants: wants}, err
}

func (r *Reconciler) carriersOf(model types.UID) carriers {
	return r.carried.of(model, func() carriers { return carriers{} })
}

// rotated 报告 on 上的副本用着的凭据已不是现在的。
func (r *Reconciler) rotated(v view, on types.UID) bool {
	was, known := r.carriersOf(v.UID)[on]
	return known && !maps.Equal(was.sums, v.credentials.sums)
}

// renderAs 把版本与来源也写在 Secret 上，重启之后凭它们认得出；content 为 nil 时 Secret 只有键。
func renderAs(v view, s *site, version string, content map[string][]byte) ([]client.Object, error) {
	objects, err := engine.Render(engine.Input{Model: v.Model, Cluster: s.cluster, Placement: s.placement,
		Credentials: content, Held: sets.KeySet(v.credentials.sums), CredentialsVersion: version})
	for _, object := range objects {
		if kindOf(object) == secretKind {
			object.SetAnnotations(map[string]string{engine.AnnotationCredentials: version, engine.AnnotationSource: sourceOf(v.Model)})
		}
	}
	return objects, err
}

func kindOf(object client.Object) string { return object.GetObjectKind().GroupVersionKind().Kind }

// sourceOf 是凭据为之而来的来源的摘要；从哪个 Secret 来不算，那正是会换的。
func sourceOf(m *v1alpha1.Model) string {
	sources := []*v1alpha1.ModelSource{m.Spec.Source.DeepCopy()}
	for i := range m.Spec.Adapters {
		sources = append(sources, m.Spec.Adapters[i].Source.DeepCopy())
	}
	for _, s := range sources {
		switch {
		case s.HuggingFace != nil:
			s.HuggingFace.TokenSecretRef = nil
		case s.OCI != nil:
			s.OCI.PullSecretRef = nil
		case s.S3 != nil:
			s.S3.CredentialsSecretRef = nil
		}
	}
	return digest(sources)[:16]
}

// fill 是填上了内容的 key 这个 Secret。
func (r *rendering) fill(ctx context.Context, key target) (*unstructured.Unstructured, error) {
	if r.filled == nil {
		content, err := r.credentials.content(ctx)
		if err != nil {
			return nil, err
		}
		if r.filled, err = renderAs(r.view, r.site, r.version, content); err != nil {
			return nil, err
		}
	}
	for _, object := range r.filled {
		if u, err := manifest(object); err != nil || keyOf(u) == key {
			return u, err
		}
	}
	return nil, fmt.Errorf("%s is not among what is rendered", key)
}

// onMember 直接读一次成员上的 Secret：内容都与现在要放的一样，就答那里的版本，否则答空。
func (r *Reconciler) onMember(ctx context.Context, v view, s *site) (carried, error) {
	if len(v.credentials.sums) == 0 {
		return carried{}, nil
	}
	content, err := v.credentials.content(ctx)
	if err != nil {
		return carried{}, err
	}
	objects, err := renderAs(v, s, v.credentials.version, content)
	if err != nil {
		return carried{}, err
	}
	versions := sets.New[string]()
	for _, object := range objects {
		if kindOf(object) != secretKind {
			continue
		}
		version, err := unchanged(ctx, s.client, v.UID, object)
		if err != nil {
			return carried{}, err
		}
		versions.Insert(version)
	}
	if versions.Len() != 1 {
		// 没有 Secret，或者上次只放了一半：照新的来。
		return carried{}, nil
	}
	return carried{versions.UnsortedList()[0], v.credentials.sums}, nil
}

// unchanged 答成员上这一个 Secret 的版本；没有、不是为这个模型放的、或者内容不同，都答空。
func unchanged(ctx context.Context, on client.Reader, model types.UID, rendered client.Object) (string, error) {
	key := client.ObjectKeyFromObject(rendered)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(rendered)
	if err != nil {
		return "", fmt.Errorf("read what is rendered for Secret %s: %w", key, err)
	}
	var wanted, there corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &wanted); err != nil {
		return "", fmt.Errorf("read what is rendered for Secret %s: %w", key, err)
	}
	if err := on.Get(ctx, key, &there); client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("read Secret %s, to see whether its content has changed: %w", key, err)
	}
	if there.Labels[v1alpha1.LabelModelUID] != string(model) || !maps.EqualFunc(there.Data, wanted.Data, bytes.Equal) {
		return "", nil
	}
	return there.Annotations[engine.AnnotationCredentials], nil
}
