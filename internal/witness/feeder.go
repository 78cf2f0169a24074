package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// Source is what a Feeder submits.
type Source struct {
	// Head returns the newest published checkpoint. It is read anew at each
	// call, since another node may have published meanwhile.
	Head func(ctx context.Context) (ledger.Checkpoint, error)
	// Proof returns the RFC 6962 proof that the tree of a checkpoint extends
	// that of its first size entries, of which there are some and not all.
	Proof func(ctx context.Context, to ledger.Checkpoint, size int64) ([]format.Hash, error)
	// Witnesses are who is asked, and Quorum says whether some of them, by
	// their verifier keys, are enough for a checkpoint to count as witnessed:
	// Clients of a policy, and its Met.
	Witnesses []*Client
	Quorum    func(witnessed func(key string) bool) bool
}

// Feeder submits the checkpoints of one ledger to its witnesses and keeps what
// they say in the ledger's database.
type Feeder struct {
	ledger *ledger.Ledger
	source Source
	log    *slog.Logger
}

// NewFeeder returns a feeder. log may be nil.
func NewFeeder(l *ledger.Ledger, s Source, log *slog.Logger) *Feeder {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Feeder{ledger: l, source: s, log: log}
}

// tip is our newest published checkpoint, and the key that our log has now: it
// goes on under another name after a recovery.
type tip struct {
	ledger.Checkpoint
	origin   string
	verifier note.Verifier
}

func (f *Feeder) tip(ctx context.Context) (*tip, error) {
	cp, err := f.source.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("newest checkpoint: %w", err)
	}
	v, err := note.NewVerifier(f.ledger.VerifierKey())
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	t := &tip{cp, v.Name(), v}
	own, err := t.open(cp.Signed)
	if err == nil && (own.Size != cp.Size || own.Root != cp.Root) {
		err = errors.New("it says something else than is signed")
	}
	if err != nil {
		return nil, fmt.Errorf("newest checkpoint: %w", err)
	}
	return t, nil
}

// open returns a checkpoint that the log signed.
func (t *tip) open(raw []byte) (*checkpoint, error) {
	c, err := parseCheckpoint(raw)
	if err == nil && c.Origin != t.origin {
		err = errors.New("it is of another log")
	}
	if err == nil {
		err = c.verify(t.verifier)
	}
	return &c, err
}

// proof returns the proof that a checkpoint extends the tree of its first size
// entries.
func (f *Feeder) proof(ctx context.Context, t *tip, size int64) ([]format.Hash, error) {
	if size == 0 || size >= t.Size {
		return nil, nil
	}
	p, err := f.source.Proof(ctx, t.Checkpoint, size)
	if err != nil {
		return nil, fmt.Errorf("proof from %d to %d: %w", size, t.Size, err)
	}
	return p, nil
}

// Verdict is what the witnesses said in one round.
type Verdict struct {
	Size     int64 // of the checkpoint that was submitted
	Outcomes []Outcome
	Quorum   bool      // the checkpoint is witnessed by enough of them
	Rollback *Rollback // our log has lost entries that it had shown; nil where nothing shows that
}

// Outcome is what one witness said.
type Outcome struct {
	Witness     string      // name in our policy
	Cosignature Cosignature // zero where there is none
	Err         error       // why not
	Claims      int64       // size above ours that the witness says to have cosigned, 0 where it does not

	client   *Client
	evidence *checkpoint // signed with our key, in answer to our question
}

// Rollback says that the log was set back, or parted from what it had shown.
// It is an error, the reason for which nothing may be sealed.
type Rollback struct {
	Size      int64    // of our newest checkpoint
	Seen      int64    // size that witnesses have seen
	Evidence  []byte   // a checkpoint with our own signature that our log does not continue; nil where a quorum said so
	Witnesses []string // who says so, by their names in our policy
}

func (r *Rollback) Error() string {
	who := strings.Join(r.Witnesses, ", ")
	switch {
	case r.Evidence == nil:
		return fmt.Sprintf("the log has published %d entries, and %s independently say that they have seen up to %d: it was set back", r.Size, who, r.Seen)
	case r.Seen > r.Size:
		return fmt.Sprintf("the log has published %d entries, and %s has a checkpoint of %d that this log signed: it was set back, or a copy of it went on elsewhere", r.Size, who, r.Seen)
	}
	return fmt.Sprintf("the log, of which %d entries are published, does not continue a checkpoint of %d that it signed and %s has: it was set back and went on, or a copy of it did elsewhere", r.Size, r.Seen, who)
}

// Round submits the newest published checkpoint to every witness at the same
// time and keeps what comes back. It takes as long as the slowest witness, ten
// seconds at most, and no longer than until it is shown that the log was set
// back. A witness that is away, lies or is confused is in the verdict and stops
// nothing. Where keeping the answers fails, there is a verdict as well
// as an error: while sealing has stopped, for instance.
func (f *Feeder) Round(ctx context.Context) (*Verdict, error) {
	t, err := f.tip(ctx)
	if err != nil {
		return nil, err
	}
	states, err := f.states(ctx, t.origin)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Size: t.Size, Outcomes: make([]Outcome, len(f.source.Witnesses))}
	if err := f.hear(ctx, t, v, states); err != nil {
		return nil, err
	}
	for _, o := range v.Outcomes {
		if o.Err != nil {
			f.log.WarnContext(ctx, "witness did not cosign", "witness", o.Witness, "size", t.Size, "claims", o.Claims, "err", o.Err)
		}
	}
	return v, f.keep(ctx, t, v)
}

// hear asks every witness, and judges as soon as one of them shows something:
// whoever does not answer must not keep the others from being heard.
func (f *Feeder) hear(ctx context.Context, t *tip, v *Verdict, states map[string]State) error {
	calls, hang := context.WithCancel(ctx)
	defer hang()
	type answer struct {
		i int
		Outcome
	}
	answers := make(chan answer)
	for i, c := range f.source.Witnesses {
		go func() { answers <- answer{i, f.submit(calls, c, t, min(states[c.Key.String()].Size, t.Size))} }()
	}
	var failed error
	for range f.source.Witnesses {
		a := <-answers
		v.Outcomes[a.i] = a.Outcome
		if v.Rollback != nil || failed != nil || a.Claims == 0 && a.evidence == nil {
			continue
		}
		if v.Rollback, failed = f.judge(ctx, t, v); v.Rollback != nil || failed != nil {
			hang()
		}
	}
	return failed
}

// maxTries is how often a witness is asked in one round: with what we think it
// has, with what it says it has, and once more where another node was faster.
const maxTries = 3

// submit submits a checkpoint to one witness, which has last cosigned a tree of
// size old as far as we know.
func (f *Feeder) submit(ctx context.Context, c *Client, t *tip, old int64) Outcome {
	o := Outcome{Witness: c.Name, client: c}
	ctx, cancel := context.WithTimeout(ctx, callTime) // for all tries together
	defer cancel()
	for range maxTries {
		var proof []format.Hash
		if proof, o.Err = f.proof(ctx, t, old); o.Err != nil {
			return o
		}
		o.Cosignature, o.Err = c.Add(ctx, old, proof, t.Signed)
		ahead, isAhead := errors.AsType[*Ahead](o.Err)
		switch {
		case isAhead && ahead.Size > t.Size:
			o.Claims = ahead.Size
			o.evidence = f.ask(ctx, c, t)
			return o
		case isAhead && ahead.Size != old:
			if ahead.Size < old {
				f.log.WarnContext(ctx, "witness has forgotten what it cosigned", "witness", c.Name, "cosigned", old, "says", ahead.Size)
			}
			old = ahead.Size
		case isAhead, status(o.Err) == http.StatusUnprocessableEntity, status(o.Err) == http.StatusConflict:
			// It has another tree of that size, or says so. Older witnesses
			// say it with 409.
			o.evidence = f.ask(ctx, c, t)
			return o
		default:
			return o
		}
	}
	return o
}

// ask asks a witness for the last checkpoint that it cosigned, and returns it
// where our own key signed it.
func (f *Feeder) ask(ctx context.Context, c *Client, t *tip) *checkpoint {
	raw, err := c.Latest(ctx, t.Signed)
	if err != nil {
		f.log.InfoContext(ctx, "witness does not show what it cosigned", "witness", c.Name, "err", err)
		return nil
	}
	cp, err := t.open(raw)
	if err != nil {
		f.log.WarnContext(ctx, "witness shows a checkpoint that is not ours", "witness", c.Name, "err", err)
		return nil
	}
	return cp
}

// judge decides whether our log was set back. Evidence is a checkpoint that
// our own key signed and our log does not continue; one is enough. Where there
// is none, at least two witnesses that make a quorum have to say that they have
// seen more than we have: one alone may lie.
func (f *Feeder) judge(ctx context.Context, submitted *tip, v *Verdict) (*Rollback, error) {
	t, err := f.tip(ctx) // another node may have published what the witness has seen
	if err != nil {
		return nil, err
	}
	if t.origin != submitted.origin { // recovered meanwhile
		return nil, nil
	}
	claims := &Rollback{Size: t.Size}
	who := map[string]bool{}
	for i := range v.Outcomes {
		o := &v.Outcomes[i]
		if o.Claims <= t.Size {
			o.Claims = 0
		}
		if o.evidence != nil {
			broken, err := f.parted(ctx, t, o.evidence)
			if err != nil {
				return nil, err
			}
			if broken {
				return &Rollback{t.Size, o.evidence.Size, []byte(o.evidence.kept()), []string{o.Witness}}, nil
			}
			continue // what it shows is in our log, whatever it claims
		}
		if o.Claims > 0 {
			claims.Seen = max(claims.Seen, o.Claims)
			claims.Witnesses = append(claims.Witnesses, o.Witness)
			who[o.client.Key.String()] = true
		}
	}
	nobody := func(string) bool { return false }
	if len(who) > 1 && !f.source.Quorum(nobody) && f.source.Quorum(func(key string) bool { return who[key] }) {
		return claims, nil
	}
	return nil, nil
}

// parted reports whether our log does not continue a checkpoint that it signed.
func (f *Feeder) parted(ctx context.Context, t *tip, shown *checkpoint) (bool, error) {
	if shown.Size > t.Size {
		return true, nil
	}
	proof, err := f.proof(ctx, t, shown.Size)
	if err != nil {
		return false, err
	}
	return format.CheckConsistency(proof, shown.Size, t.Size, shown.Root, t.Root) != nil, nil
}

// keep writes what the witnesses said to the database, in one transaction.
func (f *Feeder) keep(ctx context.Context, t *tip, v *Verdict) error {
	return f.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		good := false
		for i := range v.Outcomes {
			o := &v.Outcomes[i]
			if err := keepState(tx, t, o); err != nil {
				return err
			}
			if o.Err == nil {
				good = true
				if err := keepCosignature(tx, t, o); err != nil {
					return err
				}
			}
		}
		if !good {
			return nil
		}
		if err := keepCheckpoint(ctx, tx, t); err != nil {
			return err
		}
		by, err := cosigners(ctx, tx, t)
		if err != nil {
			return err
		}
		v.Quorum = f.source.Quorum(func(key string) bool { return by[key] })
		if v.Quorum {
			return keepQuorum(tx, t)
		}
		return nil
	})
}

// State is how far one witness has followed.
type State struct {
	Witness   string    // name in our policy
	Key       string    // verifier key
	Size      int64     // of the last checkpoint that it cosigned
	Succeeded time.Time // when it last did; zero where it never did
	Failed    time.Time // when it last did not; zero where it always did
	Error     string    // of the last round, "" where it cosigned
}

// States returns how far each witness of the policy has followed, in the
// policy's order.
func (f *Feeder) States(ctx context.Context) ([]State, error) {
	known, err := f.states(ctx, f.ledger.Origin())
	if err != nil {
		return nil, err
	}
	all := make([]State, len(f.source.Witnesses))
	for i, c := range f.source.Witnesses {
		all[i] = known[c.Key.String()]
		all[i].Witness, all[i].Key = c.Name, c.Key.String()
	}
	return all, nil
}

// Seal is a published checkpoint and who cosigned it.
type Seal struct {
	Size       int64
	Checkpoint []byte             // signed by the log and with the cosignatures
	Met        time.Time          // when enough witnesses had cosigned it
	Witnesses  []format.Witnessed // names are those of our policy, or of their keys where they are no longer in it
}

// Seal returns the first checkpoint of at least size entries, under the log's
// present name, that enough witnesses cosigned, nil where there is none yet:
// entry i is witnessed by that of Seal(i+1).
func (f *Feeder) Seal(ctx context.Context, size int64) (*Seal, error) {
	s, lines, err := f.seal(ctx, f.ledger.Origin(), size)
	if s == nil || err != nil {
		return nil, err
	}
	for _, line := range lines {
		s.Checkpoint = append(s.Checkpoint, line...)
	}
	for i := range s.Witnesses {
		s.Witnesses[i].Name = f.name(s.Witnesses[i].Key)
	}
	return s, nil
}

func (f *Feeder) name(key string) string {
	for _, c := range f.source.Witnesses {
		if c.Key.String() == key {
			return c.Name
		}
	}
	name, _, _ := strings.Cut(key, "+")
	return name
}
