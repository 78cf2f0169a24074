//go:build unix

package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// largeLog is a log of n entries whose documents have ten fields, as those of
// real cases do: a tenth opens a case, a tenth approves a response, and a tenth
// sends it.
func largeLog(n int) (l *testLog, cases, responses []int) {
	l = newLog("log.example/countersign", 1)
	for i := range n {
		record := fmt.Sprintf("k3vJq0m3RkO2yA1v%06d", i/10)
		fields := map[string]any{
			"number": fmt.Sprintf("C-2026-%06d", 1+i/10), "subject": "The export stops at row 10,000", "category": "availability",
			"severity": "high", "owner": "Zr0cR1kqT0yKp2v7yJ3m5g", "channel": "help@example.com", "state": "open",
			"received_at": l.now, "due_at": l.now + 14400000000, "text": "Since this morning the export of invoices stops without a message. We need it for the audit.",
		}
		switch i % 10 {
		case 0:
			cases = append(cases, int(l.act("casefile.opened", record, fields)))
		case 8: // approved, then sent
			responses = append(responses, int(l.answer("response.sent", record, with(response(), "quorum", 1, "approvals", approvals("ben", hash1),
				"channel", "help@example.com", "subject", "Re: export", "to", "customer@example.com", "text", "It is repaired."))))
		case 9:
		default:
			l.act("casefile.classified", record, fields)
		}
	}
	return l, cases, responses
}

// cpuTime returns what this process has used, which on a machine that others
// use as well says more than the time that passed.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPackage is `GOMAXPROCS=1 go test -bench Package ./verify`: entries a
// second of a package of 100,000, from a file, and of one that has 20,000 rows
// of records in JSON and CSV as well.
func BenchmarkPackage(b *testing.B) {
	const n = 100000
	for name, path := range largePackages(b, n) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var s *Summary
			cpu := cpuTime(b)
			for b.Loop() {
				var err error
				if s, err = Package(context.Background(), path, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(n*b.N)/(cpuTime(b)-cpu).Seconds(), "entries/cpu-s")
			b.ReportMetric(float64(s.Unpacked)/1e6, "MB")
		})
	}
}

// largePackages writes the packages and leaves nothing of the log in memory.
func largePackages(b *testing.B, n int) map[string]string {
	l, cases, responses := largeLog(n)
	paths := make(map[string]string)
	for _, name := range []string{"ledger", "records"} {
		files := l.files(0, n)
		if name == "records" {
			l.rows(files, "cases", cases...)
			l.rows(files, "responses", responses...)
		}
		paths[name] = filepath.Join(b.TempDir(), name+".zip")
		if err := os.WriteFile(paths[name], l.clone().pack(b, files), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return paths
}
