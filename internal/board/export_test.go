package board

// SetStride has the queue read so many rows at a time.
func (b *Board) SetStride(n int) { b.roll.stride = n }
