package ledger

import (
	"context"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

// Tiles of C2SP tlog-tiles: 256 hashes wide.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// node is the root of a complete subtree of 256^level entries.
type node struct {
	level int
	n     int64
	hash  format.Hash
}

// completed returns the nodes that the next leaf of a tree completes.
func completed(t *format.Tree, leaf format.Hash) (nodes []node) {
	if t.Size%tileWidth != tileWidth-1 {
		return nil
	}
	h := leaf
	for i := 0; t.Size>>i&1 == 1; i++ {
		h = format.NodeHash(t.Edge[len(t.Edge)-1-i], h)
		if (i+1)%tileHeight == 0 {
			nodes = append(nodes, node{(i + 1) / tileHeight, t.Size >> (i + 1), h})
		}
	}
	return nodes
}

// Tile returns the first width hashes of tile n of a level, 32 bytes each: leaf
// hashes at level 0, roots of 256^level entries above. NotFound where the log
// does not reach so far.
func (l *Ledger) Tile(ctx context.Context, level int, n int64, width int) ([]byte, error) {
	mustBeOutside(ctx)
	return tile(ctx, l.db, level, n, width)
}

func tile(ctx context.Context, q db.Querier, level int, n int64, width int) ([]byte, error) {
	if level < 0 || level > 63/tileHeight || n < 0 || n > 1<<55 || width < 1 || width > tileWidth {
		return nil, fault.New(fault.NotFound, "there is no such tile")
	}
	query, args := `SELECT idx, leaf FROM ledger_payload WHERE idx >= $1 AND idx < $2 ORDER BY idx`, []any{n * tileWidth, n*tileWidth + int64(width)}
	if level > 0 {
		query, args = `SELECT n, hash FROM ledger_node WHERE n >= $1 AND n < $2 AND level = $3 ORDER BY n`, append(args, level)
	}
	out := make([]byte, 0, width*32)
	err := q.Each(ctx, func(scan db.Scan) error {
		var at int64
		var hash []byte
		if err := scan(&at, &hash); err != nil {
			return err
		}
		if at != n*tileWidth+int64(len(out)/32) || len(hash) != 32 {
			return &Mismatch{fmt.Sprintf("tile %d of level %d", n, level), "has a hash missing or damaged"}
		}
		out = append(out, hash...)
		return nil
	}, query, args...)
	if err == nil && len(out) != width*32 {
		err = fault.New(fault.NotFound, "the log does not reach so far")
	}
	return out, err
}

// EntryTile returns the bytes of the first width entries of tile n, each after
// its length as two bytes (C2SP tlog-tiles, entry bundle). NotFound where the
// log does not reach so far.
func (l *Ledger) EntryTile(ctx context.Context, n int64, width int) ([]byte, error) {
	mustBeOutside(ctx)
	if n < 0 || n > 1<<55 || width < 1 || width > tileWidth {
		return nil, fault.New(fault.NotFound, "there is no such tile")
	}
	var out []byte
	next := n * tileWidth
	err := l.Each(ctx, func(scan db.Scan) error {
		var at int64
		var body []byte
		if err := scan(&at, &body); err != nil {
			return err
		}
		if at != next || len(body) > 1<<16-1 {
			return &Mismatch{fmt.Sprintf("entry %d", next), "is missing or damaged"}
		}
		next++
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(body))), body...)
		return nil
	}, `SELECT idx, body FROM ledger_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, next, next+int64(width))
	if err == nil && next != n*tileWidth+int64(width) {
		err = fault.New(fault.NotFound, "the log does not reach so far")
	}
	return out, err
}

// tileReader is the log as golang.org/x/mod/sumdb/tlog reads it.
type tileReader struct {
	ctx context.Context
	q   db.Querier
}

// Height implements tlog.TileReader.
func (tileReader) Height() int { return tileHeight }

// ReadTiles implements tlog.TileReader.
func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if out[i], err = tile(r.ctx, r.q, t.L, t.N, t.W); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SaveTiles implements tlog.TileReader.
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// Inclusion returns the RFC 6962 audit path of entry index in the tree of a
// checkpoint. What it reads it checks against the root, so a proof that comes
// out holds.
func (l *Ledger) Inclusion(ctx context.Context, cp Checkpoint, index int64) ([]format.Hash, error) {
	mustBeOutside(ctx)
	p, err := tlog.ProveRecord(cp.Size, index, l.hashReader(ctx, cp))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return hashes(p), nil
}

// Consistency returns the RFC 6962 proof that the tree of a checkpoint extends
// that of its first size entries.
func (l *Ledger) Consistency(ctx context.Context, cp Checkpoint, size int64) ([]format.Hash, error) {
	mustBeOutside(ctx)
	if size == 0 || size == cp.Size {
		return nil, nil
	}
	p, err := tlog.ProveTree(cp.Size, size, l.hashReader(ctx, cp))
	if err != nil {
		return nil, fmt.Errorf("prove the growth from %d to %d entries: %w", size, cp.Size, err)
	}
	return hashes(p), nil
}

func (l *Ledger) hashReader(ctx context.Context, cp Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: cp.Size, Hash: tlog.Hash(cp.Root)}, tileReader{ctx, l.db})
}

// RootAt returns the root of the tree of the first size entries, from their
// nodes; NotFound where the log does not reach so far.
func (l *Ledger) RootAt(ctx context.Context, size int64) (format.Hash, error) {
	cp, err := l.Checkpoint(ctx)
	if err != nil {
		return format.Hash{}, err
	}
	if size < 0 || size > cp.Size {
		return format.Hash{}, fault.New(fault.NotFound, "the log has %d entries", cp.Size)
	}
	h, err := tlog.TreeHash(size, l.hashReader(ctx, cp))
	return format.Hash(h), err
}

// checkNodes compares the stored nodes with those computed while the log was
// read.
func (c *checking) checkNodes(ctx context.Context) error {
	seen := 0
	err := c.q.Each(ctx, func(scan db.Scan) error {
		var x node
		var hash []byte
		if err := scan(&x.level, &x.n, &hash); err != nil {
			return err
		}
		if want, ok := c.nodes[[2]int64{int64(x.level), x.n}]; !ok || string(want[:]) != string(hash) {
			return &Mismatch{fmt.Sprintf("ledger_node level %d, n %d", x.level, x.n), "is not the hash of the entries below it"}
		}
		seen++
		return nil
	}, `SELECT level, n, hash FROM ledger_node ORDER BY level, n`)
	if err == nil && seen != len(c.nodes) {
		err = &Mismatch{"ledger_node", "has rows missing"}
	}
	return err
}

// Published returns the checkpoint that outsiders see, NotFound before the
// first.
func (l *Ledger) Published(ctx context.Context) (Checkpoint, error) {
	if _, err := l.Halted(ctx); err != nil { // reads the head, and so learns the log's name
		return Checkpoint{}, err
	}
	var cp Checkpoint
	var text string
	ok, err := l.db.One(ctx, `SELECT size, checkpoint FROM ledger_published WHERE id = 1`, nil, &cp.Size, &text)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "no checkpoint was published yet")
	}
	if err != nil {
		return cp, err
	}
	size := cp.Size
	if cp, err = l.Ours([]byte(text)); err != nil || size != cp.Size {
		err = &Mismatch{"ledger_published", "has a checkpoint that is not ours"}
	}
	return cp, err
}

// Publish makes the newest checkpoint the one that outsiders see and returns
// it. It is called at a fixed cadence: a checkpoint for each entry would tell
// outsiders when something happened.
func (l *Ledger) Publish(ctx context.Context) (Checkpoint, error) {
	err := l.Write(ctx, System, func(_ context.Context, tx *Tx) error {
		// What is committed, under the name that the log has now.
		cp, err := l.sign(tx.batch.origin, tx.batch.head.tree.Size, tx.batch.head.tree.Root())
		if err != nil {
			return err
		}
		_, err = tx.Work(`INSERT INTO ledger_published (id, size, time, checkpoint) VALUES (1, $1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET size = excluded.size, time = excluded.time, checkpoint = excluded.checkpoint
			WHERE excluded.size >= ledger_published.size`, cp.Size, tx.Now.UnixMicro(), string(cp.Signed))
		return err
	})
	if err != nil {
		return Checkpoint{}, err
	}
	return l.Published(ctx)
}

// Ours reads a checkpoint that this ledger signed. It fails for any other.
func (l *Ledger) Ours(signed []byte) (Checkpoint, error) {
	cp, err := l.identity.Load().key.Open(signed)
	return Checkpoint{cp.Size, cp.Root, signed}, err
}
