package main

import (
	"bytes"
	"strings"
)

// transcript 边来边印 apply 的输出，从改动的总数印起：全是新建的计划很长。Terraform 每十秒说一次还在等，
// 却说不出等什么，这些由 await 说。
type transcript struct {
	show  func(string)
	line  []byte
	begun bool
	// held 是总数之前的输出，只在没有到总数就失败时才给人看。
	held strings.Builder
}

// Write 把收到的按行处理。
func (s *transcript) Write(p []byte) (int, error) {
	s.line = append(s.line, p...)
	for {
		line, rest, found := bytes.Cut(s.line, []byte("\n"))
		if !found {
			return len(p), nil
		}
		s.take(string(line))
		s.line = rest
	}
}

func (s *transcript) take(line string) {
	s.begun = s.begun || strings.HasPrefix(line, "Plan: ")
	switch {
	case !s.begun:
		s.held.WriteString(line + "\n")
	case strings.Contains(line, ": Still "):
	default:
		s.show(line)
	}
}

// finish 印出没有换行的最后一行；没有到总数就失败的，印出扣下的全部。
func (s *transcript) finish(failed bool) {
	if len(s.line) > 0 {
		s.take(string(s.line))
	}
	if failed && !s.begun {
		s.show(s.held.String())
	}
}
