package harness

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// WriteEncryption 在 dir 里写一份只加密凭据的配置，返回其路径；外部 etcd 上平台不替使用者生成密钥。
// 别的不加密：与别的服务器比快慢时，两边的 etcd 要一样。
func WriteEncryption(dir string) (string, error) {
	file := filepath.Join(dir, "encryption.yaml")
	if _, err := os.Stat(file); err == nil {
		return file, nil // 重启时要用同一把。
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("make a key for encryption at rest: %w", err)
	}
	config := fmt.Sprintf(`apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets, credentials.internal.kubellm.io]
  providers:
  - secretbox: {keys: [{name: harness, secret: %s}]}
`, base64.StdEncoding.EncodeToString(key))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("write the encryption configuration: %w", err)
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return "", fmt.Errorf("write the encryption configuration: %w", err)
	}
	return file, nil
}
