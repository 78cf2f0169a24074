package intake

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
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
	policies, channels int64    // Stamps of what is in force
	same               *Receipt // of the very same, which came before
	hits               []hit    // what it refers to, the likeliest first
	opened             int      // cases that its sender began that day, counted to maxConfirmations
}

// lookups are the numbers of Message-IDs that one query looks for: few
// distinct statements, so that they stay prepared.
var lookups = []int{1, 4, maxAbout}

// lookupSQL is one query for all that has to be known of a message while
// others wait, by how many Message-IDs are looked for.
var lookupSQL = func() map[int]string {
	out := map[int]string{}
	for _, n := range lookups {
		in := make([]string, n)
		for i := range in {
			in[i] = "$" + strconv.Itoa(i+6)
		}
		out[n] = `SELECT 'policies', '', '', '', ` + policy.Stamp + `
			UNION ALL SELECT 'channels', '', '', '', ` + channel.Stamp + `
			UNION ALL SELECT 'same', m.id, m.casefile, c.number, 0 FROM communication m JOIN casefile c ON c.id = m.casefile
			WHERE m.message_id = $5 AND m.arrival = $1
			UNION ALL SELECT * FROM (SELECT direction, id, casefile, message_id, 0 FROM communication
			WHERE message_id IN (` + strings.Join(in, ", ") + `) LIMIT 64) likely
			UNION ALL SELECT 'opened', '', '', '', COUNT(*) FROM (SELECT 1 FROM casefile
			WHERE reporter = $2 AND received_at >= $3 LIMIT CAST($4 AS BIGINT)) today`
	}
	return out
}()

// nothing stands in a query for what a message does not have: no blind value is
// this or has it within, while many are "".
const nothing = "."

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
	args := append(make([]any, 0, n+5), cmp.Or(arrival(x, m), nothing), cmp.Or(blindAddr(x, sender), nothing),
		m.ReceivedAt/day*day, maxConfirmations, blindID(x, m.MessageID))
	ranks := map[string]int{}
	for i := range n {
		blind := nothing
		if i < len(about) {
			blind = blindID(x, about[i])
			ranks[blind] = i
		}
		args = append(args, blind)
	}
	f := &found{}
	err := q.Each(ctx, func(scan db.Scan) error {
		var what, text string
		var h hit
		var value int64
		if err := scan(&what, &h.id, &h.casefile, &text, &value); err != nil {
			return err
		}
		switch what {
		case "policies":
			f.policies = value
		case "channels":
			f.channels = value
		case "same":
			f.same = &Receipt{Case: h.casefile, Number: text, Communication: h.id, Duplicate: true}
		case "opened":
			f.opened = int(value)
		default:
			h.direction, h.rank = Direction(what), ranks[text]
			f.hits = append(f.hits, h)
		}
		return nil
	}, lookupSQL[n], args...)
	slices.SortStableFunc(f.hits, func(a, b hit) int { return a.rank - b.rank })
	return f, err
}

// standing returns the number of a case, and whether an address takes part in
// it. Looking for 128 random bits needs no care for where one address ends.
func standing(ctx context.Context, q db.Querier, x ledger.Index, casefile, address string) (number string, member bool, err error) {
	_, err = q.One(ctx, `SELECT number, reporter = $2 OR EXISTS (SELECT 1 FROM communication WHERE casefile = $1 AND replace(members, $2, '') <> members)
		FROM casefile WHERE id = $1`, []any{casefile, cmp.Or(blindAddr(x, address), nothing)}, &number, &member)
	return number, member, err
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
