// Package pki 为独立模式准备证书：自己的 CA、服务证书与内置身份的 kubeconfig，
// 使一条命令就能得到一个默认安全的平台。
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/util/keyutil"

	certutil "k8s.io/client-go/util/cert"
)

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour
	// renewBefore 之内到期的证书在启动时重签，重启就是续期。
	renewBefore = 60 * 24 * time.Hour
	// backdate 容忍机器之间的钟差。
	backdate = 5 * time.Minute
)

// Authority 是平台自己的 CA。
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Identity 是证书要证明的身份；Hosts 非空为服务证书，否则为客户端证书。
type Identity struct {
	Name   string
	Groups []string
	Hosts  []string
}

// LoadOrCreateAuthority 读出 dir 里的 CA，没有就新建；私钥文件 0600。
func LoadOrCreateAuthority(dir string) (*Authority, error) {
	certFile, keyFile := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the certificate directory: %w", err)
	}
	if _, err := os.Stat(certFile); errors.Is(err, os.ErrNotExist) {
		if err := createAuthority(certFile, keyFile); err != nil {
			return nil, fmt.Errorf("create the certificate authority in %s: %w", dir, err)
		}
	}
	cert, key, err := load(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("load the certificate authority from %s: %w", dir, err)
	}
	return &Authority{cert: cert, key: key}, nil
}

// CertPEM 是 CA 证书，供客户端核对服务器。
func (a *Authority) CertPEM() []byte { return encodeCert(a.cert.Raw) }

// EnsureFiles 保证 certFile、keyFile 里是本 CA 为 identity 签发、近期不会到期的证书。
func (a *Authority) EnsureFiles(certFile, keyFile string, identity Identity) error {
	if cert, _, err := load(certFile, keyFile); err == nil && a.stillGood(cert, identity) {
		return nil
	}
	certPEM, keyPEM, err := a.Issue(identity)
	if err != nil {
		return err
	}
	return errors.Join(WritePrivate(keyFile, keyPEM), WritePrivate(certFile, certPEM))
}

// Issue 签发一张证书，返回 PEM 形式的证书与私钥。
func (a *Authority) Issue(identity Identity) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key for %s: %w", identity.Name, err)
	}
	template, err := leafTemplate(identity)
	if err != nil {
		return nil, nil, err
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate of %s: %w", identity.Name, err)
	}
	keyPEM, err = keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key of %s: %w", identity.Name, err)
	}
	return encodeCert(raw), keyPEM, nil
}

func (a *Authority) stillGood(cert *x509.Certificate, identity Identity) bool {
	if time.Now().Add(renewBefore).After(cert.NotAfter) || cert.CheckSignatureFrom(a.cert) != nil {
		return false
	}
	for _, host := range identity.Hosts {
		if cert.VerifyHostname(host) != nil {
			return false
		}
	}
	return cert.Subject.CommonName == identity.Name && slices.Equal(cert.Subject.Organization, identity.Groups)
}

func leafTemplate(identity Identity) (*x509.Certificate, error) {
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: identity.Name, Organization: identity.Groups},
		NotBefore:    time.Now().Add(-backdate),
		NotAfter:     time.Now().Add(leafLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(identity.Hosts) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, host := range identity.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template, nil
}

func createAuthority(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := serialNumber()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "kubellm-ca"},
		NotBefore:             time.Now().Add(-backdate),
		NotAfter:              time.Now().Add(caLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	// 先写私钥后写证书：有证书就表示两者都写过。私钥后来不见了要报错，
	// 悄悄换一个 CA 会让所有已发的 kubeconfig 失效。
	if err := WritePrivate(keyFile, keyPEM); err != nil {
		return err
	}
	return WritePrivate(certFile, encodeCert(raw))
}

func load(certFile, keyFile string) (*x509.Certificate, crypto.Signer, error) {
	certs, err := certutil.CertsFromFile(certFile)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := keyutil.PrivateKeyFromFile(keyFile)
	if err != nil {
		return nil, nil, err
	}
	key, ok := loaded.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%s holds a key that cannot sign", keyFile)
	}
	return certs[0], key, nil
}

// WritePrivate 以 0600 整体替换文件，读者不会看到写了一半的内容。
func WritePrivate(file string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(temporary.Name(), file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func encodeCert(raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certutil.CertificateBlockType, Bytes: raw})
}

func serialNumber() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a certificate serial number: %w", err)
	}
	return serial, nil
}
