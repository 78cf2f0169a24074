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
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/pgtest"
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
// hundred thousand cases over that with a hundred, and its 99th percentile.
func BenchmarkRatioQueue(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { ratioQueue(b, "") })
	b.Run("postgres", func(b *testing.B) { ratioQueue(b, pgtest.DSN(b)) })
}

func ratioQueue(b *testing.B, database string) {
	dir := b.TempDir()
	Prepare(b, app.Config{Data: dir, Database: database})
	a, err := app.Open(b.Context(), app.Config{Data: dir, Database: database, SignInLinks: true})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	cookie := signedIn(b, a)
	fill(b, a, 100)
	few := pageTimes(b, a, cookie)
	fill(b, a, 100_000)
	many := pageTimes(b, a, cookie)
	b.ReportMetric(float64(many[len(many)/2])/float64(few[len(few)/2]), "of-100-cases")
	b.ReportMetric(float64(many[len(many)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

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

// fill receives mails until there are so many cases.
func fill(b *testing.B, a *app.App, cases int64) {
	var have int64
	if _, err := a.Ledger.One(b.Context(), `SELECT COUNT(*) FROM casefile`, nil, &have); err != nil {
		b.Fatal(err)
	}
	next := atomic.Int64{}
	next.Store(have)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > cases {
					return
				}
				if _, err := a.Intake.Receive(b.Context(), intake.Incoming{Channel: Channel, Source: intake.FromSMTP, From: "<>",
					Raw: strings.NewReader(fmt.Sprintf("From: p%d@sender.example\r\nTo: %s\r\nSubject: Question %d\r\nMessage-ID: <q%d@sender.example>\r\n\r\nWhere is my invoice?\r\n", n, Channel, n, n))}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// pageTimes asks for pages of the queue and returns the server's times, the
// shortest first.
func pageTimes(b *testing.B, a *app.App, cookie *http.Cookie) []time.Duration {
	var times []time.Duration
	for i := range 300 {
		query := []string{"", "?sort=newest", "?severity=low", "?sort=severity", "?state=all&assignee=none"}[i%5]
		r := httptest.NewRequest(http.MethodGet, a.Config.URL+"/queue"+query, nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		begin := time.Now()
		a.Handler.ServeHTTP(w, r)
		times = append(times, time.Since(begin))
		if w.Code != http.StatusOK {
			b.Fatalf("queue%s: %d", query, w.Code)
		}
	}
	slices.Sort(times)
	return times
}
