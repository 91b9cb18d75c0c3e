package crossplane

import (
	"context"
	"fmt"

	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/crossplane/crossplane-runtime/v2/pkg/event"
	xpmeta "github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"

	"github.com/kubellm/kubellm/apis/managed/forprovider/secret"
	"github.com/kubellm/kubellm/internal/external"
)

const reasonHandedIn event.Reason = "HandedInCredentials"

// handover 是一次协调里要交入的秘密；没有的话 source 为 nil。
type handover struct {
	holder secretHolder
	source *secret.Source
	// is 是控制面里现在的那一份。
	is secret.Handover
	// give 交给外部层；内容要交入时才读。
	give *external.Secret
}

// prepareHandover 看要不要交入秘密。要删除的、不许写的资源不看 Secret：没有它也删得掉、看得见。
func (c *externalClient[M, T, L]) prepareHandover(ctx context.Context, mg M) error {
	holder, ok := any(mg).(secretHolder)
	if !ok || xpmeta.WasDeleted(mg) || !c.mayWrite(mg, xpv2.ManagementActionCreate, xpv2.ManagementActionUpdate) {
		return nil
	}
	source := holder.SecretSource()
	if source == nil {
		return nil
	}
	is, err := c.secrets.find(ctx, source)
	if err != nil {
		return err
	}
	c.handover = handover{holder: holder, source: source}
	c.handover.found(is, lastHandover(c.secrets.last(holder)))
	return nil
}

// found 记下控制面里现在的那一份。
func (h *handover) found(is secret.Handover, last external.Handover) {
	h.is = is
	h.give = &external.Secret{Source: sourceText(is), Last: last}
}

// completeHandover 在要交入时读出内容。读到的比监视看到的更新时，照读到的再观察一次。
func (c *externalClient[M, T, L]) completeHandover(ctx context.Context, mg M, seen managed.ExternalObservation) (managed.ExternalObservation, error) {
	if c.handover.give == nil || c.observed.Exists && !c.observed.SecretDue {
		return seen, nil
	}
	data, is, err := c.secrets.read(ctx, c.handover.source)
	if err != nil {
		return managed.ExternalObservation{}, err
	}
	stale := is != c.handover.is
	c.handover.found(is, c.handover.give.Last)
	c.handover.give.Data = data
	if stale {
		return c.observe(ctx, mg)
	}
	return seen, nil
}

// wrote 记住交过的那一份，并把写入的结果交回协调器；对象已写成而交入被拒时也一样。
func (c *externalClient[M, T, L]) wrote(ctx context.Context, mg M, written external.Written[T], failed error) error {
	failed = asWritten(mg, failed)
	give := c.handover.give
	if give == nil || !written.Applied || written.Handover == give.Last {
		return failed
	}
	source := c.handover.source
	c.record.Event(mg, event.Normal(reasonHandedIn, fmt.Sprintf("Handed in to the platform what Secret %q in namespace %q has under %s",
		source.Name, source.Namespace, source.KeysText())))
	if err := c.keepHandover(ctx, written.Handover.Version); failed == nil {
		return err
	}
	return failed
}

// keepHandover 把交过的那一份立刻写进状态：与别的状态一起写的话，一次冲突就会让它再交一次。
func (c *externalClient[M, T, L]) keepHandover(ctx context.Context, version string) error {
	holder, is := c.handover.holder, c.handover.is
	before, err := copyOf[client.Object](holder)
	if err != nil {
		return err
	}
	is.Version = version
	holder.SetHandover(&is)
	after, err := copyOf[client.Object](holder)
	if err != nil {
		return err
	}
	if err := c.kube.Status().Patch(ctx, after, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("cannot record in status.credentials what was handed in: %w; it will be handed in again", err)
	}
	holder.SetResourceVersion(after.GetResourceVersion())
	c.secrets.note(holder)
	return nil
}
