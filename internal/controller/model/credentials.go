package model

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/secrets"
)

// grip 是为一个 Model 握着的凭据；只在内存里，出处的版本没变就不再向平台要。
type grip struct {
	uid types.UID
	// secrets 是点名的 Secret 里取来的，handed 是经 models/credentials 交来的。
	secrets  map[string]held
	handed   map[string][]byte
	handedIn string
}

// held 是一个 Secret 里取来的内容与它的版本。
type held struct {
	version string
	data    map[string][]byte
}

// wanted 是一个键从哪个 Secret 的哪个键来。
type wanted struct{ secret, key string }

// credentials 取来 model 要的凭据，只有要的那几个键。凭据不能用是结果，平台答不上来才是错误。
func (r *Reconciler) credentials(ctx context.Context, model *v1alpha1.Model) (credentials, error) {
	g := r.grips.of(model)
	got := credentials{data: map[string][]byte{}, handedIn: model.Status.CredentialsVersion}
	refs, versions := references(model.Spec.Source), []string(nil)
	for _, key := range engine.CredentialKeys(model) {
		ref, named := refs[key]
		if !named {
			continue
		}
		value, refusal, err := r.fromSecret(ctx, g, model, ref)
		if err != nil || refusal != nil {
			return credentials{problem: refusal, handedIn: got.handedIn}, err
		}
		got.data[key] = value
		versions = append(versions, g.secrets[ref.secret].version+"/"+ref.key)
	}
	if model.Status.CredentialsVersion != "" {
		if err := r.takeHandedIn(ctx, g, model); err != nil {
			return credentials{}, err
		}
		got.handedIn = g.handedIn
		for _, key := range engine.CredentialKeys(model) {
			if _, named := refs[key]; !named && len(g.handed[key]) > 0 {
				got.data[key] = g.handed[key]
			}
		}
		versions = append(versions, g.handedIn)
	}
	got.version = strings.Join(versions, ",")
	return got, nil
}

// fromSecret 看缓存里 Secret 的元数据，变了才取一次内容。
func (r *Reconciler) fromSecret(ctx context.Context, g *grip, model *v1alpha1.Model, ref wanted) ([]byte, *problem, error) {
	key := client.ObjectKey{Namespace: model.Namespace, Name: ref.secret}
	secret, err := secrets.Fetch(ctx, r.Client, r.Live, key, func(m metav1.Object) bool { return g.secrets[ref.secret].version != version(m) })
	if secret != nil {
		g.secrets[ref.secret] = held{version(secret), secret.Data}
	}
	switch value := g.secrets[ref.secret].data[ref.key]; {
	case apierrors.IsNotFound(err):
		delete(g.secrets, ref.secret)
		return nil, &problem{v1alpha1.ReasonSecretNotFound, fmt.Sprintf(
			"The Secret %q does not exist in the namespace %q. It is taken up as soon as it is created.", ref.secret, model.Namespace)}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("get the Secret %q, which holds credentials of the model: %w", key, err)
	case len(value) == 0:
		return nil, &problem{v1alpha1.ReasonSecretKeyMissing, fmt.Sprintf(
			"The Secret %q in the namespace %q has nothing under the key %q.", ref.secret, model.Namespace, ref.key)}, nil
	default:
		return value, nil, nil
	}
}

func version(m metav1.Object) string { return string(m.GetUID()) + "/" + m.GetResourceVersion() }

// takeHandedIn 在状态里的版本不是手上那份时，取一次交来的凭据。
func (r *Reconciler) takeHandedIn(ctx context.Context, g *grip, model *v1alpha1.Model) error {
	if g.handedIn == model.Status.CredentialsVersion {
		return nil
	}
	handed := &v1alpha1.ModelCredentials{}
	if err := r.Client.SubResource("credentials").Get(ctx, model, handed); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get the credentials handed in for model %q: %w", client.ObjectKeyFromObject(model), err)
	}
	g.handed, g.handedIn = handed.Spec.Data, handed.Status.Version
	return nil
}

// references 是来源点名从 Secret 来的键；一个模型一套凭据，适配器没有自己的（准入时就拒绝了）。
func references(s v1alpha1.ModelSource) map[string]wanted {
	switch {
	case s.HuggingFace != nil && s.HuggingFace.TokenSecretRef != nil:
		ref := s.HuggingFace.TokenSecretRef
		return map[string]wanted{v1alpha1.CredentialToken: {ref.Name, ref.Key}}
	case s.OCI != nil && s.OCI.PullSecretRef != nil:
		ref := s.OCI.PullSecretRef
		return map[string]wanted{v1alpha1.CredentialDockerConfigJSON: {ref.Name, ref.Key}}
	case s.S3 != nil && s.S3.CredentialsSecretRef != nil:
		name := s.S3.CredentialsSecretRef.Name
		return map[string]wanted{
			v1alpha1.CredentialAccessKeyID:     {name, v1alpha1.CredentialAccessKeyID},
			v1alpha1.CredentialSecretAccessKey: {name, v1alpha1.CredentialSecretAccessKey},
		}
	default:
		return nil
	}
}
