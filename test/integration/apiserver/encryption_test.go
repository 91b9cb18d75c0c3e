package apiserver

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubellm/kubellm/test/harness"
)

// TestEncryptedAtRest 保证磁盘上读不出对象的内容，而密钥丢了就明说，绝不悄悄换一把让旧数据再也读不出。
func TestEncryptedAtRest(t *testing.T) {
	t.Parallel()
	const secret = "nobody-may-read-this-from-the-disk"
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, harness.PlatformOptions{Dir: dir, LogDir: t.TempDir()})
	k := users
	k.spec = map[string]any{"displayName": secret}
	stored := k.create(t, p, "encrypted")
	must(t, p.Stop())

	size := 0
	must(t, filepath.WalkDir(filepath.Join(dir, "etcd"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw := read(t, path)
		size += len(raw)
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%s shows what was stored", path)
		}
		return nil
	}))
	if size == 0 {
		t.Error("there is no data on the disk: this test looks in the wrong place")
	}

	key := filepath.Join(dir, "pki", "encryption.yaml")
	must(t, os.Rename(key, key+".away"))
	out, err := execute(t, "--data-dir="+dir, "--secure-port="+port(t))
	if err == nil || !strings.Contains(out, key) {
		t.Errorf("without its key the server ended with %v and does not name the file: %s", err, out)
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("another key was generated for data that it cannot read")
	}
	must(t, os.Rename(key+".away", key))
	must(t, p.Restart(t.Context()))
	unchanged(t, p, users, stored)
}
