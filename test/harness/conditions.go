package harness

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConditionSays 要求条件 kind 的话里有全部的 facts；怎么说由它。
func ConditionSays(conditions []metav1.Condition, kind string, facts ...string) error {
	found := meta.FindStatusCondition(conditions, kind)
	if found == nil {
		return fmt.Errorf("there is no condition %s", kind)
	}
	for _, fact := range facts {
		if !strings.Contains(found.Message, fact) {
			return fmt.Errorf("the message of %s does not say %s: %s", kind, fact, found.Message)
		}
	}
	return nil
}
