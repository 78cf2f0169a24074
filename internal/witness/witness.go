// Package witness keeps logs honest towards each other: it is a witness for
// other people's logs, and it feeds our own log to other people's witnesses.
//
// A witness (C2SP tlog-witness, tlog-cosignature) remembers the last checkpoint
// of each log that it knows and cosigns a newer one only where that extends it.
// So a log that is rolled back, or shows different trees to different people,
// does not get it past its witnesses. Witness is one, with a small database of
// its own; Client speaks to one; Feeder submits our checkpoints to several and
// notices where they have seen more of our log than we have: then our database
// was rolled back.
//
// A witness learns name, size and root of a log, and nothing of what is in it.
package witness

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

// File is the name of a witness's database: its signing key, the logs that it
// knows, and the last checkpoint of each that it cosigned.
const File = "witness.db"

// Options of Open. All may be left out.
type Options struct {
	Name     string       // under which a new witness signs, best a URL without scheme; the machine's name where empty
	Existing bool         // fail where there is no witness yet, instead of making one
	Clock    clock.Clock  // clock.System where nil
	Log      *slog.Logger // nothing is logged where nil
}

// Witness cosigns the checkpoints of the logs that are registered with it. It
// is safe for concurrent use, and so is its database for several processes. As
// an http.Handler it serves add-checkpoint and get-checkpoint.
type Witness struct {
	store   *store
	key     format.WitnessKey
	private ed25519.PrivateKey
	clock   clock.Clock
	log     *slog.Logger
	busy    chan struct{} // holds a token per request under way
	pace    pace
}

// Open opens the witness whose database is in dir, making it, with a new key,
// where there is none. A witness keeps its name: another one is refused.
func Open(ctx context.Context, dir string, opt Options) (*Witness, error) {
	w := &Witness{clock: opt.Clock, log: opt.Log, busy: make(chan struct{}, maxRequests), pace: newPace()}
	if w.clock == nil {
		w.clock = clock.System
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	path := filepath.Join(dir, File)
	if _, err := os.Stat(path); opt.Existing && errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "there is no witness in %s; countersign witness --data DIR begins one", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open witness: %w", err)
	}
	var err error
	if w.store, err = openStore(ctx, path); err != nil {
		return nil, err
	}
	if err := w.identify(ctx, opt.Name); err != nil {
		w.store.Close()
		return nil, err
	}
	return w, nil
}

// identify reads the name and key of the witness, or makes them.
func (w *Witness) identify(ctx context.Context, wanted string) error {
	host, _ := os.Hostname() // where it has no name there is another
	name, seed, err := w.store.identity(ctx, cmp.Or(wanted, host, "countersign-witness"))
	if err != nil {
		return err
	}
	if wanted != "" && wanted != name {
		return fault.New(fault.Invalid, "this witness is called %q, and logs know it by this name; use another directory for a witness called %q", name, wanted)
	}
	w.private = ed25519.NewKeyFromSeed(seed)
	w.key, err = format.NewWitnessKey(name, w.private.Public().(ed25519.PublicKey))
	return err
}

// Close closes the database.
func (w *Witness) Close() error { return w.store.Close() }

// Key returns the verifier key of the witness: what logs and verifiers are to
// be told of it.
func (w *Witness) Key() format.WitnessKey { return w.key }

// Log is a log that a witness knows.
type Log struct {
	Origin       string
	Keys         []string  // verifier keys, C2SP signed-note; none where the log was removed
	Size         int64     // of the last checkpoint that was cosigned
	At           time.Time // when it was; zero where none ever was
	Misbehaviour int       // how many proofs there are that the log contradicted itself
}

// Register has the witness cosign the checkpoints of the log with this verifier
// key and returns the log's origin. A log may have several keys.
func (w *Witness) Register(ctx context.Context, key string) (origin string, err error) {
	k, err := format.ParseKey(key)
	if err != nil {
		return "", fault.New(fault.Invalid, "%v", err)
	}
	if len(k.Origin) > maxOrigin {
		return "", fault.New(fault.Invalid, "the name of a log has at most %d bytes", maxOrigin)
	}
	if err := w.store.register(ctx, k.Origin, key, w.clock.Now()); err != nil {
		return "", err
	}
	w.log.InfoContext(ctx, "log registered", "origin", k.Origin, "key", key)
	return k.Origin, nil
}

// Remove ends the cosigning for a log. What it has shown is remembered, so that
// it cannot come back with less.
func (w *Witness) Remove(ctx context.Context, origin string) error {
	ok, err := w.store.remove(ctx, origin)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.NotFound, "no log called %q is registered", origin)
	}
	w.log.InfoContext(ctx, "log removed", "origin", origin)
	return nil
}

// Logs returns every log that is registered or was cosigned once, by origin.
func (w *Witness) Logs(ctx context.Context) ([]Log, error) { return w.store.logs(ctx) }

// Contradictions returns what a log has done that an honest one does not,
// oldest first.
func (w *Witness) Contradictions(ctx context.Context, origin string) ([]Contradiction, error) {
	return w.store.contradictions(ctx, origin)
}

// Contradiction is a pair of checkpoints, each signed by the log, that do not
// go together.
type Contradiction struct {
	At      time.Time
	Forked  bool   // two roots for one size: proof by itself. Otherwise no proof was offered that Offered extends Kept
	Kept    string // the last checkpoint that the witness had cosigned
	Offered string // the one that it refused
}

// open returns the checkpoint in a signed note of a registered log, after
// checking that one of the log's keys signed it; signatures of others are left
// out.
func (w *Witness) open(ctx context.Context, raw []byte) (checkpoint, error) {
	c, err := parseCheckpoint(raw)
	if err != nil {
		return c, refuse(http.StatusBadRequest, "%v", err)
	}
	keys, err := w.store.keys(ctx, c.Origin)
	if err != nil {
		return c, err
	}
	if len(keys) == 0 {
		return c, refuse(http.StatusNotFound, "this witness does not know the log")
	}
	verifiers := make([]note.Verifier, len(keys))
	for i, key := range keys {
		if verifiers[i], err = note.NewVerifier(key); err != nil {
			return c, fmt.Errorf("key of %s: %w", c.Origin, err)
		}
	}
	switch err := c.verify(verifiers...); err {
	case nil:
		return c, nil
	case errMalformed:
		return c, refuse(http.StatusBadRequest, "%v", err)
	default:
		return c, refuse(http.StatusForbidden, "%v", err)
	}
}

// Add is add-checkpoint: it cosigns a checkpoint that extends the last one of
// its log. body and answer are those of C2SP tlog-witness; what is refused is a
// *Refused or *Ahead. Check and record are one transaction, and the
// cosignature is given away after it.
func (w *Witness) Add(ctx context.Context, body []byte) ([]byte, error) {
	r, err := parseRequest(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	c, err := w.open(ctx, r.note)
	if err != nil {
		return nil, err
	}
	if r.old > c.Size {
		return nil, refuse(http.StatusBadRequest, "the old size is above that of the checkpoint")
	}
	if !w.pace.take(c.Origin, w.clock.Now()) {
		return nil, refuse(http.StatusTooManyRequests, "too many checkpoints of this log at a time")
	}
	var line string
	err = w.store.advance(ctx, c.Origin, func(last *state) (*state, error) {
		if err := last.precedes(&r, &c); err != nil {
			return nil, err
		}
		at := max(w.clock.Now().Unix(), last.time) // a larger tree is never older
		line = cosign(w.key, w.private, c.text, at)
		return &state{size: c.Size, root: c.Root, time: at, note: c.kept() + line}, nil
	})
	if err != nil {
		return nil, w.refused(ctx, &c, err)
	}
	w.log.DebugContext(ctx, "cosigned", "origin", c.Origin, "size", c.Size)
	return []byte(line), nil
}

// state is what is remembered of one log. That of a log never seen is the empty
// tree.
type state struct {
	size int64
	root format.Hash
	time int64  // of the cosignature, Unix seconds
	note string // the checkpoint, signed by the log and cosigned
}

// broken is a checkpoint that does not continue the last one.
type broken struct {
	last   state
	reason error
}

func (b *broken) Error() string { return b.reason.Error() }

// precedes checks that the checkpoint of a request extends this one.
func (s *state) precedes(r *request, c *checkpoint) error {
	if r.old != s.size {
		return &Ahead{Size: s.size}
	}
	if err := format.CheckConsistency(r.proof, s.size, c.Size, s.root, c.Root); err != nil {
		return &broken{*s, err}
	}
	return nil
}

// refused records what a log should not have signed, and returns the answer.
func (w *Witness) refused(ctx context.Context, c *checkpoint, err error) error {
	b, ok := err.(*broken)
	if !ok {
		return err
	}
	if b.last.note != "" {
		x := Contradiction{At: w.clock.Now(), Forked: b.last.size == c.Size && b.last.root != c.Root, Kept: b.last.note, Offered: c.kept()}
		w.log.WarnContext(ctx, "checkpoint does not continue the last one", "origin", c.Origin, "reason", b.reason,
			"two_roots", x.Forked, "kept", x.Kept, "offered", x.Offered)
		if err := w.store.contradict(ctx, c, x); err != nil {
			return err
		}
	}
	return refuse(http.StatusUnprocessableEntity, "%v", b.reason)
}

// Latest is get-checkpoint: it returns the last checkpoint of a log that this
// witness cosigned, with the log's signature and the cosignature. body is any
// checkpoint that the log signed, so that only those ask who have seen one.
func (w *Witness) Latest(ctx context.Context, body []byte) ([]byte, error) {
	c, err := w.open(ctx, body)
	if err != nil {
		return nil, err
	}
	last, err := w.store.last(ctx, c.Origin)
	if err != nil {
		return nil, err
	}
	if last.note == "" {
		return nil, refuse(http.StatusNotFound, "this witness has not cosigned a checkpoint of the log yet")
	}
	return []byte(last.note), nil
}
