//go:build !race

package hostile

// Raced says that the race detector runs, which makes pages many times slower.
const Raced = false
