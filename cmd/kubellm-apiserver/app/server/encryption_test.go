package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/options"
)

// TestEncryptAtRest 新目录得到一把只有主人可读的密钥；丢了密钥的数据绝不能配上一把新的。
func TestEncryptAtRest(t *testing.T) {
	start := func(dir string) (*options.Options, error) {
		opts := options.New()
		opts.DataDir = dir
		if err := os.MkdirAll(opts.PKIDir(), 0o700); err != nil {
			t.Fatal(err)
		}
		return opts, encryptAtRest(opts)
	}
	dir := t.TempDir()
	opts, err := start(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := opts.Etcd.EncryptionProviderConfigFilepath
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key file: %v, %v; want mode 0600", info, err)
	}
	before, _ := os.ReadFile(file)
	if _, err := start(dir); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Error("a second start must keep the key")
	}

	if err := os.MkdirAll(filepath.Join(dir, "etcd", "data", "member"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := start(dir); err == nil {
		t.Error("data without its key must be refused")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a new key must not be made for data that it cannot read")
	}
}
