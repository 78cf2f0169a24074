package intake

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
)

// hit is a communication that a message may have to do with.
type hit struct {
	id, casefile string
	direction    Direction
	rank         int // of the Message-ID that led to it, 0 for the likeliest
}

// found is what the record knows that bears on a message.
type found struct {
	stamp  int64 // policy.Set.Stamp of what is in force
	same   *hit  // the very same came before
	hits   []hit // what it refers to, the likeliest first
	opened int   // cases that its sender began that day, counted to maxConfirmations
}

// lookups are the numbers of Message-IDs that one query looks for: few
// distinct statements, so that they stay prepared.
var lookups = []int{1, 4, maxAbout}

// lookupSQL is one query for all that has to be known of a message while
// others wait: by whether it has a Message-ID, and by how many are looked for.
var lookupSQL = func() (out [2]map[int]string) {
	for i, same := range []string{
		`message_id = '' AND arrival = $1 AND arrival <> ''`,
		`message_id = $5 AND message_id <> '' AND arrival = $1`, // $5 is its own
	} {
		out[i] = map[int]string{}
		for _, n := range lookups {
			in := make([]string, n)
			for i := range in {
				in[i] = "$" + strconv.Itoa(i+5)
			}
			out[i][n] = `SELECT 'stamp', '', '', '', ` + policy.Stamp + `
				UNION ALL SELECT 'same', id, casefile, '', 0 FROM communication WHERE ` + same + `
				UNION ALL SELECT * FROM (SELECT direction, id, casefile, message_id, 0 FROM communication
				WHERE message_id <> '' AND message_id IN (` + strings.Join(in, ", ") + `) LIMIT 64) likely
				UNION ALL SELECT 'opened', '', '', '', COUNT(*) FROM (SELECT 1 FROM casefile
				WHERE reporter = $2 AND reporter <> '' AND received_at >= $3 LIMIT CAST($4 AS BIGINT)) today`
		}
	}
	return out
}()

// lookup finds what bears on a message from sender that refers to the
// Message-IDs in about.
func lookup(ctx context.Context, q db.Querier, x ledger.Index, m *Communication, sender string, about []string) (*found, error) {
	n := lookups[0]
	for _, n = range lookups {
		if len(about) <= n {
			break
		}
	}
	day := (24 * time.Hour).Microseconds()
	args := append(make([]any, 0, n+4), arrival(x, m), blindAddr(x, sender), m.ReceivedAt/day*day, maxConfirmations)
	ranks := map[string]int{}
	for i := range n {
		blind := ""
		if i < len(about) {
			blind = blindID(x, about[i])
			ranks[blind] = i
		}
		args = append(args, blind)
	}
	known := 0
	if m.MessageID != "" {
		known = 1
	}
	f := &found{}
	err := q.Each(ctx, func(scan db.Scan) error {
		var what, messageID string
		var h hit
		var value int64
		if err := scan(&what, &h.id, &h.casefile, &messageID, &value); err != nil {
			return err
		}
		switch what {
		case "stamp":
			f.stamp = value
		case "same":
			f.same = &h
		case "opened":
			f.opened = int(value)
		default:
			h.direction, h.rank = Direction(what), ranks[messageID]
			f.hits = append(f.hits, h)
		}
		return nil
	}, lookupSQL[known][n], args...)
	slices.SortStableFunc(f.hits, func(a, b hit) int { return a.rank - b.rank })
	return f, err
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

// confirmationState returns how far a confirmation is, "" where it was not
// begun.
func confirmationState(ctx context.Context, q db.Querier, communication string) (state string, err error) {
	_, err = q.One(ctx, `SELECT state FROM confirmation WHERE communication = $1`, []any{communication}, &state)
	return state, err
}

// setConfirmation notes how far a confirmation is; "" forgets it.
func setConfirmation(tx *ledger.Tx, communication, state string) error {
	if state == "" {
		_, err := tx.Work(`DELETE FROM confirmation WHERE communication = $1`, communication)
		return err
	}
	_, err := tx.Work(`INSERT INTO confirmation (communication, state) VALUES ($1, $2)
		ON CONFLICT (communication) DO UPDATE SET state = excluded.state`, communication, state)
	return err
}
