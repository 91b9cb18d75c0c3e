package kind

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"k8s.io/apimachinery/pkg/types"
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
	var inst instance
	raw, diags := private.GetKey(ctx, instanceKey)
	if diags.HasError() {
		return inst, diags
	}
	var err error
	if len(raw) == 0 {
		err = fmt.Errorf("the state has no private data under %q", instanceKey)
	} else {
		err = json.Unmarshal(raw, &inst)
	}
	if err == nil && inst.Owner == "" {
		err = fmt.Errorf("the private data under %q names no owner", instanceKey)
	}
	if err != nil {
		diags.AddError("Broken Terraform state",
			fmt.Sprintf("The private part of the state that says which object this resource manages cannot be read: %s. "+
				"Remove the resource from the state with `terraform state rm` and import it again.", err))
	}
	return inst, diags
}

func (i instance) save(ctx context.Context, private privateWriter) diag.Diagnostics {
	raw, err := json.Marshal(i)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot write the Terraform state", "Encode the private data: "+err.Error())}
	}
	return private.SetKey(ctx, instanceKey, raw)
}
