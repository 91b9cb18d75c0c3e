// Package kind 是所有平台种类共用的 Terraform 生命周期：资源、数据源（一个与多个）、列表、身份与导入
// 都由一份 Kind 声明得出。每个动词一个文件；平台那边的规则全在 internal/external，这里只做翻译。
package kind

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubellm/kubellm/internal/external"
)

// Kind 声明一个种类：M 是 spec 属性的 Go 模型，T 是平台对象，L 是它的列表。
// 写入时所有值都已知，所以 M 用普通的 Go 指针与切片即可，nil 就是"没写"。
type Kind[M any, T external.Object, L runtime.Object] struct {
	// Name 与 Plural 是去掉 kubellm_ 前缀的类型名。
	Name   string
	Plural string
	// Title 是文档里的称呼，Description 说明它是什么。
	Title       string
	Description string
	External    *external.Kind[T, L]
	// Attributes 是 spec 的属性，名字是字段名的 snake_case。
	Attributes map[string]schema.Attribute
	// Secret 是交给平台的秘密；为 nil 的种类不收。
	Secret *Secret[M]
	// Facts 是只有数据源显示的观察；为 nil 的种类没有。
	Facts *Facts[T]
	// Waits 说写成的对象是否值得等到就绪；为 nil 的种类从不等。被暂停的等等由外部层认出。
	Waits func(object T) bool
	// ReadyTimeout 是等它就绪的默认时限；零是十分钟。
	ReadyTimeout time.Duration
	// Preview 从试运行的答复里取出平台的打算，没说的为空；为 nil 的种类在计划时不问平台。
	// 它给看计划的人看，写入之后留在属性 plan 里，所以要短：对象一变，计划里就会印出旧的全文。
	Preview func(object T) string
	// Planned 是数据源 kubellm_<name>_plan 所答的；为 nil 的种类没有这个数据源。
	Planned *Facts[T]
	// Asking 是那个数据源试写时带的注解：什么也不会变的对象，平台也因此说出打算。
	Asking map[string]string
	// Names 是比一般对象名更严的名字规则；零值就是一般的。
	Names Names
	// Defaults 是服务端替没写的字段填的值；导入时这样的值等于没写，否则一导入就有差异。
	Defaults M
	// Filters 是多个数据源与列表可用的过滤：属性名 → 平台的字段选择器。
	Filters map[string]string
	// ToAPI 把模型写进对象的 spec，FromAPI 反之。
	ToAPI   func(model M, object T)
	FromAPI func(object T) M
}

// Names 是一个种类的名字规则：Description 写进文档，Problems 说出一个名字错在哪里。
type Names struct {
	Description string
	Problems    func(name string) []string
}

// Definition 是 Kind 去掉类型参数后的样子，提供者据此登记。
type Definition interface {
	Resource() resource.Resource
	DataSource() datasource.DataSource
	DataSources() datasource.DataSource
	Plan() (datasource.DataSource, bool)
	List() list.ListResource
}

// Resource 给出 kubellm_<name> 资源。
func (k *Kind[M, T, L]) Resource() resource.Resource { return &managed[M, T, L]{kind: k} }

// DataSource 给出按名字读一个的数据源。
func (k *Kind[M, T, L]) DataSource() datasource.DataSource { return &dataOne[M, T, L]{kind: k} }

// DataSources 给出按选择器读多个的数据源。
func (k *Kind[M, T, L]) DataSources() datasource.DataSource { return &dataMany[M, T, L]{kind: k} }

// Plan 给出只问不写的数据源；没有打算可问的种类没有。
func (k *Kind[M, T, L]) Plan() (datasource.DataSource, bool) {
	return &dataPlan[M, T, L]{kind: k}, k.Planned != nil
}

// List 给出 terraform query 用的列表；它与资源是同一个类型，名字与配置方法共用。
func (k *Kind[M, T, L]) List() list.ListResource { return &managed[M, T, L]{kind: k} }

func (k *Kind[M, T, L]) typeName(provider string) string { return provider + "_" + k.Name }
