package extract

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// Forest holds the roots of all complete subtrees of a log, by their level: a
// package takes thousands of proofs, and each is then a few look-ups.
type Forest [][]format.Hash

// grow makes the forest over leaves, which become its lowest level.
func grow(leaves ledger.Leaves) Forest {
	f := Forest{leaves}
	for below := f[0]; len(below) > 1; {
		level := make([]format.Hash, len(below)/2)
		for i := range level {
			level[i] = format.NodeHash(below[2*i], below[2*i+1])
		}
		f = append(f, level)
		below = level
	}
	return f
}

// Size returns the number of leaves.
func (f Forest) Size() int64 { return int64(len(f[0])) }

// ReadHashes implements tlog.HashReader.
func (f Forest) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		if level >= len(f) || n >= int64(len(f[level])) {
			return nil, fmt.Errorf("evidence: hash %d is outside a tree of %d", x, f.Size())
		}
		out[i] = tlog.Hash(f[level][n])
	}
	return out, nil
}

// Root returns the root over all leaves.
func (f Forest) Root() (format.Hash, error) {
	h, err := tlog.TreeHash(f.Size(), f)
	return format.Hash(h), err
}

// Subtrees returns the roots of the complete subtrees that cover the leaves lo
// to hi-1, from left to right.
func (f Forest) Subtrees(lo, hi int64) (roots []format.Hash) {
	for _, level := range format.Subtrees(lo, hi) {
		roots = append(roots, f[level][lo>>level])
		lo += 1 << level
	}
	return roots
}

// Inclusion returns the RFC 6962 §2.1.1 audit path of a leaf.
func (f Forest) Inclusion(index int64) ([]format.Hash, error) {
	proof, err := tlog.ProveRecord(f.Size(), index, f)
	return hashes(proof), err
}

// Consistency returns the RFC 6962 §2.1.2 proof that this tree extends the one
// of its first size leaves.
func (f Forest) Consistency(size int64) ([]format.Hash, error) {
	if size == 0 || size == f.Size() {
		return nil, nil
	}
	proof, err := tlog.ProveTree(f.Size(), size, f)
	return hashes(proof), err
}

func hashes[T ~[]tlog.Hash](p T) []format.Hash {
	out := make([]format.Hash, len(p))
	for i, h := range p {
		out[i] = format.Hash(h)
	}
	return out
}
