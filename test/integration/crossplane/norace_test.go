//go:build !race

package crossplane

const raceBuild = false
