package witness

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/verify/format"
)

// TestHostileRequests sends a witness what no log sends.
func TestHostileRequests(t *testing.T) {
	w := openWitness(t, t.TempDir())
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	register(t, w, good)
	ctx, stop := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, l) }()
	url := "http://" + l.Addr().String()
	endless := func() io.Reader { return io.LimitReader(zeros{}, 1<<30) }
	for _, tt := range []struct {
		name, method, path string
		body               io.Reader
		want               int
	}{
		{"not POST", "GET", "/add-checkpoint", nil, 405},
		{"another path", "POST", "/", nil, 404},
		{"a path below", "POST", "/add-checkpoint/x", nil, 404},
		{"below /witness", "POST", "/witness/add-checkpoint", strings.NewReader("x"), 400},
		{"below /witness twice", "POST", "/witness/witness/add-checkpoint", strings.NewReader("x"), 404},
		{"a gigabyte", "POST", "/add-checkpoint", endless(), 413},
		{"a gigabyte to the other", "POST", "/get-checkpoint", endless(), 413},
		{"a byte too many", "POST", "/add-checkpoint", strings.NewReader(strings.Repeat("x", maxBody+1)), 413},
		{"just not too many", "POST", "/add-checkpoint", strings.NewReader(strings.Repeat("x", maxBody)), 400},
		{"thousands of signatures", "POST", "/add-checkpoint", strings.NewReader(string(good.body(0, 1)) + strings.Repeat("— x y\n", 7000)), 400},
		{"thousands of extension lines", "POST", "/add-checkpoint", strings.NewReader("old 0\n\n" + string(good.sign(good.text(1)+strings.Repeat("x\n", 20000)))), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(ctx, tt.method, url+tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil { // the witness may hang up while we still send
				t.Skipf("hung up: %v", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("answered %s, want %d", resp.Status, tt.want)
			}
		})
	}
	t.Run("headers without end", func(t *testing.T) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() {
			io.WriteString(c, "POST /add-checkpoint HTTP/1.1\r\n")
			for {
				if _, err := fmt.Fprintf(c, "X: %s\r\n", strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}()
		line, err := bufio.NewReader(c).ReadString('\n')
		if err == nil && !strings.Contains(line, " 431 ") {
			t.Errorf("answered %q", line)
		}
	})
	stop()
	if err := <-served; err != nil {
		t.Errorf("served: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestTooManyRequests: bodies that do not come take up places, not memory, and
// there is an answer when all are taken.
func TestTooManyRequests(t *testing.T) {
	w := openWitness(t, t.TempDir())
	w.busy = make(chan struct{}, 1)
	server := httptest.NewServer(w)
	defer server.Close()
	body, dribble := io.Pipe()
	first := make(chan error, 1)
	go func() {
		resp, err := http.Post(server.URL+"/add-checkpoint", "text/plain", body)
		if err == nil {
			resp.Body.Close()
		}
		first <- err
	}()
	io.WriteString(dribble, "old ")
	for len(w.busy) == 0 {
		runtime.Gosched()
	}
	if status, _, answer := post(t, server.URL+"/add-checkpoint", nil); status != 503 {
		t.Errorf("answered %d %q", status, answer)
	}
	dribble.Close()
	<-first
	if status, _, answer := post(t, server.URL+"/add-checkpoint", nil); status != 400 {
		t.Errorf("answered %d %q", status, answer)
	}
}

// TestBodyDeadline: a body that drips is given up, also where the server around
// the handler has no deadline.
func TestBodyDeadline(t *testing.T) {
	w := openWitness(t, t.TempDir())
	var deadline time.Time
	r := httptest.NewRequest("POST", "/add-checkpoint", strings.NewReader("old 0"))
	w.ServeHTTP(deadlines{httptest.NewRecorder(), &deadline}, r)
	if left := deadline.Sub(clock.System()); left > bodyTime || left < -time.Hour {
		t.Errorf("the body may take %s", left)
	}
}

// deadlines is an http.ResponseWriter that notes the read deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	at *time.Time
}

func (d deadlines) SetReadDeadline(t time.Time) error { *d.at = t; return nil }

// TestHostileWitness has a client ask a witness that answers with anything but
// what it should.
func TestHostileWitness(t *testing.T) {
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	signed, text := good.at(20), []byte(good.text(20))
	private := ed25519.NewKeyFromSeed(seed[:])
	key, _ := format.NewWitnessKey("witness.example/w1", private.Public().(ed25519.PublicKey))
	another := ed25519.NewKeyFromSeed(make([]byte, 32))
	anotherKey, _ := format.NewWitnessKey("witness.example/w1", another.Public().(ed25519.PublicKey))
	right := cosign(key, private, text, start.Unix())
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, right) }))
	defer elsewhere.Close()
	say := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	size := func(s string) http.HandlerFunc { return say(409, sizeType, s) }
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		says   string // of the error, "" where all is well
	}{
		{"as it should", say(200, "text/plain", right), ""},
		{"and lines of others", say(200, "", "— x.example AAAA\nrubbish\n"+cosign(anotherKey, another, text, start.Unix())+right), ""},
		{"and a second of its own", say(200, "", right+cosign(key, private, text, start.Unix()+1)), ""},
		{"nothing", say(200, "", ""), "no cosignature"},
		{"no content", say(204, "", ""), "refused with 204"},
		{"rubbish", say(200, "", "<html>\x00\xff hello"), "no cosignature"},
		{"signature of another key", say(200, "", cosign(anotherKey, another, text, start.Unix())), "no cosignature"},
		{"wrong signature", say(200, "", cosign(key, another, text, start.Unix())), "of \"witness.example/w1\" is wrong"},
		{"signature of another checkpoint", say(200, "", cosign(key, private, []byte(good.text(21)), start.Unix())), "of \"witness.example/w1\" is wrong"},
		{"a wrong and a right one", say(200, "", cosign(key, another, text, start.Unix())+right), "of \"witness.example/w1\" is wrong"},
		{"a right and a wrong one", say(200, "", right+cosign(key, another, text, start.Unix())), "of \"witness.example/w1\" is wrong"},
		{"a short one", say(200, "", "— witness.example/w1 "+right[len("— witness.example/w1 "):][:8]+"\n"), "has a wrong length"},
		{"a right one with a bad end", say(200, "", strings.TrimSuffix(right, "\n")+" \n"), "no cosignature"},
		{"a time in the far future", say(200, "", cosign(key, private, text, start.Unix()+86400)), "is dated 2026-09-16"},
		{"a time in the far past", say(200, "", cosign(key, private, text, 0)), "is dated 1970"},
		{"a time beyond 63 bits", say(200, "", cosign(key, private, text, -1)), "of \"witness.example/w1\" is wrong"},
		{"a time at the end of time", say(200, "", cosign(key, private, text, 1<<62)), "is dated"},
		{"larger", size("4000\n"), "last cosigned a tree of 4000"},
		{"smaller", size("7\n"), "last cosigned a tree of 7"},
		{"negative size", size("-7\n"), "no size"},
		{"not a number", size("seven\n"), "no size"},
		{"size beyond 63 bits", size("9223372036854775808\n"), "no size"},
		{"size with zeros", size("007\n"), "no size"},
		{"size without end", size("7"), "no size"},
		{"two sizes", size("7\n8\n"), "no size"},
		{"size of another type", say(409, "text/plain", "7\n"), "refused with 409: 7"},
		{"reason with controls", say(403, "", "no\x1b[2J\nway"+strings.Repeat("x", 5000)), "refused with 403: no [2J way"},
		{"error", say(500, "", ""), "no reason given"},
		{"redirect to a right answer", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "refused with 307"},
		{"a body of a gigabyte", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, right)
			io.Copy(w, io.LimitReader(zeros{}, 1<<30))
		}, "longer than"},
		{"an error of a gigabyte", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(409)
			io.Copy(w, io.LimitReader(zeros{}, 1<<30))
		}, "longer than"},
		{"headers of a megabyte", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			io.WriteString(w, right)
		}, "ask witness"},
		{"never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline exceeded"},
		{"a slow drip", func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-r.Context().Done():
					return
				case <-tick.C:
					io.WriteString(w, "— x.example AAAA\n")
					w.(http.Flusher).Flush()
				}
			}
		}, "deadline exceeded"},
		{"less than promised", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, right)
		}, "unexpected EOF"},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
				tt.answer(w, r)
			}))
			defer server.Close()
			c := client(t, key, server.URL+"/path/")
			if strings.Contains(tt.says, "deadline") {
				c.Limit = 150 * time.Millisecond
			}
			got, err := c.Add(t.Context(), 10, good.proof(10, 20), signed)
			switch {
			case tt.says == "" && (err != nil || got.Line != right || !got.Time.Equal(start)):
				t.Errorf("%+v, %v", got, err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || got != Cosignature{}):
				t.Errorf("%+v, %v; want an error with %q", got, err, tt.says)
			case err != nil && len(err.Error()) > 400:
				t.Errorf("the reason has %d bytes", len(err.Error()))
			}
		})
	}
}

func client(t testing.TB, key format.WitnessKey, url string) *Client {
	t.Helper()
	c, err := NewClient(format.PolicyWitness{Name: "ours", Key: key, URL: url})
	if err != nil {
		t.Fatal(err)
	}
	c.Clock = clock.NewSet(start).Now
	return c
}

func TestNewClient(t *testing.T) {
	key, _ := format.NewWitnessKey("w", make([]byte, 32))
	for _, url := range []string{"", "witness.example", "ftp://witness.example", "https://", "https://w.example/?x=1", "https://w.example/#x", "https://w example"} {
		if _, err := NewClient(format.PolicyWitness{Name: "w", Key: key, URL: url}); err == nil {
			t.Errorf("%q is the address of a witness", url)
		}
	}
}

// TestLatest: what the witness shows is bounded like everything else.
func TestLatest(t *testing.T) {
	w := openWitness(t, t.TempDir())
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	register(t, w, good)
	server := httptest.NewServer(w)
	defer server.Close()
	c := client(t, w.Key(), server.URL+"/witness")
	if _, err := c.Latest(t.Context(), good.at(1)); status(err) != 404 {
		t.Errorf("before the first: %v", err)
	}
	cosignature, err := c.Add(t.Context(), 0, nil, good.at(20))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Latest(t.Context(), good.at(1))
	if err != nil || string(got) != string(good.at(20))+cosignature.Line {
		t.Errorf("%q, %v", got, err)
	}
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, io.LimitReader(zeros{}, 1<<30)) }))
	defer huge.Close()
	if got, err := client(t, w.Key(), huge.URL).Latest(t.Context(), good.at(1)); err == nil || got != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
