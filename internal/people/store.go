package people

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
)

// rolesColumn is how roles stand in the table: ' staff lead '.
func rolesColumn(roles []Role) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, r := range roles {
		b.WriteString(string(r) + " ")
	}
	return b.String()
}

// anybody reports whether there is a person at all.
func anybody(ctx context.Context, q db.Querier) (bool, error) {
	var one int64
	return q.One(ctx, `SELECT 1 FROM person LIMIT 1`, nil, &one)
}

// anyApprover reports whether anybody's right to approve was ever confirmed.
func anyApprover(ctx context.Context, q db.Querier) (bool, error) {
	var one int64
	return q.One(ctx, `SELECT 1 FROM person WHERE approver_since > 0 LIMIT 1`, nil, &one)
}

// holders returns the ids of the active persons with a role; confirmed: of
// those whose right to approve is not suspended.
func holders(ctx context.Context, q db.Querier, r Role, confirmed bool) (ids []string, err error) {
	query := `SELECT id FROM person WHERE active = 1 AND roles LIKE $1`
	if confirmed {
		query += ` AND suspended = 0`
	}
	err = q.Each(ctx, func(scan db.Scan) error {
		ids = append(ids, "")
		return scan(&ids[len(ids)-1])
	}, query, "% "+string(r)+" %")
	return ids, err
}

// personEntry returns the entry that made a person what they are.
func personEntry(ctx context.Context, q db.Querier, id string) (entry int64, err error) {
	_, err = q.One(ctx, `SELECT entry FROM person WHERE id = $1`, []any{id}, &entry)
	return entry, err
}

// credentials are what a person signs in with.
type credentials struct {
	password password // nobody where there is none
	totp     totpRow
	recovery [][]byte // proofs
}

// totpRow is a row of person_totp; secret is nil where there is none.
type totpRow struct {
	confirmed int64
	secret    []byte
	step      int64
}

func loadCredentials(ctx context.Context, q db.Querier, person string) (credentials, error) {
	c := credentials{password: nobody}
	_, err := q.One(ctx, `SELECT memory, passes, lanes, salt, proof FROM person_password WHERE person = $1`, []any{person},
		&c.password.memory, &c.password.passes, &c.password.lanes, &c.password.salt, &c.password.proof)
	if err != nil {
		return c, fmt.Errorf("load password: %w", err)
	}
	if c.totp, err = loadTOTP(ctx, q, person); err != nil {
		return c, err
	}
	err = q.Each(ctx, func(scan db.Scan) error {
		var proof []byte
		err := scan(&proof)
		c.recovery = append(c.recovery, proof)
		return err
	}, `SELECT proof FROM person_recovery WHERE person = $1`, person)
	if err != nil {
		return c, fmt.Errorf("load recovery codes: %w", err)
	}
	return c, nil
}

func loadTOTP(ctx context.Context, q db.Querier, person string) (t totpRow, err error) {
	_, err = q.One(ctx, `SELECT confirmed, secret, step FROM person_totp WHERE person = $1`, []any{person}, &t.confirmed, &t.secret, &t.step)
	if err != nil {
		return t, fmt.Errorf("load second factor: %w", err)
	}
	return t, nil
}

func savePassword(tx *ledger.Tx, person string, p password) error {
	_, err := tx.Work(`INSERT INTO person_password (person, memory, passes, lanes, salt, proof) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (person) DO UPDATE SET memory = excluded.memory, passes = excluded.passes, lanes = excluded.lanes,
		salt = excluded.salt, proof = excluded.proof`, person, p.memory, p.passes, p.lanes, p.salt, p.proof)
	return err
}

func deletePassword(tx *ledger.Tx, person string) error {
	_, err := tx.Work(`DELETE FROM person_password WHERE person = $1`, person)
	return err
}

// saveTOTP keeps a second factor that is not confirmed yet.
func saveTOTP(tx *ledger.Tx, person string, secret []byte) error {
	_, err := tx.Work(`INSERT INTO person_totp (person, confirmed, secret, step) VALUES ($1, 0, $2, 0)
		ON CONFLICT (person) DO UPDATE SET confirmed = 0, secret = excluded.secret, step = 0`, person, secret)
	return err
}

// confirmTOTP reports whether this very secret waited to be confirmed.
func confirmTOTP(tx *ledger.Tx, person string, secret []byte, step int64) (bool, error) {
	n, err := tx.Work(`UPDATE person_totp SET confirmed = 1, step = $3 WHERE person = $1 AND secret = $2 AND confirmed = 0`, person, secret, step)
	return n == 1, err
}

// useStep reports whether step was still to be used: each works once.
func useStep(tx *ledger.Tx, person string, step int64) (bool, error) { // RFC 6238 §5.2
	n, err := tx.Work(`UPDATE person_totp SET step = $2 WHERE person = $1 AND step < $2`, person, step)
	return n == 1, err
}

func saveRecovery(tx *ledger.Tx, person string, proof []byte) error {
	_, err := tx.Work(`INSERT INTO person_recovery (person, proof) VALUES ($1, $2)`, person, proof)
	return err
}

// useRecovery reports whether the code was still there.
func useRecovery(tx *ledger.Tx, person string, proof []byte) (bool, error) {
	n, err := tx.Work(`DELETE FROM person_recovery WHERE person = $1 AND proof = $2`, person, proof)
	return n == 1, err
}

func deleteTOTP(tx *ledger.Tx, person string) error {
	if _, err := tx.Work(`DELETE FROM person_recovery WHERE person = $1`, person); err != nil {
		return err
	}
	_, err := tx.Work(`DELETE FROM person_totp WHERE person = $1`, person)
	return err
}

// linkRow is a row of person_link.
type linkRow struct {
	lookup, purpose, person string
	proof                   []byte
	expiresAt               int64
}

func saveLink(tx *ledger.Tx, l linkRow) error {
	_, err := tx.Work(`INSERT INTO person_link (lookup, proof, purpose, person, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		l.lookup, l.proof, l.purpose, l.person, l.expiresAt)
	return err
}

func loadLink(ctx context.Context, q db.Querier, lookup string) (l linkRow, found bool, err error) {
	l.lookup = lookup
	found, err = q.One(ctx, `SELECT purpose, person, proof, expires_at FROM person_link WHERE lookup = $1`, []any{lookup},
		&l.purpose, &l.person, &l.proof, &l.expiresAt)
	return l, found, err
}

// useLink reports whether the link was still there.
func useLink(tx *ledger.Tx, lookup string) (bool, error) {
	n, err := tx.Work(`DELETE FROM person_link WHERE lookup = $1`, lookup)
	return n == 1, err
}

func deleteLinks(tx *ledger.Tx, person string) error {
	_, err := tx.Work(`DELETE FROM person_link WHERE person = $1`, person)
	return err
}

func forgetLinks(tx *ledger.Tx) error {
	_, err := tx.Work(`DELETE FROM person_link`)
	return err
}

// sessionRow is a row of person_session, with the entry of its person.
type sessionRow struct {
	lookup, id, person string
	proof              []byte
	seenAt, expiresAt  int64
	strong             int64
	entry              int64
}

func saveSession(tx *ledger.Tx, s sessionRow) error {
	_, err := tx.Work(`INSERT INTO person_session (lookup, proof, id, person, seen_at, expires_at, strong) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.lookup, s.proof, s.id, s.person, s.seenAt, s.expiresAt, s.strong)
	return err
}

// findSession is the one query of a request.
func findSession(ctx context.Context, q db.Querier, lookup string) (s sessionRow, found bool, err error) {
	s.lookup = lookup
	found, err = q.One(ctx, `SELECT s.id, s.person, s.proof, s.seen_at, s.expires_at, s.strong, p.entry
		FROM person_session s JOIN person p ON p.id = s.person WHERE s.lookup = $1`, []any{lookup},
		&s.id, &s.person, &s.proof, &s.seenAt, &s.expiresAt, &s.strong, &s.entry)
	return s, found, err
}

// sessions returns those of a person, the last used first.
func sessions(ctx context.Context, q db.Querier, person string) (out []sessionRow, err error) {
	err = q.Each(ctx, func(scan db.Scan) error {
		s := sessionRow{person: person}
		err := scan(&s.lookup, &s.id, &s.seenAt, &s.expiresAt, &s.strong)
		out = append(out, s)
		return err
	}, `SELECT lookup, id, seen_at, expires_at, strong FROM person_session WHERE person = $1 ORDER BY seen_at DESC, expires_at DESC, id`, person)
	return out, err
}

// sessionOwner returns whose session this is, "" where there is none.
func sessionOwner(ctx context.Context, q db.Querier, id string) (person string, err error) {
	_, err = q.One(ctx, `SELECT person FROM person_session WHERE id = $1`, []any{id}, &person)
	return person, err
}

// overdueSessions returns up to limit ids of sessions that are over.
func overdueSessions(ctx context.Context, q db.Querier, now, unseen, limit int64) (ids []string, err error) {
	err = q.Each(ctx, func(scan db.Scan) error {
		ids = append(ids, "")
		return scan(&ids[len(ids)-1])
	}, `SELECT id FROM person_session WHERE expires_at <= $1 OR seen_at <= $2 ORDER BY expires_at, id LIMIT $3`, now, unseen, limit)
	return ids, err
}

// deleteSession reports whether the session was still there.
func deleteSession(tx *ledger.Tx, id string) (bool, error) {
	n, err := tx.Work(`DELETE FROM person_session WHERE id = $1`, id)
	return n == 1, err
}

func touchSession(tx *ledger.Tx, lookup string, at int64) error {
	_, err := tx.Work(`UPDATE person_session SET seen_at = $2 WHERE lookup = $1 AND seen_at < $2`, lookup, at)
	return err
}

// tokenRow is a row of token_secret, with its record and person.
type tokenRow struct {
	lookup, token, person string
	proof                 []byte
	usedAt                int64
	entry, personEntry    int64
}

func saveTokenSecret(tx *ledger.Tx, t tokenRow) error {
	_, err := tx.Work(`INSERT INTO token_secret (lookup, proof, token, used_at) VALUES ($1, $2, $3, 0)`, t.lookup, t.proof, t.token)
	return err
}

func findToken(ctx context.Context, q db.Querier, lookup string) (t tokenRow, found bool, err error) {
	t.lookup = lookup
	found, err = q.One(ctx, `SELECT s.token, t.person, s.proof, s.used_at, t.entry, p.entry
		FROM token_secret s JOIN token t ON t.id = s.token JOIN person p ON p.id = t.person WHERE s.lookup = $1`, []any{lookup},
		&t.token, &t.person, &t.proof, &t.usedAt, &t.entry, &t.personEntry)
	return t, found, err
}

func deleteTokenSecret(tx *ledger.Tx, token string) error {
	_, err := tx.Work(`DELETE FROM token_secret WHERE token = $1`, token)
	return err
}

func touchToken(tx *ledger.Tx, lookup string, at int64) error {
	_, err := tx.Work(`UPDATE token_secret SET used_at = $2 WHERE lookup = $1 AND used_at < $2`, lookup, at)
	return err
}

// tokenUses returns when each token of a person was last used.
func tokenUses(ctx context.Context, q db.Querier, person string) (map[string]int64, error) {
	out := map[string]int64{}
	err := q.Each(ctx, func(scan db.Scan) error {
		var token string
		var at int64
		err := scan(&token, &at)
		out[token] = at
		return err
	}, `SELECT s.token, s.used_at FROM token_secret s JOIN token t ON t.id = s.token WHERE t.person = $1`, person)
	return out, err
}

// limit is a row of sign_in_limit.
type limit struct{ busy, knownAt int64 }

// loadLimits returns the limits of slots, in their order.
func loadLimits(ctx context.Context, q db.Querier, slots []slot) ([]limit, error) {
	out := make([]limit, len(slots))
	places, args := make([]string, len(slots)), make([]any, len(slots))
	for i, s := range slots {
		places[i], args[i] = fmt.Sprintf("$%d", i+1), s.lookup
	}
	err := q.Each(ctx, func(scan db.Scan) error {
		var lookup string
		var l limit
		if err := scan(&lookup, &l.busy, &l.knownAt); err != nil {
			return err
		}
		for i, s := range slots {
			if s.lookup == lookup {
				out[i] = l
			}
		}
		return nil
	}, `SELECT lookup, busy, known_at FROM sign_in_limit WHERE lookup IN (`+strings.Join(places, ", ")+`)`, args...)
	return out, err
}

func saveLimit(tx *ledger.Tx, lookup string, l limit) error {
	_, err := tx.Work(`INSERT INTO sign_in_limit (lookup, busy, known_at) VALUES ($1, $2, $3)
		ON CONFLICT (lookup) DO UPDATE SET busy = excluded.busy, known_at = excluded.known_at`, lookup, l.busy, l.knownAt)
	return err
}

func refundLimit(tx *ledger.Tx, lookup string, micros int64) error {
	_, err := tx.Work(`UPDATE sign_in_limit SET busy = busy - $2 WHERE lookup = $1`, lookup, micros)
	return err
}

// failures is a row of sign_in_failure.
type failures struct {
	account                   string
	minute, failures, refused int64
}

// countFailure counts a failed attempt of this minute, refused 1 where it was
// not looked at.
func countFailure(tx *ledger.Tx, account string, refused int64) error {
	_, err := tx.Work(`INSERT INTO sign_in_failure (account, minute, failures, refused) VALUES ($1, $2, 1, $3)
		ON CONFLICT (account, minute) DO UPDATE SET failures = sign_in_failure.failures + 1, refused = sign_in_failure.refused + excluded.refused`,
		account, tx.Now.Truncate(time.Minute).UnixMicro(), refused)
	return err
}

// takeFailures removes and returns up to limit counts of minutes before now's.
func takeFailures(ctx context.Context, tx *ledger.Tx, limit int64) (out []failures, err error) {
	err = tx.Each(ctx, func(scan db.Scan) error {
		var f failures
		err := scan(&f.account, &f.minute, &f.failures, &f.refused)
		out = append(out, f)
		return err
	}, `SELECT account, minute, failures, refused FROM sign_in_failure WHERE minute < $1 ORDER BY minute, account LIMIT $2`,
		tx.Now.Truncate(time.Minute).UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	for _, f := range out {
		if _, err := tx.Work(`DELETE FROM sign_in_failure WHERE account = $1 AND minute = $2`, f.account, f.minute); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// forgetOver deletes links and limits that no longer say anything.
func forgetOver(tx *ledger.Tx) error {
	now := tx.Now.UnixMicro()
	if _, err := tx.Work(`DELETE FROM person_link WHERE expires_at <= $1`, now); err != nil {
		return err
	}
	_, err := tx.Work(`DELETE FROM sign_in_limit WHERE busy <= $1 AND known_at <= $2`, now, now-familiar.Microseconds())
	return err
}
