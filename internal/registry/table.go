package registry

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/meta/table"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
)

// Column 是 kubectl get 的一列；Wide 的列只在 -o wide 时出现。
type Column[T Object] struct {
	Name        string
	Description string
	// Type 是 JSON 里的类型，空即 string；按列排序的工具靠它。
	Type  string
	Wide  bool
	Value func(T) any
}

// tableConvertor 由声明的列画表；首列是名字，末列是年龄，只有 bare 的表两者都没有。
type tableConvertor[T Object] struct {
	columns     []Column[T]
	bare        bool
	definitions []metav1.TableColumnDefinition
}

var _ rest.TableConvertor = &tableConvertor[Object]{}

func (r *Resource[T, L]) table() *tableConvertor[T] { return newTable(r.Columns, r.BareTable) }

func newTable[T Object](columns []Column[T], bare bool) *tableConvertor[T] {
	var definitions []metav1.TableColumnDefinition
	if !bare {
		definitions = append(definitions, metav1.TableColumnDefinition{Name: "Name", Type: "string", Format: "name", Description: "Name of the object."})
	}
	for _, column := range columns {
		definition := metav1.TableColumnDefinition{Name: column.Name, Type: "string", Description: column.Description}
		if column.Type != "" {
			definition.Type = column.Type
		}
		if column.Wide {
			definition.Priority = 1
		}
		definitions = append(definitions, definition)
	}
	if !bare {
		definitions = append(definitions, metav1.TableColumnDefinition{Name: "Age", Type: "string", Description: "Time since the object was created."})
	}
	return &tableConvertor[T]{columns: columns, bare: bare, definitions: definitions}
}

// ConvertToTable 把单个对象或列表画成表。
func (c *tableConvertor[T]) ConvertToTable(_ context.Context, object runtime.Object, options runtime.Object) (*metav1.Table, error) {
	out := &metav1.Table{}
	if list, err := meta.ListAccessor(object); err == nil {
		out.ResourceVersion = list.GetResourceVersion()
		out.Continue = list.GetContinue()
		out.RemainingItemCount = list.GetRemainingItemCount()
	} else if common, err := meta.CommonAccessor(object); err == nil {
		out.ResourceVersion = common.GetResourceVersion()
	}
	if opts, ok := options.(*metav1.TableOptions); !ok || !opts.NoHeaders {
		out.ColumnDefinitions = c.definitions
	}
	var err error
	out.Rows, err = table.MetaToTableRow(object, c.row)
	return out, err
}

func (c *tableConvertor[T]) row(obj runtime.Object, _ metav1.Object, name, age string) ([]any, error) {
	typed, ok := obj.(T)
	if !ok {
		return nil, fmt.Errorf("print a table row: got a %T", obj)
	}
	cells := make([]any, 0, len(c.columns)+2)
	if !c.bare {
		cells = append(cells, name)
	}
	for _, column := range c.columns {
		cells = append(cells, column.Value(typed))
	}
	if !c.bare {
		cells = append(cells, age)
	}
	return cells, nil
}

// ConditionStatus 取某个条件的取值；控制器还没有看过时是空白而不是假话。
func ConditionStatus(conditions []metav1.Condition, conditionType string) string {
	for _, condition := range conditions {
		if condition.Type == conditionType {
			return string(condition.Status)
		}
	}
	return ""
}
