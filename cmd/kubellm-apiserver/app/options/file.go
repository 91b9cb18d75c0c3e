package options

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// LoadFile 读 --config 指定的 YAML：键就是参数名，所以文件与参数永远说同一种话；
// 命令行给过的参数不被文件覆盖，不认识的键一律拒绝。
func (o *Options) LoadFile(flags *pflag.FlagSet) error {
	if o.ConfigFile == "" {
		return nil
	}
	data, err := os.ReadFile(o.ConfigFile)
	if err != nil {
		return fmt.Errorf("read --config: %w", err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		return fmt.Errorf("parse --config %s: %w", o.ConfigFile, err)
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := setFromFile(flags, key, values[key]); err != nil {
			errs = append(errs, fmt.Errorf("--config %s: %w", o.ConfigFile, err))
		}
	}
	return errors.Join(errs...)
}

func setFromFile(flags *pflag.FlagSet, key string, value any) error {
	flag := flags.Lookup(key)
	if flag == nil || slices.Contains([]string{"config", "help", "version"}, key) {
		return fmt.Errorf("unknown key %q: the keys are the names of the flags, without dashes in front (see --help)", key)
	}
	if flag.Changed {
		return nil
	}
	text, err := flagText(value)
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	if err := flag.Value.Set(text); err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	return nil
}

// flagText 把 YAML 值写成参数的文本形式：列表用逗号，映射用 键=值。
func flagText(value any) (string, error) {
	switch typed := value.(type) {
	case nil:
		return "", errors.New("has no value")
	case []any:
		parts := make([]string, 0, len(typed))
		for _, item := range typed {
			text, err := flagText(item)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		parts := make([]string, 0, len(typed))
		for _, key := range slices.Sorted(maps.Keys(typed)) {
			text, err := flagText(typed[key])
			if err != nil {
				return "", err
			}
			parts = append(parts, key+"="+text)
		}
		return strings.Join(parts, ","), nil
	case float64:
		return strings.TrimSuffix(fmt.Sprintf("%f", typed), ".000000"), nil
	default:
		return fmt.Sprint(typed), nil
	}
}
