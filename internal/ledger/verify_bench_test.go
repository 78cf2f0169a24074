package ledger_test

import (
	"path/filepath"
	"testing"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/pgtest"
)

// BenchmarkVerify prints how many entries and records a second the check of a
// live record takes, at each depth. Run it with GOMAXPROCS=1.
func BenchmarkVerify(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		dir := b.TempDir()
		benchVerify(b, dir, filepath.Join(dir, "countersign.db"))
	})
	b.Run("postgres", func(b *testing.B) { benchVerify(b, b.TempDir(), pgtest.DSN(b)) })
}

func benchVerify(b *testing.B, dir, dsn string) {
	const records = 50_000
	e := dbtest.Open(b, dir, dsn, []ledger.Records{memos}, setup)
	fill(b, e, records)
	for name, opt := range map[string]ledger.Options{"tree": {Tree: true}, "rows": {}, "full": {Full: true}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Verify(b.Context(), opt); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
