package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
	"github.com/kubellm/kubellm/internal/kubeconfig"
	"github.com/kubellm/kubellm/internal/member"
)

// 测试里的心跳是 30 秒一次、10 秒超时、3 次为限，所以成员沉默 100 秒仍算正常。
var (
	now  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	then = now.Add(-time.Hour)

	errRefused     = errors.New("probe https://member: connection refused")
	unauthorized   = apierrors.NewUnauthorized("Unauthorized")
	forbiddenNodes = apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "", errors.New("no right to list"))
	notReady       = apierrors.NewServiceUnavailable("etcd failed")
)

// short 是条件的简写：状态/理由@generation。
func short(c metav1.Condition) string {
	gen := ""
	if c.ObservedGeneration != 2 {
		gen = "@old"
	}
	return string(c.Status) + "/" + c.Reason + gen
}

// registered 是 generation 为 2、成员是 one、此前一切正常的 Cluster；旧条件的 generation 是 1。
func registered() *v1alpha1.Cluster {
	c := fresh()
	c.Status.ID, c.Status.ObservedGeneration = "one", 1
	c.Status.CredentialsVersion, c.Status.ObservedCredentialsVersion = "v1", "v1"
	c.Status.Nodes = &v1alpha1.NodeSummary{Total: 2, Ready: 2, Schedulable: 2}
	c.Status.LastHeartbeatTime = ptr.To(metav1.NewTime(now.Add(-30 * time.Second)))
	had(c, v1alpha1.ConditionCredentialsValid, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	had(c, v1alpha1.ConditionReachable, metav1.ConditionTrue, v1alpha1.ReasonHeartbeatSucceeded)
	had(c, v1alpha1.ConditionCapacityKnown, metav1.ConditionTrue, v1alpha1.ReasonWatching)
	had(c, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	return c
}

// fresh 是刚登记、还没有任何状态的 Cluster。
func fresh() *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c", UID: "uid-c", Generation: 2}}
	v1alpha1.SetObjectDefaults_Cluster(c)
	return c
}

func had(c *v1alpha1.Cluster, kind string, status metav1.ConditionStatus, reason string) {
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: "as before",
		ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(then),
	})
}

// healthy 是一切正常的事实。
func healthy() facts {
	return facts{
		now: now, asked: then,
		credentials: credentials{access: &kubeconfig.Access{Server: "https://member"}, version: "v1", handedIn: "v1"},
		evidence: &member.Evidence{
			CredentialsVersion: "v1", ID: "one", Version: "v1.37.2",
			Probe:    member.Probe{LastSuccess: now},
			Capacity: member.Capacity{Known: true, LastSeen: now, Nodes: v1alpha1.NodeSummary{Total: 3, Ready: 3, Schedulable: 3}},
		},
	}
}

// silent 是成员一次也没有应答过的证据。
func silent(err error, failures int, failed bool) *member.Evidence {
	return &member.Evidence{CredentialsVersion: "v1", Probe: member.Probe{Failures: failures, Failed: failed, Err: err}}
}

// lost 是曾经正常、后来探测失败的证据。
func lost(err error, failures int, failed bool) *member.Evidence {
	e := healthy().evidence
	e.Probe = member.Probe{LastSuccess: now.Add(-90 * time.Second), Failures: failures, Failed: failed, Err: err}
	e.Capacity.Known, e.Capacity.LastSeen, e.Capacity.Err = false, now.Add(-80*time.Second), err
	return e
}

func expiresIn(f *facts, in time.Duration) { f.credentials.access.ExpiresAt = ptr.To(now.Add(in)) }

// wanted 是一种情形下的四个条件，与一条消息里应有的话。
type wanted struct {
	credentials, reachable, capacity, ready string
	message                                 map[string]string
}

func TestConditions(t *testing.T) {
	cases := map[string]struct {
		reason  string
		cluster func() *v1alpha1.Cluster
		change  func(*v1alpha1.Cluster, *facts)
		want    wanted
	}{
		"AllWell": {
			reason: "evidence for everything is what Ready rests on",
			want:   wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "True/Ready", nil},
		},
		"NothingYet": {
			reason: "before the first answer nothing is claimed, at the generation that is waited for", cluster: fresh,
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence, f.asked = nil, now },
			want:   wanted{"Unknown/Unproven", "Unknown/NotObserved", "Unknown/NotObserved", "Unknown/NotObserved", nil},
		},
		"FirstProbeFailed": {
			reason: "who mistyped an address reads so before the threshold is reached", cluster: fresh,
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.evidence, f.asked = silent(errRefused, 1, false), now.Add(-10*time.Second)
			},
			want: wanted{"Unknown/Unproven", "Unknown/NotObserved", "Unknown/NotObserved", "Unknown/NotObserved",
				map[string]string{v1alpha1.ConditionReachable: "connection refused", v1alpha1.ConditionReady: "connection refused"}},
		},
		"NeverReached": {
			reason: "the threshold is reached without a single answer", cluster: fresh,
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence = silent(errRefused, 3, true) },
			want: wanted{"Unknown/Unproven", "False/HeartbeatFailed", "Unknown/NotObserved", "Unknown/HeartbeatFailed",
				map[string]string{v1alpha1.ConditionReachable: "the member has never answered: probe https://member: connection refused"}},
		},
		"IdentityNotWritten": {
			reason: "the identity is written first, so that two Clusters of one member are never both ready", cluster: fresh,
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "Unknown/NotObserved", nil},
		},
		"NobodyKnown": {
			reason: "an answer without an identity could come from any member",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence.ID = "" },
			want:   wanted{"Unknown/Unproven", "Unknown/NotObserved", "Unknown/Stale", "Unknown/NotObserved", nil},
		},
		"BelowTheThreshold": {
			reason: "a failed probe or two change nothing",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence = lost(errRefused, 2, false) },
			want:   wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "True/Ready", nil},
		},
		"UnauthorizedBelowTheThreshold": {
			reason: "a member that is starting refuses good tokens for a moment",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence = lost(unauthorized, 1, false) },
			want:   wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "True/Ready", nil},
		},
		"Lost": {
			reason: "what runs on a member that does not answer is not known, so Ready is Unknown and not False",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence = lost(errRefused, 3, true) },
			want: wanted{"Unknown/Unproven", "False/HeartbeatFailed", "Unknown/Stale", "Unknown/HeartbeatFailed", map[string]string{
				v1alpha1.ConditionReachable:     "3 probes in a row or more have failed; the last answer was at 2026-05-01T11:58:30Z: probe https://member: connection refused",
				v1alpha1.ConditionCapacityKnown: "those of 2026-05-01T11:58:40Z",
			}},
		},
		"Unready": {
			reason: "a member that says so itself is not to be given work, and it accepts the credentials",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.evidence = lost(notReady, 3, true)
				f.evidence.Capacity = healthy().evidence.Capacity
			},
			want: wanted{"True/Accepted", "False/MemberNotReady", "True/Watching", "Unknown/MemberNotReady",
				map[string]string{v1alpha1.ConditionReachable: "etcd failed"}},
		},
		"Revoked": {
			reason: "credentials that are refused as often as the threshold are refused",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence = lost(unauthorized, 3, true) },
			want:   wanted{"False/Unauthorized", "Unknown/Unproven", "Unknown/Stale", "False/Unauthorized", nil},
		},
		"RefusedAtOnce": {
			reason: "credentials that the member has never accepted are refused at the first answer",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence, f.asked = silent(unauthorized, 1, false), now },
			want:   wanted{"False/Unauthorized", "Unknown/Unproven", "Unknown/Stale", "False/Unauthorized", nil},
		},
		"MayNotReadTheIdentity": {
			reason: "the missing right is named", cluster: fresh,
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.evidence, f.asked = silent(apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "kube-system", errors.New("no")), 1, false), now
			},
			want: wanted{"False/Forbidden", "Unknown/Unproven", "Unknown/NotObserved", "False/Forbidden",
				map[string]string{v1alpha1.ConditionReady: `namespaces "kube-system" is forbidden`}},
		},
		"MayNotWatch": {
			reason: "a missing right to watch leaves the other conditions true and is named",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence.Capacity = member.Capacity{Err: forbiddenNodes} },
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "False/Forbidden", "False/Forbidden",
				map[string]string{v1alpha1.ConditionCapacityKnown: "nodes is forbidden"}},
		},
		"WatchBroke": {
			reason: "a watch that comes back within what a heartbeat may take does not flap",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.evidence.Capacity.Known, f.evidence.Capacity.LastSeen, f.evidence.Capacity.Err = false, now.Add(-99*time.Second), errRefused
			},
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "True/Ready", nil},
		},
		"WatchStale": {
			reason: "numbers that nobody vouches for are kept and called stale",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.evidence.Capacity.Known, f.evidence.Capacity.LastSeen, f.evidence.Capacity.Err = false, now.Add(-100*time.Second), errRefused
			},
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "Unknown/Stale", "Unknown/Stale",
				map[string]string{v1alpha1.ConditionCapacityKnown: "The numbers are those of 2026-05-01T11:58:20Z: probe https://member: connection refused."}},
		},
		"FirstListing": {
			reason: "a member that has answered but whose nodes are still being read is not ready", cluster: fresh,
			change: func(c *v1alpha1.Cluster, f *facts) {
				c.Status.ID = "one"
				f.asked, f.evidence.Capacity = now, member.Capacity{}
			},
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "Unknown/NotObserved", "Unknown/NotObserved", nil},
		},
		"ListingAfterRestart": {
			reason: "while the nodes are read again the old word stands, and so does its generation",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.asked, f.evidence.Capacity = now, member.Capacity{} },
			want:   wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching@old", "True/Ready@old", nil},
		},
		"ListingFailsAfterRestart": {
			reason: "a listing that is tried again is no news either",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.asked, f.evidence.Capacity = now, member.Capacity{Err: errors.New("nodes are still being read")}
			},
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching@old", "True/Ready@old", nil},
		},
		"ListingTakesTooLong": {
			reason: "the old word does not stand for ever",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.asked, f.evidence.Capacity = now.Add(-100*time.Second), member.Capacity{}
			},
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "Unknown/Stale", "Unknown/Stale", nil},
		},
		"Restarted": {
			reason: "after a restart everything stands until the member is heard",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.asked, f.evidence = now.Add(-99*time.Second), nil },
			want:   wanted{"True/Accepted@old", "True/HeartbeatSucceeded@old", "True/Watching@old", "True/Ready@old", nil},
		},
		"RestartedAndUnheard": {
			reason: "silence for as long as the heartbeat allows ends that",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.asked, f.evidence = now.Add(-100*time.Second), nil },
			want:   wanted{"Unknown/Unproven", "Unknown/NotObserved", "Unknown/Stale", "Unknown/NotObserved", nil},
		},
		"RestartedWhileDown": {
			reason: "a member that was down is still down until it answers, not new",
			change: func(c *v1alpha1.Cluster, f *facts) {
				had(c, v1alpha1.ConditionCredentialsValid, metav1.ConditionUnknown, v1alpha1.ReasonUnproven)
				had(c, v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonHeartbeatFailed)
				had(c, v1alpha1.ConditionCapacityKnown, metav1.ConditionUnknown, v1alpha1.ReasonStale)
				f.asked, f.evidence = now.Add(-time.Second), silent(errRefused, 1, false)
			},
			want: wanted{"Unknown/Unproven@old", "False/HeartbeatFailed@old", "Unknown/Stale@old", "Unknown/HeartbeatFailed@old", nil},
		},
		"DownAfterRestart": {
			reason: "only the old condition still knows how old the numbers are",
			change: func(c *v1alpha1.Cluster, f *facts) {
				had(c, v1alpha1.ConditionCapacityKnown, metav1.ConditionUnknown, v1alpha1.ReasonStale)
				f.evidence = silent(errRefused, 3, true)
			},
			want: wanted{"Unknown/Unproven", "False/HeartbeatFailed", "Unknown/Stale", "Unknown/HeartbeatFailed",
				map[string]string{v1alpha1.ConditionCapacityKnown: "as before", v1alpha1.ConditionReachable: "2026-05-01T11:59:30Z"}},
		},
		"Resumed": {
			reason: "suspension is no evidence: it does not stand while the member is asked",
			change: func(c *v1alpha1.Cluster, f *facts) {
				for _, kind := range []string{v1alpha1.ConditionCredentialsValid, v1alpha1.ConditionReachable, v1alpha1.ConditionCapacityKnown} {
					had(c, kind, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
				}
				f.asked, f.evidence = now, nil
			},
			want: wanted{"Unknown/Unproven", "Unknown/NotObserved", "Unknown/Stale", "Unknown/NotObserved", nil},
		},
		"CredentialsMended": {
			reason: "a Secret that was missing and is there now is no longer missing",
			change: func(c *v1alpha1.Cluster, f *facts) {
				had(c, v1alpha1.ConditionCredentialsValid, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
				f.asked, f.evidence = now, nil
			},
			want: wanted{"Unknown/Unproven", "True/HeartbeatSucceeded@old", "True/Watching@old", "Unknown/Unproven@old", nil},
		},
		"CredentialsGone": {
			reason: "without credentials nothing is known any more, and the message says why",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.credentials = credentials{problem: refuse(v1alpha1.ReasonSecretNotFound, "The Secret is gone.")}
				f.evidence = nil
			},
			want: wanted{"False/SecretNotFound", "Unknown/NotObserved", "Unknown/Stale", "False/SecretNotFound",
				map[string]string{v1alpha1.ConditionReady: "The Secret is gone."}},
		},
		"CredentialsNeverThere": {
			reason: "a Cluster without credentials says what is missing", cluster: fresh,
			change: func(_ *v1alpha1.Cluster, f *facts) {
				f.credentials = credentials{problem: refuse(v1alpha1.ReasonCredentialsMissing, "Hand some in.")}
				f.evidence = nil
			},
			want: wanted{"False/CredentialsMissing", "Unknown/NotObserved", "Unknown/NotObserved", "False/CredentialsMissing", nil},
		},
		"ExpiresSoon": {
			reason: "seven days before the end is the time to say so, and still ready",
			change: func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, 7*24*time.Hour) },
			want: wanted{"True/ExpiresSoon", "True/HeartbeatSucceeded", "True/Watching", "True/Ready",
				map[string]string{v1alpha1.ConditionCredentialsValid: "2026-05-08T12:00:00Z"}},
		},
		"ExpiresLater": {
			reason: "a second earlier there is nothing to say",
			change: func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, 7*24*time.Hour+time.Second) },
			want:   wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "True/Ready", nil},
		},
		"Expired": {
			reason: "expired credentials are not used any more, whatever was seen with them",
			change: func(_ *v1alpha1.Cluster, f *facts) { expiresIn(f, 0); f.evidence = nil },
			want: wanted{"False/Expired", "Unknown/NotObserved", "Unknown/Stale", "False/Expired",
				map[string]string{v1alpha1.ConditionReady: "2026-05-01T12:00:00Z"}},
		},
		"ExpiresSoonWhileLost": {
			reason: "that credentials are accepted is not claimed of a member that does not answer",
			change: func(_ *v1alpha1.Cluster, f *facts) {
				expiresIn(f, time.Hour)
				f.evidence = lost(errRefused, 3, true)
			},
			want: wanted{"Unknown/Unproven", "False/HeartbeatFailed", "Unknown/Stale", "Unknown/HeartbeatFailed", nil},
		},
		"MemberChanged": {
			reason: "credentials that lead elsewhere say nothing of this member",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.evidence.ID = "two" },
			want: wanted{"False/MemberChanged", "Unknown/Unproven", "Unknown/Stale", "False/MemberChanged",
				map[string]string{
					v1alpha1.ConditionReady:         "lead to the member two, but this Cluster stands for one",
					v1alpha1.ConditionCapacityKnown: "The numbers are those of 2026-05-01T11:59:30Z",
				}},
		},
		"Duplicate": {
			reason: "the younger of two names the older, and what it sees of the member is still true",
			change: func(_ *v1alpha1.Cluster, f *facts) { f.older = "first" },
			want: wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "False/DuplicateMember",
				map[string]string{v1alpha1.ConditionReady: `"first"`}},
		},
		"Suspended": {
			reason: "nothing is known of a member that is not looked at; the credentials are checked as far as they go",
			change: func(c *v1alpha1.Cluster, f *facts) { c.Spec.Suspended, f.evidence = ptr.To(true), nil },
			want:   wanted{"Unknown/Suspended", "Unknown/Suspended", "Unknown/Suspended", "False/Suspended", nil},
		},
		"SuspendedWithoutCredentials": {
			reason: "missing credentials are known without asking the member",
			change: func(c *v1alpha1.Cluster, f *facts) {
				c.Spec.Suspended, f.evidence = ptr.To(true), nil
				f.credentials = credentials{problem: refuse(v1alpha1.ReasonSecretKeyMissing, "No such key.")}
			},
			want: wanted{"False/SecretKeyMissing", "Unknown/Suspended", "Unknown/Suspended", "False/Suspended", nil},
		},
		"Deleting": {
			reason: "a Cluster that is going takes nothing on, however well its member is",
			change: func(c *v1alpha1.Cluster, _ *facts) { c.DeletionTimestamp = ptr.To(metav1.NewTime(now)) },
			want:   wanted{"True/Accepted", "True/HeartbeatSucceeded", "True/Watching", "False/Deleting", nil},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, f := registered(), healthy()
			if tc.cluster != nil {
				c = tc.cluster()
			}
			if tc.change != nil {
				tc.change(c, &f)
			}
			got := compute(c, f)
			check(t, tc.reason, got, tc.want)
		})
	}
}

func check(t *testing.T, reason string, got v1alpha1.ClusterStatus, want wanted) {
	t.Helper()
	for kind, summary := range map[string]string{
		v1alpha1.ConditionCredentialsValid: want.credentials, v1alpha1.ConditionReachable: want.reachable,
		v1alpha1.ConditionCapacityKnown: want.capacity, v1alpha1.ConditionReady: want.ready,
	} {
		c := meta.FindStatusCondition(got.Conditions, kind)
		if c == nil || short(*c) != summary {
			t.Errorf("%s: condition %s is %+v, want %s", reason, kind, c, summary)
		}
		if c != nil && c.ObservedGeneration < got.ObservedGeneration {
			t.Errorf("%s: status.observedGeneration is %d, newer than that of %s, %d", reason, got.ObservedGeneration, kind, c.ObservedGeneration)
		}
	}
	for kind, text := range want.message {
		if c := meta.FindStatusCondition(got.Conditions, kind); c == nil || !strings.Contains(c.Message, text) {
			t.Errorf("%s: the message of %s is %+v, want it to contain %q", reason, kind, c, text)
		}
	}
}

// TestNothingNew 看同样的事实再算一遍什么也不变：不变就不写。
func TestNothingNew(t *testing.T) {
	cases := map[string]func(*facts){
		"AllWell":      func(*facts) {},
		"Lost":         func(f *facts) { f.evidence = lost(errRefused, 3, true) },
		"Refused":      func(f *facts) { f.evidence = silent(unauthorized, 3, true) },
		"Stale":        func(f *facts) { f.evidence.Capacity.Known, f.evidence.Capacity.LastSeen = false, then },
		"NoCredential": func(f *facts) { f.credentials, f.evidence = credentials{problem: refuse("X", "y")}, nil },
		"Changed":      func(f *facts) { f.evidence.ID = "two" },
		"Duplicate":    func(f *facts) { f.older = "first" },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			c, f := registered(), healthy()
			change(&f)
			c.Status = compute(c, f)
			// 时间过去一点，又失败了一次：还是同一回事。
			f.now = f.now.Add(10 * time.Second)
			if f.evidence != nil && f.evidence.Probe.Failed {
				f.evidence.Probe.Failures++
			}
			if diff := cmp.Diff(c.Status, compute(c, f)); diff != "" {
				t.Errorf("the status changes although nothing has (-before +after):\n%s", diff)
			}
		})
	}
}

// TestRestart 走一遍重启：从断开到第一份证据，状态一个字也不变。
func TestRestart(t *testing.T) {
	c, f := registered(), healthy()
	c.Status = compute(c, f)
	settled := c.Status.DeepCopy()
	steps := []func(){
		func() { f.asked, f.evidence = f.now, nil },
		func() { f.evidence = silent(errRefused, 1, false) },
		func() {
			f.evidence = healthy().evidence
			f.evidence.Capacity = member.Capacity{}
		},
		func() { f.evidence = healthy().evidence },
	}
	for i, step := range steps {
		step()
		f.now = f.now.Add(time.Second)
		c.Status = compute(c, f)
		if diff := cmp.Diff(settled, c.Status.DeepCopy()); diff != "" {
			t.Errorf("step %d of coming back changes the status (-before +after):\n%s", i, diff)
		}
	}
}

// TestRotation 看换凭据：新凭据得到证明之前，整个状态都还是旧凭据的，连同它所认的版本。
func TestRotation(t *testing.T) {
	c, f := registered(), healthy()
	c.Status = compute(c, f)
	before := c.Status.DeepCopy()

	c.Status.CredentialsVersion, before.CredentialsVersion = "v2", "v2"
	f.credentials.version, f.credentials.handedIn = "v2", "v2"
	expiresIn(&f, 24*365*time.Hour)
	f.asked, f.evidence = f.now, nil
	c.Status = compute(c, f)
	if diff := cmp.Diff(before, c.Status.DeepCopy()); diff != "" {
		t.Errorf("credentials that nobody has tried change the status (-before +after):\n%s", diff)
	}

	f.evidence = silent(unauthorized, 1, false)
	got := compute(c, f)
	if valid := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionCredentialsValid); short(*valid) != "False/Unauthorized" || got.ObservedCredentialsVersion != "v2" {
		t.Errorf("refused credentials give %+v for the version %q, want False/Unauthorized for v2", valid, got.ObservedCredentialsVersion)
	}
	f.evidence = healthy().evidence
	got = compute(c, f)
	if ready := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionReady); short(*ready) != "True/Ready" || got.ObservedCredentialsVersion != "v2" || got.CredentialsExpireAt == nil {
		t.Errorf("accepted credentials give %+v for the version %q expiring at %v", ready, got.ObservedCredentialsVersion, got.CredentialsExpireAt)
	}
}
