package board_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

// cosigned keeps checkpoints of the log with cosignatures of the witnesses
// named; met where they are enough.
func cosigned(t *testing.T, e *dbtest.Env, origin string, size int64, met bool, witnesses ...string) {
	t.Helper()
	if err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		at := int64(0)
		if met {
			at = dbtest.Start.Add(time.Duration(size) * time.Second).UnixMicro()
		}
		_, err := tx.Work(`INSERT INTO witness_checkpoint (origin, size, note, met_at) VALUES ($1, $2, '', $3)`, origin, size, at)
		for i, w := range witnesses {
			if err == nil {
				_, err = tx.Work(`INSERT INTO witness_cosignature (origin, size, witness, time, line) VALUES ($1, $2, $3, $4, '')`, origin, size, w+"+00000000+AAAA", dbtest.Start.Add(time.Duration(i)*time.Second).UnixMicro())
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestSeals: an entry is witnessed by the first checkpoint above it that
// enough witnesses cosigned, under the name that the log has now.
func TestSeals(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *board.Board) {
		origin := e.Origin()
		cosigned(t, e, origin, 10, true, "w1")
		cosigned(t, e, origin, 15, false, "w1")
		cosigned(t, e, origin, 20, true, "w1", "w2")
		cosigned(t, e, origin, 30, true, "w2", "w3", "w1")
		cosigned(t, e, "countersign/before", 12, true, "w1", "w2")
		for _, tt := range []struct {
			entries []int64
			want    string
		}{
			{nil, "[]"},
			{[]int64{0}, "[10:w1]"},
			{[]int64{9, 0, 0}, "[10:w1]"},
			{[]int64{10}, "[20:w1,w2]"},
			{[]int64{12, 8}, "[10:w1 20:w1,w2]"},
			{[]int64{0, 29}, "[10:w1 30:w2,w3,w1]"}, // and not those between, however many
			{[]int64{0, 15, 29}, "[10:w1 20:w1,w2 30:w2,w3,w1]"},
			{[]int64{15, 40}, "[20:w1,w2]"},
			{[]int64{30, 40}, "[]"},
		} {
			seals, err := b.Seals(t.Context(), tt.entries...)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, s := range seals {
				names := ""
				for i, w := range s.By {
					if i > 0 {
						names += ","
					}
					names += w.Name
					if want := dbtest.Start.Add(time.Duration(i) * time.Second); !w.At.Equal(want) {
						t.Errorf("%s cosigned at %v, want %v", w.Name, w.At, want)
					}
				}
				got = append(got, fmt.Sprintf("%d:%s", s.Size, names))
				if want := dbtest.Start.Add(time.Duration(s.Size) * time.Second); !s.Met.Equal(want) {
					t.Errorf("%d met at %v, want %v", s.Size, s.Met, want)
				}
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("entries %d: %v, want %s", tt.entries, got, tt.want)
			}
		}
	})
}

// act opens a case, which nobody may learn from what is published.
func act(t *testing.T, e *dbtest.Env, number string) {
	t.Helper()
	if err := e.Write(t.Context(), actor, func(_ context.Context, tx *ledger.Tx) error {
		return intake.Cases.Put(tx, &intake.Case{Number: number, State: intake.Open}, ledger.Do("opened", "CC2.3"))
	}); err != nil {
		t.Fatal(err)
	}
}

// TestPublished: what was published stands until the next publication, whatever
// is done meanwhile.
func TestPublished(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *board.Board) {
		if p, err := b.Published(t.Context()); err != nil || p != nil {
			t.Errorf("before the first: %v, %v", p, err)
		}
		for i := range 2 {
			e.Clock.Advance(time.Minute)
			at := e.Clock.Now()
			cp, err := e.Publish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			e.Clock.Advance(time.Second)
			act(t, e, fmt.Sprintf("C-2026-%06d", i+1))
			if p, err := b.Published(t.Context()); err != nil || !p.At.Equal(at) || p.Size != cp.Size || p.Root != cp.Root || string(p.Signed) != string(cp.Signed) {
				t.Errorf("published %+v, %v; want %+v of %v", p, err, cp, at)
			}
		}
		e.Spoilt = true
		if err := e.DB.Script(t.Context(), `UPDATE ledger_published SET checkpoint = 'theirs'`); err != nil {
			t.Fatal(err)
		}
		var m *ledger.Mismatch
		if p, err := b.Published(t.Context()); !errors.As(err, &m) {
			t.Errorf("somebody else's checkpoint: %v, %v", p, err)
		}
	})
}
