package cluster

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

const secretPrefix = "secret/"

// grip 是为一个 Cluster 握着的凭据；只在内存里，来源没变就不再向平台要。
type grip struct {
	uid types.UID
	// source 是出处与版本；同一出处、同一版本不必再取。
	source string
	data   []byte
	// version 是内容的版本：Secret 只改了标签时它不变，不必为此重连。
	version  string
	handedIn string
	// opened 是检查过的结果，insecure 是检查时准不准不校验证书；nil 表示还没检查。
	opened   *credentials
	insecure bool
	// asked 是从何时起在等成员的结论，零表示不在问；answered 表示上次看时有结论。
	asked    time.Time
	answered bool
}

func (g *grip) takeSecret(source string, data []byte) {
	if !strings.HasPrefix(g.source, secretPrefix) || !bytes.Equal(g.data, data) {
		g.version, g.opened = source, nil
	}
	g.source, g.data, g.handedIn = source, data, ""
}

func (g *grip) takeHandedIn(version string, data []byte) {
	source := handedInSource(version)
	g.source, g.data, g.version, g.handedIn, g.opened = source, data, source, version, nil
}

// drop 放下凭据：出处已经没有了。
func (g *grip) drop() { g.source, g.data, g.version, g.handedIn, g.opened = "", nil, "", "", nil }

// open 返回检查过的凭据。
func (g *grip) open(insecure bool) credentials {
	if g.opened == nil || g.insecure != insecure {
		access, refusal := parse(g.data, insecure)
		g.insecure = insecure
		g.opened = &credentials{access: access, problem: refusal, version: g.version, handedIn: g.handedIn}
	}
	return *g.opened
}

func handedInSource(version string) string { return "handed-in/" + version }

func secretSource(secret metav1.Object, field string) string {
	return fmt.Sprintf(secretPrefix+"%s/%s/%s", secret.GetUID(), secret.GetResourceVersion(), field)
}

// grips 按名字放着各个 Cluster 的凭据。同一个名字同时只有一个工作者，锁只护着这张表。
type grips struct {
	mu     sync.Mutex
	byName map[string]*grip
}

// of 返回为 cluster 握着的；同名重建的从头来过。
func (g *grips) of(cluster *v1alpha1.Cluster) *grip {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byName == nil {
		g.byName = map[string]*grip{}
	}
	held := g.byName[cluster.Name]
	if held == nil || held.uid != cluster.UID {
		held = &grip{uid: cluster.UID}
		g.byName[cluster.Name] = held
	}
	return held
}

func (g *grips) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byName, name)
}

// asking 记下此刻有没有结论，返回从何时起在等；旧的条件能站多久由此算起。
// 只有从有到无才重新算起：凭据换得比成员答得快时，旧的条件也不能一直站下去。
func (g *grip) asking(concluded bool, now time.Time) time.Time {
	if g.asked.IsZero() || g.answered && !concluded {
		g.asked = now
	}
	g.answered = concluded
	return g.asked
}

// idle 记下不再问成员。
func (g *grip) idle() { g.asked, g.answered = time.Time{}, false }
