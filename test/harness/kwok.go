package harness

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// 测试用 Pod 上的注解指挥 kwok 扮演的 Pod：没有 GPU 也没有 kubelet，照样装载、就绪或崩溃。
const (
	// LoadTimeAnnotation 是 Pod 运行之后要多久才就绪（或崩溃），例如 5s；没有就立刻。
	LoadTimeAnnotation = "test.kubellm.io/load-time"
	// FailAnnotation 让 Pod 进入 CrashLoopBackOff，值是上一次退出留下的消息；去掉它就重新装载。
	FailAnnotation = "test.kubellm.io/fail"
)

//go:embed kwok/*.yaml
var kwokFiles embed.FS

// kwokStages 把各阶段连成一份 kwok 的配置文件。
func kwokStages() ([]byte, error) {
	const dir = "kwok"
	entries, err := kwokFiles.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the stages of kwok: %w", err)
	}
	var config strings.Builder
	for _, entry := range entries {
		stage, err := kwokFiles.ReadFile(path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the stage %s of kwok: %w", entry.Name(), err)
		}
		config.WriteString("---\n")
		config.Write(stage)
	}
	return []byte(config.String()), nil
}
