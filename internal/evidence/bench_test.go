package evidence_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/pgtest"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify"
)

var alone = flag.String("alone", "", "data directory of an installation of which TestAlone makes a package, and nothing else")

// BenchmarkPackage10k makes the package of 10,000 communications in 5,000
// cases, half of them answered and approved, every mail of 5 kB, raw content
// included, in a process of its own. It reports seconds, the most memory that
// the process had, and how large the package is.
func BenchmarkPackage10k(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB, string) string{
		"sqlite":   func(_ testing.TB, dir string) string { return filepath.Join(dir, "countersign.db") },
		"postgres": func(t testing.TB, _ string) string { return pgtest.DSN(t) },
	} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			where := dsn(b, dir)
			o := furnish(b, dbtest.Open(b, dir, where, kinds(), nil))
			o.fill(5000)
			o.must(os.WriteFile(filepath.Join(dir, "dsn"), []byte(where), 0o600))
			most, cpu := 0.0, 0.0
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestAlone$", "-test.count=1", "-alone", dir)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
				status, err := os.ReadFile(filepath.Join(dir, "status"))
				o.must(err)
				most = max(most, peak(b, string(status)))
			}
			b.ReportMetric(cpu/float64(b.N), "cpu-s/package")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/package")
			b.ReportMetric(most, "peak-MB")
			s, err := verify.Package(context.Background(), filepath.Join(dir, "package.zip"), verify.Options{Key: o.VerifierKey()})
			o.must(err)
			b.ReportMetric(float64(s.Bytes)/1e6, "package-MB")
			b.ReportMetric(float64(s.Count), "entries")
		})
	}
}

// TestAlone is the process of BenchmarkPackage10k.
func TestAlone(t *testing.T) {
	if *alone == "" {
		t.Skip("is run by BenchmarkPackage10k")
	}
	dsn, err := os.ReadFile(filepath.Join(*alone, "dsn"))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{TB: t, Env: dbtest.Open(t, *alone, string(dsn), kinds(), nil)}
	o.desks()
	o.at(2026, 11, 3, 9, 0)
	out, err := os.Create(filepath.Join(*alone, "package.zip"))
	o.must(err)
	_, err = o.evidence.Build(t.Context(), ledger.System, q3, evidence.BuildOptions{WithRaw: true}, out, nil)
	o.must(err)
	o.must(out.Close())
	status, err := os.ReadFile("/proc/self/status") // Linux knows its peak
	o.must(err)
	o.must(os.WriteFile(filepath.Join(*alone, "status"), status, 0o600))
}

// peak returns the most resident memory of a process in megabytes.
func peak(t testing.TB, status string) float64 {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb / 1000
		}
	}
	t.Fatal("the system does not say how much memory a process had")
	return 0
}

// fill writes cases with two communications each over the period, as the
// desks leave them, without the cost of receiving.
func (o *office) fill(n int) {
	o.Helper()
	channels, err := o.channels.List(o.Context(), o.Ledger)
	o.must(err)
	set, err := o.policies.InForce(o.Context(), o.Ledger)
	o.must(err)
	var body bytes.Buffer
	for body.Len() < 5000 {
		fmt.Fprintf(&body, "Line %d of an ordinary mail.\r\n", body.Len()*7919%1000)
	}
	step := 90 * 24 * time.Hour / time.Duration(n)
	for i := range n {
		o.Clock.Set(q3.From.Add(time.Duration(i) * step))
		o.must(o.Write(o.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			now := tx.Now.UnixMicro()
			c := &intake.Case{Number: id.Number(2026, int64(i)+1), Subject: fmt.Sprintf("Question %d about the report", i), State: intake.Open, Category: "support", Urgency: "normal",
				Impact: 1 + i%4, Likelihood: 1 + i/4%4, Channel: channels[0].ID, ChannelKind: "email", Source: intake.FromSMTP, ReceivedAt: now, ClockFrom: now, UpdatedAt: now,
				ReporterName: "Rita Reporter", ReporterAddress: fmt.Sprintf("rita%d@example.com", i), Communications: 1, LastAt: now, Waiting: intake.WaitingUs, ClassifiedBy: "rules/1: support"}
			c.Severity = set.Severity.Severity(c.Impact, c.Likelihood)
			c.Reclock(set)
			if err := intake.Cases.Put(tx, c, ledger.Do("opened", "CC2.3", "CC7.3")); err != nil {
				return err
			}
			from := []mime.Address{{Name: c.ReporterName, Addr: c.ReporterAddress}}
			raw := append([]byte(fmt.Sprintf("From: %s\r\nSubject: %s\r\n\r\n", c.ReporterAddress, c.Subject)), body.Bytes()...)
			m := &intake.Communication{Case: c.ID, Number: c.Number, Seq: 1, Direction: intake.Inbound, Channel: c.Channel, Source: intake.FromSMTP, From: from,
				To: []mime.Address{{Addr: security}}, Subject: c.Subject, ReceivedAt: now, MessageID: fmt.Sprintf("%d@example.com", i), Text: body.String(),
				Raw: raw, RawSHA256: sum(raw), RawSize: int64(len(raw))}
			if err := intake.Communications.Put(tx, m, ledger.Do("received", "CC2.3")); err != nil {
				return err
			}
			return o.reply(tx, c, i)
		}))
	}
	o.at(2026, 11, 2, 9, 0)
}

// reply writes the second communication of a case: an answer with its
// approval, or a confirmation.
func (o *office) reply(tx *ledger.Tx, c *intake.Case, i int) error {
	now := tx.Now.UnixMicro()
	m := &intake.Communication{Channel: c.Channel, Source: intake.FromStaff, To: []mime.Address{{Addr: c.ReporterAddress}}, Subject: "Re: " + c.Subject, Text: "Thank you."}
	if i%2 == 1 {
		m.Auto = intake.Confirmation
		return intake.AppendOutbound(tx, c, m)
	}
	hash := sum([]byte(c.Number))
	r := &response.Response{Case: c.ID, Number: c.Number, Seq: 1, State: response.Draft, Channel: c.Channel, To: m.To, Subject: m.Subject, Text: m.Text,
		Authors: []string{o.ana.ID}, ContentHash: hash, CreatedAt: now, UpdatedAt: now}
	for _, act := range []string{"drafted", "submitted", "approved", "sending", "sent"} {
		tx.Actor = ledger.System
		switch act {
		case "submitted":
			r.State, r.SubmittedAt, r.Quorum, r.Roles, r.Rule = response.InReview, now, 1, []people.Role{people.Lead}, "everything else (approval/1)"
		case "approved":
			tx.Actor = ledger.Actor{ID: o.lea.ID, Role: string(people.Lead)}
			r.State, r.ApprovedAt = response.Approved, now
			r.Approvals = []response.Approval{{By: o.lea.ID, Role: "lead", At: now, ContentHash: hash}}
		case "sending":
			r.State, r.SentHash = response.Sending, hash
		case "sent":
			r.State, r.SentAt = response.Sent, now
		}
		if err := response.Responses.Put(tx, r, ledger.Do(act, "CC2.3")); err != nil {
			return err
		}
	}
	m.Author, m.Response = o.ana.ID, r.ID
	return intake.AppendOutbound(tx, c, m)
}
