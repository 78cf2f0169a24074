package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
)

// tokenPrefix lets people and scanners recognise what has leaked.
const tokenPrefix = "countersign_"

// A person has at most maxTokens that are not revoked, each for at most
// maxTokenTime.
const (
	maxTokens    = 20
	maxTokenTime = 366 * 24 * time.Hour
)

// NewToken makes a token of who, who must be in a session, with some of their
// roles. approves marks it for approvals. The secret is shown once.
func (d *Desk) NewToken(ctx context.Context, who *Identity, name string, roles []Role, expires time.Time, approves bool) (secret string, t *Token, err error) {
	if err := inSession(who); err != nil {
		return "", nil, err
	}
	t = &Token{Record: ledger.Record{ID: id.New()}, Person: who.ID, Approves: approves, ExpiresAt: expires.UnixMicro()}
	if t.Name, err = canonicalName(name); err != nil {
		return "", nil, fault.New(fault.Invalid, "say what the token is for, in 1 to 100 characters")
	}
	if t.Roles, err = normalise(roles); err != nil {
		return "", nil, err
	}
	now := d.ledger.Now()
	if !expires.After(now) || expires.After(now.Add(maxTokenTime)) {
		return "", nil, fault.New(fault.Invalid, "a token ends on a day between now and a year from now")
	}
	secret = tokenPrefix + newSecret()
	row := tokenRow{lookup: d.vault.lookup("token", secret), token: t.ID, person: who.ID}
	row.proof = d.vault.proof("token", secret, t.ID, who.ID)
	err = d.ledger.Write(ctx, who.self(), func(ctx context.Context, tx *ledger.Tx) error {
		if err := stillIn(ctx, tx, who); err != nil {
			return err
		}
		if err := mayHold(ctx, tx, t); err != nil {
			return err
		}
		t.CreatedAt = tx.Now.UnixMicro()
		if err := Tokens.Put(tx, t, ledger.Do("made", "CC6.1")); err != nil {
			return err
		}
		return saveTokenSecret(tx, row)
	})
	if err != nil {
		return "", nil, fmt.Errorf("make a token: %w", err)
	}
	return secret, t, nil
}

// mayHold refuses a token with roles that its person lacks, and one too many.
func mayHold(ctx context.Context, tx *ledger.Tx, t *Token) error {
	p, err := Persons.Load(ctx, tx, t.Person)
	if err != nil {
		return err
	}
	for _, r := range t.Roles {
		if !p.Active || !p.Has(r) {
			return fault.New(fault.Denied, "a token has no more roles than its person: you are not %s", r.Title())
		}
	}
	open, err := Tokens.Select(ctx, tx, `WHERE r.person = $1 AND r.revoked_at = 0`, t.Person)
	if err == nil && len(open) >= maxTokens {
		err = fault.New(fault.Conflict, "you have %d tokens; revoke one that is no longer used", len(open))
	}
	return err
}

// Token returns who the token with this secret acts as, with those of the
// token's roles that its person has now; ErrNotSignedIn where there is none, or
// it is over.
func (d *Desk) Token(ctx context.Context, secret string) (*Identity, error) {
	if !strings.HasPrefix(secret, tokenPrefix) {
		return nil, ErrNotSignedIn
	}
	row, found, err := findToken(ctx, d.ledger, d.vault.lookup("token", secret))
	if err != nil {
		return nil, fmt.Errorf("find token: %w", err)
	}
	if !found || !d.vault.proves(row.proof, "token", secret, row.token, row.person) {
		return nil, ErrNotSignedIn
	}
	t, err := d.token(ctx, row.token, row.entry)
	if err != nil {
		return nil, fmt.Errorf("find token: %w", err)
	}
	p, err := d.person(ctx, row.person, row.personEntry)
	if err != nil {
		return nil, fmt.Errorf("find token: %w", err)
	}
	if !p.Active || t.RevokedAt != 0 || t.ExpiresAt <= d.ledger.Now().UnixMicro() {
		return nil, ErrNotSignedIn
	}
	who := &Identity{ID: p.ID, Name: p.Name, Email: p.Email, Token: t.ID, Approves: t.Approves}
	for _, r := range t.Roles {
		if p.Has(r) {
			who.Roles = append(who.Roles, r)
		}
	}
	if len(who.Roles) == 0 {
		return nil, ErrNotSignedIn
	}
	d.touch(ctx, row.lookup, row.usedAt, touchToken)
	return who, nil
}

// ListTokens returns the tokens of a person, the newest first.
func (d *Desk) ListTokens(ctx context.Context, person string) ([]*Token, error) {
	all, err := Tokens.Select(ctx, d.ledger, `WHERE r.person = $1`, person)
	if err != nil {
		return nil, err
	}
	uses, err := tokenUses(ctx, d.ledger, person)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	for _, t := range all {
		t.UsedAt = uses[t.ID]
	}
	slices.SortFunc(all, func(a, b *Token) int {
		if a.CreatedAt != b.CreatedAt {
			return int(b.CreatedAt - a.CreatedAt)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// RevokeToken ends a token of who's own or, for an administrator, of anybody.
func (d *Desk) RevokeToken(ctx context.Context, who *Identity, token string) error {
	if who == nil {
		return ErrNotSignedIn
	}
	t, err := Tokens.Load(ctx, d.ledger, token)
	if err != nil {
		return err
	}
	return d.endForeign(ctx, who, t.Person, func(ctx context.Context, tx *ledger.Tx) error {
		t, err := Tokens.Load(ctx, tx, token)
		if err != nil || t.RevokedAt != 0 {
			return err
		}
		return endToken(tx, t, who.ID, "revoked")
	})
}

// endToken ends a token under a verb, "revoked" or "expired".
func endToken(tx *ledger.Tx, t *Token, by, verb string) error {
	t.RevokedAt, t.RevokedBy = tx.Now.UnixMicro(), by
	if err := Tokens.Put(tx, t, ledger.Do(verb, "CC6.1")); err != nil {
		return err
	}
	return deleteTokenSecret(tx, t.ID)
}
