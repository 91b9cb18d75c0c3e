package kinds

// pointers 给出切片各元素的指针，免得复制整页列表。
func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
