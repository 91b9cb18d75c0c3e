package kind

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/kubellm/kubellm/internal/external"
)

// replacedKey 是将被替换的那一个在私有状态里的键。
const replacedKey = "replaced"

// sightings 记住本进程刷新时看到的实例。被标为 tainted 的资源要销毁重建，Terraform 却当它从来没有过来做计划，
// 销毁时便拿不到它的私有状态，也就不知道该删的是哪一个；同一进程里刚刷新过它，计划由这里把它补上。
type sightings struct {
	mu   sync.Mutex
	seen map[string]*instance
}

// note 记下一个；同名的有两个就谁也不认，认错了会删掉别人的。
func (r *sightings) note(kind string, at external.Key, inst instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]*instance{}
	}
	key := kind + "/" + at.String()
	if known, again := r.seen[key]; again && (known == nil || known.Owner != inst.Owner) {
		r.seen[key] = nil
		return
	}
	r.seen[key] = &inst
}

// recall 取出记下的那一个。
func (r *sightings) recall(kind string, at external.Key) (instance, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.seen[kind+"/"+at.String()]; known != nil {
		return *known, true
	}
	return instance{}, false
}

// planReplaced 在计划新建时，把刷新时看到的同名实例记进计划的私有状态；真是新建的话它没有用处，建成时就去掉。
func (r *managed[M, T, L]) planReplaced(ctx context.Context, key external.Key, private privateWriter) diag.Diagnostics {
	if r.connection == nil {
		return nil
	}
	inst, ok := r.connection.sightings.recall(r.kind.Name, key)
	if !ok {
		return nil
	}
	raw, err := json.Marshal(inst)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot plan the replacement", "Encode the private data: "+err.Error())}
	}
	return private.SetKey(ctx, replacedKey, raw)
}

// doomed 是要销毁的实例；被标为 tainted 而重建的，在计划补上的键里。
func doomed(ctx context.Context, private privateReader) (instance, diag.Diagnostics) {
	raw, diags := private.GetKey(ctx, replacedKey)
	if diags.HasError() || len(raw) == 0 {
		return loadInstance(ctx, private)
	}
	return decodeInstance(raw)
}
