package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"
)

// leavesOf returns n different leaf hashes.
func leavesOf(n int) []Hash {
	leaves := make([]Hash, n)
	for i := range leaves {
		leaves[i] = LeafHash(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	return leaves
}

// The three functions below are RFC 6962 §2.1 as it is written there.

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

func rootOf(leaves []Hash) Hash {
	if len(leaves) < 2 {
		t := Tree{}
		for _, l := range leaves {
			t.Append(l)
		}
		return t.Root()
	}
	k := split(len(leaves))
	return NodeHash(rootOf(leaves[:k]), rootOf(leaves[k:]))
}

func pathOf(m int, leaves []Hash) []Hash {
	if len(leaves) < 2 {
		return nil
	}
	k := split(len(leaves))
	if m < k {
		return append(pathOf(m, leaves[:k]), rootOf(leaves[k:]))
	}
	return append(pathOf(m-k, leaves[k:]), rootOf(leaves[:k]))
}

func extensionOf(m int, leaves []Hash, whole bool) []Hash {
	if m == len(leaves) {
		if whole {
			return nil
		}
		return []Hash{rootOf(leaves)}
	}
	k := split(len(leaves))
	if m <= k {
		return append(extensionOf(m, leaves[:k], whole), rootOf(leaves[k:]))
	}
	return append(extensionOf(m-k, leaves[k:], false), rootOf(leaves[:k]))
}

const someSizes = 34

func TestTreeGrows(t *testing.T) {
	leaves := leavesOf(someSizes)
	var tree Tree
	for n := range leaves {
		tree.Append(leaves[n])
		if tree.Root() != rootOf(leaves[:n+1]) {
			t.Errorf("root of %d leaves", n+1)
		}
	}
	other := tree.Clone()
	other.Append(leaves[0])
	if tree.Root() != rootOf(leaves) || other.Size != someSizes+1 {
		t.Error("a clone is not on its own")
	}
}

func TestSubtrees(t *testing.T) {
	leaves := leavesOf(someSizes)
	for lo := range leaves {
		for hi := lo; hi < len(leaves); hi++ {
			var left, right []Hash
			for at, list := range map[int]*[]Hash{0: &left, hi: &right} {
				end := lo
				if at == hi {
					end = len(leaves)
				}
				for _, level := range Subtrees(int64(at), int64(end)) {
					*list = append(*list, rootOf(leaves[at:at+1<<level]))
					at += 1 << level
				}
			}
			if hi == 0 {
				left = nil
			}
			var tree Tree
			err := tree.AppendSubtrees(int64(lo), left)
			for _, l := range leaves[lo:hi] {
				tree.Append(l)
			}
			if err == nil {
				err = tree.AppendSubtrees(someSizes, right)
			}
			if err != nil || tree.Root() != rootOf(leaves) {
				t.Errorf("range %d to %d: %v", lo, hi, err)
			}
			if tree.AppendSubtrees(someSizes, right[:0]) != nil || tree.AppendSubtrees(0, nil) == nil {
				t.Error("a tree shrank")
			}
		}
	}
	var tree Tree
	tree.Append(leaves[0])
	if tree.AppendSubtree(1, leaves[1]) == nil || tree.AppendSubtree(63, leaves[1]) == nil {
		t.Error("a subtree was added where it does not fit")
	}
}

func TestInclusion(t *testing.T) {
	leaves := leavesOf(someSizes)
	for n := 1; n <= len(leaves); n++ {
		root := rootOf(leaves[:n])
		for m := range n {
			proof := pathOf(m, leaves[:n])
			if err := CheckInclusion(proof, int64(n), int64(m), leaves[m], root); err != nil {
				t.Errorf("%d of %d: %v", m, n, err)
			}
			for i, bad := range alter(proof) {
				if CheckInclusion(bad, int64(n), int64(m), leaves[m], root) == nil {
					t.Errorf("%d of %d: bad proof %d holds", m, n, i)
				}
			}
		}
		if CheckInclusion(nil, int64(n), int64(n), leaves[0], root) == nil || CheckInclusion(nil, int64(n), -1, leaves[0], root) == nil {
			t.Errorf("an entry outside a tree of %d is in it", n)
		}
	}
}

func TestConsistency(t *testing.T) {
	leaves := leavesOf(someSizes)
	for n := 1; n <= len(leaves); n++ {
		root := rootOf(leaves[:n])
		for m := 1; m <= n; m++ {
			old := rootOf(leaves[:m])
			proof := extensionOf(m, leaves[:n], true)
			if err := CheckConsistency(proof, int64(m), int64(n), old, root); err != nil {
				t.Errorf("%d to %d: %v", m, n, err)
			}
			for i, bad := range alter(proof) {
				if CheckConsistency(bad, int64(m), int64(n), old, root) == nil {
					t.Errorf("%d to %d: bad proof %d holds", m, n, i)
				}
			}
			if CheckConsistency(proof, int64(m), int64(n), root, old) == nil && m != n {
				t.Errorf("%d to %d: holds with roots exchanged", m, n)
			}
		}
		if CheckConsistency(nil, 0, int64(n), rootOf(nil), root) != nil || CheckConsistency(leaves[:1], 0, int64(n), rootOf(nil), root) == nil {
			t.Errorf("the empty tree to %d", n)
		}
		if CheckConsistency(nil, int64(n)+1, int64(n), root, root) == nil {
			t.Error("a tree shrank")
		}
	}
}

// alter returns proofs that are not the one given.
func alter(proof []Hash) [][]Hash {
	bad := [][]Hash{append(slices.Clone(proof), Hash{})}
	if n := len(proof); n > 0 {
		bad = append(bad, proof[:n-1], proof[1:], append(slices.Clone(proof), proof[n-1]))
	}
	for i := range proof {
		other := slices.Clone(proof)
		other[i][7] ^= 1
		bad = append(bad, other)
	}
	return bad
}

func TestBundle(t *testing.T) {
	long := bytes.Repeat([]byte("x"), maxEntry)
	var b []byte
	for _, e := range [][]byte{[]byte("one"), nil, long, []byte("two")} {
		b = AppendBundle(b, e)
	}
	var got []int
	if err := ReadBundle(bytes.NewReader(b), func(e []byte) error { got = append(got, len(e)); return nil }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[3 0 65535 3]" {
		t.Errorf("read %v", got)
	}
	for _, n := range []int{1, 2, 4, 6, len(b) - 1} {
		if err := ReadBundle(bytes.NewReader(b[:n]), func([]byte) error { return nil }); err == nil {
			t.Errorf("a bundle cut at %d is whole", n)
		}
	}
	if err := ReadBundle(bytes.NewReader(b), func([]byte) error { return io.ErrClosedPipe }); err != io.ErrClosedPipe {
		t.Errorf("the caller's error became %v", err)
	}
}
