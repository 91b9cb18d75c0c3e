#!/usr/bin/env bash
# verify-all.sh 不改动工作区：在副本里重新生成并比较，再跑 gofmt、vet 与 golangci-lint；跑完全部才报告，一次看到所有问题。
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# sources 以 NUL 分隔列出属于仓库的文件，包括还没有提交的。
sources() {
  git ls-files -z --cached --others --exclude-standard -- "$@" |
    while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done
}

# stale 在副本里重新生成，列出与工作区不同的文件。
stale() {
  local copy=$scratch/tree changed
  mkdir -p "$copy" || return
  sources | tar --null -T - -cf - | tar -xf - -C "$copy" || return
  # 工具已经构建好，副本借用；它不属于仓库，不参加比较。
  mkdir -p "$root/hack/tools/bin" && ln -s "$root/hack/tools/bin" "$copy/hack/tools/bin" || return
  git -C "$copy" init -q && echo /hack/tools/bin >>"$copy/.git/info/exclude" && git -C "$copy" add -A || return
  if ! "$copy/hack/update-all.sh" >"$scratch/update.log" 2>&1; then
    tail -n 20 "$scratch/update.log"
    echo "hack/update-all.sh failed in a copy of the tree"
    return 1
  fi
  changed=$(git -C "$copy" diff --name-status && git -C "$copy" ls-files --others --exclude-standard | sed 's/^/A\t/') || return
  [[ -z $changed ]] && return
  printf '%s\n' "$changed"
  echo "These files are stale: run hack/update-all.sh and commit what it changes"
  return 1
}

unformatted() {
  local files
  files=$(sources '*.go' | xargs -0 gofmt -l) || return
  [[ -z $files ]] && return
  printf '%s\n' "$files"
  echo "These files are not formatted: run hack/update-all.sh"
  return 1
}

untidy() {
  go mod tidy -diff && return
  echo "go.mod or go.sum is not tidy: run go mod tidy"
  return 1
}

vet() { go vet ./...; }

lint() {
  local linter
  linter=$(hack/tools/install.sh --path golangci-lint) && "$linter" run --allow-serial-runners ./...
}

failed=()
check() {
  local what=$1 began=$SECONDS
  shift
  printf 'verify: %s ... ' "$what"
  if "$@" >"$scratch/out" 2>&1; then
    printf 'ok (%ds)\n' $((SECONDS - began))
  else
    printf 'FAILED (%ds)\n' $((SECONDS - began))
    sed 's/^/  /' "$scratch/out"
    failed+=("$what")
  fi
}

check "gofmt" unformatted
check "generated files are up to date" stale
check "go.mod is tidy" untidy
check "go vet" vet
check "golangci-lint" lint

if ((${#failed[@]})); then
  printf 'verify: FAILED:'
  printf ' %s;' "${failed[@]}"
  echo
  exit 1
fi
echo "verify: all is well"
