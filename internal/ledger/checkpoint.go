package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/countersign/internal/db"
	"example.org/countersign/verify/format"
)

// sign returns the checkpoint of a tree, a signed note (C2SP tlog-checkpoint).
func (l *Ledger) sign(origin string, size int64, root format.Hash) (Checkpoint, error) {
	id, err := l.identify(origin)
	if err != nil {
		return Checkpoint{}, err
	}
	text := (&format.Checkpoint{Origin: origin, Size: size, Root: root}).Append(nil)
	signed, err := note.Sign(&note.Note{Text: string(text)}, id.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	return Checkpoint{size, root, signed}, nil
}

// mac tells a head that this ledger wrote from one that somebody else put into
// the database. A signature would say the same, and more slowly: those are for
// outsiders.
func (l *Ledger) mac(r *headRow) []byte {
	m := hmac.New(sha256.New, l.headKey[:])
	fmt.Fprintf(m, "%s %d %d %x %q %q", r.origin, r.size, r.time, r.root, r.kinds, r.halted)
	return m.Sum(nil)
}

// Checkpoint is a signed head and the tree it speaks of.
type Checkpoint struct {
	Size   int64
	Root   format.Hash
	Signed []byte // C2SP tlog-checkpoint
}

// Checkpoint returns the newest checkpoint: that of the last commit.
func (l *Ledger) Checkpoint(ctx context.Context) (Checkpoint, error) {
	mustBeOutside(ctx)
	h, err := l.readHead(l.outside(ctx, l.db))
	if err != nil {
		return Checkpoint{}, err
	}
	return l.sign(h.row.origin, h.tree.Size, h.tree.Root())
}

// outside reads the head without a connection of one's own.
func (l *Ledger) outside(ctx context.Context, q db.Querier) func(query string, dest ...any) (bool, error) {
	return func(query string, dest ...any) (bool, error) { return q.One(ctx, query, nil, dest...) }
}

// Leaves returns the leaf hashes of the first size entries, 32 bytes each, from
// which proofs are made.
func (l *Ledger) Leaves(ctx context.Context, size int64) (Leaves, error) {
	leaves := make(Leaves, 0, size)
	err := l.Each(ctx, func(scan db.Scan) error {
		var leaf []byte
		if err := scan(&leaf); err != nil {
			return err
		}
		if len(leaf) != 32 {
			return &Mismatch{Where: fmt.Sprintf("entry %d", len(leaves)), What: "has a damaged hash"}
		}
		leaves = append(leaves, format.Hash(leaf))
		return nil
	}, `SELECT leaf FROM ledger_payload WHERE idx < $1 ORDER BY idx`, size)
	if err == nil && int64(len(leaves)) != size {
		err = &Mismatch{Where: "ledger_payload", What: fmt.Sprintf("has %d of %d rows", len(leaves), size)}
	}
	return leaves, err
}

// Leaves are the leaf hashes of a tree. It reads as golang.org/x/mod's
// tlog.HashReader.
type Leaves []format.Hash

// ReadHashes implements tlog.HashReader.
func (s Leaves) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		lo, hi := n<<level, (n+1)<<level
		if hi > int64(len(s)) {
			return nil, fmt.Errorf("ledger: hash %d is outside a tree of %d", x, len(s))
		}
		out[i] = tlog.Hash(s.Subtree(lo, hi))
	}
	return out, nil
}

// Subtree returns the root over the leaves lo to hi-1, 2^n of them.
func (s Leaves) Subtree(lo, hi int64) format.Hash {
	var t format.Tree
	for _, leaf := range s[lo:hi] {
		t.Append(leaf)
	}
	return t.Root()
}

// Inclusion returns the RFC 6962 audit path of entry index.
func (s Leaves) Inclusion(index int64) ([]format.Hash, error) {
	p, err := tlog.ProveRecord(int64(len(s)), index, s)
	return hashes(p), err
}

// Consistency returns the RFC 6962 proof that this tree extends the one of its
// first size leaves.
func (s Leaves) Consistency(size int64) ([]format.Hash, error) {
	if size == 0 || size == int64(len(s)) {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(len(s)), size, s)
	return hashes(p), err
}

func hashes[T ~[]tlog.Hash](p T) []format.Hash {
	out := make([]format.Hash, len(p))
	for i, h := range p {
		out[i] = format.Hash(h)
	}
	return out
}
