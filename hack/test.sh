#!/usr/bin/env bash
# test.sh 用真实的 terraform（或 tofu）跑测试；参数原样交给 go test。长时间没有输出时说一声还在做什么。
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

terraform=$(hack/tools/install.sh --path terraform)
export TF_ACC=1 TF_ACC_TERRAFORM_PATH=$terraform CHECKPOINT_DISABLE=1
if [[ ${terraform##*/} == tofu ]]; then
  # OpenTofu 把没有写主机名的提供者解析到它自己的注册表。
  export TF_ACC_PROVIDER_HOST=registry.opentofu.org
  # 不指定的话测试框架还会用旧式的 "-"，OpenTofu 在自己的注册表里不认它。
  export TF_ACC_PROVIDER_NAMESPACE=hashicorp
fi

# 竞争检测器要 C 编译器；没有时少了它照样测，并说出来。
race=-race bin=bin/race
cc=$(go env CC)
if ! command -v "${cc%% *}" >/dev/null; then
  echo "test: there is no C compiler ($cc), which the race detector needs: testing without it" >&2
  race= bin=bin
fi
# 带竞争检测器的进程退出前会白等一秒，而测试要启动上千个 terraform 插件；报告在竞争发生时就写出，不靠这一秒。
export GORACE=${GORACE:-atexit_sleep_ms=0}

began=$SECONDS
heartbeat() {
  local nap=
  # 结束时连正在等的 sleep 一起结束，不让它拖住读输出的人。
  trap 'kill "$nap" 2>/dev/null; exit' TERM
  while true; do
    sleep 60 &
    nap=$!
    wait "$nap"
    printf 'test: %d min; at work: %s\n' $(((SECONDS - began) / 60)) "$(at_work)" >&2
  done
}

# at_work 说出正在跑的测试程序，没有则是在编译。
at_work() {
  local names
  names=$(ps -eo args= 2>/dev/null | awk '$1 ~ /\.test$/ { n = split($1, part, "/"); print part[n] }' | sort -u | tr '\n' ' ') || true
  echo "${names:-compiling}"
}

# without_logs 略去附在失败之后的部件日志，只留它们的标题：日志会把测试自己说的原因淹没，全文在 $output 里。
without_logs() {
  awk '
    { match($0, /^ */); indent = RLENGTH }
    dropping && indent > header { next }
    { dropping = 0 }
    /last lines of [^ ]+:$/ { dropping = 1; header = indent; $0 = $0 " (left out here)" }
    { print; fflush() }
  '
}

# failures 只挑出失败的测试自己的话，放在最后再说一遍。
failures() {
  without_logs <"$output" | awk '
    /^(FAIL|panic:|fatal error:|WARNING: DATA RACE)/ || /^ *--- FAIL/ { print; left = 0; next }
    /^ +[A-Za-z0-9_]+\.go:[0-9]+: / { left = 12 }
    left > 0 { print substr($0, 1, 600); left-- }
  '
}

heartbeat &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || true' EXIT

# 先构建测试要启动的部件：否则第一批测试会一边等编译一边与它抢处理器。
mkdir -p "$bin"
output=bin/test.log
echo "test: building what the tests start into $bin (the first time takes minutes)"
go build ${race:+-race} -buildvcs=false -o "$bin/" ./cmd/kubellm-apiserver ./cmd/kubellm-controller ./cmd/provider
go build ${race:+-race} -buildvcs=false -o "$bin/terraform-provider-kubellm" ./terraform-provider

# 测试启动的部件不是它们的 Go 依赖，缓存会把改动之前的结果当成现在的，所以不用缓存。
echo "test: go test -count=1 $race $* (with $terraform)"
status=0
go test -count=1 ${race:+-race} "$@" | tee "$output" | without_logs || status=$?
if ((status != 0)); then
  echo "test: what failed (what the tests printed, with the components' last lines, is in $output):"
  failures
fi
exit "$status"
