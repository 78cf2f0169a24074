package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/pgtest"
)

// plain is the reference: the same group commit, one writer and a savepoint
// for each caller, without entries, commitments and encryption.
type plain struct {
	conn  *db.Conn
	queue chan *plainCall
	most  int
}

type plainCall struct {
	f    func(*db.Conn) error
	turn chan struct{}
	over chan error
	done chan error
}

func newPlain(tb testing.TB, d *db.DB, most int) *plain {
	c, err := d.Writer(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	p := &plain{c, make(chan *plainCall, 4096), most}
	go p.run()
	tb.Cleanup(func() { close(p.queue) })
	return p
}

func (p *plain) write(f func(*db.Conn) error) error {
	c := &plainCall{f, make(chan struct{}), make(chan error), make(chan error, 1)}
	p.queue <- c
	<-c.turn
	c.over <- c.f(p.conn)
	return <-c.done
}

func (p *plain) run() {
	defer p.conn.Release()
	for c := range p.queue {
		if _, err := p.conn.Exec("BEGIN"); err != nil {
			panic(err)
		}
		var size int64
		p.conn.One(`SELECT size FROM plain_head`, nil, &size)
		members, open := []*plainCall{}, false
		for more := true; more; {
			if len(p.queue) > 0 || len(members) > 0 {
				if !open {
					if _, err := p.conn.Exec("SAVEPOINT w"); err != nil {
						panic(err)
					}
				} else if err := p.conn.Turn(true); err != nil {
					panic(err)
				}
				open = true
			}
			close(c.turn)
			if err := <-c.over; err != nil {
				panic(err)
			}
			members = append(members, c)
			if more = len(members) < p.most; more {
				select {
				case c, more = <-p.queue:
				default:
					more = false
				}
			}
		}
		p.conn.Exec(`UPDATE plain_head SET size = $1`, size+int64(len(members)))
		_, err := p.conn.Exec("COMMIT")
		for _, m := range members {
			m.done <- err
		}
	}
}

const plainTables = `CREATE TABLE plain (id TEXT PRIMARY KEY, title_key TEXT NOT NULL, count {int} NOT NULL, document TEXT NOT NULL){strict};
	CREATE TABLE plain_head (size {int} NOT NULL){strict}; INSERT INTO plain_head VALUES (0);`

// insertPlain is what the reference does in a turn.
func insertPlain(e *dbtest.Env) func(*db.Conn) error {
	return func(c *db.Conn) error {
		document, err := json.Marshal(sample)
		if err != nil {
			return err
		}
		c.Later(db.Statement{Query: `INSERT INTO plain (id, title_key, count, document) VALUES ($1, $2, $3, $4)`,
			Args: []any{id.New(), e.Index().Blind("title", sample.Title), sample.Count, string(document)}, Rows: 1})
		return nil
	}
}

// writeMemo is the same with a ledger.
func writeMemo(tb testing.TB, e *dbtest.Env) func() error {
	return func() error {
		m := sample
		return e.Write(tb.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			return memos.Put(tx, &m, ledger.Do("written", "CC2.3"))
		})
	}
}

var sample = memo{Title: "Suspicious sign-in to our tenant", From: "reporter@example.com", Count: 7,
	Tags: []string{strings.Repeat("What we saw at half past nine. ", 16)}}

// BenchmarkRatioWrite prints what a record costs over the same group commit
// without a ledger, and what group commit gains over a transaction per caller.
func BenchmarkRatioWrite(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		dir := b.TempDir()
		ratioWrite(b, dir, filepath.Join(dir, "countersign.db"))
	})
	b.Run("postgres", func(b *testing.B) { ratioWrite(b, b.TempDir(), pgtest.DSN(b)) })
}

func ratioWrite(b *testing.B, dir, dsn string) {
	e := dbtest.Open(b, dir, dsn, []ledger.Records{memos}, setup)
	if err := e.DB.Script(b.Context(), plainTables); err != nil {
		b.Fatal(err)
	}
	sealed, insert := writeMemo(b, e), insertPlain(e)
	for _, callers := range []int{1, 64, 512, 2048} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			group := newPlain(b, e.DB, ledger.MaxBatch)
			variants := []func() error{
				func() error { e.SetBatch(ledger.MaxBatch); return nil },
				nil,
				func() error { e.SetBatch(1); return nil },
			}
			calls := []func() error{sealed, func() error { return group.write(insert) }, sealed}
			rates := make([][]float64, 3)
			for range 15 {
				for i := range calls {
					if variants[i] != nil {
						variants[i]()
					}
					rates[i] = append(rates[i], rate(b, callers, calls[i]))
				}
			}
			e.SetBatch(ledger.MaxBatch)
			b.ReportMetric(median(rates[0], rates[1]), "of-plain")
			b.ReportMetric(median(rates[0], rates[2]), "of-single")
			b.ReportMetric(median(rates[0], nil), "records/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// rate calls f from so many goroutines for a while and returns calls a second.
func rate(b *testing.B, callers int, f func() error) float64 {
	const lasts = 600 * time.Millisecond
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	start := time.Now()
	for range callers {
		wg.Go(func() {
			n := 0
			for time.Since(start) < lasts {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				n++
			}
			mu.Lock()
			total += n
			mu.Unlock()
		})
	}
	wg.Wait()
	return float64(total) / time.Since(start).Seconds()
}

// median returns the median of the paired ratios a/b, or of a alone.
func median(a, b []float64) float64 {
	r := slices.Clone(a)
	for i := range b {
		r[i] /= b[i]
	}
	slices.Sort(r)
	return r[len(r)/2]
}

// BenchmarkRatioNodes prints the throughput of two nodes on one PostgreSQL
// over that of one: with as many callers in all, and with as many on each.
func BenchmarkRatioNodes(b *testing.B) {
	dsn, dir := pgtest.DSN(b), b.TempDir()
	one := dbtest.Open(b, dir, dsn, []ledger.Records{memos}, setup)
	two := dbtest.Open(b, dir, dsn, []ledger.Records{memos}, nil)
	both := func(callers int) float64 {
		var wg sync.WaitGroup
		var rates [2]float64
		for i, e := range []*dbtest.Env{one, two} {
			wg.Go(func() { rates[i] = rate(b, callers, writeMemo(b, e)) })
		}
		wg.Wait()
		return rates[0] + rates[1]
	}
	for _, callers := range []int{64, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			var alone, shared, each []float64
			for range 15 {
				alone = append(alone, rate(b, callers, writeMemo(b, one)))
				shared = append(shared, both(callers/2))
				each = append(each, both(callers))
			}
			b.ReportMetric(median(shared, alone), "of-one-in-all")
			b.ReportMetric(median(each, alone), "of-one-on-each")
			b.ReportMetric(median(each, nil), "records/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkRatioGrowth prints what a write costs at 10⁶ entries over one at
// 10⁴: where the records are as many as they were, and where each entry made
// another; and what the same growth costs the reference, which has no log.
func BenchmarkRatioGrowth(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		ratioGrowth(b, func() *dbtest.Env {
			dir := b.TempDir()
			return dbtest.Open(b, dir, filepath.Join(dir, "countersign.db"), []ledger.Records{memos}, setup)
		})
	})
	b.Run("postgres", func(b *testing.B) {
		ratioGrowth(b, func() *dbtest.Env { return dbtest.Open(b, b.TempDir(), pgtest.DSN(b), []ledger.Records{memos}, setup) })
	})
}

func ratioGrowth(b *testing.B, open func() *dbtest.Env) {
	const few, many = 10_000, 1_000_000
	fillPlain := func(e *dbtest.Env, n int) func() error {
		if err := e.DB.Script(b.Context(), plainTables); err != nil {
			b.Fatal(err)
		}
		group, insert := newPlain(b, e.DB, ledger.MaxBatch), insertPlain(e)
		for n > 0 {
			n -= 500
			if err := group.write(func(c *db.Conn) error {
				for range 500 {
					if err := insert(c); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
		return func() error { return group.write(insert) }
	}
	b.Run("versions", func(b *testing.B) {
		small, large := open(), open()
		fill(b, small, few)
		rewrite(b, large, fill(b, large, few), many-few)
		growth(b, writeMemo(b, small), writeMemo(b, large))
	})
	b.Run("records", func(b *testing.B) {
		small, large := open(), open()
		fill(b, small, few)
		fill(b, large, many)
		growth(b, writeMemo(b, small), writeMemo(b, large))
	})
	b.Run("plain", func(b *testing.B) { growth(b, fillPlain(open(), few), fillPlain(open(), many)) })
}

func growth(b *testing.B, small, large func() error) {
	var rates [2][]float64
	for range 15 {
		for i, write := range []func() error{small, large} {
			rates[i] = append(rates[i], rate(b, 64, write))
		}
	}
	b.ReportMetric(median(rates[0], rates[1]), "cost-of-10⁴")
	b.ReportMetric(median(rates[1], nil), "records/s")
	b.ReportMetric(0, "ns/op")
}

// rewrite makes n more entries, versions of these records.
func rewrite(b *testing.B, e *dbtest.Env, records []*memo, n int) {
	for i := 0; i < n; i += 500 {
		if err := e.Write(b.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			for k := range 500 {
				m := records[(i+k)%len(records)]
				m.Count++
				if err := memos.Put(tx, m, ledger.Do("counted")); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
