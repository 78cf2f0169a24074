package foreign

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/ledger"
)

// memo is a record of a usual size.
type memo struct {
	ledger.Record
	Title string   `json:"title"`
	From  string   `json:"from" unit:"identity"`
	Tags  []string `json:"tags"`
}

var memos = ledger.Define("memo", []string{"title_key"}, func(m *memo, x ledger.Index) []any {
	return []any{x.Blind("title", m.Title)}
})

func init() { db.Tables["memo"] = db.Record }

// BenchmarkRatioTessera prints how many records a second a new ledger seals over
// how many entries of the same size a new POSIX log of Tessera's takes:
// acknowledged with an index and a checkpoint that covers it, both durable.
func BenchmarkRatioTessera(b *testing.B) {
	for _, callers := range []int{64, 2048} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			ours, theirs := openLedger(b), openTessera(b)
			runtime.GC() // what ran before must weigh on neither
			syscall.Sync()
			var ratios []float64
			for range 5 {
				a, t := rate(b, callers, ours), rate(b, callers, theirs)
				ratios = append(ratios, a/t)
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "of-tessera")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// openLedger returns a call that writes a record to a new ledger.
func openLedger(b *testing.B) func() error {
	b.Helper()
	dir := b.TempDir()
	e := dbtest.Open(b, dir, filepath.Join(dir, "countersign.db"), []ledger.Records{memos}, func(d *db.DB) error {
		return d.Script(context.Background(), `CREATE TABLE memo ({record}, title_key TEXT NOT NULL){strict}; {guard memo}`)
	})
	return func() error {
		m := memo{Title: "Suspicious sign-in to our tenant", From: "reporter@example.com", Tags: []string{strings.Repeat("What we saw at half past nine. ", 16)}}
		return e.Write(b.Context(), ledger.Actor{ID: "ann", Role: "analyst"}, func(_ context.Context, tx *ledger.Tx) error {
			return memos.Put(tx, &m, ledger.Do("written", "CC2.3"))
		})
	}
}

// openTessera returns a call that adds an entry of a kilobyte to a new log and
// waits until a checkpoint covers it.
func openTessera(b *testing.B) func() error {
	b.Helper()
	skey, _, err := note.GenerateKey(rand.Reader, "tessera.example")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		b.Fatal(err)
	}
	driver, err := posix.New(b.Context(), posix.Config{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	opt := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(512, 5*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond) // the shortest that it allows
	appender, shutdown, reader, err := tessera.NewAppender(b.Context(), driver, opt)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { shutdown(context.Background()) })
	await := tessera.NewPublicationAwaiter(b.Context(), reader.ReadCheckpoint, 10*time.Millisecond)
	return func() error {
		entry := make([]byte, 1024)
		rand.Read(entry)
		sum := sha256.Sum256(entry)
		_, _, err := await.Await(b.Context(), appender.Add(b.Context(), tessera.NewEntry(append(entry, sum[:]...))))
		return err
	}
}

// rate calls f from so many goroutines for a while and returns calls a second.
func rate(b *testing.B, callers int, f func() error) float64 {
	const lasts = time.Second
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	start := time.Now()
	for range callers {
		wg.Go(func() {
			for time.Since(start) < lasts {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				total++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return float64(total) / time.Since(start).Seconds()
}
