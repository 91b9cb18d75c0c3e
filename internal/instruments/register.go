// Package instruments 登记指标：同一个进程里的几个管理者、几个平台共用登记处上的那一份，后来的不为此崩溃。
package instruments

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register 登记一个指标；已经登记过就改用登记过的那个，登记处为 nil 时不登记。
func Register[C prometheus.Collector](r prometheus.Registerer, c *C) error {
	if r == nil {
		return nil
	}
	err := r.Register(*c)
	var already prometheus.AlreadyRegisteredError
	if !errors.As(err, &already) {
		return err
	}
	existing, ok := already.ExistingCollector.(C)
	if !ok {
		return err
	}
	*c = existing
	return nil
}
