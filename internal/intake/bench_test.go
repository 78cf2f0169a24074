package intake_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/pgtest"
)

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
			body := strings.Repeat("The same line of an ordinary mail, again and again, until there are five kB.\r\n", 60)
			var n atomic.Int64
			b.SetParallelism(8) // of 2 processors: 16 callers
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					i := n.Add(1)
					m := mail{from: fmt.Sprintf("Rita Reporter <rita%d@example.com>", i), subject: fmt.Sprintf("Question %d about the report", i), id: fmt.Sprintf("%d@example.com", i), body: body}
					if _, err := o.smtp(b.Context(), m); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}
