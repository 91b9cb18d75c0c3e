package harness

import "testing"

// TestFreePort 两个程序同时取，用完一块再取一块，谁也不会拿到别人的：部件停着的时候，它的端口看上去是空的。
func TestFreePort(t *testing.T) {
	var one, other portBlocks
	seen := map[int]bool{}
	for range blockSize + blockSize/2 {
		for _, program := range []*portBlocks{&one, &other} {
			port, err := program.free()
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] || port < firstPort || port > lastPort {
				t.Fatalf("port %d was given out before, or is not between %d and %d", port, firstPort, lastPort)
			}
			seen[port] = true
		}
	}
	for _, program := range []*portBlocks{&one, &other} {
		for _, guard := range program.guards {
			if err := guard.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
