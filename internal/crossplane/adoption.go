package crossplane

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	"github.com/kubellm/kubellm/apis/meta"
)

const (
	// adoptAny 作为接管标注的值，表示不论现在归谁；写明归属标记则只从那一位手里接管。
	adoptAny = "true"
	// adoptedAnnotation 记下已经接管过哪个对象：接管只做一次，否则两边都留着标注时会无休止地互相抢夺。
	adoptedAnnotation = "kubellm.io/adopted"
)

// wantsAdoption 判断用户是否明确要求接管这个平台对象，并且还没有接管过它。
func wantsAdoption(mg resource.Managed, uid, holder string) bool {
	from := mg.GetAnnotations()[meta.AdoptAnnotation]
	if from != adoptAny && (from == "" || from != holder) {
		return false
	}
	return mg.GetAnnotations()[adoptedAnnotation] != adoptionRecord(uid, from)
}

func adoptionRecord(uid, from string) string { return uid + " " + from }

// recordAdoption 在托管资源上记下这次接管。
func recordAdoption(ctx context.Context, kube client.Client, mg resource.Managed, uid string) error {
	before, err := copyOf(mg)
	if err != nil {
		return err
	}
	xpmeta.AddAnnotations(mg, map[string]string{adoptedAnnotation: adoptionRecord(uid, mg.GetAnnotations()[meta.AdoptAnnotation])})
	if err := kube.Patch(ctx, mg, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("cannot record the adoption in annotation %s: %w", adoptedAnnotation, err)
	}
	return nil
}
