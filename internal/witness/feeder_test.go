package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// stage is a ledger whose published checkpoints a test makes up, signed with
// the ledger's own key, and its witnesses.
type stage struct {
	*dbtest.Env
	feeder    *Feeder
	log       *branch // what the ledger holds now
	size      int64   // of the newest published checkpoint
	before    func()  // runs once, when the newest checkpoint has been read
	witnesses []*Witness
	clients   []*Client
	answers   []http.Handler // instead of a witness, where not nil
	noProof   bool
}

func (s *stage) branch(t testing.TB, n, parted int64, name string) *branch {
	seed, err := s.Keys.Secret(t.Context(), "ledger-signing-seed")
	if err != nil {
		t.Fatal(err)
	}
	return newBranch(t, s.Origin(), seed, n, parted, name)
}

// majority is the policy of more than half.
func (s *stage) majority(t testing.TB) func(func(string) bool) bool {
	text, members := "", ""
	for _, c := range s.clients {
		text += fmt.Sprintf("witness %s %s %s\n", c.Name, c.Key, c.URL)
		members += " " + c.Name
	}
	p, err := format.ParsePolicy(fmt.Appendf(nil, "%sgroup majority %d%s\nquorum majority\n", text, len(s.clients)/2+1, members))
	if err != nil {
		t.Fatal(err)
	}
	return p.Met
}

func newStage(t testing.TB, e *dbtest.Env, witnesses int) *stage {
	t.Helper()
	s := &stage{Env: e, size: 10, answers: make([]http.Handler, witnesses)}
	s.log = s.branch(t, 60, 60, "")
	for i := range witnesses {
		w, err := Open(t.Context(), t.TempDir(), Options{Name: fmt.Sprint("witness.example/", i), Clock: e.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		register(t, w, s.log)
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if h := s.answers[i]; h != nil {
				h.ServeHTTP(rw, r)
				return
			}
			w.ServeHTTP(rw, r)
		}))
		t.Cleanup(server.Close)
		c := client(t, w.Key(), server.URL)
		c.Name, c.Clock = fmt.Sprint("w", i), e.Clock.Now
		s.witnesses, s.clients = append(s.witnesses, w), append(s.clients, c)
	}
	s.feeder = NewFeeder(e.Ledger, Source{
		Head: func(context.Context) (ledger.Checkpoint, error) {
			signed := s.log.at(s.size)
			c, err := parseCheckpoint(signed)
			if f := s.before; f != nil {
				s.before = nil
				f()
			}
			return ledger.Checkpoint{Size: c.Size, Root: c.Root, Signed: signed}, err
		},
		Proof: func(_ context.Context, to ledger.Checkpoint, size int64) ([]format.Hash, error) {
			if s.noProof {
				return nil, errors.New("no tiles")
			}
			return s.log.proof(size, to.Size), nil
		},
		Witnesses: s.clients, Quorum: s.majority(t),
	}, nil)
	return s
}

func (s *stage) round(t testing.TB) *Verdict {
	t.Helper()
	v, err := s.feeder.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// answer is a witness that always says this.
func answer(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})
}

// claim is a witness that says it has seen more, and shows this for it.
func claim(size int64, shows []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/add-checkpoint":
			answer(409, sizeType, fmt.Sprintln(size)).ServeHTTP(w, r)
		case shows == nil:
			http.NotFound(w, r)
		default:
			w.Write(shows)
		}
	})
}

// TestRound: checkpoints are cosigned as the log grows, kept, and become
// witnessed when enough witnesses have them.
func TestRound(t *testing.T) {
	dbtest.Each(t, nil, nil, func(t *testing.T, e *dbtest.Env) {
		s := newStage(t, e, 3)
		if seal, err := s.feeder.Seal(t.Context(), 1); seal != nil || err != nil {
			t.Fatalf("before the first round: %+v, %v", seal, err)
		}
		v := s.round(t)
		if v.Size != 10 || !v.Quorum || v.Rollback != nil {
			t.Fatalf("%+v", v)
		}
		seal, err := s.feeder.Seal(t.Context(), 10)
		if err != nil || seal.Size != 10 || len(seal.Witnesses) != 3 || !seal.Met.Equal(dbtest.Start) {
			t.Fatalf("%+v, %v", seal, err)
		}
		cp, err := parseCheckpoint(seal.Checkpoint)
		own, _ := note.NewVerifier(e.VerifierKey())
		if err != nil || cp.verify(own) != nil {
			t.Fatalf("the witnessed checkpoint is not ours: %v\n%s", err, seal.Checkpoint)
		}
		for i, w := range seal.Witnesses {
			c := s.clients[i]
			if found, err := find(c.Key, cp.text, cp.lines); err != nil || found.Time.Unix() != w.At || w.Name != c.Name || w.Key != c.Key.String() {
				t.Errorf("%+v, %v", w, err)
			}
		}

		// One away: still enough. Two away: not.
		s.answers[2] = answer(500, "", "mending")
		s.size = 20
		e.Clock.Advance(time.Minute)
		if v := s.round(t); !v.Quorum || v.Outcomes[2].Err == nil || v.Outcomes[1].Err != nil {
			t.Errorf("%+v", v)
		}
		s.answers[1] = answer(200, "", "hello")
		s.size = 30
		e.Clock.Advance(time.Minute)
		if v := s.round(t); v.Quorum || v.Rollback != nil {
			t.Errorf("%+v", v)
		}
		if seal, err := s.feeder.Seal(t.Context(), 21); seal != nil || err != nil {
			t.Errorf("entry 20 is witnessed: %+v, %v", seal, err)
		}
		states, err := s.feeder.States(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []State{{Size: 30}, {Size: 20, Error: "no cosignature"}, {Size: 10, Error: "mending"}} {
			got := states[i]
			if got.Witness != s.clients[i].Name || got.Size != want.Size || (got.Error == "") != (want.Error == "") || !strings.Contains(got.Error, want.Error) || got.Failed.IsZero() != (want.Error == "") {
				t.Errorf("state %+v, want %+v", got, want)
			}
		}

		// Back again: the same checkpoint becomes witnessed, later, and the
		// first cosignatures stay.
		s.answers[1], s.answers[2] = nil, nil
		e.Clock.Advance(time.Minute)
		if v := s.round(t); !v.Quorum {
			t.Errorf("%+v", v)
		}
		seal, err = s.feeder.Seal(t.Context(), 21)
		if err != nil || seal.Size != 30 || len(seal.Witnesses) != 3 || !seal.Met.Equal(dbtest.Start.Add(3*time.Minute)) ||
			seal.Witnesses[0].At != dbtest.Start.Add(2*time.Minute).Unix() {
			t.Errorf("%+v, %v", seal, err)
		}
	})
}

// TestWitnessAtAnotherSize: a witness that is behind, or ahead because another
// node was faster, is followed and raises nothing.
func TestWitnessAtAnotherSize(t *testing.T) {
	dbtest.Each(t, nil, nil, func(t *testing.T, e *dbtest.Env) {
		s := newStage(t, e, 1)
		other := func(from, to int64) func() {
			return func() {
				if _, err := s.clients[0].Add(t.Context(), from, s.log.proof(from, to), s.log.at(to)); err != nil {
					t.Error(err)
				}
				s.size = max(s.size, to)
			}
		}
		s.before = other(0, 10)
		if v := s.round(t); v.Rollback != nil || v.Outcomes[0].Err != nil || v.Size != 10 {
			t.Errorf("another node submitted the same: %+v", v)
		}
		s.size = 12
		s.before = other(10, 30)
		v := s.round(t)
		if v.Rollback != nil || v.Outcomes[0].Err == nil || v.Outcomes[0].Claims != 0 || v.Size != 12 {
			t.Errorf("another node submitted more: %+v", v.Outcomes[0])
		}
		if v := s.round(t); v.Rollback != nil || !v.Quorum || v.Size != 30 {
			t.Errorf("in the next round: %+v", v)
		}
		// A witness that lost its database is fed from the beginning.
		if _, err := s.witnesses[0].store.db.Exec(`DELETE FROM state`); err != nil {
			t.Fatal(err)
		}
		s.size = 40
		if v := s.round(t); v.Rollback != nil || !v.Quorum || v.Size != 40 {
			t.Errorf("a witness that forgot: %+v", v)
		}
	})
}

// never is a witness that hears and does not answer.
var never = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
	<-r.Context().Done()
})

// TestRollback: what shows that our database was set back, and what does not.
func TestRollback(t *testing.T) {
	dbtest.Each(t, nil, nil, func(t *testing.T, e *dbtest.Env) {
		for _, tt := range []struct {
			name  string
			set   func(s *stage)
			seen  int64  // 0: no rollback
			who   string // all of them, or, where one's evidence is enough, one of them
			proof bool   // it carries evidence
		}{
			{"nothing wrong", func(s *stage) {}, 0, "", false},
			{"an old backup", func(s *stage) { s.size = 20 }, 30, "w0, w1, w2", true},
			{"an old backup, and witnesses that never answer", func(s *stage) {
				s.size = 20
				s.answers[0], s.answers[2] = never, never
			}, 30, "w1", true},
			{"an old backup, two witnesses away", func(s *stage) {
				s.size = 20
				s.answers[0], s.answers[2] = answer(500, "", ""), answer(200, "", "")
			}, 30, "w1", true},
			{"an old backup that went on", func(s *stage) { s.log, s.size = s.branch(t, 60, 20, "again"), 50 }, 30, "w0, w1, w2", true},
			{"an old backup that went on to the same size", func(s *stage) { s.log, s.size = s.branch(t, 60, 20, "again"), 30 }, 30, "w0, w1, w2", true},
			{"an old backup, and witnesses that do not show", func(s *stage) {
				s.size = 20
				s.answers[0], s.answers[1], s.answers[2] = claim(30, nil), claim(30, nil), answer(500, "", "")
			}, 30, "w0, w1", false},
			{"one claims", func(s *stage) { s.answers[0] = claim(1000, nil) }, 0, "", false},
			{"one claims the impossible", func(s *stage) { s.answers[0] = claim(1<<63-1, nil) }, 0, "", false},
			{"one claims, two are away", func(s *stage) {
				s.answers[0], s.answers[1], s.answers[2] = claim(1000, nil), answer(500, "", ""), answer(500, "", "")
			}, 0, "", false},
			{"one shows what it has not", func(s *stage) { s.answers[0] = claim(1000, s.log.at(25)) }, 0, "", false},
			{"two show what they have not", func(s *stage) {
				s.answers[0], s.answers[1] = claim(1000, s.log.at(25)), claim(1000, s.log.at(30))
			}, 0, "", false},
			{"one shows a forgery", func(s *stage) {
				forger := newBranch(t, e.Origin(), [32]byte{1}, 50, 50, "")
				s.answers[0] = claim(50, forger.at(50))
			}, 0, "", false},
			{"one shows a log of another name with our key", func(s *stage) {
				seed, _ := e.Keys.Secret(t.Context(), "ledger-signing-seed")
				s.answers[0] = claim(50, newBranch(t, "another.example", seed, 50, 50, "").at(50))
			}, 0, "", false},
			{"one shows our checkpoint with another size", func(s *stage) {
				s.answers[0] = claim(50, []byte(strings.Replace(string(s.log.at(30)), "\n30\n", "\n50\n", 1)))
			}, 0, "", false},
			{"one shows rubbish", func(s *stage) { s.answers[0] = claim(50, []byte("rubbish")) }, 0, "", false},
			{"one says that the proof is bad", func(s *stage) { s.answers[0] = answer(422, "", "no") }, 0, "", false},
			{"one says another size every time", func(s *stage) {
				var n atomic.Int64
				s.answers[0] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { claim(n.Add(1), nil).ServeHTTP(w, r) })
			}, 0, "", false},
			{"one says the same size every time", func(s *stage) { s.answers[0] = claim(30, nil) }, 0, "", false},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s := newStage(t, e, 3)
				s.size = 30
				if v := s.round(t); !v.Quorum || v.Rollback != nil {
					t.Fatalf("%+v", v)
				}
				tt.set(s)
				v, err := s.feeder.Round(t.Context())
				if v == nil {
					t.Fatal(err)
				}
				r := v.Rollback
				if (tt.seen == 0) != (r == nil) {
					t.Fatalf("rollback: %v", r)
				}
				if r == nil {
					return
				}
				for i, o := range v.Outcomes {
					if s.answers[i] != nil && errors.Is(o.Err, context.DeadlineExceeded) {
						t.Errorf("%s kept the others from being heard", o.Witness)
					}
				}
				who := strings.Join(r.Witnesses, ", ")
				if r.Seen != tt.seen || r.Size != s.size || who != tt.who && !(tt.proof && len(r.Witnesses) == 1 && strings.Contains(tt.who, who)) || (r.Evidence != nil) != tt.proof || r.Error() == "" {
					t.Errorf("%+v: %v", r, r)
				}
				if tt.proof {
					own, _ := note.NewVerifier(e.VerifierKey())
					if n, err := note.Open(r.Evidence, note.VerifierList(own)); err != nil || !strings.Contains(n.Text, "\n30\n") {
						t.Errorf("evidence %q, %v", r.Evidence, err)
					}
				}
			})
		}
	})
}

// TestQuorumThatNobodyHasToMeet: where no cosignature is demanded, claims
// prove nothing either.
func TestQuorumThatNobodyHasToMeet(t *testing.T) {
	dbtest.Each(t, nil, nil, func(t *testing.T, e *dbtest.Env) {
		s := newStage(t, e, 2)
		s.feeder.source.Quorum = func(func(string) bool) bool { return true }
		s.answers[0], s.answers[1] = claim(1000, nil), claim(1000, nil)
		if v := s.round(t); v.Rollback != nil || v.Outcomes[0].Claims != 1000 {
			t.Errorf("%+v", v)
		}
		// A quorum of any is met by one, yet one alone may lie.
		s.feeder.source.Quorum = func(witnessed func(string) bool) bool {
			return witnessed(s.clients[0].Key.String()) || witnessed(s.clients[1].Key.String())
		}
		if v := s.round(t); v.Rollback == nil {
			t.Error("two that claim are not enough")
		}
		s.answers[1] = nil
		if v := s.round(t); v.Rollback != nil {
			t.Error("one that claims is enough")
		}
	})
}

// TestOwnFaults: where our own ledger cannot say, there is an error and no
// verdict, and a witness that we have no proof for is left out.
func TestOwnFaults(t *testing.T) {
	dbtest.Each(t, nil, nil, func(t *testing.T, e *dbtest.Env) {
		s := newStage(t, e, 2)
		s.round(t)
		s.size, s.noProof = 20, true
		v := s.round(t)
		if v.Rollback != nil || v.Quorum || v.Outcomes[0].Err == nil || !strings.Contains(v.Outcomes[0].Err.Error(), "no tiles") {
			t.Errorf("%+v", v)
		}
		s.size = 10
		s.answers[0] = claim(30, s.log.at(5))
		if v, err := s.feeder.Round(t.Context()); err == nil || v != nil && v.Rollback != nil {
			t.Errorf("judged without a proof: %+v, %v", v, err)
		}
		s.noProof = false
		own := s.log
		s.log = newBranch(t, e.Origin(), [32]byte{1}, 50, 50, "")
		if _, err := s.feeder.Round(t.Context()); err == nil {
			t.Error("submitted what our key did not sign")
		}
		s.log = own
		s.feeder.source.Head = func(context.Context) (ledger.Checkpoint, error) { return ledger.Checkpoint{}, errors.New("no head") }
		if _, err := s.feeder.Round(t.Context()); err == nil {
			t.Error("a round without a checkpoint")
		}
	})
}

// TestRealLedger feeds what the ledger itself publishes, before and after a
// recovery, when it goes on under another name.
func TestRealLedger(t *testing.T) {
	dbtest.Each(t, jobs.Records(), nil, func(t *testing.T, e *dbtest.Env) {
		s := newStage(t, e, 2)
		s.feeder = NewFeeder(e.Ledger, Source{Head: e.Published, Proof: e.Consistency, Witnesses: s.clients, Quorum: s.majority(t)}, nil)
		grow := func(entries int) {
			t.Helper()
			err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
				for i := range entries {
					dead := &jobs.Dead{Kind: "x", Key: fmt.Sprint(i), State: jobs.Open, DiedAt: tx.Now.UnixMicro()}
					if err := jobs.DeadLetters.Put(tx, dead, ledger.Do("raised", "CC7.2")); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.feeder.Round(t.Context()); !isKind(err, fault.NotFound) {
			t.Errorf("nothing is published yet: %v", err)
		}
		for _, n := range []int{0, 1, 2, 300, 0} {
			grow(n)
			cp, err := e.Publish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if v := s.round(t); !v.Quorum || v.Size != cp.Size || v.Rollback != nil {
				t.Fatalf("%d entries: %+v", cp.Size, v)
			}
		}
		before := e.Origin()
		if err := e.Halt(t.Context(), "set back"); err != nil {
			t.Fatal(err)
		}
		v, err := s.feeder.Round(t.Context())
		if v == nil || v.Outcomes[0].Err != nil {
			t.Errorf("while sealing has stopped there is no verdict: %+v, %v", v, err)
		}
		if err := e.Resume(t.Context(), ledger.System, func(context.Context, *ledger.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Publish(t.Context()); err != nil || e.Origin() == before {
			t.Fatalf("after the recovery it is called %s, %v", e.Origin(), err)
		}
		if v := s.round(t); v.Quorum || v.Rollback != nil || status(v.Outcomes[0].Err) != http.StatusNotFound {
			t.Errorf("witnesses that do not know the new name: %+v", v)
		}
		if seal, err := s.feeder.Seal(t.Context(), 1); seal != nil || err != nil {
			t.Errorf("witnessed under the old name: %+v, %v", seal, err)
		}
		for _, w := range s.witnesses {
			if _, err := w.Register(t.Context(), e.VerifierKey()); err != nil {
				t.Fatal(err)
			}
		}
		if v := s.round(t); !v.Quorum || v.Rollback != nil {
			t.Errorf("under the new name: %+v", v)
		}
		if seal, err := s.feeder.Seal(t.Context(), 1); err != nil || seal == nil || seal.Size != 303 {
			t.Errorf("witnessed under the new name: %+v, %v", seal, err)
		}
	})
}

// BenchmarkWitnessed measures from a checkpoint to its being witnessed by two
// of two over loopback, with a durable commit at each witness and one of ours.
func BenchmarkWitnessed(b *testing.B) {
	dir := b.TempDir()
	e := dbtest.Open(b, dir, dir+"/countersign.db", nil, nil)
	s := newStage(b, e, 2)
	for _, w := range s.witnesses {
		w.pace.most = 1 << 30
	}
	s.log = s.branch(b, 4096, 4096, "")
	s.size = 0
	for b.Loop() {
		s.size = min(s.size+1, 4096)
		if v := s.round(b); !v.Quorum {
			b.Fatalf("%+v", v.Outcomes)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/witnessed")
}
