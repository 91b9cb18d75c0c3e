package validation

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/fieldcheck"
	"github.com/kubellm/kubellm/apis/model"
)

const (
	maxRepo     = 200
	maxRevision = 256
	maxPath     = 512
	maxImage    = 512
	maxRegion   = 63
	maxPrefix   = 1024
	maxEndpoint = 1024

	sourcesDetail = "exactly one of huggingFace, oci, s3 and pvc"
)

// 下面这些值最后都进引擎的命令行：以字母或数字开头，就不会被当成参数名。
var (
	repoShape     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)
	revisionShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	// imageShape 是 主机:端口/路径:标签@摘要；别处的 @ 与 :// 属于带密码的地址，不属于镜像。
	imageShape  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@[a-z0-9]+([+._-][a-z0-9]+)*:[a-fA-F0-9]+)?$`)
	bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	pathShape   = regexp.MustCompile(`^[A-Za-z0-9._][A-Za-z0-9._/ +=@-]*$`)
)

// validateSource 要求恰好一个来源，再校验那一个。
func validateSource(source *model.ModelSource, path *field.Path) field.ErrorList {
	var given []string
	var errs field.ErrorList
	if source.HuggingFace != nil {
		given = append(given, "huggingFace")
		errs = append(errs, validateHuggingFace(source.HuggingFace, path.Child("huggingFace"))...)
	}
	if source.OCI != nil {
		given = append(given, "oci")
		errs = append(errs, validateImage(source.OCI.Image, path.Child("oci", "image"))...)
		errs = append(errs, validateSecretKey(source.OCI.PullSecretRef, path.Child("oci", "pullSecretRef"))...)
	}
	if source.S3 != nil {
		given = append(given, "s3")
		errs = append(errs, validateS3(source.S3, path.Child("s3"))...)
	}
	if source.PVC != nil {
		given = append(given, "pvc")
		errs = append(errs, fieldcheck.ObjectName(source.PVC.ClaimName, path.Child("pvc", "claimName"))...)
		errs = append(errs, validateRelative(source.PVC.Path, maxPath, path.Child("pvc", "path"))...)
	}
	switch len(given) {
	case 0:
		return field.ErrorList{field.Required(path, "say where the files come from: "+sourcesDetail)}
	case 1:
		return errs
	default:
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf("must be %s: %s are given", sourcesDetail, strings.Join(given, ", ")))}
	}
}

// validateSourceForEngine 只载入单个文件的引擎，要说得出是仓库里的哪一个。
func validateSourceForEngine(source *model.ModelSource, engine model.EngineType, path *field.Path) field.ErrorList {
	if engine == model.EngineLlamaCpp && source.HuggingFace != nil && ptr.Deref(source.HuggingFace.File, "") == "" {
		return field.ErrorList{field.Required(path.Child("huggingFace", "file"), "LlamaCpp loads a single file: name the GGUF file of the repository")}
	}
	return nil
}

func validateHuggingFace(source *model.HuggingFaceSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if source.Repo == "" {
		errs = append(errs, field.Required(path.Child("repo"), "name the repository, such as Qwen/Qwen3-8B"))
	} else {
		errs = append(errs, shaped(source.Repo, repoShape, maxRepo, path.Child("repo"),
			"must be a repository such as Qwen/Qwen3-8B: letters, digits and ._- with at most one slash, each part starting with a letter or digit")...)
	}
	if source.Revision != nil {
		errs = append(errs, shaped(*source.Revision, revisionShape, maxRevision, path.Child("revision"),
			"must be a branch, tag or commit: letters, digits and ._/-, starting with a letter or digit")...)
	}
	errs = append(errs, validateRelative(source.File, maxPath, path.Child("file"))...)
	return append(errs, validateSecretKey(source.TokenSecretRef, path.Child("tokenSecretRef"))...)
}

func validateS3(source *model.S3Source, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if source.Bucket == "" {
		errs = append(errs, field.Required(path.Child("bucket"), "name the bucket"))
	} else {
		errs = append(errs, shaped(source.Bucket, bucketShape, 63, path.Child("bucket"),
			"must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, starting and ending with a letter or digit")...)
	}
	errs = append(errs, validateRelative(source.Prefix, maxPrefix, path.Child("prefix"))...)
	if source.Endpoint != nil {
		errs = append(errs, validateEndpoint(*source.Endpoint, path.Child("endpoint"))...)
	}
	if source.Region != nil {
		errs = append(errs, shaped(*source.Region, regionShape, maxRegion, path.Child("region"), "must be a region such as eu-central-1: lower-case letters, digits and hyphens")...)
	}
	if ref := source.CredentialsSecretRef; ref != nil {
		errs = append(errs, fieldcheck.ObjectName(ref.Name, path.Child("credentialsSecretRef", "name"))...)
	}
	return errs
}

// validateEndpoint 只收主机：地址里的用户名与密码会原样出现在谁都看得到的 spec 里，所以回答也不重复它。
func validateEndpoint(endpoint string, path *field.Path) field.ErrorList {
	parsed, err := url.Parse(endpoint)
	if len(endpoint) > maxEndpoint || err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" ||
		parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" || strings.ContainsAny(endpoint, " \t\r\n") {
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must be an address such as https://minio.example.org:9000, without user, query or fragment")}
	}
	return nil
}

func validateImage(image string, path *field.Path) field.ErrorList {
	if image == "" {
		return field.ErrorList{field.Required(path, "name the image, such as registry.example.org/models/qwen3:8b")}
	}
	return shaped(image, imageShape, maxImage, path, "must be the reference of an image, such as registry.example.org/models/qwen3:8b")
}

// validateRelative 校验卷、桶或仓库里的路径：不能走到外面去。
func validateRelative(value *string, limit int, path *field.Path) field.ErrorList {
	if value == nil {
		return nil
	}
	for part := range strings.SplitSeq(*value, "/") {
		if part == ".." {
			return field.ErrorList{field.Invalid(path, *value, `must not contain the part ".."`)}
		}
	}
	return shaped(*value, pathShape, limit, path, "must be a relative path: letters, digits and ._/+=@- and spaces, not starting with a slash or hyphen")
}

func validateSecretKey(ref *model.SecretKeyReference, path *field.Path) field.ErrorList {
	if ref == nil {
		return nil
	}
	errs := fieldcheck.ObjectName(ref.Name, path.Child("name"))
	if ref.Key == "" {
		return append(errs, field.Required(path.Child("key"), "name the key in the Secret's data"))
	}
	return append(errs, fieldcheck.Messages(ref.Key, path.Child("key"), validation.IsConfigMapKey(ref.Key))...)
}

func shaped(value string, shape *regexp.Regexp, limit int, path *field.Path, detail string) field.ErrorList {
	if len(value) > limit {
		return field.ErrorList{field.TooLong(path, value, limit)}
	}
	if !shape.MatchString(value) {
		return field.ErrorList{field.Invalid(path, value, detail)}
	}
	return nil
}
