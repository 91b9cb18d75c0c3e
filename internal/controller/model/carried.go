package model

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
)

const secretKind = "Secret"

// carried 是一个成员上的副本正用着的凭据与它的版本。内容没变，版本就不变：
// 给 Secret 贴个标签、重启控制器，都不该让几十分钟才装好的副本重来一遍。
// 内容只在内存里比，成员上留下的只有不透明的版本。
type carried struct {
	version string
	data    map[string][]byte
}

// carriers 是一个模型在各个集群上的，按 Cluster 的 UID。
type carriers map[types.UID]carried

// render 渲染一处要放的：凭据的内容与那里从前的一样，就还用从前的版本。
func (r *Reconciler) render(ctx context.Context, v view, s *site) ([]client.Object, error) {
	all := r.carried.of(v.UID, func() carriers { return carriers{} })
	now := carried{v.credentials.version, v.credentials.data}
	was, known := all[s.cluster.UID]
	if !known {
		// 重启之后内存里没有，就向成员问一次它自己的那份。
		var err error
		if was, err = r.onMember(ctx, v, s); err != nil {
			return nil, err
		}
	}
	if was.version != "" && maps.EqualFunc(was.data, now.data, bytes.Equal) {
		now.version = was.version
	}
	all[s.cluster.UID] = now
	return renderAs(v, s, now.version)
}

// renderAs 把版本也写在 Secret 上，重启之后凭它认得出。
func renderAs(v view, s *site, version string) ([]client.Object, error) {
	objects, err := engine.Render(engine.Input{Model: v.Model, Cluster: s.cluster, Placement: s.placement,
		Credentials: v.credentials.data, CredentialsVersion: version})
	for _, object := range objects {
		if object.GetObjectKind().GroupVersionKind().Kind == secretKind {
			object.SetAnnotations(map[string]string{engine.AnnotationCredentials: version})
		}
	}
	return objects, err
}

// onMember 直接读一次成员上的 Secret：内容都与现在要放的一样，就答那里的版本，否则答空。
func (r *Reconciler) onMember(ctx context.Context, v view, s *site) (carried, error) {
	objects, err := renderAs(v, s, v.credentials.version)
	if err != nil {
		return carried{}, err
	}
	versions := sets.New[string]()
	for _, object := range objects {
		if object.GetObjectKind().GroupVersionKind().Kind != secretKind {
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
	return carried{versions.UnsortedList()[0], v.credentials.data}, nil
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
