package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

const (
	// teams 是标签 team 的取值个数：按标签选一次得到二十分之一的用户。
	teams    = 20
	pageSize = 500
)

// operation 是要量的一种请求：先由一个客户端做 times 次，再由多个客户端一起做 times 次；i 在两遍之间接着数。
type operation struct {
	name  string
	times int
	do    func(ctx context.Context, c *client, i int) error
}

// creation 写入全部用户：一半由一个客户端，一半由多个客户端。
func creation(users [][]byte) operation {
	return operation{"create", len(users) / 2, func(ctx context.Context, c *client, i int) error {
		_, err := c.do(ctx, http.MethodPost, usersPath, typeJSON, users[i])
		return err
	}}
}

// operations 是用户都在之后的各种请求，n 是用户数。
func operations(n int) []operation {
	return []operation{
		{"get", 2 * n, func(ctx context.Context, c *client, i int) error {
			_, err := c.do(ctx, http.MethodGet, usersPath+"/"+userName(i%n), "", nil)
			return err
		}},
		{"patch (merge)", n / 2, func(ctx context.Context, c *client, i int) error {
			return rename(ctx, c, i%n, "Patched "+strconv.Itoa(i))
		}},
		{"list, all", 30, func(ctx context.Context, c *client, _ int) error {
			_, err := c.list(ctx, "", n)
			return err
		}},
		{"list, walk by " + strconv.Itoa(pageSize), 30, func(ctx context.Context, c *client, _ int) error {
			return walk(ctx, c, n)
		}},
		{"select by label", n / 2, func(ctx context.Context, c *client, i int) error {
			team := i % teams
			_, err := c.list(ctx, "?labelSelector=team%3D"+strconv.Itoa(team), (n-team+teams-1)/teams)
			return err
		}},
		{"select by field", n, func(ctx context.Context, c *client, i int) error {
			_, err := c.list(ctx, "?fieldSelector=spec.email%3D"+url.QueryEscape(userEmail(i%n)), 1)
			return err
		}},
	}
}

// walk 一页页取完全部用户。
func walk(ctx context.Context, c *client, n int) error {
	next := ""
	for left := n; left > 0; left -= pageSize {
		query := "?limit=" + strconv.Itoa(pageSize)
		if next != "" {
			query += "&continue=" + next
		}
		var err error
		if next, err = c.list(ctx, query, min(left, pageSize)); err != nil {
			return err
		}
	}
	if next != "" {
		return fmt.Errorf("walk the list: there is another page after all %d users", n)
	}
	return nil
}

// rename 改一个用户的显示名；每次都要换一个，没有变化的写入既不落盘也没有事件。
func rename(ctx context.Context, c *client, user int, displayName string) error {
	body := []byte(`{"spec":{"displayName":"` + displayName + `"}}`)
	_, err := c.do(ctx, http.MethodPatch, usersPath+"/"+userName(user), mergePatch, body)
	return err
}

func userName(i int) string  { return fmt.Sprintf("user-%06d", i) }
func userEmail(i int) string { return userName(i) + "@bench.example.org" }

// encodeUsers 事先编好 n 个用户，每个约 1 KiB。
func encodeUsers(n int) ([][]byte, error) {
	users := make([][]byte, 0, n)
	for i := range n {
		raw, err := json.Marshal(user(i))
		if err != nil {
			return nil, fmt.Errorf("encode user %d: %w", i, err)
		}
		users = append(users, raw)
	}
	return users, nil
}

// user 像一个真实的用户：几个标签与注解，十来个组。
func user(i int) *v1alpha1.User {
	groups := make([]string, 0, 12)
	for g := range cap(groups) {
		groups = append(groups, fmt.Sprintf("department-%02d-project-%02d-engineers", i%teams, g))
	}
	return &v1alpha1.User{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "User"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        userName(i),
			Labels:      map[string]string{"team": strconv.Itoa(i % teams), "region": "eu-central", "app.kubernetes.io/managed-by": "benchmark"},
			Annotations: map[string]string{"example.org/cost-centre": "4711", "example.org/contact": "The platform team, first floor, room 1.23"},
		},
		Spec: v1alpha1.UserSpec{DisplayName: ptr.To("User number " + strconv.Itoa(i)), Email: ptr.To(userEmail(i)), Groups: groups, Suspended: ptr.To(false)},
	}
}
