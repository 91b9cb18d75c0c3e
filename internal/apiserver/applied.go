package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"sigs.k8s.io/yaml"
)

// appliedDecoder 照创建时一样严格地解读应用的内容。
var appliedDecoder = kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, Scheme, Scheme, kjson.SerializerOptions{Strict: true})

// refuseMalformed 让服务端应用的内容也过一遍类型，与别的写法一样得到 400。上游不查：
// 放不进 32 位的数被截断成另一个存下（要四十亿个副本的人得到一个，却没有人告诉他），
// 类型不符的得到 500，自动化的工具会当成服务器的错一再重试。逐步的补丁只看它造得出多深的对象。
// limit 是请求体的上限，再长的留给后面去拒绝。
func refuseMalformed(next http.Handler, limit int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check := checkOf(r)
		if check == nil {
			next.ServeHTTP(w, r)
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err == nil && int64(len(raw)) <= limit {
			err = check(raw)
		}
		if err != nil {
			responsewriters.ErrorNegotiated(err, Codecs, schema.GroupVersion{}, w, r)
			return
		}
		r.Body = reread{Reader: io.MultiReader(bytes.NewReader(raw), r.Body), Closer: r.Body}
		next.ServeHTTP(w, r)
	})
}

// checkOf 返回这个请求的内容要过的检查；没有为 nil。
func checkOf(r *http.Request) func([]byte) error {
	if r.Method != http.MethodPatch {
		return nil
	}
	switch contentType := types.PatchType(strings.ToLower(strings.TrimSpace(strings.Split(r.Header.Get("Content-Type"), ";")[0]))); contentType {
	case types.ApplyYAMLPatchType:
		strict := r.URL.Query().Get("fieldValidation") == metav1.FieldValidationStrict
		return func(raw []byte) error { return checkApplied(raw, strict) }
	case types.JSONPatchType:
		return checkPointers
	default:
		return nil
	}
}

// reread 是读过一段的请求体，连同还没读的。
type reread struct {
	io.Reader
	io.Closer
}

// checkApplied 只看类型合不合、嵌得深不深；读不懂的、不认识的种类由后面去说，重复的字段只在要求严格时才说。
// 没有的字段一律拒绝：归属没法记在它上面，上游也拒绝，只是答 500。
func checkApplied(raw []byte, strict bool) error {
	// 工具写的都是 JSON，不必再当 YAML 解一遍。
	if !json.Valid(raw) {
		converted, err := yaml.YAMLToJSON(raw)
		if err != nil {
			return nil
		}
		raw = converted
	}
	if err := new(brackets).check(raw); err != nil {
		return err
	}
	_, _, err := appliedDecoder.Decode(raw, nil, nil)
	switch {
	case err == nil, runtime.IsMissingKind(err), runtime.IsMissingVersion(err), runtime.IsNotRegisteredError(err):
		return nil
	case !strict && onlyDuplicates(err):
		return nil
	}
	return apierrors.NewBadRequest(fmt.Sprintf("what is applied cannot be read: %v", err))
}

// onlyDuplicates 报告严格之下的毛病只是同一个字段写了几遍。
func onlyDuplicates(err error) bool {
	problems, ok := runtime.AsStrictDecodingError(err)
	return ok && !slices.ContainsFunc(problems.Errors(), func(err error) bool { return strings.Contains(err.Error(), "unknown field") })
}
