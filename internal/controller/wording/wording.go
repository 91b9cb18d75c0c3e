// Package wording 把错误与时间变成能写进状态与事件的话，各控制器用同一种说法。
package wording

import (
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxBrief 限制抄进条件的错误长度：话是成员说的，长短由不得我们。
	maxBrief = 512
	ellipsis = "…"
)

// Brief 把错误变成可以接在冒号后面的一句话。
func Brief(err error) string {
	return Shorten(strings.TrimRight(strings.TrimSpace(strings.ToValidUTF8(err.Error(), "")), "."), maxBrief)
}

// Shorten 把 text 截到至多 limit 个字节，不从字符中间断开。
func Shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := limit - len(ellipsis)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}

// Stamp 是状态里写时间的样子。
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
