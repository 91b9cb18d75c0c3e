package v1alpha1

import (
	"maps"

	corev1 "k8s.io/api/core/v1"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// CredentialKeys 是要从控制面的 Secret 里取的键，各自对应平台的称呼：来源用不着的平台不收，所以也不取。
// Kubernetes 自己的拉取 Secret 不必改名就能用。
func (p *ModelParameters) CredentialKeys() map[string]string {
	takes := p.Source.credentialKeys()
	for i := range p.Adapters {
		maps.Copy(takes, p.Adapters[i].Source.credentialKeys())
	}
	return takes
}

func (s *ModelSource) credentialKeys() map[string]string {
	takes := map[string]string{}
	if s == nil {
		return takes
	}
	if s.HuggingFace != nil {
		takes[modelv1alpha1.CredentialToken] = modelv1alpha1.CredentialToken
	}
	if s.S3 != nil {
		takes[modelv1alpha1.CredentialAccessKeyID] = modelv1alpha1.CredentialAccessKeyID
		takes[modelv1alpha1.CredentialSecretAccessKey] = modelv1alpha1.CredentialSecretAccessKey
	}
	if s.OCI != nil {
		takes[corev1.DockerConfigJsonKey] = modelv1alpha1.CredentialDockerConfigJSON
		takes[modelv1alpha1.CredentialDockerConfigJSON] = modelv1alpha1.CredentialDockerConfigJSON
	}
	return takes
}
