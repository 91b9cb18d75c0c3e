package apiserver

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// secretPatterns 是日志里绝不能出现的东西：私钥与可直接使用的凭据。
var secretPatterns = map[string]*regexp.Regexp{
	"a private key":  regexp.MustCompile(`PRIVATE KEY|client-key-data`),
	"a bearer token": regexp.MustCompile(`(?i)bearer [a-z0-9+/=._-]{8,}`),
	"a basic login":  regexp.MustCompile(`(?i)authorization: *basic +[a-z0-9+/=]{8,}`),
}

// inspectLog 查一份服务器日志：没有秘密，没有崩溃，每一行都是一条 JSON。
func inspectLog(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("inspect the server's log: %w", err)
	}
	defer func() { _ = f.Close() }()
	var errs []error
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	count := 0
	for lines.Scan() {
		count++
		if err := inspectLine(lines.Text()); err != nil && len(errs) < 5 {
			errs = append(errs, fmt.Errorf("line %d of the server's log: %w", count, err))
		}
	}
	if count == 0 {
		errs = append(errs, errors.New("the server's log is empty"))
	}
	return errors.Join(append(errs, lines.Err())...)
}

// panicked 只认真正的崩溃：停机途中被拒的监视答 500，httplog 会在那一行里附上调用栈，那不是崩溃。
var panicked = regexp.MustCompile(`(?i:observed a panic|panic'd|panic serving)|^panic: |^fatal error: |^goroutine \d+ \[|WARNING: DATA RACE`)

// raceNotice 是带竞争检测器构建的服务器在日志就绪之前说的一句。
const raceNotice = "Data race detection enabled"

func inspectLine(line string) error {
	for what, pattern := range secretPatterns {
		if pattern.MatchString(line) {
			// 报告里同样不能带上秘密。
			return fmt.Errorf("contains %s", what)
		}
	}
	if panicked.MatchString(line) {
		return fmt.Errorf("reports a panic: %.400s", line)
	}
	if !json.Valid([]byte(line)) && !strings.HasSuffix(line, raceNotice) {
		return fmt.Errorf("is not JSON: %.400s", line)
	}
	return nil
}
