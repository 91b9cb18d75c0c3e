package kubeconfig

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"time"
)

// certificates 读出 PEM 里的全部证书；尾巴上有半张也算坏，那是文件被截断的样子。
func certificates(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, certificate)
	}
	if len(out) == 0 || bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, errors.New("no certificate, or a certificate is cut short")
	}
	return out, nil
}

// clientCertificate 校验证书与私钥成对，返回叶子证书；两样都没有就是 nil。
func clientCertificate(certificate, key []byte) (*x509.Certificate, error) {
	switch {
	case len(certificate) == 0 && len(key) == 0:
		return nil, nil
	case len(key) == 0:
		return nil, breaks(NoCredentials, "client-key-data")
	case len(certificate) == 0:
		return nil, breaks(NoCredentials, "client-certificate-data")
	}
	chain, err := certificates(certificate)
	if err != nil {
		return nil, breaks(Malformed, "client-certificate-data")
	}
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		return nil, breaks(Malformed, "client-key-data")
	}
	return chain[0], nil
}

// bearerToken 去掉末尾常见的换行；放不进 HTTP 头的令牌说明文件坏了。
func bearerToken(token string) (string, error) {
	token = strings.TrimSpace(token)
	for _, b := range []byte(token) {
		if b <= ' ' || b >= 0x7f {
			return "", breaks(Malformed, "token")
		}
	}
	return token, nil
}

// endOfTime 之后的时刻无法写成 RFC 3339，等于没有期限。
var endOfTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// tokenExpiry 读令牌自称的到期时刻。不验签：令牌由成员去验，这里只是为了提前提醒。
func tokenExpiry(token string) *time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		ExpiresAt *float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.ExpiresAt == nil {
		return nil
	}
	if exp := *claims.ExpiresAt; exp < 0 || exp >= float64(endOfTime) {
		return nil
	}
	expiresAt := time.Unix(int64(*claims.ExpiresAt), 0).UTC()
	return &expiresAt
}
