package provider

import (
	"fmt"
	"testing"
)

// userBlock 是一个用户资源。
func userBlock(label, name, body string) string {
	return fmt.Sprintf("resource \"kubellm_user\" %q {\n  name = %q\n%s\n}\n", label, name, body)
}

func TestTwoWorkspacesOnOneObject(t *testing.T) {
	name := unique("shared")
	first, second := newUserWorkspace(t, platform.Kubeconfig), newUserWorkspace(t, platform.Kubeconfig)
	first.write(t, "main.tf", userBlock("shared", name, `email = "first@example.com"`))
	second.write(t, "main.tf", userBlock("shared", name, `email = "second@example.com"`))

	first.apply(t)
	before := read(t, "users", name)
	second.refuse(t, "the second workspace learns who holds it and how to import", []string{"apply", "-auto-approve"},
		before.owner(), "import {", `to = kubellm_user.`+name, fmt.Sprintf("id = %q", name))
	if after := read(t, "users", name); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Errorf("the refused create changed the object: %+v", after)
	}
	if got := second.addresses(t); len(got) != 0 {
		t.Errorf("the refused create left %v in the state", got)
	}
	second.destroy(t)
	sameSpec(t, "destroying the refused one leaves the object alone", "users", name, `{"email": "first@example.com", "suspended": false}`)
	first.emptyPlan(t, "the first workspace noticed nothing")

	first.destroy(t)
	absent(t, "it goes when its holder destroys it", "users", name)
}

func TestObjectMadeWithKubectl(t *testing.T) {
	name := unique("manual")
	manual(t, name)
	before := read(t, "users", name)
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", userBlock("it", name, `email = "tf@example.com"`))

	w.refuse(t, "the error says who wrote it and gives the import block", []string{"apply", "-auto-approve"}, "kubectl", "import {", fmt.Sprintf("id = %q", name))
	if after := read(t, "users", name); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Errorf("the refused create changed the object: %+v", after)
	}
	w.destroy(t)
	sameSpec(t, "destroying the refused one leaves the object alone", "users", name,
		`{"displayName": "Made by hand", "email": "manual@example.com", "groups": ["search"], "suspended": false}`)
}

// manual 像人一样用 kubectl 建一个用户。
func manual(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "create", "-f", tempFile(t, "user.yaml", fmt.Sprintf(`apiVersion: iam.kubellm.io/v1alpha1
kind: User
metadata:
  name: %s
  labels: {team: search, stage: manual}
  annotations: {note: by hand}
spec:
  displayName: Made by hand
  email: manual@example.com
  groups: [search]
`, name)))
	t.Cleanup(func() { cleanup(t, "users", name) })
}

// TestImportAdopts 走完明确的接管：导入与计划都不写平台，第一次写入才接管，之后去掉的字段真的去掉。
func TestImportAdopts(t *testing.T) {
	name := unique("adopt")
	manual(t, name)
	before := read(t, "users", name)
	w := newUserWorkspace(t, platform.Kubeconfig)
	same := `display_name = "Made by hand"
		email        = "manual@example.com"
		groups       = ["search"]
		labels       = { team = "search", stage = "manual" }
		annotations  = { note = "by hand" }`
	w.write(t, "main.tf", userBlock("it", name, same))

	w.succeed(t, "import", "kubellm_user.it", name)
	w.emptyPlan(t, "configuration and object are alike, so nothing is to be done after the import")
	w.apply(t)
	if after := read(t, "users", name); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Errorf("an import and an empty apply wrote to the platform: %+v", after)
	}

	w.write(t, "main.tf", userBlock("it", name, `email  = "manual@example.com"
		labels = { team = "search" }`))
	contains(t, "the plan shows what will be removed", w.succeed(t, "plan"), "display_name", "groups", `"stage"`, "annotations")
	w.apply(t)
	sameSpec(t, "the removed fields are really gone", "users", name, `{"email": "manual@example.com", "suspended": false}`)
	after := read(t, "users", name)
	if after.Metadata.Labels["stage"] != "" || after.Metadata.Labels["team"] != "search" || after.Metadata.Annotations["note"] != "" {
		t.Errorf("labels %v and annotations %v are not those of the configuration", after.Metadata.Labels, after.Metadata.Annotations)
	}
	if after.Metadata.UID != before.Metadata.UID {
		t.Error("the object was replaced instead of taken over")
	}
	ownedByTerraform(t, "users", name)
	w.emptyPlan(t, "after taking it over, nothing is to be done")

	w.destroy(t)
	absent(t, "after taking it over, destroy deletes", "users", name)
}

// TestImportMissing 导入不存在的对象说得出缺什么，而不是留下一个空的资源。
func TestImportMissing(t *testing.T) {
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", userBlock("it", "not-there-at-all", ""))
	w.refuse(t, "there is no such object", []string{"import", "kubellm_user.it", "not-there-at-all"},
		`Cannot import the user "not-there-at-all"`, "There is no user", "The provider is configured by the kubeconfig")
	if got := w.addresses(t); len(got) != 0 {
		t.Errorf("the failed import left %v in the state", got)
	}
}

// TestImportTellsDefaultsFromChoices 平台自己填的默认值不是谁的选择：导入后不显得要去掉；有人明确应用过的才是。
func TestImportTellsDefaultsFromChoices(t *testing.T) {
	cases := map[string]struct{ reason, manifest, config string }{
		"Default": {"nobody wrote suspended, nor does the configuration", `spec: {email: x@example.com}`, `email = "x@example.com"`},
		"Choice":  {"somebody applied false explicitly, and so does the configuration", `spec: {email: x@example.com, suspended: false}`, "email = \"x@example.com\"\nsuspended = false"},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			name := unique("default")
			t.Cleanup(func() { cleanup(t, "users", name) })
			kubectl(t, "apply", "--server-side", "-f", tempFile(t, "user.yaml",
				fmt.Sprintf("apiVersion: iam.kubellm.io/v1alpha1\nkind: User\nmetadata: {name: %s}\n%s\n", name, c.manifest)))
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", userBlock("it", name, c.config))
			w.succeed(t, "import", "kubellm_user.it", name)
			w.emptyPlan(t, c.reason)
		})
	}
}

// TestImportTakesFromAnotherWorkspace 从另一个工作区手里明确接管，原主人从此当它没有了，也不会去抢。
func TestImportTakesFromAnotherWorkspace(t *testing.T) {
	name := unique("move")
	first, second := newUserWorkspace(t, platform.Kubeconfig), newUserWorkspace(t, platform.Kubeconfig)
	first.write(t, "main.tf", userBlock("it", name, `email = "first@example.com"`))
	first.apply(t)
	owner := read(t, "users", name).owner()

	second.write(t, "main.tf", fmt.Sprintf("import {\n  to = kubellm_user.it\n  id = %q\n}\n", name)+
		userBlock("it", name, `email = "second@example.com"`))
	second.apply(t)
	taken := read(t, "users", name)
	if taken.owner() == owner || taken.owner() == "" {
		t.Errorf("after the take-over the owner is %q, before it was %q", taken.owner(), owner)
	}

	contains(t, "the plan of the former holder says whose it is", first.succeed(t, "plan"), taken.owner(), "will be created")
	first.refuse(t, "making it again is refused", []string{"apply", "-auto-approve"}, taken.owner(), "import {")
	first.destroy(t)
	sameSpec(t, "the former holder cannot touch it", "users", name, `{"email": "second@example.com", "suspended": false}`)
	second.emptyPlan(t, "the new holder noticed nothing")
	second.destroy(t)
}

// TestImportThenDestroy 导入之后直接销毁：导入就是明说要由 Terraform 管。
func TestImportThenDestroy(t *testing.T) {
	name := unique("adopt-destroy")
	manual(t, name)
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", userBlock("it", name, `email = "manual@example.com"`))
	w.succeed(t, "import", "kubellm_user.it", name)
	w.destroy(t)
	absent(t, "destroy deletes what was imported", "users", name)
}

// TestImportedObjectChangedHands 导入之后、写入之前易了主或被重建的，不是人说要接管的那个。
func TestImportedObjectChangedHands(t *testing.T) {
	cases := map[string]struct {
		reason string
		then   func(t *testing.T, name string)
	}{
		"Taken": {
			reason: "nothing is snatched from the new holder",
			then: func(t *testing.T, name string) {
				other := newUserWorkspace(t, platform.Kubeconfig)
				other.write(t, "main.tf", userBlock("it", name, `email = "other@example.com"`))
				other.succeed(t, "import", "kubellm_user.it", name)
				other.apply(t)
			},
		},
		"MadeAgain": {
			reason: "the holder looks the same, but the object is another",
			then: func(t *testing.T, name string) {
				kubectl(t, "delete", "users", name)
				manual(t, name)
			},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			name := unique("raced")
			manual(t, name)
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", userBlock("it", name, `email = "slow@example.com"`))
			w.succeed(t, "import", "kubellm_user.it", name)
			w.succeed(t, "plan", "-out=update")
			w.succeed(t, "plan", "-destroy", "-out=destroy")
			c.then(t, name)
			before := read(t, "users", name)

			w.refuse(t, c.reason, []string{"apply", "update"}, "Cannot update the user", before.owner(), "import {")
			contains(t, "destroy leaves it alone too", w.succeed(t, "apply", "destroy"), "left alone")
			if after := read(t, "users", name); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
				t.Errorf("%s: the object was changed: %+v", c.reason, after)
			}
		})
	}
}

// TestApplyInFlight 计划之后对象没了或换了：更新带着 uid，既不复活它，也不覆盖后来者。
func TestApplyInFlight(t *testing.T) {
	cases := map[string]struct {
		reason string
		then   func(t *testing.T, name string)
		check  func(t *testing.T, name string)
	}{
		"Deleted": {
			reason: "an update does not bring back what others deleted",
			then:   func(t *testing.T, name string) { kubectl(t, "delete", "users", name) },
			check:  func(t *testing.T, name string) { absent(t, "the update brought the object back", "users", name) },
		},
		"MadeAgain": {
			reason: "an update does not overwrite what others made again",
			then: func(t *testing.T, name string) {
				kubectl(t, "delete", "users", name)
				manual(t, name)
			},
			check: func(t *testing.T, name string) {
				if got := read(t, "users", name); got.Spec["email"] != "manual@example.com" || got.owner() != "" {
					t.Errorf("the update overwrote somebody else's object: %+v", got)
				}
			},
		},
		"Released": {
			reason: "an update does not snatch back what was let go",
			then: func(t *testing.T, name string) {
				kubectl(t, "annotate", "users", name, "kubellm.io/owner-")
			},
			check: func(t *testing.T, name string) {
				if got := read(t, "users", name); got.Spec["email"] != "one@example.com" || got.owner() != "" {
					t.Errorf("the update took the object back: %+v", got)
				}
			},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			name := unique("flight")
			t.Cleanup(func() { cleanup(t, "users", name) })
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", userBlock("it", name, `email = "one@example.com"`))
			w.apply(t)
			w.write(t, "main.tf", userBlock("it", name, `email = "two@example.com"`))
			w.succeed(t, "plan", "-out=saved")
			c.then(t, name)
			w.refuse(t, c.reason, []string{"apply", "saved"}, name)
			c.check(t, name)
			contains(t, "the next plan counts it as gone", w.succeed(t, "plan"), "will be created")
		})
	}
}

// TestRecreatedByAnother 别人重建的同名对象不是我们的，哪怕抄了我们的标记：计划说要建，建时被拒绝。
func TestRecreatedByAnother(t *testing.T) {
	cases := map[string]struct {
		reason string
		again  func(t *testing.T, name, owner string)
	}{
		"Plain": {
			reason: "made again with kubectl, it bears no mark",
			again:  func(t *testing.T, name, _ string) { manual(t, name) },
		},
		"WithTheMark": {
			reason: "restored from a backup, it bears the old mark but is another object",
			again: func(t *testing.T, name, owner string) {
				manual(t, name)
				kubectl(t, "delete", "users", name)
				kubectl(t, "create", "-f", tempFile(t, "user.yaml", fmt.Sprintf(`apiVersion: iam.kubellm.io/v1alpha1
kind: User
metadata: {name: %s, annotations: {kubellm.io/owner: %s}}
spec: {email: manual@example.com}
`, name, owner)))
			},
		},
	}
	for label, c := range cases {
		t.Run(label, func(t *testing.T) {
			name := unique("recreated")
			w := newUserWorkspace(t, platform.Kubeconfig)
			w.write(t, "main.tf", userBlock("it", name, `email = "tf@example.com"`))
			w.apply(t)
			owner := read(t, "users", name).owner()
			kubectl(t, "delete", "users", name)
			c.again(t, name, owner)
			before := read(t, "users", name)

			contains(t, c.reason+": the plan says why it creates", w.succeed(t, "plan"), "will be created", "made again by someone else")
			w.refuse(t, c.reason+": creating is refused", []string{"apply", "-auto-approve"}, "import {", before.owner())
			if after := read(t, "users", name); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
				t.Errorf("%s: somebody else's object was changed: %+v", c.reason, after)
			}
		})
	}
}

// TestDestroyLeavesAnothersObject 状态里还以为是自己的，而平台上已是别人的：销毁不动它，只说明归谁。
func TestDestroyLeavesAnothersObject(t *testing.T) {
	name := unique("left")
	w := newUserWorkspace(t, platform.Kubeconfig)
	w.write(t, "main.tf", userBlock("it", name, `email = "tf@example.com"`))
	w.apply(t)
	kubectl(t, "delete", "users", name)
	manual(t, name)
	contains(t, "destroy says whose object it left", w.succeed(t, "destroy", "-auto-approve", "-refresh=false"), "left alone", "kubectl")
	if got := w.addresses(t); len(got) != 0 {
		t.Errorf("after the destroy the state still has %v", got)
	}
	if got := read(t, "users", name); got.Spec["email"] != "manual@example.com" {
		t.Errorf("somebody else's object was changed: %+v", got)
	}
}
