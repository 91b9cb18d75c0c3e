module github.com/kubellm/kubellm/hack/tools/keda

go 1.26.0

// Only its CRD is taken, by ../install.sh: nothing imports the module, so "go mod tidy" would drop it.
require github.com/kedacore/keda/v2 v2.21.0
