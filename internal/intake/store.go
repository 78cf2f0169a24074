package intake

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
)

// hit is a communication that a message may have to do with.
type hit struct {
	id, casefile string
	direction    Direction
	repeated     bool // it is the very same
	rank         int  // of the Message-ID that led to it, 0 for the likeliest
}

// lookups are the numbers of Message-IDs that one query looks for: few
// distinct statements, so that they stay prepared.
var lookups = []int{1, 4, maxAbout}

var lookupSQL = func() map[int]string {
	out := map[int]string{}
	for _, n := range lookups {
		in := make([]string, n)
		for i := range in {
			in[i] = "$" + strconv.Itoa(i+2)
		}
		out[n] = `SELECT id, casefile, direction, message_id, 1 FROM communication WHERE arrival = $1 AND arrival <> ''
			UNION ALL SELECT * FROM (SELECT id, casefile, direction, message_id, 0 FROM communication
			WHERE message_id <> '' AND message_id IN (` + strings.Join(in, ", ") + `) LIMIT 64) likely`
	}
	return out
}()

// lookup finds the communications that are m itself or have one of the
// Message-IDs, m itself first, then in the order of the ids.
func lookup(ctx context.Context, q db.Querier, x ledger.Index, m *Communication, about []string) ([]hit, error) {
	n := lookups[0]
	for _, n = range lookups {
		if len(about) <= n {
			break
		}
	}
	args := make([]any, n+1)
	args[0] = arrival(x, m)
	ranks := map[string]int{}
	for i := range n {
		blind := ""
		if i < len(about) {
			blind = blindID(x, about[i])
			ranks[blind] = i
		}
		args[i+1] = blind
	}
	var hits []hit
	err := q.Each(ctx, func(scan db.Scan) error {
		var h hit
		var direction, messageID string
		var same int64
		if err := scan(&h.id, &h.casefile, &direction, &messageID, &same); err != nil {
			return err
		}
		h.direction, h.repeated, h.rank = Direction(direction), same == 1, ranks[messageID]
		hits = append(hits, h)
		return nil
	}, lookupSQL[n], args...)
	slices.SortStableFunc(hits, func(a, b hit) int {
		if a.repeated != b.repeated {
			if a.repeated {
				return -1
			}
			return 1
		}
		return a.rank - b.rank
	})
	return hits, err
}

// isMember reports whether an address takes part in a case. LIKE may take
// upper for lower case and _ for any character; among 128 random bits that
// makes no difference.
func isMember(ctx context.Context, q db.Querier, x ledger.Index, casefile, address string) (bool, error) {
	blind := blindAddr(x, address)
	var n int64
	found, err := q.One(ctx, `SELECT 1 FROM communication WHERE casefile = $1 AND members LIKE $2 LIMIT 1`, []any{casefile, "%" + blind + "%"}, &n)
	if err != nil || found {
		return found, err
	}
	return q.One(ctx, `SELECT 1 FROM casefile WHERE id = $1 AND reporter = $2`, []any{casefile, blind}, &n)
}

// numberOf returns the tracking number of a case.
func numberOf(ctx context.Context, q db.Querier, casefile string) (number string, err error) {
	_, err = q.One(ctx, `SELECT number FROM casefile WHERE id = $1`, []any{casefile}, &number)
	return number, err
}

// caseByNumber returns the id of a case, "" where there is none.
func caseByNumber(ctx context.Context, q db.Querier, number string) (id string, err error) {
	_, err = q.One(ctx, `SELECT id FROM casefile WHERE number = $1`, []any{number}, &id)
	return id, err
}

// count counts one more arrival of the same bytes.
func count(tx *ledger.Tx, communication string) error {
	_, err := tx.Work(`INSERT INTO repeated_arrival (communication, count, last_at) VALUES ($1, 1, $2)
		ON CONFLICT (communication) DO UPDATE SET count = repeated_arrival.count + 1, last_at = excluded.last_at`,
		communication, tx.Now.UnixMicro())
	return err
}

// countConfirmation notes that a confirmation is owed, unless the address has
// most of them that day.
func countConfirmation(tx *ledger.Tx, o owed, most int) (bool, error) {
	n, err := tx.Work(`INSERT INTO confirmation (day, address, communication, state)
		SELECT CAST($1 AS BIGINT), $2, $3, 'queued'
		WHERE (SELECT COUNT(*) FROM confirmation WHERE day = CAST($1 AS BIGINT) AND address = $2) < CAST($4 AS BIGINT)`,
		o.day, o.address, o.communication, most)
	return n == 1, err
}

// confirmationState returns how far a confirmation is, "" where none is owed.
func confirmationState(ctx context.Context, q db.Querier, o owed) (state string, err error) {
	_, err = q.One(ctx, `SELECT state FROM confirmation WHERE day = $1 AND address = $2 AND communication = $3`,
		[]any{o.day, o.address, o.communication}, &state)
	return state, err
}

func setConfirmation(tx *ledger.Tx, o owed, state string) error {
	_, err := tx.Work(`UPDATE confirmation SET state = $4 WHERE day = $1 AND address = $2 AND communication = $3`,
		o.day, o.address, o.communication, state)
	return err
}
