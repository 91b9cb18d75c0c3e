#!/usr/bin/env bash
# update-all.sh 重新生成一切生成物并统一格式；改了 API 类型之后运行一次，结果进仓库。
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

hack/codegen.sh
git ls-files -z --cached --others --exclude-standard -- '*.go' |
  while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
  xargs -0 gofmt -w
