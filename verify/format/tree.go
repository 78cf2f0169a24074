package format

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Hash is a SHA-256 hash.
type Hash = [sha256.Size]byte

// LeafHash returns the RFC 6962 §2.1 hash of a leaf: SHA-256(0x00 || data).
func LeafHash(data []byte) Hash {
	var buf [512]byte
	return sha256.Sum256(append(append(buf[:0], 0), data...))
}

// NodeHash returns the RFC 6962 §2.1 hash of an inner node:
// SHA-256(0x01 || left || right).
func NodeHash(left, right Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}

// Tree is the right edge of an RFC 6962 tree: the roots of its complete
// subtrees, largest first, one per bit that is set in Size. It grows by
// Append in O(1) amortised and gives the root in O(log n). The zero Tree is
// empty.
type Tree struct {
	Size int64
	Edge []Hash
}

// Append adds a leaf.
func (t *Tree) Append(leaf Hash) {
	t.Edge = append(t.Edge, leaf)
	t.Size++
	for s := t.Size; s&1 == 0; s >>= 1 {
		n := len(t.Edge)
		t.Edge[n-2] = NodeHash(t.Edge[n-2], t.Edge[n-1])
		t.Edge = t.Edge[:n-1]
	}
}

// AppendSubtree adds a complete subtree of 2^level leaves by its root. It
// fails where the tree's size is not a multiple of 2^level.
func (t *Tree) AppendSubtree(level int, root Hash) error {
	if level < 0 || level > 62 || t.Size&(1<<level-1) != 0 {
		return fmt.Errorf("no subtree of level %d fits at %d", level, t.Size)
	}
	t.Edge = append(t.Edge, root)
	t.Size += 1 << level
	for s := t.Size >> level; s&1 == 0; s >>= 1 {
		n := len(t.Edge)
		t.Edge[n-2] = NodeHash(t.Edge[n-2], t.Edge[n-1])
		t.Edge = t.Edge[:n-1]
	}
	return nil
}

// AppendSubtrees adds the complete subtrees that cover the leaves from the
// tree's size to size, by their roots from left to right. It fails where the
// number of roots is another.
func (t *Tree) AppendSubtrees(size int64, roots []Hash) error {
	levels := Subtrees(t.Size, size)
	if t.Size > size || len(levels) != len(roots) {
		return fmt.Errorf("want %d subtrees from entry %d to %d, got %d", len(levels), t.Size, size, len(roots))
	}
	for i, level := range levels {
		if err := t.AppendSubtree(level, roots[i]); err != nil {
			return err
		}
	}
	return nil
}

// Root returns the root hash; that of the empty tree is SHA-256("").
func (t *Tree) Root() Hash {
	if len(t.Edge) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.Edge[len(t.Edge)-1]
	for i := len(t.Edge) - 2; i >= 0; i-- {
		root = NodeHash(t.Edge[i], root)
	}
	return root
}

// Clone returns a copy that grows on its own.
func (t *Tree) Clone() Tree { return Tree{t.Size, append([]Hash(nil), t.Edge...)} }

// Subtrees returns the levels of the complete subtrees that together cover the
// leaves lo to hi-1, from left to right: what a range proof lists on each side.
func Subtrees(lo, hi int64) []int {
	var levels []int
	for lo < hi {
		level := bits.Len64(uint64(hi-lo)) - 1
		if lo != 0 {
			level = min(level, bits.TrailingZeros64(uint64(lo)))
		}
		levels = append(levels, level)
		lo += 1 << level
	}
	return levels
}

// CheckInclusion checks an RFC 6962 §2.1.1 audit path: that leaf is entry
// index of the tree of size and root.
func CheckInclusion(proof []Hash, size, index int64, leaf, root Hash) error {
	if index < 0 || index >= size {
		return fmt.Errorf("entry %d is outside a tree of %d", index, size)
	}
	h, fn, sn := leaf, index, size-1
	for _, p := range proof {
		if sn == 0 {
			return errors.New("inclusion proof is too long")
		}
		if fn&1 == 1 || fn == sn {
			h = NodeHash(p, h)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			h = NodeHash(h, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || h != root {
		return errors.New("inclusion proof does not lead to the root")
	}
	return nil
}

// CheckConsistency checks an RFC 6962 §2.1.2 proof (algorithm of RFC 9162
// §2.1.4.2) that the tree of size2 and root2 extends the tree of size1 and
// root1.
func CheckConsistency(proof []Hash, size1, size2 int64, root1, root2 Hash) error {
	switch {
	case size1 < 0 || size1 > size2:
		return fmt.Errorf("a tree of %d cannot extend one of %d", size2, size1)
	case size1 == size2:
		if len(proof) != 0 || root1 != root2 {
			return errors.New("two roots for one tree size")
		}
		return nil
	case size1 == 0:
		if len(proof) != 0 {
			return errors.New("consistency proof from the empty tree is not empty")
		}
		return nil
	}
	if size1&(size1-1) == 0 {
		proof = append([]Hash{root1}, proof...)
	}
	if len(proof) == 0 {
		return errors.New("consistency proof is empty")
	}
	fn, sn := size1-1, size2-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	r1, r2 := proof[0], proof[0]
	for _, p := range proof[1:] {
		if sn == 0 {
			return errors.New("consistency proof is too long")
		}
		if fn&1 == 1 || fn == sn {
			r1, r2 = NodeHash(p, r1), NodeHash(p, r2)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r2 = NodeHash(r2, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || r1 != root1 || r2 != root2 {
		return errors.New("consistency proof does not lead to both roots")
	}
	return nil
}

// AppendBundle appends one entry to a C2SP tlog-tiles entry bundle: its length
// as two bytes, big endian, then its bytes. Entries are at most 65,535 bytes.
func AppendBundle(b, entry []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(entry))), entry...)
}

// Bundle reads the entries of an entry bundle one after the other.
type Bundle struct {
	r   *bufio.Reader
	buf []byte
}

// NewBundle returns a reader of the entries in r.
func NewBundle(r io.Reader) *Bundle {
	return &Bundle{bufio.NewReaderSize(r, 64<<10), make([]byte, maxEntry)}
}

// Next returns the bytes of the next entry, io.EOF after the last. They are
// valid until the next call.
func (b *Bundle) Next() ([]byte, error) {
	if _, err := io.ReadFull(b.r, b.buf[:2]); err == io.EOF {
		return nil, io.EOF
	} else if err != nil {
		return nil, fmt.Errorf("entry bundle is cut short: %w", err)
	}
	n := binary.BigEndian.Uint16(b.buf)
	if _, err := io.ReadFull(b.r, b.buf[:n]); err != nil {
		return nil, fmt.Errorf("entry bundle is cut short: %w", err)
	}
	return b.buf[:n], nil
}

// ReadBundle calls f for each entry of a bundle. The bytes given to f are
// valid until it returns.
func ReadBundle(r io.Reader, f func(entry []byte) error) error {
	for b := NewBundle(r); ; {
		entry, err := b.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(entry); err != nil {
			return err
		}
	}
}
