#!/usr/bin/env bash
# install.sh 用各工具自己的 go.mod 把真实的对端和开发工具构建到 bin/，让新机器只靠 Go 和 git 就能跑演示与测试；
# 别人的 CRD 也照样从它自己的模块里取来，不在仓库里存副本。
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/bin
build_flags=(-trimpath -buildvcs=false)

# 用户自己的 go 环境不得左右工具的构建；工具在本机运行，所以交叉编译的 GOOS、GOARCH 也不算数。
export GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0
unset GOOS GOARCH

# tools 每行一个工具：可执行文件名、go.mod 所在目录、main 包；名字以 .yaml 结尾的是模块里现成的文件，只取不构建。
tools='
deepcopy-gen            codegen        k8s.io/code-generator/cmd/deepcopy-gen
defaulter-gen           codegen        k8s.io/code-generator/cmd/defaulter-gen
conversion-gen          codegen        k8s.io/code-generator/cmd/conversion-gen
client-gen              codegen        k8s.io/code-generator/cmd/client-gen
lister-gen              codegen        k8s.io/code-generator/cmd/lister-gen
informer-gen            codegen        k8s.io/code-generator/cmd/informer-gen
applyconfiguration-gen  codegen        k8s.io/code-generator/cmd/applyconfiguration-gen
openapi-gen             codegen        k8s.io/kube-openapi/cmd/openapi-gen
controller-gen          controller-gen sigs.k8s.io/controller-tools/cmd/controller-gen
angryjet                angryjet       github.com/crossplane/crossplane-tools/cmd/angryjet
golangci-lint           golangci-lint  github.com/golangci/golangci-lint/v2/cmd/golangci-lint
etcd                    etcd           go.etcd.io/etcd/server/v3
kube-apiserver          kubernetes     k8s.io/kubernetes/cmd/kube-apiserver
kube-controller-manager kubernetes     k8s.io/kubernetes/cmd/kube-controller-manager
kube-scheduler          kubernetes     k8s.io/kubernetes/cmd/kube-scheduler
kubectl                 kubernetes     k8s.io/kubernetes/cmd/kubectl
kwok                    kwok           sigs.k8s.io/kwok/cmd/kwok
llminferenceservices.yaml kserve       github.com/kserve/kserve/config/crd/full/llmisvc/serving.kserve.io_llminferenceservices.yaml
scaledobjects.yaml      keda           github.com/kedacore/keda/v2/config/crd/bases/keda.sh_scaledobjects.yaml
tofu                    opentofu       github.com/opentofu/opentofu/cmd/tofu
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

# binary_of 打印可执行文件名：要 terraform 而 PATH 上没有时，构建的是 OpenTofu。
binary_of() {
  [[ $1 == terraform ]] && echo tofu || echo "$1"
}

# module_of 从 go.mod 读出包所属的模块和版本：版本只写在 go.mod 一处，升级时不必改脚本。
module_of() {
  awk -v pkg="$2/" '{ sub(/^require /, "") }
    index(pkg, $1 "/") == 1 && $2 ~ /^v/ && $3 != "=>" && length($1) > length(mod) { mod = $1; ver = $2 }
    END { print mod, ver }' "$here/$1/go.mod"
}

# ldflags_of 打印链接参数；上游靠链接参数写版本号，缺了 kubectl version 和 tofu version 会报错误的版本。
ldflags_of() {
  local folder=$1 version=$2 minor pkg flags='-s -w'
  case $folder in
    kubernetes)
      minor=${version#*.}
      for pkg in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags+=" -X $pkg.gitVersion=$version -X $pkg.gitMajor=1 -X $pkg.gitMinor=${minor%%.*} -X $pkg.gitTreeState=clean"
      done ;;
    opentofu) flags+=' -X github.com/opentofu/opentofu/version.dev=no' ;;
  esac
  echo "$flags"
}

# on_path 打印 PATH 上可直接使用的同类工具：用户自己的 kubectl 和 terraform 才是真实客户端；
# 本目录构建的不算，否则 bin/ 在 PATH 上时升级版本不再生效。
on_path() {
  [[ $use_path == yes ]] || return 1
  case $1 in
    kubectl) ;;
    terraform) set -- terraform tofu ;;
    *) return 1 ;;
  esac
  { type -aP "$@" || true; } | grep -vm1 -F "$bin/"
}

# stamp_of 打印决定可执行文件内容的一切的散列值；与戳记相同就不必再构建。
stamp_of() {
  local folder=$1 pkg=$2 ldflags=$3
  {
    echo "$pkg" "${build_flags[@]}" "$ldflags"
    go -C "$here/$folder" version
    cat "$here/$folder/go.mod" "$here/$folder/go.sum"
  } | git hash-object --stdin
}

# is_fresh 判断已有的是否就是戳记所指的那一个。
is_fresh() {
  local name=$1 stamp=$2
  [[ -s $bin/$name && -r $bin/.$name.stamp && $(<"$bin/.$name.stamp") == "$stamp" ]]
}

# lock 让同时要同一个工具的后来者等候，然后直接用现成的；没有 flock 的系统只是多构建一次。
lock() {
  local name=$1
  command -v flock >/dev/null || return 0
  exec 9>"$bin/.$name.lock"
  if ! flock -n 9; then
    echo "Waiting for another run that is building $name" >&2
    flock 9
  fi
  rm -f "$bin/.$name.tmp."*
}

# make_tool 把一个工具放到 tmp；.yaml 从下载并按 go.sum 核对过的模块里取。
make_tool() {
  local name=$1 folder=$2 pkg=$3 module=$4 version=$5 ldflags=$6 tmp=$7 dir
  if [[ $name != *.yaml ]]; then
    go -C "$here/$folder" build "${build_flags[@]}" -ldflags "$ldflags" -o "$tmp" "$pkg"
    return
  fi
  dir=$(go -C "$here/$folder" mod download -json "$module@$version" | tee >(cat >&2) | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  # 模块缓存里的文件是只读的，cat 不带走它的权限。
  [[ -n $dir ]] && cat "$dir/${pkg#"$module"/}" >"$tmp"
}

# build 在戳记不符时构建一个工具：先写临时文件再改名，中断的构建不会留下半个可执行文件。
build() (
  name=$1 folder=$2 pkg=$3
  read -r module version < <(module_of "$folder" "$pkg")
  ldflags=$(ldflags_of "$folder" "$version")
  stamp=$(stamp_of "$folder" "$pkg" "$ldflags")
  ! is_fresh "$name" "$stamp" || exit 0
  lock "$name"
  ! is_fresh "$name" "$stamp" || exit 0

  tmp=$bin/.$name.tmp.$$ log=$bin/.$name.log
  trap 'rm -f "$tmp"' EXIT
  trap 'exit 130' INT TERM
  printf 'Building %s from %s %s (may take minutes the first time) ... ' "$name" "$module" "$version" >&2
  SECONDS=0
  if ! make_tool "$name" "$folder" "$pkg" "$module" "$version" "$ldflags" "$tmp" >"$log" 2>&1 9>&-; then
    printf 'FAILED after %ds\n' "$SECONDS" >&2
    tail -n 20 "$log" | sed 's/^/  /' >&2
    fail "could not build $name from hack/tools/$folder/go.mod; the whole log is in $log"
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
  rows=$(lookup "$(binary_of "$want")") || fail "unknown tool $want; install.sh --list names them all"
  while read -r name folder pkg; do
    build "$name" "$folder" "$pkg" </dev/null
  done <<<"$rows"
}

# print_path 打印调用者该用的那一个工具，没有就先构建，脚本和 Makefile 由此不必知道它来自哪里。
print_path() {
  local name
  on_path "$1" && return
  name=$(binary_of "$1")
  [[ $(lookup "$name") == "$name "* ]] || fail "unknown tool $1; install.sh --list names them all"
  install "$1"
  echo "$bin/$name"
}

# list 列出全部工具及其模块和版本。
list() {
  local name folder pkg
  while read -r name folder pkg; do
    [[ -z $name ]] || printf '%-24s %s\n' "$name" "$(module_of "$folder" "$pkg")"
  done <<<"$tools"
}

main() {
  local mode=install name
  use_path=yes
  while [[ ${1-} == -* ]]; do
    case $1 in
      --no-path) use_path=no ;;
      --path) mode=print_path ;;
      --list) list; return ;;
      *) usage; return 2 ;;
    esac
    shift
  done
  if [[ $# -eq 0 || ($mode == print_path && $# -ne 1) ]]; then
    usage
    return 2
  fi
  for name in go git; do
    type -P "$name" >/dev/null || fail "$name is not on PATH; it is needed to build the tools from Go modules"
  done
  mkdir -p "$bin"
  for name; do
    "$mode" "$name"
  done
}

main "$@"
