package kind

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/kubellm/kubellm/internal/external"
)

// fail 把外部层的错误翻成诊断：做什么、对谁、为什么、下一步；平台指出的字段落到配置的属性上。
func (t task[M, T, L]) fail(ctx context.Context, err error) {
	var failure *external.Error
	if !errors.As(err, &failure) {
		t.diags.AddError(t.summary(), sentence(err)+"\n\n"+t.connection.howToConfigure())
		return
	}
	switch failure.Class {
	case external.ClassOwnedByAnother:
		t.diags.AddError(t.summary(), t.heldBy(failure))
	case external.ClassInvalid:
		t.invalid(ctx, failure)
	case external.ClassUnreachable, external.ClassUnauthenticated:
		t.diags.AddError(t.summary(), sentence(failure)+"\n\n"+t.connection.howToConfigure())
	case external.ClassForbidden:
		t.diags.AddError(t.summary(), sentence(failure)+"\n\n"+t.connection.configured())
	case external.ClassNotFound:
		t.diags.AddError(t.summary(), sentence(failure)+"\n\nIt was deleted since Terraform last looked. Run terraform plan again to see what is to be done.")
	default:
		t.diags.AddError(t.summary(), sentence(failure))
	}
}

// sentence 把错误写成一句话。
func sentence(err error) string {
	text := strings.TrimSuffix(err.Error(), ".") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}

func (t task[M, T, L]) summary() string {
	if t.key.Name == "" {
		return fmt.Sprintf("Cannot %s the %s", t.verb, t.kind.Plural)
	}
	return fmt.Sprintf("Cannot %s the %s %q", t.verb, t.kind.Title, t.id())
}

// invalid 给平台指出的每个字段一条诊断，挂在配置的属性上；配置里没有的字段写进说明。
func (t task[M, T, L]) invalid(ctx context.Context, failure *external.Error) {
	if len(failure.Fields) == 0 {
		t.diags.AddError(t.summary(), sentence(failure))
		return
	}
	schema := t.kind.resourceSchema(ctx)
	for _, field := range failure.Fields {
		detail := fmt.Sprintf("The platform at %s refused %s: %s. Nothing was changed.", failure.Server, field.Field, strings.TrimSuffix(field.Message, "."))
		if at, ok := attributePath(ctx, schema, field.Field); ok {
			t.diags.AddAttributeError(at, t.summary(), detail)
		} else {
			t.diags.AddError(t.summary(), detail)
		}
	}
}

// heldBy 说明对象归谁、什么也没改，并给出可以直接粘贴的导入块。
func (t task[M, T, L]) heldBy(failure *external.Error) string {
	return fmt.Sprintf("%s\n\nNothing was changed. Either manage it where it is managed now, or, "+
		"to take it over into this configuration, import it with this block:\n\n%s",
		sentence(failure), t.importBlock())
}

var notIdentifier = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// importBlock 猜资源块与对象同名：提供者不知道资源在配置里的地址，注释提醒人核对。
func (t task[M, T, L]) importBlock() string {
	label := notIdentifier.ReplaceAllString(t.key.Name, "_")
	if label[0] >= '0' && label[0] <= '9' {
		label = "_" + label
	}
	return fmt.Sprintf("import {\n  to = kubellm_%s.%s # the address of this resource block\n  id = %q\n}", t.kind.Name, label, t.id())
}

// failMissing 用于必须存在的对象不存在。
func (t task[M, T, L]) failMissing() {
	t.diags.AddError(t.summary(), fmt.Sprintf("There is no %s %q on the platform. Check the name, and that the provider is configured for the right platform.\n\n%s",
		t.kind.Title, t.id(), t.connection.configured()))
}

// warnLost 说明为什么计划会提议重建一个明明存在的对象。
func (t task[M, T, L]) warnLost(reason string) {
	t.diags.AddWarning(fmt.Sprintf("The %s %q is no longer managed here", t.kind.Title, t.id()),
		fmt.Sprintf("The object of this name exists, but %s. Terraform leaves it alone and counts its own as gone; creating it again is refused "+
			"as long as this one exists. Remove the resource from the configuration, or take the object over: let Terraform forget the lost one "+
			"with `terraform apply -refresh-only`, then import with this block:\n\n%s", reason, t.importBlock()))
}

// warnNotOurs 说明销毁时留下了一个归别人的对象。
func (t task[M, T, L]) warnNotOurs(ctx context.Context, client *external.Client[T, L], want external.Desired[T]) {
	holder := "someone else"
	if seen, err := client.Observe(ctx, want); err == nil && seen.Exists {
		holder = seen.HeldBy
	}
	t.diags.AddWarning(fmt.Sprintf("The %s %q was left alone", t.kind.Title, t.id()),
		fmt.Sprintf("It is held by %s and not by this resource, so it was not deleted. The resource is removed from the state.", holder))
}

// configured 说明提供者现在连的是哪里。
func (c *Connection) configured() string {
	return fmt.Sprintf("The provider is configured by %s.", c.Source)
}

// howToConfigure 还说明能怎么改。
func (c *Connection) howToConfigure() string {
	return c.configured() + " Check it, or configure the provider with kubeconfig (and context), " +
		"or with server, ca_certificate and token or client_certificate and client_key; " +
		"the environment variables KUBELLM_KUBECONFIG, KUBELLM_CONTEXT, KUBELLM_SERVER, KUBELLM_CA_CERTIFICATE, KUBELLM_TOKEN, " +
		"KUBELLM_CLIENT_CERTIFICATE and KUBELLM_CLIENT_KEY stand in for attributes that are not set."
}
