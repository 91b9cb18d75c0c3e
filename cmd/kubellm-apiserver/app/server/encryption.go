package server

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubellm/kubellm/cmd/kubellm-apiserver/app/options"
	"github.com/kubellm/kubellm/internal/apiserver/etcd"
	"github.com/kubellm/kubellm/internal/apiserver/pki"
)

// secretboxKeyBytes 是 secretbox 的密钥长度。
const secretboxKeyBytes = 32

// encryptAtRest 让内嵌 etcd 从第一天起就加密：备份或磁盘外流时，里面没有可读的内容。
// 使用者自己给了配置就用他的；外部 etcd 可能有多个副本共用，各自生成密钥会互相读不懂，因此不代劳，要求他给。
func encryptAtRest(opts *options.Options) error {
	if opts.Etcd.EncryptionProviderConfigFilepath != "" {
		return nil
	}
	file := filepath.Join(opts.PKIDir(), "encryption.yaml")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		// 有数据却没有密钥，多半是只恢复了一半的备份；悄悄换一把新的，旧数据就再也读不出来。
		if etcd.HasData(etcdDir(opts)) {
			return fmt.Errorf("%s, the key of the data in %s, is missing: put it back from the backup that the data came from", file, etcdDir(opts))
		}
		if err := writeEncryptionConfig(file); err != nil {
			return fmt.Errorf("generate the key for encryption at rest: %w", err)
		}
	}
	opts.Etcd.EncryptionProviderConfigFilepath = file
	return nil
}

// etcdDir 是内嵌 etcd 的目录。
func etcdDir(opts *options.Options) string { return filepath.Join(opts.DataDir, "etcd") }

func writeEncryptionConfig(file string) error {
	key := make([]byte, secretboxKeyBytes)
	// 每把密钥一个名字，密文才认得出自己是哪一把加密的。
	name := "generated-" + strings.ToLower(rand.Text()[:8])
	if _, err := rand.Read(key); err != nil {
		return err
	}
	config := apiserverv1.EncryptionConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: apiserverv1.SchemeGroupVersion.String(), Kind: "EncryptionConfiguration"},
		Resources: []apiserverv1.ResourceConfiguration{{
			Resources: []string{"*.*"},
			Providers: []apiserverv1.ProviderConfiguration{
				{Secretbox: &apiserverv1.SecretboxConfiguration{Keys: []apiserverv1.Key{{Name: name, Secret: base64.StdEncoding.EncodeToString(key)}}}},
				// 认得未加密的旧数据，加密之前写下的仍能读。
				{Identity: &apiserverv1.IdentityConfiguration{}},
			},
		}},
	}
	data, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	return pki.WritePrivate(file, data)
}
