package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

// int32Format 是 OpenAPI 里 32 位整数的格式。
const int32Format = "int32"

// numbers 按 OpenAPI 认出放不进 32 位的数。
type numbers struct {
	definitions map[string]common.OpenAPIDefinition
	// limit 是请求体的上限，再长的留给后面去拒绝。
	limit int64
}

func newNumbers(definitions common.GetOpenAPIDefinitions, limit int64) *numbers {
	return &numbers{definitions: definitions(spec.MustCreateRef), limit: limit}
}

// refuseOverflow 拒绝服务端应用里放不下的数：上游把它截断成另一个数存下，
// 要四十亿个副本的人得到一个，却没有人告诉他。别的写法在解码时就会报错。
func (n *numbers) refuseOverflow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch || !strings.HasPrefix(r.Header.Get("Content-Type"), string(types.ApplyYAMLPatchType)) {
			next.ServeHTTP(w, r)
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r.Body, n.limit+1))
		if err == nil {
			err = n.check(raw)
		}
		if err != nil {
			responsewriters.ErrorNegotiated(err, Codecs, schema.GroupVersion{}, w, r)
			return
		}
		r.Body = reread{Reader: io.MultiReader(bytes.NewReader(raw), r.Body), Closer: r.Body}
		next.ServeHTTP(w, r)
	})
}

// reread 是读过一段的请求体，连同还没读的。
type reread struct {
	io.Reader
	io.Closer
}

// check 给每个放不下的数一条错误；读不懂的、不认识的种类由后面去说。
func (n *numbers) check(raw []byte) error {
	var body map[string]any
	// 工具写的都是 JSON，解起来比 YAML 快得多。
	if json.Unmarshal(raw, &body) != nil && yaml.Unmarshal(raw, &body) != nil {
		return nil
	}
	version, _ := body["apiVersion"].(string)
	kind, _ := body["kind"].(string)
	gvk := schema.FromAPIVersionAndKind(version, kind)
	name, err := Scheme.ToOpenAPIDefinitionName(gvk)
	if err != nil {
		return nil
	}
	definition := n.definitions[name].Schema
	errs := n.overflows(&definition, body, nil)
	if len(errs) == 0 {
		return nil
	}
	metadata, _ := body["metadata"].(map[string]any)
	return apierrors.NewInvalid(gvk.GroupKind(), fmt.Sprint(metadata["name"]), errs)
}

func (n *numbers) overflows(at *spec.Schema, value any, path *field.Path) field.ErrorList {
	if ref := at.Ref.String(); ref != "" {
		definition := n.definitions[ref].Schema
		at = &definition
	} else if len(at.AllOf) == 1 {
		return n.overflows(&at.AllOf[0], value, path)
	}
	var errs field.ErrorList
	switch value := value.(type) {
	case map[string]any:
		for key, inside := range value {
			if property, known := at.Properties[key]; known {
				errs = append(errs, n.overflows(&property, inside, path.Child(key))...)
			}
		}
	case []any:
		if at.Items == nil || at.Items.Schema == nil {
			return nil
		}
		for i, inside := range value {
			errs = append(errs, n.overflows(at.Items.Schema, inside, path.Index(i))...)
		}
	case float64:
		if at.Format == int32Format && (value > math.MaxInt32 || value < math.MinInt32) {
			errs = append(errs, field.Invalid(path, strconv.FormatFloat(value, 'f', -1, 64), fmt.Sprintf("must be between %d and %d", math.MinInt32, math.MaxInt32)))
		}
	}
	slices.SortFunc(errs, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) })
	return errs
}
