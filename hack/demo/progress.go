package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/kubellm/kubellm/test/harness"
)

// heading 开始新的一段。
func heading(format string, args ...any) { fmt.Printf("\n==> "+format+"\n", args...) }

// say 说一件正在做或已做完的事；每次一写，几处同时说也不会混在一行里。
func say(format string, args ...any) { fmt.Printf("    "+format+"\n", args...) }

// quote 原样给出命令的输出，缩进以示区别。
func quote(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Println("    | " + line)
	}
}

// plain 是不必加引号就能贴进 shell 的参数。
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:=,@+-]+$`)

// shellLine 把参数写成可以贴进 shell 的样子。
func shellLine(args []string) string {
	quoted := make([]string, 0, len(args))
	for _, arg := range args {
		if !plain.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		quoted = append(quoted, arg)
	}
	return strings.Join(quoted, " ")
}

// silence 是等着的时候至多多久不说话：久了看的人会以为它停住了。
const silence = 5 * time.Second

// step 说出要做的事，做的时候隔一会儿报一次时间，做完后说用了多久。
func step(what string, do func() error) error {
	began := time.Now()
	fmt.Printf("    %s ... ", what)
	result := make(chan error, 1)
	go func() { result <- do() }()
	beat := time.NewTicker(silence)
	defer beat.Stop()
	for {
		select {
		case err := <-result:
			if err != nil {
				fmt.Println("failed")
				return err
			}
			fmt.Printf("%s\n", time.Since(began).Round(10*time.Millisecond))
			return nil
		case <-beat.C:
			fmt.Printf("%.0fs ... ", time.Since(began).Seconds())
		}
	}
}

// await 等 check 成立；还缺什么有变化时就说一声，没有变化时每隔几秒也说一声，好知道它没有停住。
// 等不到时说最后一次看清的缺什么：期限到时正在看的那一次是被打断的，什么也说不出。
func await(ctx context.Context, what string, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	var said string
	var when time.Time
	say("waiting for %s", what)
	var lack error
	err := harness.Wait(ctx, what, func(ctx context.Context) error {
		err := check(ctx)
		if err != nil && ctx.Err() != nil && lack != nil {
			return lack
		}
		if lack = err; err != nil && (time.Since(when) > silence || err.Error() != said && time.Since(when) > silence/5) {
			said, when = err.Error(), time.Now()
			say("  %3.0fs  %s", time.Since(began).Seconds(), strings.ReplaceAll(said, "\n", "\n            "))
		}
		return err
	})
	if err == nil {
		say("  done after %s", time.Since(began).Round(10*time.Millisecond))
	}
	return err
}
