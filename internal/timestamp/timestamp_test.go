package timestamp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/testenv"
	"example.org/countersign/verify/format"
)

// bureau is a time stamp authority behind a real HTTP server.
type bureau struct {
	*httptest.Server
	root, signer *party
	asked        atomic.Int64
	answer       atomic.Value // func(http.ResponseWriter, query): how it answers
}

// answers says how it answers from now on.
func (b *bureau) answers(f func(http.ResponseWriter, query)) { b.answer.Store(f) }

func newBureau(t *testing.T) *bureau {
	t.Helper()
	b := &bureau{root: certify(t, "Root", nil, ecKey(t), nil)}
	b.signer = certify(t, "Authority", b.root, ecKey(t), usages(true, forStamps))
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		body, err := io.ReadAll(r.Body)
		var q query
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" || format.ReadDER(body, &q, "") != nil ||
			q.Version != 1 || !q.CertReq || q.Nonce.Sign() <= 0 {
			http.Error(w, "what is this?", http.StatusBadRequest)
			return
		}
		b.answer.Load().(func(http.ResponseWriter, query))(w, q)
	}))
	t.Cleanup(b.Close)
	return b
}

// gives is an answer with a body of the right type.
func gives(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/timestamp-reply")
	w.Write(body)
}

// stamps answers as it should, but for what change does.
func (b *bureau) stamps(t *testing.T, at func() time.Time, change func(*forgery)) func(http.ResponseWriter, query) {
	return func(w http.ResponseWriter, q query) {
		f := forgery{signer: b.signer, nonce: q.Nonce, at: at(), says: func(s *format.TSTInfo) { s.Imprint = q.Imprint }}
		if change != nil {
			change(&f)
		}
		gives(w, granted(f.make(t, nil)))
	}
}

func each(t *testing.T, f func(t *testing.T, e *dbtest.Env, b *bureau, d *Desk)) {
	dbtest.Each(t, append(Records(), jobs.Records()...), nil, func(t *testing.T, e *dbtest.Env) {
		b := newBureau(t)
		b.answers(b.stamps(t, e.Clock.Now, nil))
		d, err := New(e.Ledger, Options{URL: b.URL + "/tsr", Roots: b.root.pool()})
		if err != nil {
			t.Fatal(err)
		}
		f(t, e, b, d)
	})
}

// publish makes an entry and publishes the log.
func publish(t *testing.T, e *dbtest.Env) ledger.Checkpoint {
	t.Helper()
	err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return jobs.DeadLetters.Put(tx, &jobs.Dead{Kind: "test", Key: "x", State: jobs.Dismissed}, ledger.Do("raised", "CC7.2"))
	})
	if err != nil {
		t.Fatal(err)
	}
	cp, err := e.Publish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cp
}

// The log is stamped once a day, whatever the number of nodes, over what was
// published then.
func TestDaily(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *bureau, d *Desk) {
		nodes := []*jobs.Runner{jobs.New(e.Ledger, d.Handlers(), nil), jobs.New(e.Ledger, d.Handlers(), nil)}
		run := func(want int64) {
			t.Helper()
			before := b.asked.Load()
			ended := make(chan error, len(nodes))
			for _, r := range nodes {
				go func() {
					err := d.Schedule(t.Context())
					if err == nil {
						_, err = r.RunDue(t.Context())
					}
					ended <- err
				}()
			}
			for range nodes {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			if got := b.asked.Load() - before; got != want {
				t.Errorf("the authority was asked %d times, want %d", got, want)
			}
		}
		run(0) // nothing was published yet
		var want []ledger.Checkpoint
		for range 2 {
			want = append(want, publish(t, e))
			run(1)
			run(0)
			e.Clock.Advance(15 * time.Hour) // to 00:30 of the next day, before it is due
			run(0)
			e.Clock.Advance(9 * time.Hour)
		}
		all, err := d.List(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%d stamps are kept, %v", len(all), err)
		}
		for i, s := range all {
			cp := want[1-i]
			if s.Size != cp.Size || s.Checkpoint != string(cp.Signed) || s.Authority != b.URL+"/tsr" || s.Signer != "CN=Authority" || s.Serial != "77" || s.Policy != "1.2.3.4.1" {
				t.Errorf("stamp %d: %+v", i, s)
			}
			if token, err := Verify(s.Token, []byte(s.Checkpoint), b.root.pool()); err != nil || token.Time.UnixMicro() != s.Time {
				t.Errorf("stamp %d: %+v, %v", i, token, err)
			}
		}
		one, err := d.Of(t.Context(), "2026-09-15")
		if err != nil || one.ID != all[1].ID || one.At != dbtest.Start.UnixMicro() {
			t.Errorf("the stamp of the first day: %+v, %v", one, err)
		}
		if _, err := d.Of(t.Context(), "yesterday"); err == nil {
			t.Error("there is a stamp of no day")
		}
		versions, err := Stamps.History(t.Context(), e, one.ID)
		if err != nil || len(versions) != 1 || versions[0].Entry.Act != "timestamp.obtained" {
			t.Errorf("history %+v, %v", versions, err)
		}
	})
}

// Where two nodes have asked for the same day, one answer is kept.
func TestTwice(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *bureau, d *Desk) {
		publish(t, e)
		job := jobs.Job{Key: "2026-09-15"}
		inner := b.stamps(t, e.Clock.Now, nil)
		b.answers(func(w http.ResponseWriter, q query) {
			b.answers(inner)
			if err := d.Handle(t.Context(), job); err != nil { // the other node, meanwhile
				t.Error(err)
			}
			inner(w, q)
		})
		for range 2 {
			if err := d.Handle(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
		if all, err := d.List(t.Context()); err != nil || len(all) != 1 || b.asked.Load() != 2 {
			t.Errorf("%d stamps are kept of %d, %v", len(all), b.asked.Load(), err)
		}
	})
}

// Whatever an authority does, nothing of it is kept, the error says what it
// was, people see it, and the next attempt may succeed.
func TestHostile(t *testing.T) {
	refusal := func(bit int) []byte {
		fail := asn1.BitString{Bytes: make([]byte, 4), BitLength: 32}
		fail.Bytes[bit/8] |= 0x80 >> (bit % 8)
		type status struct {
			Status int
			Text   []string
			Fail   asn1.BitString
		}
		return marshal(struct{ Status status }{status{2, []string{"go\naway"}, fail}})
	}
	dbtest.Each(t, append(Records(), jobs.Records()...), nil, func(t *testing.T, e *dbtest.Env) {
		b := newBureau(t)
		d, err := New(e.Ledger, Options{URL: b.URL + "/tsr?key=secret", Roots: b.root.pool()})
		if err != nil {
			t.Fatal(err)
		}
		d.authority.limit = 2 * time.Second
		publish(t, e)
		other := newBureau(t)
		stamps := func(change func(*forgery)) func(http.ResponseWriter, query) { return b.stamps(t, e.Clock.Now, change) }
		body := func(body []byte) func(http.ResponseWriter, query) {
			return func(w http.ResponseWriter, _ query) { gives(w, body) }
		}
		tests := []struct {
			name   string
			answer func(http.ResponseWriter, query)
			want   string
		}{
			{"no nonce", stamps(func(f *forgery) { f.nonce = nil }), "answers another request"},
			{"other nonce", stamps(func(f *forgery) { f.nonce = big.NewInt(1) }), "answers another request"},
			{"other imprint", stamps(func(f *forgery) { f.says = nil }), "over something else"},
			{"untrusted", stamps(func(f *forgery) { f.signer = other.signer }), "not trusted"},
			{"early", stamps(func(f *forgery) { f.at = e.Clock.Now().Add(-11 * time.Minute) }), "it is dated 2026-09-15T09:19:00Z, and it is 2026-09-15T09:30:00Z"},
			{"late", stamps(func(f *forgery) { f.at = e.Clock.Now().Add(11 * time.Minute) }), "it is dated"},
			{"refused", body(refusal(15)), "status 2: go away; the policy is not supported"},
			{"waiting", body(marshal(struct{ Status struct{ Status int } }{struct{ Status int }{3}})), "status 3: no reason given"},
			{"no token", body(marshal(struct{ Status struct{ Status int } }{})), "has no token"},
			{"empty", body(nil), "no time stamp reply"},
			{"garbage", body([]byte("<html>sign in</html>")), "no time stamp reply"},
			{"cut tag", body([]byte{0x1f, 0x80}), "no time stamp reply"},
			{"deep", body(bytes.Repeat([]byte{0x30, 0x80}, 30000)), "no time stamp reply"},
			{"huge", func(w http.ResponseWriter, _ query) {
				w.Header().Set("Content-Type", "application/timestamp-reply")
				for range 1000 {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						return
					}
				}
			}, "longer than 65536 bytes"},
			{"page", func(w http.ResponseWriter, _ query) { fmt.Fprint(w, "welcome\x1b[2J") }, "but 200: welcome [2J"},
			{"error", func(w http.ResponseWriter, _ query) { http.Error(w, "later", http.StatusServiceUnavailable) }, "but 503: later"},
			{"elsewhere", func(w http.ResponseWriter, _ query) {
				w.Header().Set("Location", other.URL)
				w.WriteHeader(http.StatusTemporaryRedirect)
			}, "but 307"},
			{"cut", func(http.ResponseWriter, query) { panic(http.ErrAbortHandler) }, "EOF"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				b.answers(tt.answer)
				err := d.Handle(t.Context(), jobs.Job{Key: "2026-09-15"})
				wantError(t, err, tt.want)
				wantError(t, err, "time stamp of "+b.URL+"/tsr: ")
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows the address: %v", err)
				}
			})
		}
		if n := other.asked.Load(); n != 0 {
			t.Errorf("a redirection was followed %d times", n)
		}
		t.Run("shown and mended", func(t *testing.T) {
			b.answers(body(refusal(14)))
			r := jobs.New(e.Ledger, d.Handlers(), nil)
			for _, err := range []error{d.Schedule(t.Context()), func() error { _, err := r.RunDue(t.Context()); return err }()} {
				if err != nil {
					t.Fatal(err)
				}
			}
			waiting, err := r.Waiting(t.Context(), 10)
			if err != nil || len(waiting) != 1 || !strings.Contains(waiting[0].Error, "its source of time is not available") {
				t.Errorf("people see %+v, %v", waiting, err)
			}
			b.answers(stamps(nil))
			e.Clock.Advance(time.Minute)
			if _, err := r.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if all, err := d.List(t.Context()); err != nil || len(all) != 1 {
				t.Errorf("%d stamps are kept, %v", len(all), err)
			}
		})
	})
}

// An authority that does not answer is given up.
func TestSilent(t *testing.T) {
	released := make(chan struct{})
	b := newBureau(t)
	t.Cleanup(func() { close(released) }) // before the server closes, which waits
	b.answers(func(http.ResponseWriter, query) { <-released })
	a, err := newAuthority(b.URL, b.root.pool())
	if err != nil {
		t.Fatal(err)
	}
	a.limit = 50 * time.Millisecond
	_, _, err = a.stamp(t.Context(), []byte("x"))
	wantError(t, err, "deadline exceeded")
}

// TestOptions refuses addresses and certificates that cannot be meant.
func TestOptions(t *testing.T) {
	for address, want := range map[string]string{
		"https://timestamp.example/tsr?x=1":  "",
		"http://user:word@timestamp.example": "",
		"timestamp.example":                  "want the address of an authority",
		"ftp://timestamp.example":            "want the address of an authority",
		"https://":                           "want the address of an authority",
		"https://timestamp.example#x":        "want the address of an authority",
	} {
		_, err := New(nil, Options{URL: address})
		wantError(t, err, want)
		if kind, _ := fault.Of(err); want != "" && kind != fault.Invalid {
			t.Errorf("%s: fault %v", address, kind)
		}
	}
	d, err := New(nil, Options{})
	if err != nil || d.Handlers() != nil || d.Schedule(t.Context()) != nil {
		t.Errorf("without an address: %+v, %v", d, err)
	}
	dir := t.TempDir()
	file := func(text []byte) string {
		name := filepath.Join(dir, "roots.pem")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, tt := range []struct{ name, file, want string }{
		{"certificate", file(certify(t, "Root", nil, ecKey(t), nil).pem()), ""},
		{"none named", "", ""},
		{"not there", filepath.Join(dir, "none.pem"), "no such file"},
	} {
		pool, err := Roots(tt.file)
		wantError(t, err, tt.want)
		if (pool == nil) != (tt.name != "certificate") {
			t.Errorf("%s: %v", tt.name, pool)
		}
	}
	_, err = Roots(file([]byte("no certificate\n")))
	wantError(t, err, "no certificate in PEM form")
}

// clerk is the openssl command as an authority, in a directory of its own.
func clerk(t *testing.T, b *bureau, dir string) func(http.ResponseWriter, query) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(b.signer.key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string][]byte{"signer.pem": b.signer.pem(), "key.pem": pemOf("PRIVATE KEY", key), "serial": []byte("01\n"), "authority.pem": b.root.pem(),
		"ts.cnf": []byte("[tsa]\nserial = serial\nsigner_cert = signer.pem\ncerts = authority.pem\nsigner_key = key.pem\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n" +
			"digests = sha256\naccuracy = secs:1, millisecs:500\nclock_precision_digits = 3\nordering = yes\ntsa_name = yes\ness_cert_id_chain = yes\n")})
	return func(w http.ResponseWriter, q query) {
		write(t, dir, map[string][]byte{"query.tsq": marshal(q)})
		if out, err := shell(t, dir, "openssl ts -reply -config ts.cnf -section tsa -queryfile query.tsq -out reply.tsr"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		b, err := os.ReadFile(filepath.Join(dir, "reply.tsr"))
		if err != nil {
			t.Error(err)
		}
		gives(w, b)
	}
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func shell(t *testing.T, dir, command string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

var documented = regexp.MustCompile(`(?m)^openssl ts .*$`)

// TestOpenSSL has openssl stamp the log, and has it check what we keep by the
// commands that auditors are told.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		testenv.Absent(t, "the openssl command is not there: apt-get install openssl")
	}
	guide, err := os.ReadFile("../../docs/auditors/timestamps.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := documented.FindAllString(string(guide), -1)
	if len(commands) != 4 { // the last is for a package, and a test of those
		t.Fatalf("the guide has the commands %q", commands)
	}
	verify, show, later := commands[0], commands[1], commands[2]
	each(t, func(t *testing.T, e *dbtest.Env, b *bureau, d *Desk) {
		dir := t.TempDir()
		b.answers(clerk(t, b, dir))
		e.Clock.Set(clock.System.Now()) // the one that openssl has
		publish(t, e)
		key := e.Clock.Now().Format(time.DateOnly)
		if err := d.Handle(t.Context(), jobs.Job{Key: key}); err != nil {
			t.Fatal(err)
		}
		s, err := d.Of(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		check := func(command string, token, checkpoint []byte) (string, error) {
			write(t, dir, map[string][]byte{"token.der": token, "checkpoint.txt": checkpoint})
			return shell(t, dir, command)
		}
		for _, command := range []string{verify, strings.Replace(later, "DATE", "'2100-01-01 00:00:00 UTC'", 1)} {
			if out, err := check(command, s.Token, []byte(s.Checkpoint)); err != nil || !strings.Contains(out, "Verification: OK") {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
		if out, err := check(strings.Replace(later, "DATE", "'2121-01-01 00:00:00 UTC'", 1), s.Token, []byte(s.Checkpoint)); err == nil {
			t.Errorf("a certificate that has expired is taken: %s", out)
		}
		stamped := time.UnixMicro(s.Time).UTC()
		if out, err := check(show, s.Token, nil); err != nil || !strings.Contains(out, stamped.Format("Jan _2 15:04:05")) || !strings.Contains(out, "Policy OID: tsa_policy1") && !strings.Contains(out, "1.2.3.4.1") {
			t.Errorf("%s, stamped %s: %v\n%s", show, stamped, err, out)
		}
		if out, err := check(verify, s.Token, append([]byte(s.Checkpoint), '\n')); err == nil || !strings.Contains(out, "FAILED") {
			t.Errorf("an altered checkpoint is taken: %s", out)
		}
		digest := sha256.Sum256([]byte(s.Checkpoint))
		for what, at := range map[string]int{"imprint": bytes.Index(s.Token, digest[:]), "time": bytes.Index(s.Token, []byte(stamped.Format("20060102150405"))) + 13,
			"kind": 12, "certificate": bytes.Index(s.Token, b.signer.cert.RawTBSCertificate) + 200, "signature": len(s.Token) - 1} {
			altered := bytes.Clone(s.Token)
			altered[at] ^= 1
			if _, err := Verify(altered, []byte(s.Checkpoint), b.root.pool()); err == nil {
				t.Errorf("a token whose %s is altered is taken", what)
			}
			if out, err := check(verify, altered, []byte(s.Checkpoint)); err == nil || !strings.Contains(out, "Verification: FAILED") && !strings.Contains(out, "error") {
				t.Errorf("openssl takes a token whose %s is altered: %v %s", what, err, out)
			}
		}
		// What we take of any authority, openssl takes too.
		forged := forgery{signer: b.signer, at: e.Clock.Now().Truncate(time.Second)}.make(t, []byte(s.Checkpoint))
		if _, err := Verify(forged, []byte(s.Checkpoint), b.root.pool()); err != nil {
			t.Error(err)
		}
		if out, err := check(verify, forged, []byte(s.Checkpoint)); err != nil {
			t.Errorf("a token of ours: %v\n%s", err, out)
		}
	})
}
