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

// mark 记下各日志此刻的长短：失败时只看这一幕里写的，启动时的磕绊与它无关。
func (d *demo) mark() {
	d.written = map[string]int64{}
	for _, record := range d.started {
		if info, err := os.Stat(record.LogFile); err == nil {
			d.written[record.LogFile] = info.Size()
		}
	}
}

// printTrouble 印出各部件在这一幕里报告的最后几个错误和日志的位置；死了的部件印它最后的话。
func (d *demo) printTrouble() {
	heading("What the logs say went wrong")
	var quiet []string
	for _, record := range d.started {
		if !record.Running() {
			say("%s is dead", record.Name)
			quote(harness.LogTail(record.Name, record.LogFile, maxTrouble))
			continue
		}
		lines, err := errorsIn(record.LogFile, d.written[record.LogFile])
		switch {
		case err != nil:
			say("%s: its log cannot be read: %v", record.Name, err)
		case len(lines) == 0:
			quiet = append(quiet, record.Name)
		default:
			say("%s runs and last reported (%s)", record.Name, record.LogFile)
			for _, line := range lines {
				fmt.Println("    | " + line)
			}
		}
	}
	if len(quiet) > 0 {
		say("these run and reported no errors meanwhile (%s): %s", d.path("logs"), strings.Join(quiet, ", "))
	}
}

// errorsIn 是日志从 offset 起最后几个报告错误的行，截短到看得过来。
func errorsIn(file string, offset int64) ([]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(raw[min(offset, int64(len(raw))):])) {
		if !trouble.MatchString(line) {
			continue
		}
		line = strings.TrimSpace(line)
		if len(line) > maxLine {
			line = line[:maxLine] + " ..."
		}
		found = append(found, line)
	}
	return found[max(0, len(found)-maxTrouble):], nil
}
