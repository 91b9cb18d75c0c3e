package model

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubellm/kubellm/apis/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/controller/engine"
	"github.com/kubellm/kubellm/internal/controller/secrets"
)

// errTurned 说凭据在取来放上去之前又换了；新的一轮已经在路上。
var errTurned = errors.New("the credentials changed while they were applied; they are taken up in a moment")

// grip 是关于一个 Model 的凭据记得的；只有版本与摘要，出处的版本没变就不再向平台要内容。
type grip struct {
	// secrets 是点名的 Secret 的，handed 是经 models/credentials 交来的。
	secrets map[string]glimpse
	handed  glimpse
}

// glimpse 是一份凭据看过一眼之后记得的：版本，各个键的内容的摘要。空着的键不算有。
type glimpse struct {
	version string
	sums    map[string]string
}

func glimpseOf(version string, data map[string][]byte) glimpse {
	g := glimpse{version, map[string]string{}}
	for key, value := range data {
		if len(value) > 0 {
			g.sums[key] = digest(value)
		}
	}
	return g
}

// wanted 是一个键从哪个 Secret 的哪个键来。
type wanted struct{ secret, key string }

// intake 是取一轮凭据：内容只在这一轮里有，一轮完了就放手。
type intake struct {
	*Reconciler
	*grip
	model *v1alpha1.Model
	refs  map[string]wanted
	// read 与 taken 是这一轮从 Secret、从交来的里取到的内容。
	read  map[string]map[string][]byte
	taken map[string][]byte
}

// credentials 看 model 要的凭据，只看要的那几个键。凭据不能用是结果，平台答不上来才是错误。
func (r *Reconciler) credentials(ctx context.Context, model *v1alpha1.Model) (credentials, error) {
	in := &intake{Reconciler: r, grip: r.grips.of(model), model: model, refs: references(model.Spec.Source), read: map[string]map[string][]byte{}}
	got := credentials{sums: map[string]string{}, content: in.content}
	var versions []string
	if model.Status.CredentialsVersion != "" {
		if in.handed.version != model.Status.CredentialsVersion {
			if err := in.takeHandedIn(ctx); err != nil {
				return credentials{}, err
			}
		}
		got.handedIn = in.handed.version
	}
	for _, key := range engine.CredentialKeys(model) {
		ref, named := in.refs[key]
		if !named {
			if sum := in.handed.sums[key]; sum != "" && got.handedIn != "" {
				got.sums[key] = sum
			}
			continue
		}
		refusal, err := in.look(ctx, ref)
		if err != nil || refusal != nil {
			return credentials{problem: refusal, handedIn: got.handedIn}, err
		}
		got.sums[key] = in.secrets[ref.secret].sums[ref.key]
		versions = append(versions, in.secrets[ref.secret].version+"/"+ref.key)
	}
	if model.Status.CredentialsVersion != "" {
		versions = append(versions, in.handed.version)
	}
	got.version = strings.Join(versions, ",")
	return got, nil
}

// look 看缓存里 Secret 的元数据，变了才取一次内容。
func (in *intake) look(ctx context.Context, ref wanted) (*problem, error) {
	key := client.ObjectKey{Namespace: in.model.Namespace, Name: ref.secret}
	secret, err := secrets.Fetch(ctx, in.Client, in.Live, key, func(m metav1.Object) bool { return in.secrets[ref.secret].version != version(m) })
	if secret != nil {
		in.secrets[ref.secret], in.read[ref.secret] = glimpseOf(version(secret), secret.Data), secret.Data
	}
	switch {
	case apierrors.IsNotFound(err):
		delete(in.secrets, ref.secret)
		return &problem{v1alpha1.ReasonSecretNotFound, fmt.Sprintf(
			"The Secret %q does not exist in the namespace %q. It is taken up as soon as it is created.", ref.secret, in.model.Namespace)}, nil
	case err != nil:
		return nil, fmt.Errorf("get the Secret %q, which holds credentials of the model: %w", key, err)
	case in.secrets[ref.secret].sums[ref.key] == "":
		return &problem{v1alpha1.ReasonSecretKeyMissing, fmt.Sprintf(
			"The Secret %q in the namespace %q has nothing under the key %q.", ref.secret, in.model.Namespace, ref.key)}, nil
	default:
		return nil, nil
	}
}

func version(m metav1.Object) string { return string(m.GetUID()) + "/" + m.GetResourceVersion() }

// takeHandedIn 取一次交来的凭据。
func (in *intake) takeHandedIn(ctx context.Context) error {
	handed := &v1alpha1.ModelCredentials{}
	if err := in.Client.SubResource("credentials").Get(ctx, in.model, handed); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get the credentials handed in for model %q: %w", client.ObjectKeyFromObject(in.model), err)
	}
	in.handed, in.taken = glimpseOf(handed.Status.Version, handed.Spec.Data), handed.Spec.Data
	return nil
}

// content 是要放到成员上的内容，只有要的那几个键；这一轮还没有取过的现取。
func (in *intake) content(ctx context.Context) (map[string][]byte, error) {
	data := map[string][]byte{}
	for _, key := range engine.CredentialKeys(in.model) {
		value, err := in.value(ctx, key)
		if err != nil {
			return nil, err
		}
		if len(value) > 0 {
			data[key] = value
		}
	}
	return data, nil
}

// value 是一个键的内容；取来的已不是看过的那一版时不给，版本与内容对不上的不能放上去。
func (in *intake) value(ctx context.Context, key string) ([]byte, error) {
	if ref, named := in.refs[key]; named {
		if in.read[ref.secret] == nil {
			if err := in.reread(ctx, ref.secret); err != nil {
				return nil, err
			}
		}
		return in.read[ref.secret][ref.key], nil
	}
	if in.model.Status.CredentialsVersion == "" {
		return nil, nil
	}
	if seen := in.handed.version; in.taken == nil && in.handed.sums[key] != "" {
		if err := in.takeHandedIn(ctx); err != nil {
			return nil, err
		}
		if in.handed.version != seen {
			return nil, errTurned
		}
	}
	return in.taken[key], nil
}

func (in *intake) reread(ctx context.Context, name string) error {
	secret, key := &corev1.Secret{}, client.ObjectKey{Namespace: in.model.Namespace, Name: name}
	if err := in.Live.Get(ctx, key, secret); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get the Secret %q, which holds credentials of the model: %w", key, err)
	}
	if version(secret) != in.secrets[name].version {
		return errTurned
	}
	in.read[name] = secret.Data
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
