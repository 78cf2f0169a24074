package intake_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/pgtest"
)

// bodyText makes a mail of 5 kB.
var bodyText = strings.Repeat("The same line of an ordinary mail, again and again, until there are five kB.\r\n", 60)

// callers calls f from 16 goroutines, b.N times in all.
func callers(b *testing.B, f func(i int64) error) {
	b.Helper()
	var n atomic.Int64
	b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := f(n.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func numbered(i int64) mail {
	return mail{from: fmt.Sprintf("Rita Reporter <rita%d@example.com>", i), subject: fmt.Sprintf("Question %d about the report", i), id: fmt.Sprintf("%d@example.com", i), body: bodyText}
}

// BenchmarkReceive is the whole way of a 5 kB mail by 16 callers: parsed,
// classified, recorded, sealed, its confirmation queued.
func BenchmarkReceive(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB, string) string{
		"sqlite":   func(_ testing.TB, dir string) string { return filepath.Join(dir, "countersign.db") },
		"postgres": func(t testing.TB, _ string) string { return pgtest.DSN(t) },
	} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			o := furnish(b, dbtest.Open(b, dir, dsn(b, dir), kinds(), nil), intake.Options{})
			callers(b, func(i int64) error {
				_, err := o.smtp(b.Context(), numbered(i))
				return err
			})
		})
	}
}

// BenchmarkPlain is what BenchmarkReceive is held against: the mail is only
// parsed and written to a file durably.
func BenchmarkPlain(b *testing.B) {
	dir := b.TempDir()
	d, err := os.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	callers(b, func(i int64) error {
		raw := numbered(i).String()
		if _, err := mime.Parse(strings.NewReader(raw), mime.Limits{}, nil); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		_, err = f.WriteString(raw)
		return errors.Join(err, f.Sync(), f.Close(), d.Sync())
	})
}
