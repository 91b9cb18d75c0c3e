package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apimachineryversion "k8s.io/apimachinery/pkg/version"

	"github.com/kubellm/kubellm/apis/cluster/v1alpha1"
)

// maxAnswer 限住一个回答占的内存；装了许多 CRD 的成员，发现文档也不过几 MB。
const maxAnswer = 16 << 20

// capabilitiesEvery 是隔几次心跳看一次能力：装卸一个组件是几周一次的事，而且没有变时成员只答 304。
const capabilitiesEvery = 20

// errAnotherMember 是同一份凭据忽然通向另一个成员。
var errAnotherMember = errors.New("another member cluster answers at this address")

// identity 是成员是谁、能做什么；只有心跳的协程改它。
type identity struct {
	id, version  string
	capabilities []v1alpha1.Capability
	// etag 是上次的发现文档；beats 是此后的心跳次数。
	etag  string
	beats int
	// inherited 是上一份凭据看到的成员。
	inherited string
}

// probe 探一次：就绪、版本、是谁。
func (c *connection) probe(ctx context.Context) {
	c.mu.Lock()
	known, pace, before, breaks, lacking := c.identity, c.pace, c.evidence.Probe, c.breaks, c.lacking()
	c.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, pace.timeout)
	defer cancel()
	err := c.ready(within)
	if ReasonOf(err) == Unauthorized && ReasonOf(before.Err) != Unauthorized {
		// 身份是随连接认的；成员换了信任的 CA 之后，旧连接上的请求仍可能被拒，重连一次就好。
		c.dialer.CloseAll()
		err = c.ready(within)
	}
	var found identity
	if err == nil {
		found, err = c.identify(within, known, before.LastSuccess.IsZero() || before.Failures > 0 || lacking)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.missed(err)
	default:
		c.succeeded(found, breaks)
	}
}

// identify 读版本与身份；刚连上、断过、缺了要用的种类、或版本变了，就重新读能做什么。
// 身份每次都读：地址后面换了一个成员，可以一次探测也不失败；它也证明凭据还能用，因为就绪与版本谁都可以问。
func (c *connection) identify(ctx context.Context, known identity, again bool) (identity, error) {
	found := known
	found.beats++
	var err error
	if found.version, err = c.version(ctx); err != nil {
		return identity{}, err
	}
	again = again || found.version != known.version
	if found.id, err = c.memberID(ctx); err != nil {
		return identity{}, err
	}
	if again || found.id != known.id || found.beats >= capabilitiesEvery {
		if err := c.discover(ctx, &found); err != nil {
			return identity{}, err
		}
		found.beats = 0
	}
	return found, nil
}

// ready 问成员是否就绪；没有 /readyz 的用 /healthz。
func (c *connection) ready(ctx context.Context) error {
	answer, err := c.get(ctx, "/readyz", nil)
	if err == nil && answer.code == http.StatusNotFound {
		answer, err = c.get(ctx, "/healthz", nil)
	}
	if err != nil {
		return err
	}
	if answer.code == http.StatusOK {
		return nil
	}
	if checks := failingChecks(string(answer.body)); len(checks) > 0 {
		return fmt.Errorf("%s: %w", answer.what, &notReadyError{checks: checks})
	}
	return answer.refusal()
}

// failingChecks 从就绪检查的回答里取出没有通过的那些的名字。
func failingChecks(body string) []string {
	var failing []string
	for line := range strings.Lines(body) {
		rest, found := strings.CutPrefix(line, "[-]")
		switch {
		case !found:
		case len(failing) == maxChecks:
			return append(failing, "and more")
		default:
			name, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			failing = append(failing, name[:min(len(name), maxFact)])
		}
	}
	return failing
}

func (c *connection) version(ctx context.Context) (string, error) {
	var info apimachineryversion.Info
	if err := c.read(ctx, "/version", &info); err != nil {
		return "", err
	}
	return fact("GET "+c.base.JoinPath("/version").String(), "version", info.GitVersion)
}

// memberID 是成员的身份：kube-system 的 UID，与集群同生共死。
func (c *connection) memberID(ctx context.Context) (string, error) {
	const path = "/api/v1/namespaces/" + metav1.NamespaceSystem
	var namespace metav1.PartialObjectMetadata
	if err := c.read(ctx, path, &namespace); err != nil {
		return "", err
	}
	return fact("GET "+c.base.JoinPath(path).String(), "UID of that namespace", string(namespace.UID))
}

// answer 是成员对一次读取的回答。
type answer struct {
	what   string
	code   int
	header http.Header
	body   []byte
}

// read 读一个文档。
func (c *connection) read(ctx context.Context, path string, into any) error {
	answer, err := c.get(ctx, path, nil)
	if err != nil {
		return err
	}
	return answer.decode(into)
}

// decode 解开 200 的回答，其余的都是错误。
func (a *answer) decode(into any) error {
	if a.code != http.StatusOK {
		return a.refusal()
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("%s: what answers is not a Kubernetes API server: %w", a.what, err)
	}
	return nil
}

// get 读一个路径；有回答就没有错误，不论回答什么。
func (c *connection) get(ctx context.Context, path string, header http.Header) (*answer, error) {
	target := c.base.JoinPath(path).String()
	what := "GET " + target
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	req.Header.Set("Accept", "application/json")
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failed(what, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, failed(what, err)
	}
	return &answer{what: what, code: resp.StatusCode, header: resp.Header, body: body}, nil
}

// refusal 把不是 200 的回答变成错误：成员自己的说明优先，否则只有状态码可说。
func (a *answer) refusal() error {
	var status metav1.Status
	if json.Unmarshal(a.body, &status) == nil && status.Kind == "Status" {
		said := metav1.Status{Status: status.Status, Code: status.Code, Reason: status.Reason, Message: clip(status.Message)}
		return fmt.Errorf("%s: %w", a.what, &apierrors.StatusError{ErrStatus: said})
	}
	switch a.code {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s: %w", a.what, apierrors.NewUnauthorized("the credentials are not accepted"))
	case http.StatusForbidden:
		return fmt.Errorf("%s: %w", a.what, apierrors.NewForbidden(schemaless, "", errors.New("the credentials may not do that")))
	case http.StatusInternalServerError:
		return fmt.Errorf("%s: %w", a.what, &notReadyError{})
	default:
		return fmt.Errorf("%s: it answered %d %s; check that the address is that of a Kubernetes API server", a.what, a.code, http.StatusText(a.code))
	}
}
