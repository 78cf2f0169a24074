package apptest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/channel/smtpd"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/pgtest"
	"example.org/countersign/internal/rules"
)

// BenchmarkRatioIntake prints the throughput of SMTP intake, whole path, over
// that of the same server that only parses and writes the raw file durably:
// mails of 5 kB over 16 connections.
func BenchmarkRatioIntake(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { ratioIntake(b, "") })
	b.Run("postgres", func(b *testing.B) { ratioIntake(b, pgtest.DSN(b)) })
}

func ratioIntake(b *testing.B, database string) {
	dir := b.TempDir()
	Prepare(b, app.Config{Data: dir, Database: database})
	a, err := app.Open(b.Context(), app.Config{Data: dir, Database: database})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	whole := listen(b, a.Receiver())
	files := b.TempDir()
	var n atomic.Int64
	raw := listen(b, smtpd.New(smtpd.Config{Accepts: func(context.Context, string) error { return nil }}, func(_ context.Context, _ smtpd.Envelope, r io.Reader) error {
		return keepFile(filepath.Join(files, fmt.Sprint(n.Add(1))), r)
	}, a.Config.Log))
	var ratios, rates []float64
	for range 5 {
		reference := mailRate(b, raw)
		ours := mailRate(b, whole)
		ratios, rates = append(ratios, ours/reference), append(rates, ours)
	}
	slices.Sort(ratios)
	slices.Sort(rates)
	b.ReportMetric(ratios[2], "of-raw")
	b.ReportMetric(rates[2], "mails/s")
	b.ReportMetric(0, "ns/op")
}

func listen(b *testing.B, s *smtpd.Server) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(ln)
	b.Cleanup(func() { s.Shutdown(context.Background()) })
	return ln.Addr().String()
}

// keepFile parses a mail and writes it to a file, durably: file and directory.
func keepFile(path string, r io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := mime.Parse(io.TeeReader(r, f), mime.Limits{}, nil); err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

var mailNumber atomic.Int64

// mailRate sends mails over 16 connections for a while and returns how many
// were taken in a second.
func mailRate(b *testing.B, addr string) float64 {
	const lasts = 2 * time.Second
	var wg sync.WaitGroup
	var total atomic.Int64
	begin := time.Now()
	for range 16 {
		wg.Go(func() {
			c, err := smtp.Dial(addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			for time.Since(begin) < lasts {
				n := mailNumber.Add(1)
				if err := c.Mail(fmt.Sprintf("p%d@sender.example", n)); err != nil {
					b.Error(err)
					return
				}
				if err := c.Rcpt(Channel); err != nil {
					b.Error(err)
					return
				}
				w, err := c.Data()
				if err != nil {
					b.Error(err)
					return
				}
				fmt.Fprintf(w, "From: Person %d <p%d@sender.example>\r\nTo: <%s>\r\nSubject: A question about invoice %d\r\nMessage-ID: <%d@sender.example>\r\nDate: Tue, 15 Sep 2026 09:30:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
					n, n, Channel, n, n, strings.Repeat("We have looked at the numbers of last month again and do not understand them.\r\n", 60))
				if err := w.Close(); err != nil {
					b.Error(err)
					return
				}
				total.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(total.Load()) / time.Since(begin).Seconds()
}

// BenchmarkRatioQueue prints the server's time for a page of the queue with a
// hundred thousand cases: the median over that with a hundred, the 99th
// percentile of the slowest of many views, and the first page of all, for which
// the server reads the whole queue. -v tells the views apart.
func BenchmarkRatioQueue(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { ratioQueue(b, "") })
	b.Run("postgres", func(b *testing.B) { ratioQueue(b, pgtest.DSN(b)) })
}

func ratioQueue(b *testing.B, database string) {
	cfg := app.Config{Data: b.TempDir(), Database: database, SignInLinks: true}
	Prepare(b, cfg)
	a, err := app.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	cookie := signedIn(b, a)
	fill(b, a, 0, 100)
	few := viewTimes(b, a, cookie)
	fill(b, a, 100, 100_000)
	a.Close()
	if a, err = app.Open(b.Context(), cfg); err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	first := pageTime(b, a, cookie, "")
	many := viewTimes(b, a, cookie)
	ratios := make([]float64, len(views))
	var slowest time.Duration
	for i, times := range many {
		p99 := times[len(times)*99/100]
		ratios[i] = float64(times[len(times)/2]) / float64(few[i][len(few[i])/2])
		slowest = max(slowest, p99)
		b.Logf("%-60s median %6.2f ms  p99 %6.2f ms", "/queue"+views[i], ms(times[len(times)/2]), ms(p99))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-100-cases")
	b.ReportMetric(ms(slowest), "p99-ms")
	b.ReportMetric(ms(first), "first-ms")
	b.ReportMetric(0, "ns/op")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// signedIn enrols a lead and returns the cookie of a session.
func signedIn(b *testing.B, a *app.App) *http.Cookie {
	ctx := b.Context()
	code, err := a.People.Bootstrap(ctx)
	if err != nil {
		b.Fatal(err)
	}
	root, err := a.People.Enrol(ctx, code, "Root", "root@example.com", "a password that is long enough")
	if err != nil {
		b.Fatal(err)
	}
	session := func(id string) (string, *people.Identity) {
		link, err := a.People.NewSignInLink(ctx, id)
		if err != nil {
			b.Fatal(err)
		}
		value, who, err := a.People.SignInLink(ctx, link, people.Client{})
		if err != nil {
			b.Fatal(err)
		}
		return value, who
	}
	_, admin := session(root.ID)
	code, lead, err := a.People.Invite(ctx, admin, "Lead", "lead@example.com", []people.Role{people.Lead})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := a.People.Enrol(ctx, code, "Lead", "lead@example.com", "another password that is long enough"); err != nil {
		b.Fatal(err)
	}
	link, err := a.People.NewSignInLink(ctx, lead.ID)
	if err != nil {
		b.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, a.Config.URL+"/sign-in/link", strings.NewReader("code="+link))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.Handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.HttpOnly && c.MaxAge >= 0 && c.Value != "" {
			return c
		}
	}
	b.Fatalf("signing in gave no cookie: %d", w.Code)
	return nil
}

// fill writes cases of many kinds, numbered from one to the other.
func fill(b *testing.B, a *app.App, from, to int) {
	const each = 50 // cases in one Write
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				begin := int(next.Add(each)) - each
				if begin >= to {
					return
				}
				if err := a.Ledger.Write(b.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
					for n := begin; n < min(begin+each, to); n++ {
						if err := intake.Cases.Put(tx, someCase(n), ledger.Do("opened", "CC2.3")); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// someCase returns the n-th of many cases: half of them open, few of them
// spam, one in a thousand about privacy, and so on.
func someCase(n int) *intake.Case {
	pick := func(of int, salt uint64) int { return int((uint64(n)*0x9e3779b97f4a7c15 + salt) >> 33 % uint64(of)) }
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 4 * time.Minute).UnixMicro()
	c := &intake.Case{Number: id.Number(2025, int64(n+1)), Subject: fmt.Sprintf("A question about invoice %d of last month", n), Channel: "mail", ChannelKind: "email",
		Source: intake.FromSMTP, ReceivedAt: at, ClockFrom: at, UpdatedAt: at, LastAt: at, Waiting: intake.WaitingUs, Communications: 1, Language: "en",
		ReporterName: fmt.Sprintf("Person %d", n), ReporterAddress: fmt.Sprintf("p%d@sender.example", n), ClassifiedBy: "rules/1: invoices",
		State:        []intake.State{intake.Open, intake.Open, intake.Answered, intake.Closed}[pick(4, 1)],
		Severity:     []rules.Severity{"", rules.Low, rules.Low, rules.Moderate, rules.High, rules.Critical}[pick(6, 2)],
		Category:     []rules.Category{rules.Support, rules.Billing, rules.Incident, ""}[pick(4, 3)],
		Assignee:     []string{"", "", "ann", "ben", "cem"}[pick(5, 4)],
		DueAt:        at + int64(pick(200, 5))*time.Hour.Microseconds(),
		RulesVersion: "rules/1", SLAVersion: "sla/1", SeverityVersion: "severity/1"}
	switch pick(100, 6) {
	case 0, 1, 2, 3:
		c.Disposition, c.DueAt = rules.Spam, 0
	case 4:
		c.Disposition, c.DueAt = rules.OutOfScope, 0
	}
	if pick(1000, 7) == 0 {
		c.Category = rules.Privacy
	}
	if c.State == intake.Answered {
		c.FirstResponseAt, c.Waiting = at+time.Hour.Microseconds(), intake.WaitingThem
	}
	return c
}

// views are pages of the queue: every order, every filter, frequent and rare.
// The last go far down; their places are those of someCase.
var views = []string{"", "?sort=newest", "?sort=severity", "?state=answered", "?state=closed", "?state=all", "?state=all&disposition=any&sort=newest", "?state=all&sort=severity",
	"?severity=low", "?severity=critical&sort=newest", "?severity=none&state=all", "?category=billing", "?category=privacy", "?state=all&category=privacy&sort=severity", "?category=none&state=all",
	"?assignee=none", "?assignee=ann&sort=severity", "?state=all&assignee=nobody-known", "?channel=mail&state=all", "?state=all&channel=nowhere", "?waiting=us", "?state=all&waiting=them",
	"?overdue=1", "?overdue=1&severity=critical&assignee=none", "?disposition=spam&state=all", "?state=all&disposition=out-of-scope&category=privacy", "?state=all&severity=critical&category=privacy&assignee=cem",
	"?after=1780000000000000.AAAAAAAAAAAAAAAAAAAAAA", "?sort=newest&state=all&after=-1770000000000000.AAAAAAAAAAAAAAAAAAAAAA", "?number=C-2025-000077"}

// viewTimes asks for every view many times and returns the server's times of
// each, the shortest first.
func viewTimes(b *testing.B, a *app.App, cookie *http.Cookie) [][]time.Duration {
	out := make([][]time.Duration, len(views))
	for range 100 {
		for i, query := range views {
			out[i] = append(out[i], pageTime(b, a, cookie, query))
		}
	}
	for _, times := range out {
		slices.Sort(times)
	}
	return out
}

// pageTime is the server's time for one page of the queue.
func pageTime(b *testing.B, a *app.App, cookie *http.Cookie, query string) time.Duration {
	r := httptest.NewRequest(http.MethodGet, a.Config.URL+"/queue"+query, nil)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	begin := time.Now()
	a.Handler.ServeHTTP(w, r)
	lasted := time.Since(begin)
	if w.Code != http.StatusOK && (w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/cases/")) {
		b.Fatalf("queue%s: %d to %s", query, w.Code, w.Header().Get("Location"))
	}
	return lasted
}
