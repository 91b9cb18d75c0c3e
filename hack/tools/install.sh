#!/usr/bin/env bash
# install.sh 用各工具自己的 go.mod 把真实的对端和开发工具构建到 bin/，让新机器只靠 Go 和 git 就能跑演示与测试。
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/bin

# tools 每行一个工具：可执行文件名、go.mod 所在目录、main 包。
tools='
deepcopy-gen           codegen        k8s.io/code-generator/cmd/deepcopy-gen
defaulter-gen          codegen        k8s.io/code-generator/cmd/defaulter-gen
conversion-gen         codegen        k8s.io/code-generator/cmd/conversion-gen
client-gen             codegen        k8s.io/code-generator/cmd/client-gen
lister-gen             codegen        k8s.io/code-generator/cmd/lister-gen
informer-gen           codegen        k8s.io/code-generator/cmd/informer-gen
applyconfiguration-gen codegen        k8s.io/code-generator/cmd/applyconfiguration-gen
openapi-gen            codegen        k8s.io/kube-openapi/cmd/openapi-gen
controller-gen         controller-gen sigs.k8s.io/controller-tools/cmd/controller-gen
angryjet               angryjet       github.com/crossplane/crossplane-tools/cmd/angryjet
golangci-lint          golangci-lint  github.com/golangci/golangci-lint/v2/cmd/golangci-lint
etcd                   etcd           go.etcd.io/etcd/server/v3
kube-apiserver         kubernetes     k8s.io/kubernetes/cmd/kube-apiserver
kubectl                kubernetes     k8s.io/kubernetes/cmd/kubectl
tofu                   opentofu       github.com/opentofu/opentofu/cmd/tofu
'

usage() {
  cat >&2 <<'EOF'
Usage: hack/tools/install.sh [--no-path] NAME...       build the tools (or the folders of tools) into hack/tools/bin
       hack/tools/install.sh [--no-path] --path NAME   print the path of the tool to use, building it where needed
       hack/tools/install.sh --list                    list every tool with its module and version

kubectl and terraform are taken from PATH where it has them; terraform may also be
tofu, and tofu is built where PATH has neither. --no-path builds them all the same.
EOF
}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# lookup 打印一个工具的"名字 目录 包"；给的是目录名时打印其中全部工具。
lookup() {
  awk -v want="$1" '$1 == want { one = $0 } $2 == want { all = all $0 "\n" }
    END { if (one) print one; else if (all) printf "%s", all; else exit 1 }' <<<"$tools"
}

# module_of 从 go.mod 读出包所属的模块和版本：版本只写在 go.mod 一处，升级时不必改脚本。
module_of() {
  awk -v pkg="$2/" '/^replace/ { exit } { sub(/^require /, "") }
    index(pkg, $1 "/") == 1 && length($1) > length(mod) && $2 ~ /^v/ { mod = $1; ver = $2 }
    END { print mod, ver }' "$here/$1/go.mod"
}

# ldflags_of 打印链接参数；上游靠链接参数写版本号，缺了 kubectl version 和 tofu version 会报错误的版本。
ldflags_of() {
  local folder=$1 version=$2 minor=${2#*.} pkg=k8s.io/component-base/version
  case $folder in
    kubernetes)
      printf '%s' "-s -w -X $pkg.gitVersion=$version -X $pkg.gitMajor=1 -X $pkg.gitMinor=${minor%%.*}" \
        " -X $pkg.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=$version" ;;
    opentofu) printf '%s' "-s -w -X github.com/opentofu/opentofu/version.dev=no" ;;
    *) printf '%s' "-s -w" ;;
  esac
}

# on_path 打印 PATH 上可直接使用的同类工具；用户自己的 kubectl 和 terraform 才是真实客户端。
on_path() {
  local name
  case $1 in
    kubectl) set -- kubectl ;;
    terraform) set -- terraform tofu ;;
    *) return 1 ;;
  esac
  [[ $use_path == yes ]] || return 1
  for name; do
    command -v "$name" && return 0
  done
  return 1
}

# go_build 不受用户 go 环境的影响；工具在本机运行，所以也不理会交叉编译的 GOOS、GOARCH。
go_build() {
  env -u GOOS -u GOARCH GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 \
    go -C "$here/$1" build -trimpath -buildvcs=false -ldflags "$2" -o "$3" "$4"
}

# build 在戳记不符时构建一个工具：先写临时文件再改名，中断的构建不会留下半个可执行文件。
build() (
  name=$1 folder=$2 pkg=$3
  read -r module version < <(module_of "$folder" "$pkg")
  ldflags=$(ldflags_of "$folder" "$version")
  stamp=$({ cat "$here/$folder/go.mod" "$here/$folder/go.sum"; echo "$pkg $ldflags $go_version"; declare -f go_build; } |
    git hash-object --stdin)
  fresh() { [[ -x $bin/$name && -r $bin/.$name.stamp && $(<"$bin/.$name.stamp") == "$stamp" ]]; }
  fresh && exit 0

  # 并行的 make 目标会同时要同一个工具：后来者等锁，然后直接用现成的。没有 flock 的系统只是多构建一次。
  exec 9>"$bin/.$name.lock"
  ! command -v flock >/dev/null || flock 9
  fresh && exit 0

  tmp=$bin/.$name.tmp.$BASHPID log=$bin/.$name.log
  trap 'rm -f "$tmp"' EXIT
  trap 'exit 130' INT TERM
  printf 'Building %s from %s %s (may take minutes the first time) ... ' "$name" "$module" "$version" >&2
  SECONDS=0
  if ! go_build "$folder" "$ldflags" "$tmp" "$pkg" >"$log" 2>&1 9>&-; then
    printf 'FAILED after %ds\n' "$SECONDS" >&2
    tail -n 20 "$log" | sed 's/^/  /' >&2
    fail "could not build $name in hack/tools/$folder; the whole log is in $log"
  fi
  rm -f "$bin/.$name.stamp" "$log"
  mv "$tmp" "$bin/$name"
  echo "$stamp" >"$bin/.$name.stamp"
  printf 'done in %ds\n' "$SECONDS" >&2
)

# install 构建一个名字所指的全部工具，PATH 上已有的除外。
install() {
  local want=$1 rows name folder pkg
  ! on_path "$want" >/dev/null || return 0
  [[ $want != terraform ]] || want=tofu
  rows=$(lookup "$want") || fail "unknown tool $want; install.sh --list names them all"
  while read -r name folder pkg; do
    build "$name" "$folder" "$pkg" </dev/null
  done <<<"$rows"
}

list() {
  local name folder pkg
  while read -r name folder pkg; do
    [[ -z $name ]] || printf '%-24s %s\n' "$name" "$(module_of "$folder" "$pkg")"
  done <<<"$tools"
}

use_path=yes show_path=no
while [[ ${1-} == -* ]]; do
  case $1 in
    --no-path) use_path=no ;;
    --path) show_path=yes ;;
    --list) list; exit ;;
    *) usage; exit 2 ;;
  esac
  shift
done
[[ $# -gt 0 && ($show_path == no || $# -eq 1) ]] || { usage; exit 2; }

if [[ $show_path == yes ]] && on_path "$1"; then
  exit
fi
for need in go git; do
  command -v "$need" >/dev/null || fail "$need is not on PATH; install it, the tools are built from Go modules"
done
go_version=$(go version)
mkdir -p "$bin"
for want; do
  install "$want"
done
if [[ $show_path == yes ]]; then
  [[ $1 != terraform ]] || set -- tofu
  echo "$bin/$1"
fi
