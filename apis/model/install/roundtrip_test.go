package install

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"

	"github.com/kubellm/kubellm/apis/model/fuzzer"
)

// TestRoundTrip 保证内部与外部版本之间换算不丢不改：丢一个字段就是丢使用者的声明。
func TestRoundTrip(t *testing.T) {
	roundtrip.RoundTripTestForAPIGroup(t, Install, fuzzer.Funcs)
}
