package engine

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// Replaces 报告从 was 到 is 要不要换下跑着的副本：副本照着造的样子变了，或者换了交付方式。只是个数变了的不换。
func Replaces(was, is Input) (bool, error) {
	before, err := template(was)
	if err != nil {
		return false, err
	}
	after, err := template(is)
	return !equality.Semantic.DeepEqual(before, after), err
}

// template 是副本照着造的样子；KServe 的看它的摘要，别的字段里有不归副本的。
func template(in Input) (any, error) {
	objects, err := Render(in)
	if err != nil {
		return nil, err
	}
	if revision := Revision(objects); revision != "" {
		return revision, nil
	}
	for _, object := range objects {
		if u := object.(*unstructured.Unstructured); u.GetKind() == "Deployment" {
			made, _, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "template")
			return made, err
		}
	}
	return nil, nil
}

// AtOnce 是 m 换副本时至多同时换几个；零表示一下子全换，其间没有谁在服务。
func AtOnce(m *model.Model) int32 {
	rollout := defaulted(m).Spec.Rollout
	if *rollout.Type == model.RolloutRecreate {
		return 0
	}
	return *rollout.MaxSurge + *rollout.MaxUnavailable
}
