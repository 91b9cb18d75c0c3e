package crossplane

import (
	"errors"
	"strings"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	clusterscopedcluster "github.com/kubellm/kubellm/apis/managed/clusterscoped/cluster/v1alpha1"
	namespacediam "github.com/kubellm/kubellm/apis/managed/namespaced/iam/v1alpha1"
	namespacedmodel "github.com/kubellm/kubellm/apis/managed/namespaced/model/v1alpha1"
	"github.com/kubellm/kubellm/internal/external"
)

func TestWrittenAs(t *testing.T) {
	cases := map[string]struct {
		reason      string
		mg          resource.Managed
		field, want string
	}{
		"Spec":        {"what is wanted is in forProvider", &namespacedmodel.Model{}, "spec.engine.args[0]", "spec.forProvider.engine.args[0]"},
		"Label":       {"labels of the platform's object are parameters", &namespacedmodel.Model{}, "metadata.labels[a.b/c]", "spec.forProvider.labels[a.b/c]"},
		"Annotations": {"so are annotations", &namespacedmodel.Model{}, "metadata.annotations", "spec.forProvider.annotations"},
		"Name":        {"the name is the external name, not a parameter", &namespacediam.User{}, "metadata.name", "metadata.name"},
		"Nothing":     {"an opinion of no field in particular", &namespacedmodel.Model{}, "", ""},
		"Token":       {"Secrets of the platform are told apart from those here", &namespacedmodel.Model{}, "spec.source.huggingFace.tokenSecretRef.name", "spec.forProvider.source.huggingFace.platformTokenSecretRef.name"},
		"Pull":        {"also to pull with", &namespacedmodel.Model{}, "spec.source.oci.pullSecretRef", "spec.forProvider.source.oci.platformPullSecretRef"},
		"S3":          {"also for S3", &namespacedmodel.Model{}, "spec.source.s3.credentialsSecretRef.name", "spec.forProvider.source.s3.platformCredentialsSecretRef.name"},
		"Kubeconfig":  {"also of clusters", &clusterscopedcluster.Cluster{}, "spec.credentials.kubeconfigSecretRef.key", "spec.forProvider.platformKubeconfigSecretRef.key"},
		"TLS":         {"it has no parent here", &clusterscopedcluster.Cluster{}, "spec.credentials.insecureSkipTLSVerify", "spec.forProvider.insecureSkipTLSVerify"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := writtenAs(tc.mg, tc.field); got != tc.want {
				t.Errorf("%s: writtenAs(%q) = %q, want %q", tc.reason, tc.field, got, tc.want)
			}
		})
	}
}

func TestAsWritten(t *testing.T) {
	platform := &external.Error{Class: external.ClassInvalid, Op: "create", Kind: "Model", Fields: []external.FieldError{{Field: "spec.engine.type", Message: "no"}}}
	err := asWritten(&namespacedmodel.Model{}, platform)
	if !strings.Contains(err.Error(), "spec.forProvider.engine.type: no") || external.ClassOf(err) != external.ClassInvalid {
		t.Errorf("the opinion is not of the managed resource's field: %v", err)
	}
	if platform.Fields[0].Field != "spec.engine.type" {
		t.Error("the platform's own error was changed")
	}
	if other := errors.New("other"); !errors.Is(asWritten(&namespacediam.User{}, other), other) || asWritten(&namespacediam.User{}, nil) != nil {
		t.Error("what is no opinion of a field was changed")
	}
}
