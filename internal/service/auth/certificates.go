package auth

import (
	"crypto/x509"
	"fmt"
	"strings"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/union"
	requestx509 "k8s.io/apiserver/pkg/authentication/request/x509"
)

// VerifyOptions 给出一个 CA 的核对选项；CA 文件更换后随之更新。
type VerifyOptions = requestx509.VerifyOptionFunc

// ClientCertificates 认平台自己的 CA 签的证书；others 签的也认，但它们不得自称平台的身份：
// 别的 CA（多半是某个集群的）里的 system:masters 是那个集群的管理员，不是平台的。
func ClientCertificates(own VerifyOptions, others ...VerifyOptions) authenticator.Request {
	chain := []authenticator.Request{requestx509.NewDynamic(own, requestx509.CommonNameUserConversion)}
	for _, other := range others {
		chain = append(chain, requestx509.NewDynamic(other, requestx509.UserConversionFunc(ordinaryIdentity)))
	}
	return union.New(chain...)
}

// ordinaryIdentity 拒绝带有保留名字或组的证书。
func ordinaryIdentity(chain []*x509.Certificate) (*authenticator.Response, bool, error) {
	response, ok, err := requestx509.CommonNameUserConversion.User(chain)
	if err != nil || !ok {
		return response, ok, err
	}
	for _, name := range append([]string{response.User.GetName()}, response.User.GetGroups()...) {
		if strings.HasPrefix(name, systemPrefix) {
			return nil, false, fmt.Errorf("the certificate claims %q: names and groups starting with %q are accepted from the platform's own certificate authority only", name, systemPrefix)
		}
	}
	return response, ok, nil
}
