package tiles_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/tiles"
	"example.org/countersign/verify/format"
)

const cookieName = "session"

// house is an installation whose log is served.
type house struct {
	*dbtest.Env
	t      *testing.T
	people *people.Desk
	closed http.Handler
	open   http.Handler
}

func each(t *testing.T, f func(*house)) {
	t.Helper()
	dbtest.Each(t, slices.Concat(jobs.Records(), people.Records()), nil, func(t *testing.T, e *dbtest.Env) {
		h := &house{Env: e, t: t}
		var err error
		h.people, err = people.New(t.Context(), e.Ledger, e.Keys, people.Options{SignInLinks: true})
		h.must(err)
		h.closed = tiles.New(e.Ledger, h.people, tiles.Options{Cookie: cookieName}, nil)
		h.open = tiles.New(e.Ledger, h.people, tiles.Options{Cookie: cookieName, Open: true}, nil)
		f(h)
	})
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// act makes n entries.
func (h *house) act(n int) {
	h.t.Helper()
	for done := 0; done < n; {
		h.must(h.Write(h.t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			for range min(100, n-done) {
				if err := jobs.DeadLetters.Put(tx, &jobs.Dead{Kind: "k", Key: "x", State: jobs.Open}, ledger.Do("raised", "CC7.2")); err != nil {
					return err
				}
				done++
			}
			return nil
		}))
	}
}

func (h *house) publish() ledger.Checkpoint {
	h.t.Helper()
	cp, err := h.Publish(h.t.Context())
	h.must(err)
	return cp
}

// hire makes somebody with a role, and returns a cookie and a token of theirs.
func (h *house) hire(admin *people.Identity, role people.Role) (cookie, token string) {
	h.t.Helper()
	ctx := h.t.Context()
	code, _, err := h.people.Invite(ctx, admin, string(role), string(role)+"@example.com", []people.Role{role})
	h.must(err)
	p, err := h.people.Enrol(ctx, code, "", "", password)
	h.must(err)
	return h.enter(p)
}

const password = "unrelated words make a good one"

func (h *house) enter(p *people.Person) (cookie, token string) {
	h.t.Helper()
	ctx := h.t.Context()
	code, err := h.people.NewSignInLink(ctx, p.ID)
	h.must(err)
	cookie, who, err := h.people.SignInLink(ctx, code, people.Client{})
	h.must(err)
	token, _, err = h.people.NewToken(ctx, who, "test", p.Roles, h.Now().Add(time.Hour), false)
	h.must(err)
	return cookie, token
}

// admin makes the first administrator.
func (h *house) admin() (who *people.Identity, cookie, token string) {
	h.t.Helper()
	ctx := h.t.Context()
	code, err := h.people.Bootstrap(ctx)
	h.must(err)
	p, err := h.people.Enrol(ctx, code, "Ada", "ada@example.com", password)
	h.must(err)
	cookie, token = h.enter(p)
	who, err = h.people.Session(ctx, cookie)
	h.must(err)
	return who, cookie, token
}

// get asks for a path; header has pairs.
func get(handler http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	return ask(handler, http.MethodGet, path, header...)
}

func ask(handler http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// TestTiles compares every tile of a published log with its entries, and
// looks that nothing beyond is there, though the log goes on.
func TestTiles(t *testing.T) {
	each(t, func(h *house) {
		_, token := h.hire(first(h.admin()), people.Auditor)
		h.act(600)
		cp := h.publish()
		h.act(200) // not published
		if w := get(h.open, "/ledger/checkpoint"); w.Body.String() != string(cp.Signed) || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("checkpoint: %d %s %q", w.Code, w.Header(), w.Body)
		}
		var leaves []byte
		for n := int64(0); n*256 < cp.Size; n++ {
			width := int(min(cp.Size-n*256, 256))
			leaves = append(leaves, h.entries(token, n, width)...)
		}
		tree := format.Tree{}
		for i := range cp.Size {
			tree.Append(format.Hash(leaves[i*32:]))
		}
		if tree.Root() != cp.Root {
			t.Fatal("the entries do not lead to the root")
		}
		for n := int64(0); n*256 < cp.Size; n++ {
			for width := 1; width <= 256; width++ {
				w := get(h.open, tile("0", n, width))
				if end := n*256 + int64(width); end > cp.Size {
					if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), fmt.Sprint(cp.Size)) {
						t.Fatalf("tile %d of width %d, beyond %d: %d %s", n, width, cp.Size, w.Code, w.Body)
					}
				} else if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), leaves[n*256*32:end*32]) {
					t.Fatalf("tile %d of width %d: %d", n, width, w.Code)
				}
			}
		}
		var upper []byte
		for n := range cp.Size / 256 {
			upper = append(upper, root(leaves[n*256*32:(n+1)*256*32])...)
		}
		if w := get(h.open, tile("1", 0, len(upper)/32)); w.Code != 200 || !bytes.Equal(w.Body.Bytes(), upper) {
			t.Errorf("tile of level 1: %d, %d bytes", w.Code, w.Body.Len())
		}
		for _, path := range []string{tile("1", 0, len(upper)/32+1), tile("1", 0, 256), tile("1", 1, 1), tile("2", 0, 1), tile("8", 0, 1), tile("63", 0, 1),
			tile("entries", cp.Size/256, int(cp.Size%256)+1), tile("entries", cp.Size/256, 256), tile("entries", cp.Size/256+1, 1)} {
			if w := get(h.open, path, "Authorization", "Bearer "+token); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d, though the log has %d entries", path, w.Code, cp.Size)
			}
		}
	})
}

func first(who *people.Identity, _, _ string) *people.Identity { return who }

// entries fetches an entry tile and returns the hashes of its entries.
func (h *house) entries(token string, n int64, width int) (leaves []byte) {
	h.t.Helper()
	w := get(h.closed, tile("entries", n, width), "Authorization", "Bearer "+token)
	if w.Code != 200 {
		h.t.Fatalf("entries %d: %d %s", n, w.Code, w.Body)
	}
	b := w.Body.Bytes()
	for len(b) > 0 {
		size := 2 + int(binary.BigEndian.Uint16(b))
		leaf := format.LeafHash(b[2:size])
		leaves = append(leaves, leaf[:]...)
		b = b[size:]
	}
	if len(leaves) != width*32 {
		h.t.Fatalf("entry tile %d has %d entries, want %d", n, len(leaves)/32, width)
	}
	return leaves
}

func root(hashes []byte) []byte {
	tree := format.Tree{}
	for i := 0; i < len(hashes); i += 32 {
		tree.Append(format.Hash(hashes[i:]))
	}
	r := tree.Root()
	return r[:]
}

// tile is the address of a tile.
func tile(level string, n int64, width int) string {
	path := fmt.Sprintf("/ledger/tile/%s/%s", level, tiles.Spell(n))
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}

// TestNothingYet asks before the first publication, and of an empty log.
func TestNothingYet(t *testing.T) {
	each(t, func(h *house) {
		if w := get(h.open, "/ledger/checkpoint"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "no checkpoint was published yet") {
			t.Errorf("before the first: %d %s", w.Code, w.Body)
		}
		cp := h.publish()
		if w := get(h.open, "/ledger/checkpoint"); cp.Size != 0 || w.Code != 200 || w.Body.String() != string(cp.Signed) {
			t.Errorf("of the empty log: %d %s", w.Code, w.Body)
		}
		if w := get(h.open, tile("0", 0, 1)); w.Code != http.StatusNotFound {
			t.Errorf("tile of the empty log: %d", w.Code)
		}
	})
}

// TestAccess asks for everything as everybody, by session and by token, of a
// closed and of an open log (CC6.1, CC6.3).
func TestAccess(t *testing.T) {
	each(t, func(h *house) {
		admin, cookie, token := h.admin()
		cookies, tokens := map[people.Role]string{people.Admin: cookie}, map[people.Role]string{people.Admin: token}
		for _, role := range people.Roles() {
			if role != people.Admin {
				cookies[role], tokens[role] = h.hire(admin, role)
			}
		}
		h.act(300)
		h.publish()
		read := []people.Role{people.Auditor, people.Lead, people.Legal}
		paths := []string{"/ledger/checkpoint", tile("0", 0, 256), tile("0", 1, 7), tile("1", 0, 1), tile("entries", 0, 256), tile("entries", 1, 7)}
		for _, open := range []bool{false, true} {
			handler := h.closed
			if open {
				handler = h.open
			}
			for _, path := range paths {
				check := func(who string, want int, header ...string) {
					t.Helper()
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						if w := ask(handler, method, path, header...); w.Code != want {
							t.Errorf("%s %s, open %v, as %s: %d, want %d", method, path, open, who, w.Code, want)
						}
					}
				}
				entries := strings.Contains(path, "entries")
				outside := http.StatusUnauthorized
				if open && !entries {
					outside = http.StatusOK
				}
				check("nobody", outside)
				check("a stranger's session", outside, "Cookie", cookieName+"=xyz")
				check("a stranger's token", outside, "Authorization", "Bearer countersign_xyz")
				check("another scheme", outside, "Authorization", "Basic "+tokens[people.Auditor])
				check("a bad token with a good session", outside, "Authorization", "Bearer x", "Cookie", cookieName+"="+cookies[people.Auditor])
				check("another cookie", outside, "Cookie", "countersign="+cookies[people.Auditor])
				for _, role := range people.Roles() {
					want := http.StatusOK
					if entries && !slices.Contains(read, role) || !entries && !open && role == people.Staff {
						want = http.StatusForbidden
					}
					check(string(role)+" by session", want, "Cookie", cookieName+"="+cookies[role])
					check(string(role)+" by token", want, "Authorization", "Bearer "+tokens[role])
				}
			}
		}
		w := get(h.closed, paths[0])
		if w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(w.Body.String(), "Bearer") {
			t.Errorf("nobody is not told how to ask: %s %s", w.Header(), w.Body)
		}
	})
}

// TestHeaders holds what caches may keep.
func TestHeaders(t *testing.T) {
	each(t, func(h *house) {
		_, token := h.hire(first(h.admin()), people.Auditor)
		h.act(300)
		cp := h.publish()
		for _, tt := range []struct {
			open              bool
			path, kind, cache string
		}{
			{true, "/ledger/checkpoint", "text/plain; charset=utf-8", "public, no-cache"},
			{false, "/ledger/checkpoint", "text/plain; charset=utf-8", "private, no-cache"},
			{true, tile("0", 0, 256), "application/octet-stream", "public, immutable, max-age=31536000"},
			{false, tile("0", 0, 256), "application/octet-stream", "private, immutable, max-age=31536000"},
			{true, tile("0", 1, 7), "application/octet-stream", "public, max-age=60"},
			{false, tile("0", 1, 7), "application/octet-stream", "private, max-age=60"},
			{true, tile("entries", 0, 256), "application/octet-stream", "private, immutable, max-age=31536000"},
			{false, tile("entries", 1, 7), "application/octet-stream", "private, max-age=60"},
		} {
			handler := h.closed
			if tt.open {
				handler = h.open
			}
			auth := []string{"Authorization", "Bearer " + token}
			w := get(handler, tt.path, auth...)
			tag := w.Header().Get("ETag")
			if w.Code != 200 || w.Header().Get("Content-Type") != tt.kind || w.Header().Get("Cache-Control") != tt.cache || len(tag) != 66 || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s, open %v: %d %v", tt.path, tt.open, w.Code, w.Header())
			}
			if vary := strings.Contains(strings.Join(w.Header().Values("Vary"), " "), "Authorization"); vary != strings.HasPrefix(tt.cache, "private") {
				t.Errorf("%s, open %v: Vary %q", tt.path, tt.open, w.Header().Values("Vary"))
			}
			if again := get(handler, tt.path, append(auth, "If-None-Match", tag)...); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("%s with its tag: %d", tt.path, again.Code)
			}
			head := ask(handler, http.MethodHead, tt.path, auth...)
			if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) || head.Header().Get("ETag") != tag {
				t.Errorf("HEAD %s: %d %v", tt.path, head.Code, head.Header())
			}
			packed := get(handler, tt.path, append(auth, "Accept-Encoding", "gzip")...)
			if is := packed.Header().Get("Content-Encoding") == "gzip"; is != strings.Contains(tt.path, "entries") {
				t.Errorf("%s: Content-Encoding %q", tt.path, packed.Header().Get("Content-Encoding"))
			} else if is {
				z, err := gzip.NewReader(packed.Body)
				h.must(err)
				b, err := io.ReadAll(z)
				if err != nil || !bytes.Equal(b, w.Body.Bytes()) || packed.Header().Get("ETag") == tag {
					t.Errorf("%s packed: %v", tt.path, err)
				}
			}
		}
		beyond := get(h.open, tile("0", 9, 256))
		if beyond.Code != http.StatusNotFound || beyond.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("what is not there yet: %d %v", beyond.Code, beyond.Header())
		}
		before := get(h.open, "/ledger/checkpoint")
		h.Clock.Advance(time.Hour)
		if again := h.publish(); again.Size != cp.Size {
			t.Fatal("something was done meanwhile")
		}
		if after := get(h.open, "/ledger/checkpoint"); !bytes.Equal(before.Body.Bytes(), after.Body.Bytes()) || fmt.Sprint(before.Header()) != fmt.Sprint(after.Header()) {
			t.Errorf("a publication without entries shows: %v %s, before %v %s", after.Header(), after.Body, before.Header(), before.Body)
		}
	})
}

// bad are addresses that are none, and the status of each.
var bad = map[string]int{
	"/ledger/tile/":                                    400,
	"/ledger/tile/0":                                   400,
	"/ledger/tile/0/":                                  400,
	"/ledger/tile/0/0":                                 400,
	"/ledger/tile/0/00":                                400,
	"/ledger/tile/0/0000":                              400,
	"/ledger/tile/0/-01":                               400,
	"/ledger/tile/-1/000":                              400,
	"/ledger/tile/+1/000":                              400,
	"/ledger/tile/00/000":                              400,
	"/ledger/tile/64/000":                              400,
	"/ledger/tile/256/000":                             400,
	"/ledger/tile/1e1/000":                             400,
	"/ledger/tile/0x1/000":                             400,
	"/ledger/tile/99999999999999999999999999/000":      400,
	"/ledger/tile/0/x000/000":                          400,
	"/ledger/tile/0/x001":                              400,
	"/ledger/tile/0/xx001/000":                         400,
	"/ledger/tile/0/001/000":                           400,
	"/ledger/tile/0/x001/x002":                         400,
	"/ledger/tile/0/X001/000":                          400,
	"/ledger/tile/0/x0001/000":                         400,
	"/ledger/tile/0/x1/000":                            400,
	"/ledger/tile/0/x001//000":                         400,
	"/ledger/tile//000":                                400,
	"/ledger/tile/0//000":                              400,
	"/ledger/tile/0/000/":                              400,
	"/ledger/tile/0/000.p":                             400,
	"/ledger/tile/0/000.p/":                            400,
	"/ledger/tile/0/000.p/0":                           400,
	"/ledger/tile/0/000.p/00":                          400,
	"/ledger/tile/0/000.p/01":                          400,
	"/ledger/tile/0/000.p/-1":                          400,
	"/ledger/tile/0/000.p/+1":                          400,
	"/ledger/tile/0/000.p/256":                         400,
	"/ledger/tile/0/000.p/1/":                          400,
	"/ledger/tile/0/000.p/1/1":                         400,
	"/ledger/tile/0/000.p/1.p/1":                       400,
	"/ledger/tile/0/000.P/1":                           400,
	"/ledger/tile/0/000.p/18446744073709551617":        400,
	"/ledger/tile/../checkpoint":                       400,
	"/ledger/tile/0/../0/000":                          400,
	"/ledger/tile/0/./000":                             400,
	"/ledger/tile/%2e%2e/checkpoint":                   400,
	"/ledger/tile/0/x001%2F000":                        400,
	"/ledger/tile/0%2f000":                             400,
	"/ledger/tile/0/%30%30%30":                         400,
	"/ledger/tile/0/000%00":                            400,
	"/ledger/tile/0/000%20":                            400,
	"/ledger/tile/0/000%0d%0aSet-Cookie:x":             400,
	"/ledger/tile/0/٠٠٠":                               400,
	"/ledger/tile/entries":                             400,
	"/ledger/tile/Entries/000":                         400,
	"/ledger/tile/data/000":                            400,
	"/ledger/tile/8/0/000":                             400,
	"/ledger/tile/0/000?":                              400,
	"/ledger/tile/0/000?x=1":                           400,
	"/ledger/checkpoint?size=1":                        400,
	"/ledger/tile/0/x999/x999/x999/x999/x999/x999/999": 400,
	"/ledger/tile/0/" + "x001/" + "x000/x000/x000/x000/x000/x000/000":    400,
	"/ledger/tile/0/x999/x999/x999/x999/x999/999":                        404,
	"/ledger/tile/0/x999/x999/x999/x999/x999/999.p/255":                  404,
	"/ledger/tile/7/x999/x999/x999/x999/x999/999":                        404,
	"/ledger/tile/63/x999/x999/x999/x999/x999/999.p/1":                   404,
	"/ledger/tile/entries/x999/x999/x999/x999/x999/999":                  404,
	"/ledger/tile/0/x072/x057/x594/x037/x927/936":                        404, // times 256 is 2^64 and a little
	"/ledger/tile/0/x036/x028/x797/x018/x963/968":                        404, // times 256 is 2^63
	"/ledger/tile/0/" + strings.Repeat("x000/", 1000) + "000":            400,
	"/ledger/tile/entries/000" + strings.Repeat("0", 4000) + ".p/000001": 400,
}

// TestHostile sends what is wrong, by hand and at random: each is refused with
// a reason.
func TestHostile(t *testing.T) {
	each(t, func(h *house) {
		_, token := h.hire(first(h.admin()), people.Auditor)
		h.act(300)
		h.publish()
		refused := func(path string, want ...int) {
			t.Helper()
			w := get(h.open, path, "Authorization", "Bearer "+token)
			if !slices.Contains(want, w.Code) || w.Body.Len() < 10 || w.Body.Len() > 300 || strings.Contains(w.Body.String(), "internal") || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%.100q: %d %.300s, want %v", path, w.Code, w.Body, want)
			}
		}
		for path, want := range bad {
			refused(path, want)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "get"} {
			if w := ask(h.open, method, "/ledger/tile/0/000"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %d", method, w.Code)
			}
		}
		seed := rand.New(rand.NewPCG(3, 5))
		right := map[string]bool{tile("1", 0, 1): true}
		for n := range int64(2) {
			for width := 1; width <= 256; width++ {
				right[tile("0", n, width)], right[tile("entries", n, width)] = true, true
			}
		}
		for asked := 0; asked < 10_000; {
			path := mutate(seed)
			if _, err := url.ParseRequestURI(path); err == nil && tiles.Serves(path) && !right[path] { // what net/http refuses does not come so far
				refused(path, 400, 404)
				asked++
			}
		}
	})
}

// mutate makes a path that is nearly right.
func mutate(r *rand.Rand) string {
	parts := []string{"0", "1", "entries", "000", "001", "x001", "x000", "xx001", ".p", ".p/", "/", "//", "..", ".", "%2f", "%2e", "-1", "255", "256", "0000", "x999", "999", "9223372036854775807", "18446744073709551616", "x", "%00", "é"}
	b := []byte(tile([]string{"0", "1", "entries"}[r.IntN(3)], r.Int64N(3), 1+r.IntN(256)))
	for range 1 + r.IntN(3) {
		at := len("/ledger/tile/") + r.IntN(len(b)-len("/ledger/tile/"))
		switch r.IntN(3) {
		case 0:
			b = slices.Insert(b, at, []byte(parts[r.IntN(len(parts))])...)
		case 1:
			b[at] = "0123456789x./-"[r.IntN(14)]
		default:
			b = slices.Delete(b, at, at+1)
		}
		if len(b) == len("/ledger/tile/") {
			break
		}
	}
	return strings.ReplaceAll(string(b), "é", "%C3%A9")
}

// TestDamaged: what no longer fits the log is not served, and says nothing of
// the inside.
func TestDamaged(t *testing.T) {
	each(t, func(h *house) {
		h.act(3)
		h.publish()
		h.Spoilt = true
		c, err := h.DB.Writer(t.Context())
		h.must(err)
		_, err = c.Exec(`UPDATE ledger_published SET size = 2`)
		c.Release()
		h.must(err)
		if w := get(h.open, "/ledger/checkpoint"); w.Code != http.StatusInternalServerError || w.Body.String() != "internal error\n" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzPath: a path that is taken is the one spelling of what it names.
func FuzzPath(f *testing.F) {
	for path := range bad {
		f.Add(path)
	}
	f.Add("/ledger/tile/0/x001/x234/067")
	f.Add("/ledger/tile/entries/000.p/255")
	f.Fuzz(func(t *testing.T, path string) {
		level, n, width, err := tiles.Parse(path)
		if err != nil {
			return
		}
		if got := tile(level, n, width); got != path && path != "/ledger/checkpoint" {
			t.Errorf("%q is taken for %q", path, got)
		}
		if n < 0 || width < 1 && path != "/ledger/checkpoint" || width > 256 {
			t.Errorf("%q has the number %d and the width %d", path, n, width)
		}
	})
}

// TestSpelling holds the examples of tlog-tiles.
func TestSpelling(t *testing.T) {
	for n, want := range map[int64]string{0: "000", 7: "007", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067", 999_999_999_999_999_999: "x999/x999/x999/x999/x999/999"} {
		if got := tiles.Spell(n); got != want {
			t.Errorf("%d is spelt %s, want %s", n, got, want)
		}
		if _, got, _, err := tiles.Parse("/ledger/tile/3/" + want); err != nil || got != n {
			t.Errorf("%s is read as %d, %v; want %d", want, got, err, n)
		}
	}
}
