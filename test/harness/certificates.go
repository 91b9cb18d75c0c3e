package harness

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// CA 签发服务器与客户端证书。
type CA struct {
	cert *x509.Certificate
	key  crypto.Signer
	// PEM 是 CA 证书本身，放进 kubeconfig 的 certificate-authority-data。
	PEM []byte
}

// KeyPair 是一张证书和它的私钥，均为 PEM。
type KeyPair struct{ Cert, Key []byte }

// Identity 是客户端证书所代表的人：CN 为用户名，O 为组。
type Identity struct {
	User   string
	Groups []string
	// Expired 让证书一小时前就已过期，用来测试过期的凭证。
	Expired bool
}

// NewCA 生成一个自签的 CA；与被测部件无关的 CA 可用来测试"证书不受信任"。
func NewCA(name string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the key of CA %s: %w", name, err)
	}
	template := certificate(pkix.Name{CommonName: name}, time.Now().Add(-24*time.Hour), time.Now().Add(24*365*time.Hour))
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign CA %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse CA %s: %w", name, err)
	}
	return &CA{cert: cert, key: key, PEM: certPEM(der)}, nil
}

// LoadCA 读入一个已有的 CA，例如平台在 <data-dir>/pki 里的那个。
func LoadCA(certFile, keyFile string) (*CA, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("load the CA %s with key %s: %w", certFile, keyFile, err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("load the CA key %s: it cannot sign", keyFile)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("parse the CA %s: %w", certFile, err)
	}
	return &CA{cert: cert, key: signer, PEM: certPEM(pair.Certificate[0])}, nil
}

// IssueServer 为给出的主机名和地址签发服务器证书。
func (ca *CA) IssueServer(hosts ...string) (KeyPair, error) {
	if len(hosts) == 0 {
		return KeyPair{}, errors.New("issue a server certificate: no host is given")
	}
	template := certificate(pkix.Name{CommonName: hosts[0]}, time.Now().Add(-time.Hour), time.Now().Add(24*30*time.Hour))
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return ca.issue(template)
}

// IssueClient 签发代表 id 的客户端证书，有效一个月。
func (ca *CA) IssueClient(id Identity) (KeyPair, error) {
	if id.Expired {
		return ca.IssueClientUntil(id, time.Now().Add(-time.Hour))
	}
	return ca.IssueClientUntil(id, time.Now().Add(24*30*time.Hour))
}

// IssueClientUntil 签发代表 id、到 until 为止有效的客户端证书；until 已过去时它一签发就是过期的。
func (ca *CA) IssueClientUntil(id Identity, until time.Time) (KeyPair, error) {
	from := time.Now()
	if until.Before(from) {
		from = until
	}
	from = from.Add(-time.Hour)
	template := certificate(pkix.Name{CommonName: id.User, Organization: id.Groups}, from, until)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return ca.issue(template)
}

func (ca *CA) issue(template *x509.Certificate) (KeyPair, error) {
	name := template.Subject.CommonName
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return KeyPair{}, fmt.Errorf("generate the key of %s: %w", name, err)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	return encode(name, der, key)
}

// keyPair 返回 CA 自己的证书和私钥，重启时可用 LoadCA 读回。
func (ca *CA) keyPair() (KeyPair, error) {
	return encode(ca.cert.Subject.CommonName, ca.cert.Raw, ca.key)
}

// encode 把证书和私钥编成 PEM。
func encode(name string, cert []byte, key crypto.Signer) (KeyPair, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("encode the key of %s: %w", name, err)
	}
	return KeyPair{Cert: certPEM(cert), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}, nil
}

// Write 把证书和私钥写成文件，私钥只有本人可读。
func (kp KeyPair) Write(certFile, keyFile string) error {
	if err := os.WriteFile(certFile, kp.Cert, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	if err := os.WriteFile(keyFile, kp.Key, 0o600); err != nil {
		return fmt.Errorf("write private key: %w", err)
	}
	return nil
}

// certificate 返回各类证书共有的部分；序列号取纳秒时间，同一 CA 内不会重复。
func certificate(subject pkix.Name, from, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      subject,
		NotBefore:    from,
		NotAfter:     until,
	}
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
