package etcd

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestStartGivesSpaceBack 压缩之后多半空着的文件，下一次启动时缩小；还装着旧版本的不动。数据都在。
func TestStartGivesSpaceBack(t *testing.T) {
	for _, test := range []struct {
		reason  string
		compact bool
	}{
		{"old versions were compacted away: the file is mostly free", true},
		{"old versions are still there: the file is in use", false},
	} {
		t.Run(test.reason, func(t *testing.T) {
			dir := t.TempDir()
			last := grow(t, dir, test.compact)
			before := database(t, dir)
			if before.Size() < minReclaimed {
				t.Fatalf("the database has only %d bytes", before.Size())
			}

			client, stop := start(t, dir)
			defer stop()
			got, err := client.Get(t.Context(), "key")
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Kvs) != 1 || !bytes.Equal(got.Kvs[0].Value, last) {
				t.Errorf("the last value is not there any more: %d keys", len(got.Kvs))
			}
			after := database(t, dir)
			if shrunk := after.Size() < before.Size()/2; shrunk != test.compact {
				t.Errorf("the database has %d bytes after the start, %d before", after.Size(), before.Size())
			}
			if rewritten := !os.SameFile(before, after); rewritten != test.compact {
				t.Errorf("the file was rewritten: %t, want %t", rewritten, test.compact)
			}
		})
	}
}

func TestWorthDefragmenting(t *testing.T) {
	for _, test := range []struct {
		reason      string
		size, inUse int64
		want        bool
	}{
		{"mostly free", 10 * minReclaimed, minReclaimed, true},
		{"half of it is free", 2 * minReclaimed, minReclaimed, true},
		{"much is free, but more would have to be copied", 10 * minReclaimed, 6 * minReclaimed, false},
		{"mostly free, but small", minReclaimed, 1, false},
		{"a new database", 0, 0, false},
	} {
		if got := worthDefragmenting(test.size, test.inUse); got != test.want {
			t.Errorf("%s: %d bytes with %d in use gave %t, want %t", test.reason, test.size, test.inUse, got, test.want)
		}
	}
}

// grow 把同一个键写到文件超过 minReclaimed，返回最后的值。
func grow(t *testing.T, dir string, compact bool) []byte {
	t.Helper()
	client, stop := start(t, dir)
	defer stop()
	const piece = 1 << 20
	var value []byte
	var revision int64
	for i := range minReclaimed/piece + 8 {
		value = bytes.Repeat([]byte{byte(i)}, piece)
		put, err := client.Put(t.Context(), "key", string(value))
		if err != nil {
			t.Fatal(err)
		}
		revision = put.Header.Revision
	}
	if compact {
		if _, err := client.Compact(t.Context(), revision, clientv3.WithCompactPhysical()); err != nil {
			t.Fatal(err)
		}
	}
	return value
}

// start 启动 etcd 并连上它；stop 停下两者。
func start(t *testing.T, dir string) (client *clientv3.Client, stop func()) {
	t.Helper()
	server, err := Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	client, err = clientv3.New(clientv3.Config{Endpoints: []string{server.Endpoint()}, DialTimeout: time.Minute})
	if err != nil {
		server.Stop()
		t.Fatal(err)
	}
	return client, func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
	}
}

// database 是数据库文件此刻的样子。
func database(t *testing.T, dir string) fs.FileInfo {
	t.Helper()
	file, err := os.Stat(filepath.Join(dataDir(dir), "member", "snap", "db"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}
