// Package meta 是所有平台种类共用的标注键与错误原因：服务端的归属规则与两个工具链的外部层靠它们说同一种话。
package meta

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

const (
	// OwnerAnnotation marks the one toolchain instance that manages an object:
	// crossplane/<control-plane id>/<kind.group>/<namespace>/<name> or
	// terraform/<random id>. The server refuses to set it on an object that
	// stands without it and to change it, unless AdoptAnnotation allows it.
	OwnerAnnotation = "kubellm.io/owner"
	// AdoptAnnotation on a stored object names the owner mark that may take
	// the object over. The server removes it once that has happened.
	AdoptAnnotation = "kubellm.io/adopt"

	// CauseOwnedByAnother is the type of the status cause in a 409 answer to a
	// write that would have taken an object from its holder; the cause's
	// message is the holder.
	CauseOwnedByAnother metav1.CauseType = "OwnedByAnother"
)
