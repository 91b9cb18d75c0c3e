package wording_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/internal/controller/wording"
)

func TestBrief(t *testing.T) {
	if got := wording.Brief(errors.New(" it failed. ")); got != "it failed" {
		t.Errorf("got %q", got)
	}
	long := wording.Brief(errors.New(strings.Repeat("é", 1000)))
	if len(long) > 512 || !strings.HasSuffix(long, "é…") {
		t.Errorf("a long text is cut to %d bytes, ending %q", len(long), long[len(long)-8:])
	}
}
