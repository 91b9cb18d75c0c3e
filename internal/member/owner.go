package member

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Owner 是成员 name 上 kind 里叫 key 的那个对象为之而放的 Model，已经没有了的也算；没有这个对象、没有跟随这一种的为空。
// 它不问成员：以 Orphan 删除了的留下什么，监视里一直有。
func (m *Members) Owner(name string, kind schema.GroupKind, key types.NamespacedName) types.UID {
	c := m.connection(name)
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.book.owners[placedKey{kind, key}]
}
