module github.com/kubellm/kubellm/hack/tools/kserve

go 1.26.0

// Only its CRD is taken, by ../install.sh: nothing imports the module, so "go mod tidy" would drop it.
require github.com/kserve/kserve v0.20.0
