package kind

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/internal/external"
)

// instanceKey 是私有状态里的键。
const instanceKey = "instance"

// instance 是一个资源实例在私有状态里的身份：随状态走，不随配置走，所以两个工作区绝不会是同一个主人。
type instance struct {
	// Owner 是完整的归属标记。
	Owner string `json:"owner"`
	// UID 是所管对象的 uid；同名的后来者不是它。
	UID types.UID `json:"uid,omitempty"`
	// Import 在导入之后、第一次写入之前存在：那时对象还归原主人。
	Import *imported `json:"import,omitempty"`
	// Handover 是最近一次交入的秘密：配置里的版本，与平台给它的版本。
	Handover *handover `json:"handover,omitempty"`
}

// handover 是 external.Handover 在私有状态里的样子。
type handover struct {
	Source  string `json:"source"`
	Version string `json:"version"`
}

// imported 记下导入时看到的主人；第一次写入只从他手里接管，空表示对象没有标记。
type imported struct {
	Holder string `json:"holder"`
}

// newOwner 造一个新的归属标记。
func newOwner() string { return "terraform/" + strings.ToLower(rand.Text()) }

// privateReader 与 privateWriter 是框架的私有状态；它的类型在框架内部，只能这样称呼。
type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// loadInstance 读出身份。没有身份的状态不是本提供者写的，放行就可能动到别人的对象。
func loadInstance(ctx context.Context, private privateReader) (instance, diag.Diagnostics) {
	raw, diags := private.GetKey(ctx, instanceKey)
	if diags.HasError() {
		return instance{}, diags
	}
	return decodeInstance(raw)
}

func decodeInstance(raw []byte) (instance, diag.Diagnostics) {
	var inst instance
	var err error
	if len(raw) == 0 {
		err = fmt.Errorf("the state has no private data under %q", instanceKey)
	} else {
		err = json.Unmarshal(raw, &inst)
	}
	if err == nil && inst.Owner == "" {
		err = fmt.Errorf("the private data under %q names no owner", instanceKey)
	}
	if err == nil {
		return inst, nil
	}
	return inst, diag.Diagnostics{diag.NewErrorDiagnostic("Broken Terraform state",
		fmt.Sprintf("The private part of the state that says which object this resource manages cannot be read: %s. "+
			"Remove the resource from the state with `terraform state rm` and import it again.", err))}
}

// handedIn 是记住的那一次交入，从未交入时为空。
func (i instance) handedIn() external.Handover {
	if i.Handover == nil {
		return external.Handover{}
	}
	return external.Handover{Source: i.Handover.Source, Version: i.Handover.Version}
}

// remember 记住一次交入；空的就忘掉，以后再写的秘密便会再交。
func (i *instance) remember(last external.Handover) {
	i.Handover = nil
	if last != (external.Handover{}) {
		i.Handover = &handover{Source: last.Source, Version: last.Version}
	}
}

func (i instance) save(ctx context.Context, private privateWriter) diag.Diagnostics {
	raw, err := json.Marshal(i)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot write the Terraform state", "Encode the private data: "+err.Error())}
	}
	diags := private.SetKey(ctx, replacedKey, nil)
	return append(diags, private.SetKey(ctx, instanceKey, raw)...)
}
