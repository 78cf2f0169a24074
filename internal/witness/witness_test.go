package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

var start = time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)

// branch is a log whose entries from a certain one on are its own: two branches
// of one key are what no log may have.
type branch struct {
	origin string
	vkey   string
	signer note.Signer
	hashes []tlog.Hash // stored hashes, all levels
}

// newBranch makes a log of n entries signed with the key of seed; entries from
// parted on bear the name of the branch.
func newBranch(t testing.TB, origin string, seed [32]byte, n, parted int64, name string) *branch {
	t.Helper()
	private := ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{1}, private.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(origin+"\n"), public...))
	id := binary.BigEndian.Uint32(sum[:])
	b := &branch{origin: origin, vkey: fmt.Sprintf("%s+%08x+%s", origin, id, base64.StdEncoding.EncodeToString(public))}
	var err error
	b.signer, err = note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, id, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		entry := fmt.Sprint("entry ", i)
		if i >= parted {
			entry += name
		}
		more, err := tlog.StoredHashes(i, []byte(entry), b)
		if err != nil {
			t.Fatal(err)
		}
		b.hashes = append(b.hashes, more...)
	}
	return b
}

func (b *branch) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = b.hashes[x]
	}
	return out, nil
}

// text is that of the checkpoint of a size.
func (b *branch) text(size int64) string {
	root := (&format.Tree{}).Root()
	if size > 0 {
		h, err := tlog.TreeHash(size, b)
		if err != nil {
			panic(err)
		}
		root = format.Hash(h)
	}
	return string((&format.Checkpoint{Origin: b.origin, Size: size, Root: root}).Append(nil))
}

func (b *branch) sign(text string) []byte {
	signed, err := note.Sign(&note.Note{Text: text}, b.signer)
	if err != nil {
		panic(err)
	}
	return signed
}

func (b *branch) at(size int64) []byte { return b.sign(b.text(size)) }

func (b *branch) proof(from, to int64) []format.Hash {
	if from == 0 || from == to {
		return nil
	}
	p, err := tlog.ProveTree(to, from, b)
	if err != nil {
		panic(err)
	}
	out := make([]format.Hash, len(p))
	for i, h := range p {
		out[i] = format.Hash(h)
	}
	return out
}

// body is a request of add-checkpoint.
func (b *branch) body(from, to int64) []byte {
	return (&request{from, b.proof(from, to), b.at(to)}).append(nil)
}

var seed = sha256.Sum256([]byte("a log"))

func openWitness(t testing.TB, dir string) *Witness {
	t.Helper()
	w, err := Open(t.Context(), dir, Options{Name: "witness.example/w1", Clock: clock.NewSet(start).Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func register(t testing.TB, w *Witness, b *branch) {
	t.Helper()
	if origin, err := w.Register(t.Context(), b.vkey); err != nil || origin != b.origin {
		t.Fatalf("register: %q, %v", origin, err)
	}
}

func post(t testing.TB, url string, body []byte) (status int, kind, answer string) {
	t.Helper()
	resp, err := http.Post(url, "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(b)
}

// TestAddCheckpoint walks one witness through every answer of C2SP
// tlog-witness.
func TestAddCheckpoint(t *testing.T) {
	w := openWitness(t, t.TempDir())
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	fork := newBranch(t, "log.example/a", seed, 40, 5, "other")
	other := newBranch(t, "log.example/b", seed, 40, 40, "")
	imposter := newBranch(t, "log.example/a", sha256.Sum256([]byte("another key")), 40, 40, "")
	register(t, w, good)
	server := httptest.NewServer(w)
	defer server.Close()
	join := func(old string, proof []format.Hash, signed []byte) string {
		return old + string(format.AppendHashes(nil, proof)) + "\n" + string(signed)
	}
	many := make([]format.Hash, 64)
	signed := string(good.at(20))
	text := good.text(30)
	for _, tt := range []struct {
		name   string
		body   string
		status int
		size   int64 // afterwards; that of the answer where it is 409
	}{
		{"nothing", "", 400, 0},
		{"no old size", string(good.at(10)), 400, 0},
		{"old size with a zero in front", join("old 00\n", nil, good.at(10)), 400, 0},
		{"negative old size", join("old -1\n", nil, good.at(10)), 400, 0},
		{"old size beyond 63 bits", join("old 9223372036854775808\n", nil, good.at(10)), 400, 0},
		{"two spaces", join("old  0\n", nil, good.at(10)), 400, 0},
		{"64 hashes", join("old 0\n", many, good.at(10)), 400, 0},
		{"63 hashes from nothing", join("old 0\n", many[:63], good.at(10)), 422, 0},
		{"a hash of 31 bytes", "old 0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n\n" + signed, 400, 0},
		{"no signature", "old 0\n\n" + good.text(10) + "\n", 400, 0},
		{"rubbish for a signature", "old 0\n\n" + good.text(10) + "\n— rubbish\n", 400, 0},
		{"carriage returns", "old 0\n\n" + strings.ReplaceAll(signed, "\n", "\r\n"), 400, 0},
		{"not UTF-8", "old 0\n\n\xff" + signed, 400, 0},
		{"unknown log", string(other.body(0, 10)), 404, 0},
		{"another key under the same name", string(imposter.body(0, 10)), 403, 0},
		{"signature of another checkpoint", "old 0\n\n" + strings.Replace(signed, "\n20\n", "\n21\n", 1), 403, 0},
		{"old size above size", join("old 11\n", nil, good.at(10)), 400, 0},
		{"too far at first", join("old 5\n", good.proof(5, 10), good.at(10)), 409, 0},
		{"empty tree with a root that it does not have", join("old 0\n", nil, good.sign(strings.Replace(text, "\n30\n", "\n0\n", 1))), 422, 0},
		{"empty tree", string(good.body(0, 0)), 200, 0},
		{"first entries", string(good.body(0, 10)), 200, 10},
		{"the same again", string(good.body(10, 10)), 200, 10},
		{"the same again with a proof", join("old 10\n", many[:1], good.at(10)), 422, 10},
		{"from nothing again", string(good.body(0, 12)), 409, 10},
		{"smaller", string(good.body(7, 9)), 409, 10},
		{"other root at the same size", string(fork.body(10, 10)), 422, 10},
		{"rewritten entry", string(fork.body(10, 20)), 422, 10},
		{"no proof", join("old 10\n", nil, good.at(20)), 422, 10},
		{"proof of another size", join("old 10\n", good.proof(10, 21), good.at(20)), 422, 10},
		{"more entries, and signatures of others", string(good.body(10, 20)) + "— someone.example AAAAAAAA\n", 200, 20},
		{"extension lines", join("old 20\n", good.proof(20, 30), good.sign(text+"an extension\n")), 200, 30},
		{"empty extension line", join("old 30\n", nil, good.sign(text+"\nan extension\n")), 400, 30},
		{"far ahead", string(good.body(30, 40)), 200, 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, kind, answer := post(t, server.URL+"/add-checkpoint", []byte(tt.body))
			if status != tt.status {
				t.Fatalf("answered %d %q, want %d", status, answer, tt.status)
			}
			switch status {
			case 409:
				if kind != "text/x.tlog.size" || answer != strconv.FormatInt(tt.size, 10)+"\n" {
					t.Errorf("answered %q of type %q", answer, kind)
				}
			case 200:
				r, err := parseRequest([]byte(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				c, err := parseCheckpoint(r.note)
				if err != nil {
					t.Fatal(err)
				}
				found, err := find(w.Key(), c.text, strings.Split(strings.TrimSuffix(answer, "\n"), "\n"))
				if err != nil || !found.Time.Equal(start) || found.Line != answer {
					t.Errorf("cosignature %+v, %v in %q", found, err, answer)
				}
			}
			last, err := w.store.last(t.Context(), good.origin)
			if err != nil || last.size != tt.size {
				t.Errorf("remembers %d, %v; want %d", last.size, err, tt.size)
			}
		})
	}
	all, err := w.Contradictions(t.Context(), good.origin)
	if err != nil {
		t.Fatal(err)
	}
	forked := 0
	for _, c := range all {
		if c.Forked {
			forked++
			for _, n := range []string{c.Kept, c.Offered} {
				v, _ := note.NewVerifier(good.vkey)
				if _, err := note.Open([]byte(n), note.VerifierList(v)); err != nil {
					t.Errorf("proof of misbehaviour does not open: %v\n%s", err, n)
				}
			}
			if !strings.Contains(c.Offered, strings.Split(fork.text(10), "\n")[2]) {
				t.Errorf("offered was %q", c.Offered)
			}
		}
	}
	// Forked: once. Not proved: the same checkpoint with too much proof, 20 of
	// the fork, 20 without proof and with another.
	if forked != 1 || len(all) != 4 {
		t.Errorf("%d contradictions, %d of them forks: %+v", len(all), forked, all)
	}
	logs, err := w.Logs(t.Context())
	if err != nil || len(logs) != 1 || logs[0].Size != 40 || logs[0].Misbehaviour != 1 || !logs[0].At.Equal(start) || len(logs[0].Keys) != 1 {
		t.Errorf("logs %+v, %v", logs, err)
	}
}

// TestContradictionsAreBounded: who holds a log's key does not fill the disk.
func TestContradictionsAreBounded(t *testing.T) {
	w := openWitness(t, t.TempDir())
	good := newBranch(t, "log.example/a", seed, 60, 60, "")
	register(t, w, good)
	if _, err := w.Add(t.Context(), good.body(0, 10)); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxContradictions {
		w.pace = newPace()
		fork := newBranch(t, "log.example/a", seed, 60, 5, fmt.Sprint(i))
		for _, body := range [][]byte{fork.body(10, 10), fork.body(10, 20)} {
			if _, err := w.Add(t.Context(), body); status(err) != http.StatusUnprocessableEntity {
				t.Fatalf("a fork: %v", err)
			}
		}
	}
	all, err := w.Contradictions(t.Context(), good.origin)
	if err != nil || len(all) != 2*maxContradictions {
		t.Errorf("%d are kept, %v", len(all), err)
	}
}

func TestGetCheckpoint(t *testing.T) {
	w := openWitness(t, t.TempDir())
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	imposter := newBranch(t, "log.example/a", sha256.Sum256([]byte("another key")), 40, 40, "")
	register(t, w, good)
	server := httptest.NewServer(w)
	defer server.Close()
	ask := func(body []byte, want int) string {
		t.Helper()
		status, _, answer := post(t, server.URL+"/get-checkpoint", body)
		if status != want {
			t.Fatalf("answered %d %q, want %d", status, answer, want)
		}
		return answer
	}
	ask(good.at(3), 404) // nothing cosigned yet
	if status, _, _ := post(t, server.URL+"/add-checkpoint", append(good.body(0, 20), "— x.example AAAAAAAA\n"...)); status != 200 {
		t.Fatal(status)
	}
	ask(imposter.at(3), 403)
	ask(newBranch(t, "log.example/b", seed, 3, 3, "").at(3), 404)
	ask([]byte(good.text(3)), 400)
	for _, size := range []int64{3, 20, 30} {
		got, err := parseCheckpoint([]byte(ask(good.at(size), 200)))
		if err != nil {
			t.Fatal(err)
		}
		v, _ := note.NewVerifier(good.vkey)
		if err := got.verify(v); err != nil || got.Size != 20 {
			t.Errorf("got a checkpoint of %d, %v", got.Size, err)
		}
		if _, err := find(w.Key(), got.text, got.lines); err != nil {
			t.Error(err)
		}
		if len(got.lines) != 2 {
			t.Errorf("signatures of others are handed on: %q", got.lines)
		}
	}
}

func TestWitnessStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	w := openWitness(t, dir)
	register(t, w, good)
	register(t, w, good) // again changes nothing
	key := w.Key()
	if _, err := w.Add(t.Context(), good.body(0, 20)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	info, err := os.Stat(filepath.Join(dir, File))
	if err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := Open(t.Context(), dir, Options{Name: "witness.example/other"}); !isKind(err, fault.Invalid) {
		t.Errorf("another name: %v", err)
	}
	w, err = Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.Key() != key {
		t.Error("the key did not stay")
	}
	if err := w.Remove(t.Context(), good.origin); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(t.Context(), good.origin); !isKind(err, fault.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := w.Add(t.Context(), good.body(20, 30)); status(err) != http.StatusNotFound {
		t.Errorf("a removed log: %v", err)
	}
	register(t, w, good)
	var ahead *Ahead
	if _, err := w.Add(t.Context(), good.body(0, 10)); !errors.As(err, &ahead) || ahead.Size != 20 {
		t.Errorf("a log that was removed came back with less: %v", err)
	}
	if _, err := w.Register(t.Context(), strings.Replace(good.vkey, "+", "+0", 1)); !isKind(err, fault.Invalid) {
		t.Errorf("bad key: %v", err)
	}
	none := filepath.Join(dir, "none")
	if _, err := Open(t.Context(), none, Options{Existing: true}); !isKind(err, fault.Invalid) {
		t.Errorf("no witness there: %v", err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a witness was begun by looking for it")
	}
	for _, name := range []string{"two words", "a+b", strings.Repeat("x", 256)} {
		if w, err := Open(t.Context(), t.TempDir(), Options{Name: name}); err == nil {
			w.Close()
			t.Errorf("a witness is called %.20q", name)
		}
	}
}

func isKind(err error, k fault.Kind) bool {
	got, _ := fault.Of(err)
	return err != nil && got == k
}

// TestTimeDoesNotGoBack: a larger tree is never cosigned with an earlier time.
func TestTimeDoesNotGoBack(t *testing.T) {
	set := clock.NewSet(start)
	w, err := Open(t.Context(), t.TempDir(), Options{Clock: set.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	register(t, w, good)
	for i, at := range []time.Time{start, start.Add(-time.Hour), start.Add(time.Hour)} {
		set.Set(at)
		line, err := w.Add(t.Context(), good.body(int64(10*i), int64(10*i+10)))
		if err != nil {
			t.Fatal(err)
		}
		found, err := find(w.key, []byte(good.text(int64(10*i+10))), strings.Split(strings.TrimSuffix(string(line), "\n"), "\n"))
		want := start
		if at.After(want) {
			want = at
		}
		if err != nil || !found.Time.Equal(want) {
			t.Errorf("at %s cosigned %s, %v", at, found.Time, err)
		}
	}
}

// TestNothingLeavesBeforeCommit: where the state cannot be written there is no
// cosignature.
func TestNothingLeavesBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	w := openWitness(t, dir)
	good := newBranch(t, "log.example/a", seed, 40, 40, "")
	register(t, w, good)
	if _, err := w.store.db.Exec(`CREATE TRIGGER full BEFORE INSERT ON state BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	defer server.Close()
	status, _, answer := post(t, server.URL+"/add-checkpoint", good.body(0, 10))
	if status != 500 || answer != "internal error\n" {
		t.Errorf("answered %d %q", status, answer)
	}
	if _, err := w.store.db.Exec(`DROP TRIGGER full`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(t.Context(), good.body(0, 10)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// race grows a log at the witness, each time by one of two branches that part
// at that very place, and returns what was cosigned.
func race(t testing.TB, ctx context.Context, w *Witness, b *branch, tries int) []string {
	var got []string
	old := int64(0)
	for range tries {
		size := old + rand.Int64N(20)
		if size >= 200 {
			size = old
		}
		line, err := w.Add(ctx, b.body(old, size))
		ahead, isAhead := errors.AsType[*Ahead](err)
		switch {
		case err == nil:
			got = append(got, fmt.Sprintf("%d %s", size, strings.Split(b.text(size), "\n")[2]))
			if len(line) == 0 {
				t.Error("no cosignature and no error")
			}
			old = size
		case isAhead:
			old = ahead.Size
		case status(err) == http.StatusUnprocessableEntity:
			if last, err := w.store.last(ctx, b.origin); err == nil {
				old = last.size
			}
		default:
			t.Error(err)
			return got
		}
	}
	return got
}

// check checks that all checkpoints that were cosigned are of one branch.
func check(t *testing.T, got []string, branches ...*branch) {
	t.Helper()
	roots := map[string]string{}
	for _, line := range got {
		size, root, _ := strings.Cut(line, " ")
		if roots[size] != "" && roots[size] != root {
			t.Errorf("two roots of size %s were cosigned", size)
		}
		roots[size] = root
	}
	of := map[int]bool{}
	for size, root := range roots {
		n, _ := strconv.ParseInt(size, 10, 64)
		for i, b := range branches {
			if n >= 2 && strings.Split(b.text(n), "\n")[2] == root {
				of[i] = true
			}
		}
	}
	if len(of) != 1 {
		t.Errorf("checkpoints of %d branches were cosigned", len(of))
	}
}

func branches(t testing.TB) (a, b *branch) {
	return newBranch(t, "log.example/a", seed, 200, 1, "a"), newBranch(t, "log.example/a", seed, 200, 1, "b")
}

// TestRace submits two branches of one log from many goroutines through two
// handles of one file: only one of them is ever cosigned.
func TestRace(t *testing.T) {
	dir := t.TempDir()
	a, b := branches(t)
	handles := []*Witness{openWitness(t, dir), openWitness(t, dir)}
	for _, w := range handles {
		w.pace.most = 1 << 20
	}
	register(t, handles[0], a)
	var mu sync.Mutex
	var all []string
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			got := race(t, t.Context(), handles[i/2%2], []*branch{a, b}[i%2], 12)
			mu.Lock()
			all = append(all, got...)
			mu.Unlock()
		})
	}
	wg.Wait()
	check(t, all, a, b)
}

// TestRaceOfProcesses does so from two processes.
func TestRaceOfProcesses(t *testing.T) {
	a, b := branches(t)
	if dir := os.Getenv("WITNESS_RACE"); dir != "" { // in the process that is started below
		of := map[string]*branch{"a": a, "b": b}[os.Getenv("WITNESS_BRANCH")]
		w := openWitness(t, dir)
		w.pace.most = 1 << 20
		for _, line := range race(t, t.Context(), w, of, 60) {
			fmt.Println("cosigned", line)
		}
		return
	}
	dir := t.TempDir()
	register(t, openWitness(t, dir), a)
	outputs := make([]bytes.Buffer, 4)
	var wg sync.WaitGroup
	for i := range outputs {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRaceOfProcesses$", "-test.v")
			cmd.Env = append(os.Environ(), "WITNESS_RACE="+dir, "WITNESS_BRANCH="+string("ab"[i%2]))
			cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[i]
			if err := cmd.Run(); err != nil {
				t.Errorf("process %d: %v\n%s", i, err, outputs[i].String())
			}
		})
	}
	wg.Wait()
	var all []string
	for i := range outputs {
		for line := range strings.Lines(outputs[i].String()) {
			if got, ok := strings.CutPrefix(strings.TrimSpace(line), "cosigned "); ok {
				all = append(all, got)
			}
		}
	}
	check(t, all, a, b)
}

// TestVector compares with what the note package of transparency-dev/formats
// v0.1.1 makes of the same key and text.
func TestVector(t *testing.T) {
	const vkey = "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
	const text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	const line = "— witness.example/w1 519lMgAAAABrAx4hgqf/zUDdVj1Ban9DUjscgLYbVziS66WmbQWDbtGJNtQhPw8mYSpPEE0jK1tMu4266iSvDFX8iGgcUVlHODICDg==\n"
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	private := ed25519.NewKeyFromSeed(seed)
	k, err := format.NewWitnessKey("witness.example/w1", private.Public().(ed25519.PublicKey))
	if err != nil || k.String() != vkey {
		t.Fatalf("key %s, %v", k, err)
	}
	if parsed, err := format.ParseWitnessKey(vkey); err != nil || parsed != k {
		t.Errorf("parsed %s, %v", parsed, err)
	}
	if got := cosign(k, private, []byte(text), 0x6b031e21); got != line {
		t.Errorf("cosigned\n%swant\n%s", got, line)
	}
	if got, err := find(k, []byte(text), []string{"— x.example AAAA", strings.TrimSuffix(line, "\n")}); err != nil || got.Time.Unix() != 0x6b031e21 || got.Line != line {
		t.Errorf("found %+v, %v", got, err)
	}
}

func TestPace(t *testing.T) {
	p := newPace()
	now := start
	burst := func() (n int) {
		for p.take("a", now) {
			n++
		}
		return n
	}
	if n := burst(); n != p.most {
		t.Errorf("%d at once", n)
	}
	if !p.take("b", now) {
		t.Error("another log has to wait")
	}
	now = now.Add(time.Second)
	if n := burst(); n != 10 {
		t.Errorf("%d after a second", n)
	}
	now = now.Add(-time.Hour)
	if n := burst(); n != p.most {
		t.Errorf("%d after the clock was set back", n)
	}
	now = now.Add(time.Hour * 24)
	if n := burst(); n != p.most {
		t.Errorf("%d after a day", n)
	}
}

// TestTooFast: the pace is kept, and its answer is one that a client can wait
// for.
func TestTooFast(t *testing.T) {
	w := openWitness(t, t.TempDir())
	good := newBranch(t, "log.example/a", seed, 1, 1, "")
	register(t, w, good)
	w.pace.most = 1
	if _, err := w.Add(t.Context(), good.body(0, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(t.Context(), good.body(0, 0)); status(err) != http.StatusTooManyRequests {
		t.Errorf("%v", err)
	}
}

func FuzzRequest(f *testing.F) {
	good := newBranch(f, "log.example/a", seed, 40, 40, "")
	f.Add(good.body(0, 10))
	f.Add(good.body(7, 40))
	f.Add(append(good.body(3, 3), "— x.example AAAAAAAA\n"...))
	f.Add([]byte("old 0\n\n\n\n"))
	v, err := note.NewVerifier(good.vkey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRequest(body)
		if err != nil {
			return
		}
		if got := r.append(nil); !bytes.Equal(got, body) {
			t.Fatalf("%q is written back as %q", body, got)
		}
		if len(r.proof) > maxProof || r.old < 0 {
			t.Fatalf("old %d, %d hashes", r.old, len(r.proof))
		}
		c, err := parseCheckpoint(r.note)
		if err != nil {
			return
		}
		if c.verify(v) != nil {
			return
		}
		if n, err := note.Open(r.note, note.VerifierList(v)); err != nil || n.Text != string(c.text) {
			t.Fatalf("signed is %q, read was %q, %v", n.Text, c.text, err)
		}
		if again, err := parseCheckpoint([]byte(c.kept())); err != nil || again.Size != c.Size || again.Root != c.Root || again.verify(v) != nil {
			t.Fatalf("what is kept is not what was checked: %v", err)
		}
	})
}
