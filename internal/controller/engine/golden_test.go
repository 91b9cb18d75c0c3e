package engine

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden manifests anew")

// TestManifestsAreTheGoldenOnes 逐字对照 testdata/golden；有意改了渲染就用 -update 重写，再看差别。
func TestManifestsAreTheGoldenOnes(t *testing.T) {
	known := map[string]bool{}
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			in := base()
			s.change(&in)
			got, err := Manifests(in)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", s.name+".yaml")
			known[path] = true
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("no golden manifest; run the test with -update and look at what it writes: %v", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the manifests are not the golden ones (-want +got); if the change is meant, run with -update:\n%s", diff)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !known[file] {
			t.Errorf("%s belongs to no scenario any more: remove it", file)
		}
	}
}
