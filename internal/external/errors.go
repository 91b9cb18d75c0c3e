package external

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class 是错误的分类；适配器只按它翻译。
type Class string

const (
	// ClassNotFound 表示对象不存在，或这次更新所针对的那个对象已不存在。
	ClassNotFound Class = "NotFound"
	// ClassConflict 表示与别的字段管理者或别的写入冲突。
	ClassConflict Class = "Conflict"
	// ClassOwnedByAnother 表示对象归别人，Error.Holder 是谁。
	ClassOwnedByAnother Class = "OwnedByAnother"
	// ClassInvalid 表示平台不接受内容，Error.Fields 指出字段。
	ClassInvalid Class = "Invalid"
	// ClassForbidden 表示凭据没有权限。
	ClassForbidden Class = "Forbidden"
	// ClassUnauthenticated 表示平台不认这份凭据。
	ClassUnauthenticated Class = "Unauthenticated"
	// ClassRateLimited 表示平台要求慢一点，Error.RetryAfter 是多久。
	ClassRateLimited Class = "RateLimited"
	// ClassUnreachable 表示没有得到平台的回答，或缓存已不可信。
	ClassUnreachable Class = "Unreachable"
	// ClassGone 表示资源版本或续页令牌已过期（410）。
	ClassGone Class = "Gone"
	// ClassNotReady 表示等待到期了；对象本身没有出错。
	ClassNotReady Class = "NotReady"
	// ClassFailed 表示等下去也不会就绪，Error.Ready 是平台说的理由。
	ClassFailed Class = "Failed"
	// ClassInternal 是其余一切。
	ClassInternal Class = "Internal"
)

// FieldError 是平台对一个字段的意见；冲突时 Manager 是占着它的字段管理者。
type FieldError struct {
	Field   string
	Message string
	Manager string
}

// String 是"字段: 意见"。
func (f FieldError) String() string {
	if f.Manager != "" {
		return fmt.Sprintf("%s is managed by %q", f.Field, f.Manager)
	}
	if f.Field == "" {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

// Error 说明做了什么、对什么、为什么失败、下一步该做什么。
type Error struct {
	Class Class
	// Op 是失败的动作，例如 update、read。
	Op     string
	Kind   string
	Key    Key
	Server string
	// Holder 仅用于 ClassOwnedByAnother。
	Holder     string
	Fields     []FieldError
	RetryAfter time.Duration
	// Ready 是等待结束时的就绪状况，用于 ClassNotReady 与 ClassFailed。
	Ready Readiness
	Err   error

	// advice 取代按分类给出的下一步，用于原因更具体的时候，例如证书过期。
	advice string
}

// Error 是给人看的整句话；同一原因的文字不变，免得事件和状态被反复改写。
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot %s %s", e.Op, e.Kind)
	if e.Key.Name != "" {
		fmt.Fprintf(&b, " %q", keyText(e.Key))
	}
	if e.Server != "" {
		fmt.Fprintf(&b, " at %s", e.Server)
	}
	next := e.next()
	if next == "" {
		return b.String() + ": " + e.cause()
	}
	// 平台的话可能已经是一个整句。
	return b.String() + ": " + strings.TrimSuffix(e.cause(), ".") + "; " + next
}

// Unwrap 给出原始错误。
func (e *Error) Unwrap() error { return e.Err }

// cause 说为什么：占有者和字段比服务端的整句更要紧，其余取最里层的原因。
func (e *Error) cause() string {
	switch {
	case e.Class == ClassOwnedByAnother:
		return "it exists and is held by " + e.Holder
	case len(e.Fields) > 0:
		parts := make([]string, 0, len(e.Fields))
		for _, f := range e.Fields {
			parts = append(parts, f.String())
		}
		return strings.Join(parts, ", ")
	case e.Err != nil:
		return causeText(e.Err)
	default:
		return strings.ToLower(string(e.Class))
	}
}

// next 说下一步该做什么。
func (e *Error) next() string {
	if e.advice != "" {
		return e.advice
	}
	switch e.Class {
	case ClassConflict:
		return "give the fields up in one of the two places, or try again if the object was just changed"
	case ClassOwnedByAnother:
		return "manage it there, choose another name, or adopt it explicitly"
	case ClassInvalid:
		return "correct the configuration"
	case ClassForbidden:
		return "grant the permission to the user of these credentials"
	case ClassUnauthenticated:
		return "check that the token or client certificate of these credentials is valid and that their user is not suspended"
	case ClassRateLimited:
		return "it will be accepted later"
	case ClassUnreachable:
		return "check the server address and that the platform is running and can be reached from here"
	case ClassGone:
		return "start again from the beginning"
	default:
		return ""
	}
}

// keyText 是命名空间/名字，集群级的只有名字。
func keyText(k Key) string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// ClassOf 取错误的分类；不是本层的错误时是 ClassInternal，nil 时为空。
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ClassInternal
}

// HolderOf 取占有者；不是 ClassOwnedByAnother 时为空。
func HolderOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Holder
	}
	return ""
}

// OwnedByAnother 是适配器观察到对象归别人时返回的错误；holder 是 Observation.HeldBy。
func OwnedByAnother(kind string, key Key, holder string) *Error {
	return &Error{Class: ClassOwnedByAnother, Op: "manage", Kind: kind, Key: key, Holder: holder}
}
