package retention

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
)

// Scope says what a hold is on.
type Scope string

// The scopes of a hold.
const (
	OnCase  Scope = "case"
	OnParty Scope = "party" // an address, or a domain and all below it, in whatever came or will come
	OnQuery Scope = "query" // what a filter of the queue has picked at any time since
)

// The states of a hold.
const (
	Active   = "active"
	Released = "released"
)

// Hold keeps from being erased what may be needed as evidence, whatever the
// schedule or a request says (C1.1). Times are Unix microseconds.
type Hold struct {
	ledger.Record
	Scope  Scope  `json:"scope"`
	State  string `json:"state"`
	Case   string `json:"case"` // id
	Number string `json:"number"`
	Party  string `json:"party" unit:"identity"` // address, or domain as @example.com
	Query  string `json:"query"`                 // of the queue's address

	Reason   string `json:"reason"`
	Owner    string `json:"owner"` // id of the person who answers for it
	PlacedBy string `json:"placed_by"`
	PlacedAt int64  `json:"placed_at"`

	ReleasedBy    string `json:"released_by"`
	ReleasedAt    int64  `json:"released_at"`
	ReleaseReason string `json:"release_reason"`

	Erasures []intake.Erasure `json:"erasures"` // the party, where it was erased after the release
}

// Holds is the kind of record.
var Holds = ledger.Define("legal_hold", []string{"state", "scope", "casefile", "party", "placed_at"},
	func(h *Hold, x ledger.Index) []any {
		return []any{h.State, string(h.Scope), h.Case, blindParty(x, h.Party), h.PlacedAt}
	})

func blindParty(x ledger.Index, party string) string { return intake.BlindParty(x, party) }

// placing and releasing keep what is confidential or personal as long as the
// organisation has committed to.
var holdControls = []string{"C1.1", "P4.2"}

// Terms are what a hold is to be. One of Case, Party and Query is set.
type Terms struct {
	Case   string // id or number
	Party  string // address, or domain, which covers all below it
	Query  string // of the queue's address: state=all&category=incident
	Reason string
	Owner  string // id of a person; who places it where empty
}

// Place puts a hold on a case, a party, or whatever a filter picks.
func (d *Desk) Place(ctx context.Context, who *people.Identity, t Terms) (*Hold, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	h := &Hold{State: Active, PlacedBy: who.ID, Owner: who.ID}
	if h.Reason, err = words("reason", t.Reason, maxWords); err != nil {
		return nil, err
	}
	if t.Owner != "" {
		h.Owner = t.Owner
	}
	if err := d.aim(ctx, h, t); err != nil {
		return nil, err
	}
	err = d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		p, err := people.Persons.Load(ctx, tx, h.Owner)
		if err != nil {
			return err
		}
		if !p.Active {
			return fault.New(fault.Invalid, "owner: %s has left; name somebody who is here", p.Name)
		}
		h.PlacedAt = tx.Now.UnixMicro()
		return Holds.Put(tx, h, ledger.Do("placed", holdControls...))
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// aim sets what the hold is on.
func (d *Desk) aim(ctx context.Context, h *Hold, t Terms) error {
	n := 0
	for _, s := range []string{t.Case, t.Party, t.Query} {
		if strings.TrimSpace(s) != "" {
			n++
		}
	}
	switch {
	case n != 1:
		return fault.New(fault.Invalid, "a hold is on one case, or one party, or one filter of the queue")
	case t.Case != "":
		c, err := intake.Find(ctx, d.ledger, t.Case)
		if err != nil {
			return err
		}
		h.Scope, h.Case, h.Number = OnCase, c.ID, c.Number
	case t.Party != "":
		party, err := cleanParty(t.Party)
		if err != nil {
			return err
		}
		h.Scope, h.Party = OnParty, party
	default:
		q, err := url.ParseQuery(strings.TrimPrefix(strings.TrimSpace(t.Query), "?"))
		if err != nil {
			return fault.New(fault.Invalid, "query: it is not the query of an address")
		}
		if _, err := parseQuery(q); err != nil {
			return err
		}
		h.Scope, h.Query = OnQuery, q.Encode()
	}
	return nil
}

// cleanParty returns an address, or a domain with @ before it.
func cleanParty(s string) (string, error) {
	s = strings.TrimSpace(s)
	if local, domain, ok := strings.Cut(s, "@"); ok && local != "" && domain != "" {
		a, err := mime.ParseAddress(s)
		if err != nil || a.Name != "" {
			return "", fault.New(fault.Invalid, "party: %q is not an e-mail address", s)
		}
		return a.Addr, nil
	}
	domain := strings.TrimPrefix(s, "@")
	a, err := mime.ParseAddress("x@" + domain)
	if err != nil || !strings.Contains(domain, ".") || a.Name != "" {
		return "", fault.New(fault.Invalid, "party: %q is neither an e-mail address nor a domain", s)
	}
	if err := holdable(strings.TrimPrefix(mime.NormalizeAddr(a.Addr), "x@")); err != nil {
		return "", err
	}
	return "@" + domain, nil
}

// holdable says why there can be no hold on a domain and all below it. A
// suffix that a company opens to others, as github.io, is the company's, and
// can be held.
func holdable(domain string) error {
	if suffix, icann := publicsuffix.PublicSuffix(domain); icann && suffix == domain {
		return fault.New(fault.Invalid, "party: %s is no party's domain, names below it belong to many; write the domain of the party, or an address", domain)
	}
	if strings.Count(domain, ".") >= intake.MaxLabels {
		return fault.New(fault.Invalid, "party: %s has more than %d parts; write a domain above it", domain, intake.MaxLabels)
	}
	return nil
}

// Release ends a hold. Its owner may, and legal, whoever placed it.
func (d *Desk) Release(ctx context.Context, who *people.Identity, id, reason string) (*Hold, error) {
	reason, err := words("reason", reason, maxWords)
	if err != nil {
		return nil, err
	}
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	var h *Hold
	err = d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		if h, err = Holds.Load(ctx, tx, id); err != nil {
			return err
		}
		switch {
		case h.State != Active:
			return fault.New(fault.Conflict, "this hold was released already")
		case h.Owner != who.ID && !who.Has(people.Legal):
			return fault.New(fault.Denied, "the owner of a hold releases it, or legal")
		}
		h.State, h.ReleasedBy, h.ReleasedAt, h.ReleaseReason = Released, who.ID, tx.Now.UnixMicro(), reason
		return Holds.Put(tx, h, ledger.Do("released", holdControls...))
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// On returns the active holds that are on a case.
func (d *Desk) On(ctx context.Context, caseID string) ([]*Hold, error) {
	c, err := intake.Find(ctx, d.ledger, caseID)
	if err != nil {
		return nil, err
	}
	return d.on(ctx, c)
}

// past returns the released holds that name a party of a case by address.
func (d *Desk) past(ctx context.Context, c *intake.Case) (list []*Hold, err error) {
	all, err := Holds.Select(ctx, d.ledger, `WHERE r.state = 'released' AND r.scope = 'party' AND r.party <> '' ORDER BY r.placed_at, r.id`)
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		if strings.HasPrefix(h.Party, "@") {
			continue // many people's
		}
		named, err := d.covers(ctx, h, c)
		if err != nil {
			return nil, err
		}
		if named {
			list = append(list, h)
		}
	}
	return list, nil
}

func (d *Desk) on(ctx context.Context, c *intake.Case) (list []*Hold, err error) {
	all, err := active(ctx, d.ledger)
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		held, err := d.covers(ctx, h, c)
		if err != nil {
			return nil, err
		}
		if held {
			list = append(list, h)
		}
	}
	return list, nil
}

func (d *Desk) covers(ctx context.Context, h *Hold, c *intake.Case) (bool, error) {
	switch h.Scope {
	case OnCase:
		return h.Case == c.ID, nil
	case OnParty:
		return takesPart(ctx, d.ledger, c.ID, blindParty(d.ledger.Index(), h.Party))
	}
	values, err := url.ParseQuery(h.Query)
	if err != nil {
		return true, nil // what cannot be read must not let anything go
	}
	q, err := parseQuery(values)
	if err != nil || q.picks(c) {
		return true, nil
	}
	return d.picked(ctx, q, c.ID, h.Entry)
}

// picked reports whether a filter picked a case at any time since an entry:
// what a hold once covered does not slip out of it because somebody
// reclassifies it.
func (d *Desk) picked(ctx context.Context, q *Query, caseID string, since int64) (bool, error) {
	versions, err := intake.Cases.History(ctx, d.ledger, caseID)
	if err != nil {
		return false, err
	}
	for _, v := range slices.Backward(versions) {
		if q.picks(v.Doc) {
			return true, nil
		}
		if v.Index < since { // it was this one when the hold was placed
			break
		}
	}
	return false, nil
}

// Query is the part of the queue's filter that a hold can have, with the same
// meaning: without a state what is open, without a disposition what is not set
// aside.
type Query struct {
	State, Disposition, Category, Severity, Assignee, Channel, Waiting string
}

// parseQuery reads a query of the queue. What depends on the moment or finds
// a single case is Invalid.
func parseQuery(q url.Values) (*Query, error) {
	known := map[string]bool{"state": true, "disposition": true, "category": true, "severity": true, "assignee": true, "channel": true, "waiting": true, "sort": true}
	for name, values := range q {
		if !known[name] || len(values) > 1 {
			return nil, fault.New(fault.Invalid, "query: a hold cannot be by %q; it can be by state, disposition, category, severity, assignee, channel and waiting", name)
		}
	}
	x := &Query{q.Get("state"), q.Get("disposition"), q.Get("category"), q.Get("severity"), q.Get("assignee"), q.Get("channel"), q.Get("waiting")}
	if !slices.Contains([]string{"", "open", "answered", "closed", "all"}, x.State) || !slices.Contains([]string{"", "spam", "out-of-scope", "any"}, x.Disposition) {
		return nil, fault.New(fault.Invalid, "query: state is open, answered, closed or all; disposition spam, out-of-scope or any")
	}
	return x, nil
}

func (q *Query) picks(c *intake.Case) bool {
	is := func(want, got string) bool { return want == "" || want == "none" && got == "" || want == got }
	state := q.State
	if state == "" {
		state = string(intake.Open)
	}
	return (state == "all" || state == string(c.State)) && (q.Disposition == "any" || q.Disposition == string(c.Disposition)) &&
		is(q.Category, string(c.Category)) && is(q.Severity, string(c.Severity)) && is(q.Assignee, c.Assignee) && is(q.Channel, c.Channel) && is(q.Waiting, c.Waiting)
}

// Covered returns the numbers of cases that a hold on a case or a party is on
// now, at most limit. Those of a filter the queue lists.
func (d *Desk) Covered(ctx context.Context, h *Hold, limit int) (numbers []string, err error) {
	switch h.Scope {
	case OnCase:
		return []string{h.Number}, nil
	case OnQuery:
		return nil, nil
	}
	ids, err := partyCases(ctx, d.ledger, blindParty(d.ledger.Index(), h.Party), limit)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, err := intake.Cases.Load(ctx, d.ledger, id)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, c.Number)
	}
	slices.Sort(numbers)
	return numbers, nil
}

// heldError says by which holds something cannot be erased.
func heldError(number string, holds []*Hold) error {
	var why []string
	for _, h := range holds {
		why = append(why, h.Reason+" ("+time.UnixMicro(h.PlacedAt).UTC().Format("2 Jan 2006")+")")
	}
	return fault.New(fault.Conflict, "%s is under legal hold: %s", number, strings.Join(why, "; "))
}
