package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/kubellm/kubellm/test/harness"
)

const (
	// maxTrouble 是每个部件给出的行数，maxLine 是每行给出的字符数。
	maxTrouble = 6
	maxLine    = 400
)

// trouble 认出各部件日志里报告错误的行：JSON 的级别、klog 的 E 与 F 开头、Go 的 panic。
var trouble = regexp.MustCompile(`(?i)"level":"(error|fatal|panic)"|"err(or)?":"|^[EF]\d{4} |^panic: `)

// printTrouble 印出一个部件日志里最后的错误行和日志的位置。
func printTrouble(record harness.Record) {
	raw, err := os.ReadFile(record.LogFile)
	if err != nil {
		say("%s: its log cannot be read: %v", record.Name, err)
		return
	}
	var found []string
	for line := range strings.Lines(string(raw)) {
		if trouble.MatchString(line) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	found = found[max(0, len(found)-maxTrouble):]
	state := "runs"
	if !record.Running() {
		state = "is dead"
	}
	if len(found) == 0 {
		say("%s %s and reports no errors (%s)", record.Name, state, record.LogFile)
		return
	}
	say("%s %s and last reported (%s)", record.Name, state, record.LogFile)
	for _, line := range found {
		if len(line) > maxLine {
			line = line[:maxLine] + " ..."
		}
		fmt.Println("    | " + line)
	}
}
