package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	apismeta "github.com/kubellm/kubellm/apis/meta"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iam "github.com/kubellm/kubellm/apis/generated/clientset/versioned/typed/iam/v1alpha1"
	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
	"github.com/kubellm/kubellm/test/harness"
)

// 归属标记的第一段说出工具链；没有标记的对象由写它的客户端管理。
const (
	crossplane = "crossplane"
	terraform  = "terraform"
)

// users 看平台上的用户。
type users struct{ client iam.UserInterface }

func newUsers(platform *harness.Platform) (*users, error) {
	config, err := harness.RESTConfig(platform.Kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for the platform: %w", err)
	}
	return &users{client: client.IamV1alpha1().Users()}, nil
}

// print 印出谁由谁管理。
func (u *users) print(ctx context.Context) error {
	heading("Who manages whom: one platform, three ways to drive it")
	list, err := u.client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the users: %w", err)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "\n    USER\tEMAIL\tGROUPS\tROLES\tMANAGED BY")
	for i := range list.Items {
		user := &list.Items[i]
		_, _ = fmt.Fprintf(table, "    %s\t%s\t%s\t%s\t%s\n", user.Name, orDash(ptr.Deref(user.Spec.Email, "")),
			orDash(strings.Join(user.Spec.Groups, ",")), orDash(strings.Join(user.Status.Roles, ",")), managerOf(user))
	}
	return table.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// managerOf 说出对象由谁管理：有标记看标记，没有就是最初写它的客户端。
func managerOf(user *v1alpha1.User) string {
	mark := strings.Split(user.Annotations[apismeta.OwnerAnnotation], "/")
	switch {
	case mark[0] == crossplane && len(mark) == 5:
		return strings.TrimSpace(fmt.Sprintf("%s (%s %s)", mark[0], mark[2], strings.TrimPrefix(mark[3]+"/"+mark[4], "/")))
	case mark[0] != "":
		return fmt.Sprintf("%s (%s)", mark[0], strings.Join(mark[1:], "/"))
	}
	for _, entry := range user.ManagedFields {
		if entry.Subresource == "" {
			return entry.Manager
		}
	}
	return "unknown"
}

// managedBy 找一个由工具链管理的用户。
func (u *users) managedBy(ctx context.Context, toolchain string) (*v1alpha1.User, error) {
	list, err := u.client.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	for i := range list.Items {
		if strings.HasPrefix(list.Items[i].Annotations[apismeta.OwnerAnnotation], toolchain+"/") {
			return &list.Items[i], nil
		}
	}
	return nil, fmt.Errorf("no user of the platform bears a mark of %s in the annotation %s", toolchain, apismeta.OwnerAnnotation)
}

// groupsAre 检查用户的组恰为 want。
func (u *users) groupsAre(ctx context.Context, name string, want []string) error {
	user, err := u.client.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !slices.Equal(user.Spec.Groups, want) {
		return fmt.Errorf("the groups of %s are %v", name, user.Spec.Groups)
	}
	return nil
}
