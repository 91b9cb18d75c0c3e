package engine

import (
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	model "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// imageDownload 替 llama.cpp 从 S3 取文件：它自己不会读。vLLM 与 SGLang 直接流式读进显存，不需要。
const imageDownload = "rclone/rclone:1.70.3"

// s3URL 是 vLLM 与 SGLang 的写法。
func s3URL(source *model.S3Source) string {
	return "s3://" + path.Join(source.Bucket, ptr.Deref(source.Prefix, ""))
}

// s3Env 说明桶在哪里。别家的服务没有虚拟主机式的域名，也没有亚马逊的元数据服务，不说明就会去等它。
func s3Env(source *model.S3Source) []corev1.EnvVar {
	var env []corev1.EnvVar
	if endpoint := ptr.Deref(source.Endpoint, ""); endpoint != "" {
		env = append(env,
			corev1.EnvVar{Name: "AWS_EC2_METADATA_DISABLED", Value: "true"},
			corev1.EnvVar{Name: "AWS_ENDPOINT_URL", Value: literal(endpoint)},
			corev1.EnvVar{Name: "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING", Value: "0"},
		)
	}
	if region := ptr.Deref(source.Region, ""); region != "" {
		env = append(env, corev1.EnvVar{Name: "AWS_DEFAULT_REGION", Value: literal(region)}, corev1.EnvVar{Name: "AWS_REGION", Value: literal(region)})
	}
	return env
}

// downloaded 先把一个文件取到缓存里；取过的、大小相同的不会再取。
func downloaded(in Input, source *model.S3Source) files {
	key := ptr.Deref(source.Prefix, "")
	target := path.Join(cachePath, "s3", source.Bucket, key)
	return files{path: target, download: &corev1.Container{
		Name: "download", Image: imageDownload, ImagePullPolicy: corev1.PullIfNotPresent,
		Command: []string{"rclone"},
		Args:    literals([]string{"copyto", ":s3:" + path.Join(source.Bucket, key), target}),
		Env:     append(append(home(), credentialEnv(in)...), rcloneEnv(source)...),
		VolumeMounts: []corev1.VolumeMount{
			{Name: volumeCache, MountPath: cachePath}, {Name: volumeHome, MountPath: homePath},
		},
		SecurityContext: hardened(), TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}}
}

func rcloneEnv(source *model.S3Source) []corev1.EnvVar {
	provider, endpoint := "AWS", ptr.Deref(source.Endpoint, "")
	if endpoint != "" {
		provider = "Other"
	}
	env := []corev1.EnvVar{{Name: "RCLONE_S3_ENV_AUTH", Value: "true"}, {Name: "RCLONE_S3_PROVIDER", Value: provider}}
	if endpoint != "" {
		env = append(env, corev1.EnvVar{Name: "RCLONE_S3_ENDPOINT", Value: literal(endpoint)})
	}
	if region := ptr.Deref(source.Region, ""); region != "" {
		env = append(env, corev1.EnvVar{Name: "RCLONE_S3_REGION", Value: literal(region)})
	}
	return env
}
