package rbac

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

// subject 是索引的键；ServiceAccount 以它的用户名出现，因为请求里看到的就是用户名。
type subject struct {
	group bool
	name  string
}

// Grant 是一个绑定给某主体带来的东西。
type Grant struct {
	Binding       string
	Role          string
	Namespaces    []string
	AllNamespaces bool
}

// reaches 判断授予是否覆盖一次请求所在的命名空间；没有命名空间的请求要求全部命名空间。
func (g *Grant) reaches(namespace string) bool {
	return g.AllNamespaces || namespace != "" && slices.Contains(g.Namespaces, namespace)
}

// Index 是权限判断用的内存索引，由 informer 喂养。
type Index struct {
	mutex    sync.RWMutex
	roles    map[string][]rbacv1.PolicyRule
	grants   map[subject]map[string]*Grant // 主体 → 绑定名 → 授予
	subjects map[string][]subject          // 绑定名 → 主体，用于撤销
	builtin  map[string][]rbacv1.PolicyRule

	synced []cache.DoneChecker
}

// NewIndex 建空索引，只含平台自己组件的固定权限。
func NewIndex() *Index {
	return &Index{
		roles:    map[string][]rbacv1.PolicyRule{},
		grants:   map[subject]map[string]*Grant{},
		subjects: map[string][]subject{},
		builtin:  builtinRules(),
	}
}

// Feed 让索引跟随 informer；返回错误只因为 informer 已停。
func (i *Index) Feed(roles, bindings cache.SharedIndexInformer) error {
	onRole, err := roles.AddEventHandler(handler(i.putRole, i.dropRole))
	if err != nil {
		return fmt.Errorf("follow roles: %w", err)
	}
	onBinding, err := bindings.AddEventHandler(handler(i.putBinding, i.dropBinding))
	if err != nil {
		return fmt.Errorf("follow role bindings: %w", err)
	}
	i.synced = []cache.DoneChecker{onRole.HasSyncedChecker(), onBinding.HasSyncedChecker()}
	return nil
}

// HasSynced 为真之前索引不完整，不能据它拒绝或放行任何人。
func (i *Index) HasSynced() bool {
	for _, synced := range i.synced {
		if !cache.IsDone(synced) {
			return false
		}
	}
	return len(i.synced) > 0
}

// Synced 给出可以等待的同步信号。
func (i *Index) Synced() []cache.DoneChecker { return i.synced }

// handler 把带类型的增删改接到 informer 上；删除事件可能只剩墓碑。
func handler[T any](put func(T), drop func(name string)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { put(obj.(T)) },
		UpdateFunc: func(_, obj any) { put(obj.(T)) },
		DeleteFunc: func(obj any) {
			// 墓碑里可能没有对象，只有键；两个种类都没有命名空间，键就是名字。
			if name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj); err == nil {
				drop(name)
			}
		},
	}
}

func (i *Index) putRole(role *v1alpha1.Role) {
	rules := Compile(role.Spec.Rules)
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.roles[role.Name] = rules
}

func (i *Index) dropRole(name string) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	delete(i.roles, name)
}

func (i *Index) putBinding(binding *v1alpha1.RoleBinding) {
	grant := &Grant{
		Binding:       binding.Name,
		Role:          binding.Spec.RoleRef.Name,
		Namespaces:    slices.Clone(binding.Spec.Namespaces),
		AllNamespaces: ptr.Deref(binding.Spec.AllNamespaces, false),
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.removeBinding(binding.Name)
	for _, named := range binding.Spec.Subjects {
		key := subjectOf(named)
		if i.grants[key] == nil {
			i.grants[key] = map[string]*Grant{}
		}
		i.grants[key][binding.Name] = grant
		i.subjects[binding.Name] = append(i.subjects[binding.Name], key)
	}
}

func (i *Index) dropBinding(name string) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.removeBinding(name)
}

func (i *Index) removeBinding(name string) {
	for _, key := range i.subjects[name] {
		delete(i.grants[key], name)
		if len(i.grants[key]) == 0 {
			delete(i.grants, key)
		}
	}
	delete(i.subjects, name)
}

func subjectOf(named v1alpha1.Subject) subject {
	switch named.Kind {
	case v1alpha1.SubjectGroup:
		return subject{group: true, name: named.Name}
	case v1alpha1.SubjectServiceAccount:
		return subject{name: serviceaccount.MakeUsername(named.Namespace, named.Name)}
	default:
		return subject{name: named.Name}
	}
}

// visit 依次给出一个身份在命名空间里持有的规则，直到 yield 返回 false；namespace 为空只含全域授予。
func (i *Index) visit(who user.Info, namespace string, yield func(grant *Grant, rule *rbacv1.PolicyRule) bool) {
	i.mutex.RLock()
	defer i.mutex.RUnlock()
	rules := i.builtin[who.GetName()]
	for n := range rules {
		if !yield(builtinGrant, &rules[n]) {
			return
		}
	}
	if !i.visitSubject(subject{name: who.GetName()}, namespace, yield) {
		return
	}
	for _, group := range who.GetGroups() {
		if !i.visitSubject(subject{group: true, name: group}, namespace, yield) {
			return
		}
	}
}

func (i *Index) visitSubject(key subject, namespace string, yield func(*Grant, *rbacv1.PolicyRule) bool) bool {
	for _, grant := range i.grants[key] {
		if !grant.reaches(namespace) {
			continue
		}
		rules := i.roles[grant.Role]
		for n := range rules {
			if !yield(grant, &rules[n]) {
				return false
			}
		}
	}
	return true
}

// Rules 列出一个身份在命名空间里持有的全部规则，用于越权比较。
func (i *Index) Rules(who user.Info, namespace string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	i.visit(who, namespace, func(_ *Grant, rule *rbacv1.PolicyRule) bool {
		rules = append(rules, *rule)
		return true
	})
	return rules
}

// GroupGrants 列出授予一个组的东西：把人加进组就等于给了他这些。
func (i *Index) GroupGrants(group string) []Grant {
	i.mutex.RLock()
	defer i.mutex.RUnlock()
	grants := i.grants[subject{group: true, name: group}]
	out := make([]Grant, 0, len(grants))
	for _, grant := range grants {
		out = append(out, *grant)
	}
	slices.SortFunc(out, func(a, b Grant) int { return strings.Compare(a.Binding, b.Binding) })
	return out
}
