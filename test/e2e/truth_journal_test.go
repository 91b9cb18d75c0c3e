package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/apis/model/v1alpha1"
)

// journal 从头到尾记着平台说的与成员真有的：哪一边变了，都当场把每一句话重新对一遍。
type journal struct {
	mu       sync.Mutex
	models   *table[*v1alpha1.Model]
	clusters *table[*clusterv1alpha1.Cluster]
	// members 按 Cluster 的名字。
	members map[string]*mirror
	// deaf 说平台的服务器此刻没有：没有人读得到 Ready，也就没有人受骗。
	deaf bool
	// lies 是此刻正说着的假话，unknown 是此刻说不知道的 Model，都记着从何时起。
	lies    map[string]lie
	unknown map[string]time.Time
	// entries 每个故障一条，最后一条是正在进行的。
	entries []*entry
	pulse   pulse
	// changed 在每次变化时关闭并换新，等条件的人不必轮询。
	changed chan struct{}
}

type lie struct {
	since time.Time
	why   string
}

// entry 是一个故障的记录。
type entry struct {
	name string
	// grace 是这个故障额外准的时间，见 fault.grace。
	grace time.Duration
	began time.Time
	took  time.Duration
	// effect 是它让哪一句话变得不真，空表示什么也没发生。
	effect string
	// falsehood 是最久的一句假话，unknown 是最久的一次 Unknown。
	falsehood, unknown time.Duration
	about              string
	// excess 是每一句超过了限度的。
	excess []string
}

func newJournal() *journal {
	j := &journal{members: map[string]*mirror{}, lies: map[string]lie{}, unknown: map[string]time.Time{}, changed: make(chan struct{})}
	j.models, j.clusters = newTable[*v1alpha1.Model](j.note), newTable[*clusterv1alpha1.Cluster](j.note)
	j.begin("setting up", 0)
	return j
}

// begin 开始记一个故障。
func (j *journal) begin(name string, grace time.Duration) *entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := &entry{name: name, grace: grace, began: time.Now()}
	j.entries = append(j.entries, e)
	return e
}

// current 是正在进行的故障。
func (j *journal) current() *entry { return j.entries[len(j.entries)-1] }

// note 记下一次变化，再把每一句话对一遍。
func (j *journal) note(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
	now := time.Now()
	for _, c := range j.claims() {
		j.weigh(c, now)
	}
	for _, m := range j.models.rows {
		j.doubt(m, now)
	}
	close(j.changed)
	j.changed = make(chan struct{})
}

// claims 是平台此刻说的每一句话。
func (j *journal) claims() []claim {
	var all []claim
	for _, m := range j.models.rows {
		if followed(m) {
			all = append(all, claim{"model " + m.Name, meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionReady), readyUntrue(m, j.members)})
		}
	}
	for _, c := range j.clusters.rows {
		if on := j.members[c.Name]; on != nil {
			all = append(all,
				claim{"cluster " + c.Name, meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ConditionReady), on.blind},
				claim{"capacity of " + c.Name, meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ConditionCapacityKnown), capacityUntrue(c, on)})
		}
	}
	return all
}

// weigh 对一句话：不真时还说着的，从不真的那一刻起算假话，直到收回或又成真。
func (j *journal) weigh(c claim, now time.Time) {
	e := j.current()
	if c.untrue != "" && e.effect == "" {
		e.effect = c.name + ": " + c.untrue
	}
	open, told := j.lies[c.name]
	switch lying := c.asserted && c.untrue != "" && !j.deaf; {
	case lying && !told:
		j.lies[c.name] = lie{now, c.untrue}
	case !lying && told:
		delete(j.lies, c.name)
		e.told(c.name, open, now, j.limit(open.since, now))
	}
}

// harmless 说故障还没有影响到什么：什么也没发生的故障证明不了什么。
func (e *entry) harmless() string {
	if e.effect == "" {
		return "nothing that the platform says has become untrue"
	}
	return ""
}

// told 记下一句收回了的假话。
func (e *entry) told(name string, l lie, now time.Time, limit time.Duration) {
	lasted := now.Sub(l.since)
	if lasted > e.falsehood {
		e.falsehood, e.about = lasted, name
	}
	if lasted > limit {
		e.excess = append(e.excess, fmt.Sprintf("%s said yes for %s (allowed are %s) although %s", name, lasted.Round(time.Millisecond), limit, l.why))
	}
}

// doubt 记下 m 说了多久不知道。
func (j *journal) doubt(m *v1alpha1.Model, now time.Time) {
	ready := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionReady)
	unknown := followed(m) && ready != nil && ready.Status == metav1.ConditionUnknown && !j.deaf
	since, open := j.unknown[m.Name]
	switch {
	case unknown && !open:
		j.unknown[m.Name] = now
	case !unknown && open:
		delete(j.unknown, m.Name)
		e := j.current()
		e.unknown = max(e.unknown, now.Sub(since))
	}
}

// until 等到 missing 什么也不缺；由变化唤醒。到 patience 还缺，就说缺什么、此刻正说着哪些假话。
func (j *journal) until(ctx context.Context, what string, missing func() string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		j.mu.Lock()
		lacks, changed, lies := missing(), j.changed, j.lying()
		j.mu.Unlock()
		if lacks == "" {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting %s for %s: %s; false at this moment: %s", patience, what, lacks, lies)
		}
	}
}

// lying 列出此刻的假话。
func (j *journal) lying() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(j.lies)) {
		all = append(all, fmt.Sprintf("%s since %s (%s)", name, time.Since(j.lies[name].since).Round(time.Millisecond), j.lies[name].why))
	}
	return "[" + strings.Join(all, "; ") + "]"
}

// model 返回平台此刻所说的 Model；还没有的是一个空的。
func (j *journal) model(name string) *v1alpha1.Model {
	if m := j.models.rows[types.NamespacedName{Namespace: team, Name: name}]; m != nil {
		return m
	}
	return &v1alpha1.Model{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func (j *journal) cluster(name string) *clusterv1alpha1.Cluster {
	if c := j.clusters.rows[types.NamespacedName{Name: name}]; c != nil {
		return c
	}
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// 以下是等待用的条件：空表示成立，否则说缺什么；拿着 mu 时调用。

// reads 要求 Ready 是这个取值与理由。
func reads(what string, conditions []metav1.Condition, status metav1.ConditionStatus, reason string) string {
	c := meta.FindStatusCondition(conditions, "Ready")
	if c != nil && c.Status == status && c.Reason == reason {
		return ""
	}
	return fmt.Sprintf("Ready of %s is %+v, want %s (%s)", what, c, status, reason)
}

func (j *journal) modelReads(name string, status metav1.ConditionStatus, reason string) string {
	m := j.model(name)
	if m.Status.ObservedGeneration != m.Generation {
		return fmt.Sprintf("the status of model %s is that of generation %d, not %d", name, m.Status.ObservedGeneration, m.Generation)
	}
	return reads("model "+name, m.Status.Conditions, status, reason)
}

func (j *journal) clusterReads(name string, status metav1.ConditionStatus, reason string) string {
	return reads("cluster "+name, j.cluster(name).Status.Conditions, status, reason)
}

// unknownOn 要求每一个 Model 都说不知道，因为够不着集群。
func (j *journal) unknownOn(models ...string) string {
	for _, name := range models {
		if lacks := j.modelReads(name, metav1.ConditionUnknown, v1alpha1.ReasonClusterUnreachable); lacks != "" {
			return lacks
		}
	}
	return ""
}

// settled 要求一切复原：每一句“是”都说了、都是真的，哪里也没有多出来的。
func (j *journal) settled() string {
	if j.deaf {
		return "the platform server is down"
	}
	for _, name := range modelNames {
		m := j.model(name)
		for _, lacks := range []string{
			j.modelReads(name, metav1.ConditionTrue, v1alpha1.ReasonReady), readyUntrue(m, j.members), strayed(m, j.members),
		} {
			if lacks != "" {
				return fmt.Sprintf("model %s: %s", name, lacks)
			}
		}
		if len(m.Status.RemovedPlacements) > 0 {
			return fmt.Sprintf("model %s has not been removed everywhere: %+v", name, m.Status.RemovedPlacements)
		}
	}
	for name, on := range j.members {
		c := j.cluster(name)
		if lacks := j.clusterReads(name, metav1.ConditionTrue, clusterv1alpha1.ReasonReady); lacks != "" {
			return lacks
		}
		if why := capacityUntrue(c, on); why != "" {
			return fmt.Sprintf("the capacity of %s: %s", name, why)
		}
	}
	return ""
}
