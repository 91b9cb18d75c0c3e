package server

import (
	apimachineryversion "k8s.io/apimachinery/pkg/version"
	basecompatibility "k8s.io/component-base/compatibility"

	"github.com/kubellm/kubellm/internal/version"
)

// 平台所说的 Kubernetes API 版本：kubectl 靠它判断自己是否太旧；与 go.mod 里 k8s.io/apiserver 的版本一同更改。
const (
	kubernetesMajor = "1"
	kubernetesMinor = "37"
	kubernetesPatch = "2"
)

// servedVersion 在 /version 里给出可解析的版本；上游的占位文字会让 kubectl version 出错。
type servedVersion struct {
	basecompatibility.EffectiveVersion
}

func (v servedVersion) Info() *apimachineryversion.Info {
	info := apimachineryversion.Info{}
	if upstream := v.EffectiveVersion.Info(); upstream != nil {
		info = *upstream
	}
	info.Major, info.Minor = kubernetesMajor, kubernetesMinor
	info.GitVersion = "v" + kubernetesMajor + "." + kubernetesMinor + "." + kubernetesPatch + "+kubellm-" + version.String()
	info.GitCommit, info.GitTreeState, info.BuildDate = "", "", ""
	return &info
}
