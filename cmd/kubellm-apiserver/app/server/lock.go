package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dataDirLock 保证一个数据目录同时只有一个进程：两个 etcd 写同一份数据必然毁掉它。
type dataDirLock struct {
	file *os.File
}

// lockDataDir 建好数据目录（0700）并上锁；锁随进程消失，被 SIGKILL 之后不留残锁。
func lockDataDir(dir string) (*dataDirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data directory (--data-dir): %w", err)
	}
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory (--data-dir): %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := os.ReadFile(path)
		_ = file.Close()
		return nil, fmt.Errorf("the data directory %s is in use by another kubellm-apiserver (process %s): stop it, or choose another --data-dir",
			dir, strings.TrimSpace(string(holder)))
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock the data directory %s: %w", dir, err)
	}
	lock := &dataDirLock{file: file}
	if err := errors.Join(file.Truncate(0), writePID(file)); err != nil {
		lock.release()
		return nil, fmt.Errorf("write the lock of the data directory %s: %w", dir, err)
	}
	return lock, nil
}

func writePID(file *os.File) error {
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (l *dataDirLock) release() { _ = l.file.Close() }
