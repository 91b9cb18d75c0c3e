package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubellm/kubellm/test/harness"
)

// refusedKubeconfig 平台不收的 kubeconfig：知道内容的在计划时就说出规则，不知道的在写任何东西之前说出。
func (f *fleet) refusedKubeconfig(t *testing.T) {
	const command = "s3cret-login-command"
	withExec := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: it, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: %s}}}]
`, command)
	name := unique("refused")
	late := strings.Replace(clusterBlock(name, 1, ""), "var.kubeconfig", "terraform_data.late.output", 1) +
		fmt.Sprintf("resource \"terraform_data\" \"late\" {\n  input = sensitive(%q)\n}\n", withExec)
	cases := map[string]struct {
		reason, config, given string
		command               []string
		facts                 []string
	}{
		"AtPlan": {
			reason: "the content is known, so it is refused at plan", config: clusterBlock(name, 1, ""), given: withExec, command: []string{"plan"},
			facts: []string{"Cannot create the cluster", "Exec", "kubeconfig_wo", "Nothing was changed"},
		},
		"Truncated": {
			reason: "half a copy", config: clusterBlock(name, 1, ""), given: f.kubeconfig(t, time.Hour)[:500], command: []string{"plan"},
			facts: []string{"Cannot create the cluster", "breaks the rule", "Nothing was changed"},
		},
		"AtApply": {
			reason: "known only at apply, it is refused before anything is written", config: late, given: "unused", command: []string{"apply", "-auto-approve"},
			facts: []string{"Cannot create the cluster", "Exec", "kubeconfig_wo", "Nothing was changed"},
		},
		"VersionWithout": {
			reason: "a version without a kubeconfig", config: strings.Replace(clusterBlock(name, 1, ""), "kubeconfig_wo         = var.kubeconfig", "", 1),
			given: "unused", command: []string{"plan"}, facts: []string{"kubeconfig_wo"},
		},
		"TwoSources": {
			reason: "two sources leave open which is meant", given: f.kubeconfig(t, time.Hour), command: []string{"plan"},
			config: clusterBlock(name, 1, `credentials = { kubeconfig_secret_ref = { namespace = "default", name = "it" } }`),
			facts:  []string{"kubeconfig_secret_ref", "kubeconfig_wo"},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			w := f.workspace(t)
			w.give(c.given)
			w.write(t, "main.tf", c.config)
			out := w.refuse(t, c.reason, c.command, c.facts...)
			if strings.Contains(out, command) {
				t.Errorf("%s: the output shows what is in the kubeconfig:\n%s", c.reason, out)
			}
			f.gone(t, c.reason, name)
		})
	}
}

// terminal 等下去也不会好的立即失败，说出平台的理由；状态里留着它，换上好的凭据就好。
func (f *fleet) terminal(t *testing.T) {
	name := unique("terminal")
	w := f.workspace(t)
	w.give(f.kubeconfig(t, 0))
	w.write(t, "main.tf", clusterBlock(name, 1, ""))
	w.refuse(t, "waiting does not mend expired credentials", []string{"apply", "-auto-approve"}, "Expired", "expired")
	if got := w.addresses(t); len(got) != 1 {
		t.Fatalf("after the failed create the state has %v, want the cluster", got)
	}
	first := f.cluster(t, name)

	w.give(f.kubeconfig(t, time.Hour))
	w.write(t, "main.tf", clusterBlock(name, 2, ""))
	w.apply(t)
	second := f.ready(t, "good credentials were handed in", name)
	if second.UID == first.UID {
		t.Error("the cluster that could not be created properly was not replaced")
	}

	w.give(f.kubeconfig(t, 0))
	w.write(t, "main.tf", clusterBlock(name, 3, ""))
	w.refuse(t, "an update is no different", []string{"apply", "-auto-approve"}, "Expired")
	w.give(f.kubeconfig(t, time.Hour))
	w.write(t, "main.tf", clusterBlock(name, 4, ""))
	w.apply(t)
	if third := f.ready(t, "good credentials were handed in once more", name); third.UID != second.UID {
		t.Error("a failed update made the cluster anew")
	}
	w.destroy(t)
	f.gone(t, "destroyed", name)
}

// notReadyInTime 等不到只是警告：对象留着，不会被标为 tainted；暂停的不等。
func (f *fleet) notReadyInTime(t *testing.T) {
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := harness.NewCA("nobody's")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := harness.EncodeKubeconfig(fmt.Sprintf("https://127.0.0.1:%d", port), ca.PEM, clientcmdapi.AuthInfo{Token: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	name := unique("late")
	const brief = `timeouts = { create = "3s", update = "3s" }`
	w := f.workspace(t)
	w.give(string(nobody))
	w.write(t, "main.tf", clusterBlock(name, 1, brief))
	contains(t, "not ready in time is a warning that says what it hangs on", w.apply(t), "is not ready yet", "Apply complete! Resources: 1 added", "timeouts")
	w.emptyPlan(t, "what was warned about is not made anew")
	w.write(t, "main.tf", clusterBlock(name, 1, brief+"\n  region = \"us-east-1\""))
	contains(t, "an update in vain is a warning too", w.apply(t), "is not ready yet", "1 changed")
	w.write(t, "main.tf", clusterBlock(name, 1, brief+"\n  suspended = true"))
	if out := w.apply(t); strings.Contains(out, "is not ready yet") {
		t.Errorf("Terraform waited for a suspended cluster:\n%s", out)
	}
	w.destroy(t)
	f.gone(t, "a member that was never reached has nothing to drain", name)
}

// credentialsForbidden 建得了集群、却不许交凭据的人：状态里留着集群，有了权限就接着交。
func (f *fleet) credentialsForbidden(t *testing.T) {
	limited := unique("limited")
	f.kubectl(t, fmt.Sprintf(`apiVersion: iam.kubellm.io/v1alpha1
kind: Role
metadata: {name: %[1]s}
spec: {rules: [{apiGroups: [cluster.kubellm.io], resources: [clusters], verbs: [get, list, watch, create, patch, delete]}]}
---
apiVersion: iam.kubellm.io/v1alpha1
kind: RoleBinding
metadata: {name: %[1]s}
spec: {roleRef: {name: %[1]s}, allNamespaces: true, subjects: [{kind: User, name: %[1]s}]}
`, limited), "apply", "-f", "-")
	name := unique("forbidden")
	w := f.workspace(t)
	w.write(t, "platform.tf", providerBlock(harness.KubeconfigFor(t, f.platform, harness.Identity{User: limited})))
	w.give(f.kubeconfig(t, time.Hour))
	w.write(t, "main.tf", clusterBlock(name, 1, ""))
	w.refuse(t, "it says which right is missing, and the cluster is in the state", []string{"apply", "-auto-approve"},
		"Cannot hand in the kubeconfig of the cluster", limited, "clusters/credentials", "is in the state")
	first := f.cluster(t, name)

	w.write(t, "platform.tf", providerBlock(f.platform.Kubeconfig))
	w.succeed(t, "untaint", "kubellm_cluster.it")
	w.apply(t)
	if second := f.ready(t, "with the right, the credentials are handed in", name); second.UID != first.UID {
		t.Error("the cluster was made anew")
	}
	w.destroy(t)
}

// unreachableAtDestroy 要排空而连不上的成员：到时限说出在等什么、怎么放行，放行之后就能销毁。
func (f *fleet) unreachableAtDestroy(t *testing.T) {
	name := unique("unreachable")
	w := f.workspace(t)
	w.give(f.kubeconfig(t, time.Hour))
	w.write(t, "main.tf", clusterBlock(name, 1, `timeouts = { delete = "30s" }`))
	w.apply(t)
	f.ready(t, "connected first", name)
	if err := f.member.KillAPIServer(); err != nil {
		t.Fatal(err)
	}

	w.refuse(t, "it says what it waits for and how to let go", []string{"destroy", "-auto-approve"}, name, "MemberUnavailable", "Orphan")
	if got := w.addresses(t); len(got) != 1 {
		t.Errorf("after the failed destroy the state has %v, want the cluster still", got)
	}
	f.kubectl(t, "", "patch", "clusters", name, "--type=merge", "-p", `{"spec": {"deletionPolicy": "Orphan"}}`)
	w.destroy(t)
	f.gone(t, "released, it is gone", name)
	if err := f.member.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
}
