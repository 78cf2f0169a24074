package extract

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
	KindCase          = intake.Cases.Kind()
	KindCommunication = intake.Communications.Kind()
	KindResponse      = response.Responses.Kind()
	KindChannel       = channel.Channels.Kind()
	KindPolicy        = policy.Policies.Kind()
	KindPerson        = people.Persons.Kind()
	KindToken         = people.Tokens.Kind()
	KindSignIn        = people.SignIns.Kind()
	KindDeadLetter    = jobs.DeadLetters.Kind()
	KindPackage, _, _ = strings.Cut(format.SealAct, ".")
)

// standing are the kinds whose records may matter to a period that they were
// not touched in.
var standing = []string{KindCase, KindResponse, KindChannel, KindPolicy, KindPerson, KindToken, KindDeadLetter}

// passing are the kinds that matter only where they were touched in the period.
var passing = []string{KindCommunication, KindSignIn, KindPackage}

// Version is what a record said at the end of the period.
type Version struct {
	Record string // id
	Entry  int64  // that made it so
	Born   int64  // entry of the period that began the record, -1 where none did
	Act    string // of Entry

	// What is known once its document was shelved: where that is, and its place
	// among its kind.
	Where Place
	Key   string
}

// Census is what the log holds of one kind.
type Census struct {
	Name        string
	First, Last int64 // sequence numbers in the period; 0 where there are none

	seq    int64 // of the newest entry
	latest map[string]*Version
	kept   bool // a standing kind: latest knows records of before the period too
}

// Survey is what the log holds of a period.
type Survey struct {
	Period     Period
	Made       time.Time
	AsOf       time.Time         // end of the period, or Made where it is not over
	Head       ledger.Checkpoint // everything speaks of its entries alone
	Log        Forest
	First, End int64 // range of the entries of the period
	Kinds      map[string]*Census

	// Decisions are the entries of before the period in which somebody approved
	// or declined a response, by the response.
	Decisions map[string][]int64

	ledger *ledger.Ledger
}

// Take reads the entries of the log, under the root that the checkpoint signs,
// up to the end of the period. It fails with a *ledger.Mismatch where one is
// missing or altered, or where a record's row does not agree with the log.
func Take(ctx context.Context, l *ledger.Ledger, p Period, progress func(stage string, done, total int64)) (*Survey, error) {
	s := &Survey{Period: p, Made: l.Now(), Kinds: map[string]*Census{}, Decisions: map[string][]int64{}, ledger: l}
	if err := p.check(s.Made); err != nil {
		return nil, err
	}
	s.AsOf = p.To.UTC()
	if s.Made.Before(s.AsOf) {
		s.AsOf = s.Made
	}
	if err := s.anchor(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.First, err = s.indexAt(ctx, p.From); err != nil {
		return nil, err
	}
	if s.End, err = s.indexAt(ctx, p.To); err != nil {
		return nil, err
	}
	var now int64
	acts := map[string]string{}
	err = bodies(ctx, l, s.End, func(index int64, body []byte) error {
		if index%4096 == 0 {
			progress("log", index, s.End)
		}
		return s.count(index, body, &now, acts)
	})
	if err != nil {
		return nil, err
	}
	progress("log", s.End, s.End)
	return s, s.compareRows(ctx)
}

// anchor takes the checkpoint and checks that the hashes of the entries, from
// which every proof is made, lead to its root.
func (s *Survey) anchor(ctx context.Context) error {
	var err error
	if s.Head, err = s.ledger.Checkpoint(ctx); err != nil {
		return err
	}
	s.Log, err = GrowTo(ctx, s.ledger, s.Head)
	return err
}

// indexAt returns the first entry at or after t, among those of the checkpoint.
func (s *Survey) indexAt(ctx context.Context, t time.Time) (int64, error) {
	index, err := s.ledger.IndexAt(ctx, t.UnixMicro())
	return min(index, s.Head.Size), err
}

// GrowTo returns the forest of a checkpoint's tree.
func GrowTo(ctx context.Context, l *ledger.Ledger, head ledger.Checkpoint) (Forest, error) {
	leaves, err := l.Leaves(ctx, head.Size)
	if err != nil {
		return nil, err
	}
	f := grow(leaves)
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	if root != head.Root {
		return nil, &ledger.Mismatch{Where: "the log", What: "does not lead to its signed root"}
	}
	return f, nil
}

// count takes one entry in.
func (s *Survey) count(index int64, body []byte, now *int64, acts map[string]string) error {
	if leaf := format.LeafHash(body); !bytes.Equal(leaf[:], s.Log[0][index][:]) {
		return &ledger.Mismatch{Where: fmt.Sprintf("entry %d", index), What: "does not match its recorded hash: one of the two was changed"}
	}
	e, err := format.ParseEntry(body)
	if err != nil {
		return &ledger.Mismatch{Where: fmt.Sprintf("entry %d", index), What: "was changed: " + err.Error()}
	}
	c := s.Kinds[e.Kind()]
	if c == nil {
		name := strings.Clone(e.Kind())
		c = &Census{Name: name, latest: map[string]*Version{}, kept: slices.Contains(standing, name)}
		s.Kinds[name] = c
	}
	if c.seq++; e.Seq != c.seq || e.Time < *now {
		return &ledger.Mismatch{Where: fmt.Sprintf("entry %d (%s, record %s)", index, e.Act, e.Record), What: "is out of sequence"}
	}
	*now = e.Time
	within := index >= s.First
	if within {
		if c.First == 0 {
			c.First = e.Seq
		}
		c.Last = e.Seq
	}
	if !within && !c.kept {
		return nil
	}
	v := c.take(index, &e, within, acts)
	if !within && IsDecision(v.Act) {
		s.Decisions[v.Record] = append(s.Decisions[v.Record], index)
	}
	return nil
}

// IsDecision reports whether an act is somebody's yes or no to a response.
func IsDecision(act string) bool { return act == "response.approved" || act == "response.declined" }

// begins are the verbs that begin a record of a passing kind, of which the
// survey does not see what was before the period.
var begins = []string{"received", "noted", "sent", "opened", "failed", "sealed"}

// take makes the entry the newest of its record.
func (c *Census) take(index int64, e *format.Entry, within bool, acts map[string]string) *Version {
	act, ok := acts[e.Act]
	if !ok {
		act = strings.Clone(e.Act)
		acts[act] = act
	}
	v := c.latest[e.Record]
	if v == nil {
		v = &Version{Record: strings.Clone(e.Record), Born: -1}
		_, verb, _ := strings.Cut(act, ".")
		if within && (c.kept || slices.Contains(begins, verb)) {
			v.Born = index
		}
		c.latest[v.Record] = v
	}
	v.Entry, v.Act = index, act
	return v
}

// Of returns the versions of a kind that f picks, in the order of the entries.
func (s *Survey) Of(kind string, f func(*Version) bool) []*Version {
	c := s.Kinds[kind]
	if c == nil {
		return nil
	}
	var list []*Version
	for _, v := range c.latest {
		if f == nil || f(v) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b *Version) int { return cmp.Compare(a.Entry, b.Entry) })
	return list
}

// Version returns what a record said at the end of the period, nil where it
// was not there.
func (s *Survey) Version(kind, record string) *Version {
	if c := s.Kinds[kind]; c != nil {
		return c.latest[record]
	}
	return nil
}

// Touched reports whether a version was made in the period.
func (s *Survey) Touched(v *Version) bool { return v.Entry >= s.First }

// compareRows holds the tables of the records against the log: a row that was
// deleted, inserted or pointed elsewhere is named.
func (s *Survey) compareRows(ctx context.Context) error {
	for _, kind := range slices.Sorted(slices.Values(append(slices.Clone(standing), passing...))) {
		c, from := s.Kinds[kind], int64(0)
		if c == nil {
			c = &Census{}
		}
		if slices.Contains(passing, kind) {
			from = s.First
		}
		seen := make(map[string]bool, len(c.latest))
		err := eachRow(ctx, s.ledger, kind, from, s.End, func(id string, entry int64) error {
			v := c.latest[id]
			if v == nil {
				return &ledger.Mismatch{Where: kind + " " + id, What: "has a row but no entry: it was inserted, or its id was changed"}
			}
			if v.Entry != entry {
				return &ledger.Mismatch{Where: kind + " " + id + ", column entry", What: fmt.Sprintf("says %d; the newest entry is %d", entry, v.Entry)}
			}
			seen[v.Record] = true
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.compareRest(ctx, c, kind, seen); err != nil {
			return err
		}
	}
	return nil
}

// compareRest looks at the records that have no row of before the end: they
// were changed since, or their row is gone.
func (s *Survey) compareRest(ctx context.Context, c *Census, kind string, seen map[string]bool) error {
	if len(seen) == len(c.latest) {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(c.latest)) {
		if seen[id] {
			continue
		}
		entry, body, found, err := rowEntry(ctx, s.ledger, kind, id)
		if err != nil {
			return err
		}
		if !found {
			return &ledger.Mismatch{Where: kind + " " + id, What: "has no row: it was deleted, or its id was changed"}
		}
		if e, err := format.ParseEntry(body); entry < s.End || err != nil || e.Kind() != kind || e.Record != id {
			return &ledger.Mismatch{Where: kind + " " + id + ", column entry", What: fmt.Sprintf("says %d, which is not its newest entry", entry)}
		}
	}
	return nil
}
