# 每个目标自己备齐所需的一切：新机器上只要有 Go、make 和 git。

# 两个核上四个以上的测试包同时跑会互相饿着；每个包自己又会启动若干进程。
TEST_PARALLEL ?= 2
TEST_TIMEOUT  ?= 60m
PACKAGES      ?= ./...

# 发布时 make build VERSION=v1.2.3。不盖版本库的戳：那样每次提交都要重新链接，别人所有的检出里还会失败。
VERSION ?=
GO_BUILD = go build -buildvcs=false $(if $(VERSION),-ldflags "-X github.com/kubellm/kubellm/internal/version.version=$(VERSION)")

.PHONY: all build test demo demo-down generate verify tools clean help
.DEFAULT_GOAL := help

help:
	@echo 'make build      build everything into bin/'
	@echo 'make demo       start the platform, Crossplane and Terraform side by side, all real'
	@echo 'make demo-down  stop exactly what make demo started, and remove its data'
	@echo 'make test       all tests, with the race detector; PACKAGES=./internal/... for some'
	@echo 'make generate   generate again what is derived from the API types'
	@echo 'make verify     generated files, gofmt, go vet and golangci-lint'
	@echo 'make tools      the real counterparts and developer tools, into hack/tools/bin'
	@echo 'make clean      remove bin/'

all: build

build:
	@echo 'Building into bin/ (the first time takes minutes)'
	@mkdir -p bin
	$(GO_BUILD) -o bin/ ./cmd/kubellm-apiserver ./cmd/kubellm-controller ./cmd/provider
	$(GO_BUILD) -o bin/terraform-provider-kubellm ./terraform-provider

# counterparts 是测试和演示要的真实部件；kubectl 与 terraform 优先用 PATH 上的。
.PHONY: counterparts
counterparts:
	@hack/tools/install.sh etcd kube-apiserver kube-controller-manager kube-scheduler kwok kserve keda kubectl terraform

tools: counterparts
	@hack/tools/install.sh codegen controller-gen angryjet golangci-lint

test: counterparts
	@hack/test.sh -timeout $(TEST_TIMEOUT) -p $(TEST_PARALLEL) $(PACKAGES)

demo: counterparts build
	@go run -buildvcs=false ./hack/demo up

demo-down:
	@go run -buildvcs=false ./hack/demo down

generate:
	@hack/update-all.sh

verify:
	@hack/verify-all.sh

clean:
	rm -rf bin
