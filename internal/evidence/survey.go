package evidence

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify/format"
)

// The kinds of record that packages know, by the names in their entries.
var (
	kindCase          = intake.Cases.Kind()
	kindCommunication = intake.Communications.Kind()
	kindResponse      = response.Responses.Kind()
	kindChannel       = channel.Channels.Kind()
	kindPolicy        = policy.Policies.Kind()
	kindPerson        = people.Persons.Kind()
	kindToken         = people.Tokens.Kind()
	kindSignIn        = people.SignIns.Kind()
	kindDeadLetter    = jobs.DeadLetters.Kind()
	kindPackage       = Packages.Kind()
)

// standing are the kinds whose records may matter to a period that they were
// not touched in.
var standing = []string{kindCase, kindResponse, kindChannel, kindPolicy, kindPerson, kindToken, kindDeadLetter}

// passing are the kinds that matter only where they were touched in the period.
var passing = []string{kindCommunication, kindSignIn, kindPackage}

// version is what a record said at the end of the period.
type version struct {
	record string
	entry  int64  // that made it so
	born   int64  // entry of the period that began the record, -1 where none did
	act    string // of entry

	// What is known once its document was disclosed: where that is, its place
	// among its kind, and the files that it has.
	where place
	key   string
	saved *saved
}

// place is where a document is in a spool of a library.
type place struct {
	offset    int64
	size      int32
	reference bool // among the references
}

// census is what the log holds of one kind.
type census struct {
	name        string
	first, last int64 // sequence numbers in the period; 0 where there are none
	seq         int64 // of the newest entry
	latest      map[string]*version
	kept        bool // a standing kind: latest knows records of before the period too
}

// survey is what the log holds of a period.
type survey struct {
	period     Period
	made       time.Time
	asOf       time.Time         // end of the period, or now where it is not over
	head       ledger.Checkpoint // everything speaks of its entries alone
	log        forest
	first, end int64 // range of the entries of the period
	firstTime  int64 // of its first and last entry
	lastTime   int64
	kinds      map[string]*census
}

// survey reads the entries of the log, under the root that the checkpoint
// signs, up to the end of the period.
func (d *Desk) survey(ctx context.Context, p Period, progress func(string, int64, int64)) (*survey, error) {
	s := &survey{period: p, made: d.ledger.Now(), kinds: map[string]*census{}}
	if err := p.check(s.made); err != nil {
		return nil, err
	}
	s.asOf = p.To.UTC()
	if s.made.Before(s.asOf) {
		s.asOf = s.made
	}
	if err := s.anchor(ctx, d.ledger); err != nil {
		return nil, err
	}
	var err error
	if s.first, err = s.indexAt(ctx, d.ledger, p.From); err != nil {
		return nil, err
	}
	if s.end, err = s.indexAt(ctx, d.ledger, p.To); err != nil {
		return nil, err
	}
	var now int64
	acts := map[string]string{}
	err = bodies(ctx, d.ledger, s.end, func(index int64, body []byte) error {
		if index%4096 == 0 {
			progress("log", index, s.end)
		}
		return s.count(index, body, &now, acts)
	})
	if err != nil {
		return nil, err
	}
	progress("log", s.end, s.end)
	return s, s.compareRows(ctx, d.ledger)
}

// anchor takes the checkpoint and checks that the hashes of the entries, from
// which every proof is made, lead to its root.
func (s *survey) anchor(ctx context.Context, l *ledger.Ledger) error {
	var err error
	if s.head, err = l.Checkpoint(ctx); err != nil {
		return err
	}
	s.log, err = growTo(ctx, l, s.head)
	return err
}

// indexAt returns the first entry at or after t, among those of the checkpoint.
func (s *survey) indexAt(ctx context.Context, l *ledger.Ledger, t time.Time) (int64, error) {
	index, err := l.IndexAt(ctx, t.UnixMicro())
	return min(index, s.head.Size), err
}

// growTo returns the forest of a checkpoint's tree.
func growTo(ctx context.Context, l *ledger.Ledger, head ledger.Checkpoint) (forest, error) {
	leaves, err := l.Leaves(ctx, head.Size)
	if err != nil {
		return nil, err
	}
	f := grow(leaves)
	root, err := f.root()
	if err != nil {
		return nil, err
	}
	if root != head.Root {
		return nil, &ledger.Mismatch{Where: "the log", What: "does not lead to its signed root"}
	}
	return f, nil
}

// count takes one entry in.
func (s *survey) count(index int64, body []byte, now *int64, acts map[string]string) error {
	if leaf := format.LeafHash(body); !bytes.Equal(leaf[:], s.log[0][index][:]) {
		return &ledger.Mismatch{Where: fmt.Sprintf("entry %d", index), What: "does not match its recorded hash: one of the two was changed"}
	}
	e, err := format.ParseEntry(body)
	if err != nil {
		return &ledger.Mismatch{Where: fmt.Sprintf("entry %d", index), What: "was changed: " + err.Error()}
	}
	c := s.kinds[e.Kind()]
	if c == nil {
		name := strings.Clone(e.Kind())
		c = &census{name: name, latest: map[string]*version{}, kept: slices.Contains(standing, name)}
		s.kinds[name] = c
	}
	if c.seq++; e.Seq != c.seq || e.Time < *now {
		return &ledger.Mismatch{Where: fmt.Sprintf("entry %d (%s, record %s)", index, e.Act, e.Record), What: "is out of sequence"}
	}
	*now = e.Time
	within := index >= s.first
	if within {
		if c.first == 0 {
			c.first = e.Seq
		}
		c.last = e.Seq
		if index == s.first {
			s.firstTime = e.Time
		}
		s.lastTime = e.Time
	}
	if within || c.kept {
		c.take(index, &e, within, acts)
	}
	return nil
}

// begins are the verbs that begin a record of a passing kind, of which the
// survey does not see what was before the period.
var begins = []string{"received", "noted", "sent", "opened", "failed", "sealed"}

// take makes the entry the newest of its record.
func (c *census) take(index int64, e *format.Entry, within bool, acts map[string]string) {
	act, ok := acts[e.Act]
	if !ok {
		act = strings.Clone(e.Act)
		acts[act] = act
	}
	v := c.latest[e.Record]
	if v == nil {
		v = &version{record: strings.Clone(e.Record), born: -1}
		_, verb, _ := strings.Cut(act, ".")
		if within && (c.kept || slices.Contains(begins, verb)) {
			v.born = index
		}
		c.latest[v.record] = v
	}
	v.entry, v.act = index, act
}

// of returns the versions of a kind that f picks, in the order of the entries.
func (s *survey) of(kind string, f func(*version) bool) []*version {
	c := s.kinds[kind]
	if c == nil {
		return nil
	}
	var list []*version
	for _, v := range c.latest {
		if f == nil || f(v) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b *version) int { return cmp.Compare(a.entry, b.entry) })
	return list
}

// version returns what a record said at the end of the period, nil where it
// was not there.
func (s *survey) version(kind, record string) *version {
	if c := s.kinds[kind]; c != nil {
		return c.latest[record]
	}
	return nil
}

// touched reports whether a version was made in the period.
func (s *survey) touched(v *version) bool { return v.entry >= s.first }

// compareRows holds the tables of the records against the log: a row that was
// deleted, inserted or pointed elsewhere is named.
func (s *survey) compareRows(ctx context.Context, l *ledger.Ledger) error {
	for _, kind := range slices.Sorted(slices.Values(append(slices.Clone(standing), passing...))) {
		c, from := s.kinds[kind], int64(0)
		if c == nil {
			c = &census{}
		}
		if slices.Contains(passing, kind) {
			from = s.first
		}
		seen := make(map[string]bool, len(c.latest))
		err := eachRow(ctx, l, kind, from, s.end, func(id string, entry int64) error {
			v := c.latest[id]
			if v == nil {
				return &ledger.Mismatch{Where: kind + " " + id, What: "has a row but no entry: it was inserted, or its id was changed"}
			}
			if v.entry != entry {
				return &ledger.Mismatch{Where: kind + " " + id + ", column entry", What: fmt.Sprintf("says %d; the newest entry is %d", entry, v.entry)}
			}
			seen[v.record] = true
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.compareRest(ctx, l, c, kind, seen); err != nil {
			return err
		}
	}
	return nil
}

// compareRest looks at the records that have no row of before the end: they
// were changed since, or their row is gone.
func (s *survey) compareRest(ctx context.Context, l *ledger.Ledger, c *census, kind string, seen map[string]bool) error {
	if len(seen) == len(c.latest) {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(c.latest)) {
		if seen[id] {
			continue
		}
		entry, body, found, err := rowEntry(ctx, l, kind, id)
		if err != nil {
			return err
		}
		if !found {
			return &ledger.Mismatch{Where: kind + " " + id, What: "has no row: it was deleted, or its id was changed"}
		}
		if e, err := format.ParseEntry(body); entry < s.end || err != nil || e.Kind() != kind || e.Record != id {
			return &ledger.Mismatch{Where: kind + " " + id + ", column entry", What: fmt.Sprintf("says %d, which is not its newest entry", entry)}
		}
	}
	return nil
}
