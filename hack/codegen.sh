#!/usr/bin/env bash
# codegen.sh 生成一切由类型推导的代码；生成物进仓库，verify-all.sh 保证它们不过期。
# 新增一个 API 组版本时只在 versions 里添一行。
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
module=github.com/kubellm/kubellm
header=hack/boilerplate.go.txt
generated=apis/generated
bin=hack/tools/bin

# versions 是平台自己的 API 组版本，相对 apis/。
versions=(iam/v1alpha1 cluster/v1alpha1 model/v1alpha1)
# managed 是 Crossplane 托管资源的根目录；CRD 与方法集由它生成。
managed=apis/managed

say() { echo "codegen: $*"; }

packages() { local v; for v in "${versions[@]}"; do echo "$module/apis/$v"; done; }
hubs() { local v; for v in "${versions[@]}"; do echo "$module/apis/${v%/*}"; done | sort -u; }
inputs() { local v; for v in "${versions[@]}"; do echo --input "$v"; done; }

say "installing generators"
hack/tools/install.sh codegen controller-gen angryjet

mapfile -t external < <(packages)
mapfile -t internal < <(hubs)
mapfile -t input < <(inputs | tr ' ' '\n')

say "deepcopy, defaults, conversion: ${versions[*]}"
find apis -name 'zz_generated.*' -not -path "./$managed/*" -delete
"$bin/deepcopy-gen" --output-file zz_generated.deepcopy.go --go-header-file "$header" "${external[@]}" "${internal[@]}"
"$bin/defaulter-gen" --output-file zz_generated.defaults.go --go-header-file "$header" "${external[@]}"
"$bin/conversion-gen" --output-file zz_generated.conversion.go --go-header-file "$header" "${external[@]}"

say "OpenAPI"
rm -rf "$generated"
# 这几个上游包提供被引用的类型与独立模式的核心种类，只读，不为它们写模型名。
# 整个 core/v1 只让启动多花约 1 ms、多占约 1 MB，不值得另写工具去挑。
upstream=(k8s.io/apimachinery/pkg/apis/meta/v1 k8s.io/apimachinery/pkg/runtime k8s.io/apimachinery/pkg/version k8s.io/apimachinery/pkg/api/resource
  k8s.io/apimachinery/pkg/util/intstr k8s.io/api/core/v1 k8s.io/api/events/v1 k8s.io/api/coordination/v1 k8s.io/api/authentication/v1 k8s.io/api/authorization/v1 k8s.io/api/autoscaling/v1)
readonly_args=()
for pkg in "${upstream[@]}"; do readonly_args+=(--readonly-pkg "$pkg"); done
"$bin/openapi-gen" --output-file zz_generated.openapi.go --go-header-file "$header" \
  --output-dir "$generated/openapi" --output-pkg "$module/$generated/openapi" \
  --report-filename /dev/null --output-model-name-file zz_generated.model_name.go \
  "${readonly_args[@]}" "${upstream[@]}" "${external[@]}"

say "apply configurations, clientset, listers, informers"
"$bin/applyconfiguration-gen" --go-header-file "$header" \
  --output-dir "$generated/applyconfigurations" --output-pkg "$module/$generated/applyconfigurations" "${external[@]}"
"$bin/client-gen" --go-header-file "$header" --clientset-name versioned --input-base "$PWD/apis" "${input[@]}" \
  --output-dir "$generated/clientset" --output-pkg "$module/$generated/clientset" \
  --apply-configuration-package "$module/$generated/applyconfigurations" --prefers-protobuf=false
"$bin/lister-gen" --go-header-file "$header" \
  --output-dir "$generated/listers" --output-pkg "$module/$generated/listers" "${external[@]}"
"$bin/informer-gen" --go-header-file "$header" \
  --output-dir "$generated/informers" --output-pkg "$module/$generated/informers" \
  --versioned-clientset-package "$module/$generated/clientset/versioned" \
  --listers-package "$module/$generated/listers" "${external[@]}"

if [ -d "$managed" ]; then
  say "managed resources: deepcopy, method sets, CRDs"
  find "$managed" -name 'zz_generated.*' -delete
  "$bin/controller-gen" object:headerFile="$header" paths="./$managed/..."
  "$bin/angryjet" generate-methodsets --header-file="$header" "./$managed/..."
  rm -rf package/crds
  "$bin/controller-gen" crd:crdVersions=v1 paths="./$managed/..." output:crd:artifacts:config=package/crds
fi
gofmt -w "$generated"
say "done"
