package intake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

var errRefused = errors.New("refused")

// number opens a bare case in a year and returns its number; the transaction
// fails where refuse says so.
func (o *office) number(ctx context.Context, d *intake.Desk, year int, refuse bool) (string, error) {
	var number string
	err := o.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) (err error) {
		if number, err = d.NextNumber(ctx, tx, year); err != nil {
			return err
		}
		if err := intake.Cases.Put(tx, &intake.Case{Number: number, State: intake.Open}, ledger.Do("opened")); err != nil {
			return err
		}
		if refuse {
			return errRefused
		}
		return nil
	})
	return number, err
}

// Numbers have no gaps, however many callers and nodes there are and whatever
// fails: what a transaction that failed had taken is given again.
func TestNumbers(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		node := intake.New(o.Ledger, nil, nil, intake.Options{}) // as another process that has the record
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				desk := []*intake.Desk{o.Desk, node}[i%2]
				for j := range 10 {
					refuse := (i+j)%5 == 0
					if _, err := o.number(t.Context(), desk, 2026, refuse); errors.Is(err, errRefused) != refuse || !refuse && err != nil {
						t.Errorf("caller %d, case %d: %v", i, j, err)
					}
					if i%8 == 0 {
						if _, err := o.smtp(t.Context(), mail{from: "rita@example.com", subject: fmt.Sprint(i, j)}); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		all, err := intake.Cases.Select(t.Context(), o, `ORDER BY r.number`)
		if err != nil || len(all) != 32*8+4*10 {
			t.Fatalf("%d cases, %v", len(all), err)
		}
		for i, c := range all {
			if want := id.Number(2026, int64(i)+1); c.Number != want {
				t.Fatalf("case %d has number %s, want %s: numbers have gaps", i, c.Number, want)
			}
		}
	})
}

// A year's numbers begin with 1, go on past six digits, and are ordered as
// numbers.
func TestNumberOrder(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		put := func(number string) {
			t.Helper()
			if err := o.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
				return intake.Cases.Put(tx, &intake.Case{Number: number, State: intake.Open}, ledger.Do("opened"))
			}); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range []struct {
			have, want string
		}{
			{"", "C-2026-000001"},
			{"C-2025-000009", "C-2026-000002"},
			{"C-2027-000009", "C-2026-000003"},
			{"C-2026-000099", "C-2026-000100"},
			{"C-2026-999998", "C-2026-999999"},
			{"", "C-2026-1000000"},
			{"", "C-2026-1000001"},
			{"C-2026-9999999", "C-2026-10000000"},
			{"C-2026-99999999", "C-2026-100000000"},
			{"", "C-2026-100000001"},
		} {
			if x.have != "" {
				put(x.have)
			}
			if got, err := o.number(t.Context(), o.Desk, 2026, false); err != nil || got != x.want {
				t.Errorf("after %s: %s, %v; want %s", x.have, got, err, x.want)
			}
		}
		if got, err := o.number(t.Context(), o.Desk, 2025, false); err != nil || got != "C-2025-000010" {
			t.Errorf("of the year before: %s, %v", got, err)
		}
	})
}

// owner runs a statement as the database's owner, past the triggers.
func (o *office) owner(t *testing.T, statement string) {
	t.Helper()
	if o.DB.Dialect == db.Postgres {
		statement = "SET session_replication_role = replica; " + statement + "; SET session_replication_role = DEFAULT"
	} else {
		statement = "DROP TRIGGER IF EXISTS casefile_update; " + statement
	}
	if err := o.DB.Script(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// Whoever has the database cannot have a number skipped: a row that was moved
// is named by Verify, what comes after it has the number that it should have,
// and once the row is put back the record is whole.
func TestMovedNumbers(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for range 30 {
			if _, err := o.number(t.Context(), o.Desk, 2026, false); err != nil {
				t.Fatal(err)
			}
		}
		restarted := intake.New(o.Ledger, nil, nil, intake.Options{})
		moved := map[string]string{}
		move := func(from, to string) {
			t.Helper()
			o.owner(t, fmt.Sprintf("UPDATE casefile SET number = '%s' WHERE number = '%s'", to, from))
			moved[from] = to
		}
		for i, from := range []string{"C-2026-000004", "C-2026-000030", "C-2026-000031"} { // one below the highest, the highest, and the newest
			move(from, fmt.Sprintf("C-2026-%06d", 900+i))
			if _, err := o.Verify(t.Context(), ledger.Options{}); err == nil || !strings.Contains(err.Error(), "casefile") {
				t.Errorf("%s was moved, and the check says %v", from, err)
			}
			desk := []*intake.Desk{o.Desk, restarted}[i%2]
			if got, err := o.number(t.Context(), desk, 2026, false); err != nil || got != id.Number(2026, int64(31+i)) {
				t.Errorf("%s was moved: the next case is %s, %v", from, got, err)
			}
		}
		for from, to := range moved {
			o.owner(t, fmt.Sprintf("UPDATE casefile SET number = '%s' WHERE number = '%s'", from, to))
		}
		if _, err := o.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Errorf("after all was put back: %v", err)
		}
		o.owner(t, "UPDATE casefile SET number = 'C-2026-1' || substr(number, 8)") // all of them
		var known *ledger.Mismatch
		if _, err := o.number(t.Context(), restarted, 2026, false); !is(err, fault.Unavailable) || !errors.As(err, &known) {
			t.Errorf("no row says what its document does: %v", err)
		}
		o.Spoilt = true
	})
}
