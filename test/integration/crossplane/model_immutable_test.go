package crossplane

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"

	modelv1alpha1 "github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// inScope 是一个作用域里的模型：清单里的命名空间、写给它的参数开头、读它的对象。它哪里也不放：别的测试的成员会没了，删除就得等。
type inScope struct {
	namespace, name, params string
	modelResource
}

// eachModelScope 在平台上建好命名空间，两种作用域各跑一遍。
func eachModelScope(t *testing.T, test func(t *testing.T, ns string, m inScope)) {
	t.Helper()
	ns := shared.namespace(t)
	kubectl(t, platform, "create", "namespace", ns)
	for scope, build := range modelScopes {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			m := inScope{namespace: ns, name: scope, params: "namespace: " + ns + ", suspended: true, placement: {clusterNames: [nowhere]}, "}
			m.modelResource = build(ns, m.name)
			if scope == "cluster-scoped" {
				m.namespace, m.name = "", "wide-"+ns
				m.SetName(m.name)
			}
			test(t, ns, m)
			if err := shared.kube.Delete(t.Context(), m.Managed); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, shared, m.Managed)
		})
	}
}

func (m inScope) manifest(forProvider string) string {
	return modelManifest(m.namespace, m.name, m.params+forProvider)
}

// awaitWritten 等平台上的模型是想要的，而托管资源看得到它。
func (m inScope) awaitWritten(t *testing.T, ns, what string, written func(spec modelv1alpha1.ModelSpec) bool) *modelv1alpha1.Model {
	t.Helper()
	var found *modelv1alpha1.Model
	await(t, shared, m.Managed, "synced "+what, promptly, func(got resource.Managed) error {
		if err := isSynced(got); err != nil {
			return err
		}
		found = platform.model(t, ns, m.name)
		if seen := m.seen(); !written(found.Spec) || seen == nil || seen.ServedName == nil {
			return fmt.Errorf("the platform has %+v, observed is %+v", found.Spec, seen)
		}
		return nil
	})
	return found
}

// TestModelImmutable 看平台上的模型改不得的字段：当场被拒，说出该怎么办；补写、去掉也算改。
func TestModelImmutable(t *testing.T) {
	t.Parallel()
	eachModelScope(t, func(t *testing.T, ns string, m inScope) {
		before := m.manifest(aSource + ", engine: {type: VLLM, delivery: KServe}, servedName: a")
		shared.apply(t, before)
		m.awaitWritten(t, ns, "as written", func(spec modelv1alpha1.ModelSpec) bool { return spec.ServedName != nil })
		refuseChanges(t, before, map[string]change{
			"engine":              {"another engine is another model", "type: VLLM", "type: SGLang", "spec.forProvider.engine.type"},
			"delivery":            {"what runs on the members is of another kind", "delivery: KServe", "delivery: Deployment", "spec.forProvider.engine.delivery"},
			"delivery removed":    {"the platform takes Deployment then", ", delivery: KServe", "", "spec.forProvider.engine.delivery"},
			"served name":         {"whoever calls the model would lose it", "servedName: a", "servedName: b", "spec.forProvider.servedName"},
			"served name removed": {"the platform takes the model's name then", ", servedName: a", "", "spec.forProvider.servedName"},
			"namespace":           {"an object does not move", "namespace: " + ns + ",", "namespace: elsewhere,", "spec.forProvider.namespace"},
		})
		if m.namespace == "" {
			return
		}
		message := shared.refused(t, strings.Replace(before, "namespace: "+ns+", ", "", 1))
		if !strings.Contains(message, "cannot be added or removed") {
			t.Errorf("removing the namespace would move the model: the message does not say so: %s", message)
		}
	})
}

// TestModelCacheImmutable 看已有的缓存换不得、小不得，大得了；写明默认的访问方式不算改。
func TestModelCacheImmutable(t *testing.T) {
	t.Parallel()
	eachModelScope(t, func(t *testing.T, ns string, m inScope) {
		before := m.manifest(aSource + ", " + anEngine + ", cache: {size: 2Gi, storageClassName: a}")
		shared.apply(t, before)
		m.awaitWritten(t, ns, "as written", func(spec modelv1alpha1.ModelSpec) bool { return spec.Cache != nil })
		refuseChanges(t, before, map[string]change{
			"class":         {"a volume does not move", "storageClassName: a", "storageClassName: b", "spec.forProvider.cache.storageClassName"},
			"class removed": {"a volume does not move", ", storageClassName: a", "", "spec.forProvider.cache.storageClassName"},
			"access mode":   {"a volume keeps its mode", "size: 2Gi", "size: 2Gi, accessMode: ReadWriteOnce", "spec.forProvider.cache.accessMode"},
			"smaller":       {"a volume does not shrink", "size: 2Gi", "size: 2047Mi", "spec.forProvider.cache.size"},
		})
		shared.apply(t, strings.Replace(before, "size: 2Gi", "size: 3Gi, accessMode: ReadWriteMany", 1))
		m.awaitWritten(t, ns, "with a larger cache", func(spec modelv1alpha1.ModelSpec) bool { return spec.Cache.Size.String() == "3Gi" })
	})
}

// change 是一处改不得的：把清单里的 was 换成 is，拒绝要指到 field。
type change struct{ reason, was, is, field string }

// refuseChanges 逐个试，都该当场被拒。
func refuseChanges(t *testing.T, manifest string, changes map[string]change) {
	t.Helper()
	for name, c := range changes {
		message := shared.refused(t, strings.Replace(manifest, c.was, c.is, 1))
		if !strings.Contains(message, c.field) || !strings.Contains(message, "cannot ") {
			t.Errorf("%s: %s: the message does not say that %s cannot be changed: %s", c.reason, name, c.field, message)
		}
	}
}

// TestModelDefaultsWritten 看写明默认值、再去掉都不算改；真要改的当场被拒，什么也没卡住。
func TestModelDefaultsWritten(t *testing.T) {
	t.Parallel()
	eachModelScope(t, func(t *testing.T, ns string, m inScope) {
		bare, written := aSource+", "+anEngine, aSource+", engine: {type: VLLM, delivery: Deployment}, servedName: "+m.name
		shared.apply(t, m.manifest(bare))
		first := m.awaitWritten(t, ns, "without either", func(spec modelv1alpha1.ModelSpec) bool { return spec.ServedName == nil })
		shared.apply(t, m.manifest(written))
		second := m.awaitWritten(t, ns, "with the defaults written out", func(spec modelv1alpha1.ModelSpec) bool { return spec.ServedName != nil })
		shared.apply(t, m.manifest(bare))
		third := m.awaitWritten(t, ns, "without them again", func(spec modelv1alpha1.ModelSpec) bool { return spec.ServedName == nil })
		if first.UID != second.UID || first.UID != third.UID || ptr.Deref(third.Spec.Engine.Delivery, "") != modelv1alpha1.DeliveryDeployment {
			t.Errorf("writing the defaults out made another model: %s, %s, %s with delivery %v", first.UID, second.UID, third.UID, third.Spec.Engine.Delivery)
		}
		for field, forProvider := range map[string]string{
			"spec.forProvider.engine.delivery": aSource + ", engine: {type: VLLM, delivery: KServe}",
			"spec.forProvider.servedName":      bare + ", servedName: chat",
		} {
			if message := shared.refused(t, m.manifest(forProvider)); !strings.Contains(message, field) || !strings.Contains(message, "cannot be changed") {
				t.Errorf("what was not set was the default: the message does not say that %s cannot be changed: %s", field, message)
			}
		}
	})
}

// TestModelMendedBeforeItStands 看平台没收下的模型怎么改都行：还没有什么要守住。
func TestModelMendedBeforeItStands(t *testing.T) {
	t.Parallel()
	eachModelScope(t, func(t *testing.T, ns string, m inScope) {
		const gguf = "source: {huggingFace: {repo: a/b, file: a.gguf}}, "
		shared.apply(t, m.manifest(gguf+"engine: {type: LlamaCpp, delivery: KServe}, servedName: a"))
		awaitNotSynced(t, shared, m.Managed, promptly, "spec.forProvider.engine.delivery", "Deployment")
		platform.noModel(t, ns, m.name)
		shared.apply(t, m.manifest(aSource+", engine: {type: VLLM, delivery: Deployment}, servedName: b"))
		m.awaitWritten(t, ns, "as mended", func(spec modelv1alpha1.ModelSpec) bool { return ptr.Deref(spec.ServedName, "") == "b" })
	})
}
