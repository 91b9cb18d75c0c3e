#!/usr/bin/env bash
# test.sh 用真实的 terraform（或 tofu）跑测试；参数原样交给 go test。长时间没有输出时说一声还在做什么。
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

terraform=$(hack/tools/install.sh --path terraform)
export TF_ACC=1 TF_ACC_TERRAFORM_PATH=$terraform CHECKPOINT_DISABLE=1
if [[ ${terraform##*/} == tofu ]]; then
  # OpenTofu 把没有写主机名的提供者解析到它自己的注册表。
  export TF_ACC_PROVIDER_HOST=registry.opentofu.org
fi

args=("$@")
cc=$(go env CC)
if ! command -v "${cc%% *}" >/dev/null; then
  echo "test: there is no C compiler ($cc), which the race detector needs: testing without it" >&2
  args=()
  for arg; do [[ $arg == -race ]] || args+=("$arg"); done
fi

began=$SECONDS
heartbeat() {
  while sleep 60; do
    printf 'test: %d min; at work: %s\n' $(((SECONDS - began) / 60)) "$(at_work)" >&2
  done
}

# at_work 说出正在跑的测试程序，没有则是在编译。
at_work() {
  local names
  names=$(ps -eo args= 2>/dev/null | awk '$1 ~ /\.test$/ { n = split($1, part, "/"); print part[n] }' | sort -u | tr '\n' ' ') || true
  echo "${names:-compiling}"
}

echo "test: go test ${args[*]} (terraform: $terraform); compiling comes first"
heartbeat &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || true' EXIT
go test "${args[@]}"
