package apptest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/testenv"
	"example.org/countersign/internal/witness"
)

// foreignLog is a log that a server of ours serves, and an auditor's token.
type foreignLog struct {
	app    *app.App
	prefix string // http://127.0.0.1:1234/ledger
	key    string
	token  string
	early  []byte // checkpoint of before
	size   int64
}

// serveLog serves an installation over HTTP and publishes its log twice.
func serveLog(t *testing.T) *foreignLog {
	t.Helper()
	cfg := app.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", SMTPListen: "off"}
	Prepare(t, cfg)
	attend(t, cfg.Data)
	a, err := app.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := &foreignLog{app: a, key: a.Ledger.VerifierKey(), token: auditor(t, a)}
	ctx, stop := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan string, 1)
	go func() { ended <- a.Serve(ctx, func(s app.Serving) { ready <- s.HTTP }) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, a.Close()); err != nil {
			t.Error(err)
		}
	})
	l.prefix = "http://" + <-ready + "/ledger"
	l.early = l.grow(t, 300).Signed
	l.size = l.grow(t, 300).Size
	return l
}

// attend gives an installation a witness.
func attend(t *testing.T, dir string) {
	t.Helper()
	w, err := witness.Open(t.Context(), t.TempDir(), witness.Options{Name: "witness.example"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(func() {
		server.Close()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := w.Register(t.Context(), key(t, dir)); err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf("witness w %s %s\nquorum w\n", w.Key(), server.URL)
	if err := os.WriteFile(filepath.Join(dir, "witness-policy.txt"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
}

// grow makes n entries and publishes them, and makes some more.
func (l *foreignLog) grow(t *testing.T, n int) ledger.Checkpoint {
	t.Helper()
	act := func(n int) {
		if err := l.app.Ledger.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			for range n {
				if err := jobs.DeadLetters.Put(tx, &jobs.Dead{Kind: "test", Key: "x", State: jobs.Dismissed}, ledger.Do("raised", "CC7.2")); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	act(n)
	cp, err := l.app.Ledger.Publish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	act(5)
	return cp
}

// auditor makes an auditor and a token of theirs.
func auditor(t *testing.T, a *app.App) string {
	t.Helper()
	const password = "unrelated words make a good one"
	enter := func(code, email string) *people.Identity {
		t.Helper()
		_, err := a.People.Enrol(t.Context(), code, "Ada", email, password)
		if err != nil {
			t.Fatal(err)
		}
		_, who, err := a.People.SignIn(t.Context(), email, password, "", people.Client{})
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	code, err := a.People.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admin := enter(code, "ada@example.com")
	code, _, err = a.People.Invite(t.Context(), admin, "Audie", "audie@example.com", []people.Role{people.Auditor})
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := a.People.NewToken(t.Context(), enter(code, "audie@example.com"), "check", []people.Role{people.Auditor}, a.Ledger.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// get fetches a path below the prefix of a log.
func (l *foreignLog) get(prefix, path string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, prefix+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", path, res.Status, b)
	}
	return b, err
}

// altered serves the log with one file changed, and returns the prefix.
func (l *foreignLog) altered(t *testing.T, path string, change func([]byte) []byte) string {
	t.Helper()
	var changed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/ledger/")
		b, err := l.get(l.prefix, name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		if name == path {
			before := bytes.Clone(b)
			b = change(b)
			changed.Store(true)
			if bytes.Equal(b, before) {
				t.Errorf("%s was not changed", path)
			}
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(func() {
		server.Close()
		if !changed.Load() {
			t.Errorf("%s was never asked for", path)
		}
	})
	return server.URL + "/ledger"
}

// flip returns a change of the byte at a place; a negative one counts from the
// end.
func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
}

// A foreigner is a tool that we did not write, or need not have.
type foreigner func(t *testing.T, l *foreignLog, prefix string) error

// TestForeign has tools that are not ours verify a log that our server serves,
// and the same log with one byte changed anywhere, which each must refuse.
func TestForeign(t *testing.T) {
	l := serveLog(t)
	if _, err := l.app.Feeder.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := l.get(l.prefix, "checkpoint"); err != nil || bytes.Count(b, []byte("\n— ")) != 2 {
		t.Fatalf("the checkpoint is served without the line of its witness: %q, %v", b, err)
	}
	rest := l.size % 256
	for name, check := range map[string]foreigner{"checksums": checksums, "fsck": fsck(), "script": script} {
		t.Run(name, func(t *testing.T) {
			if err := check(t, l, l.prefix); err != nil {
				t.Fatal("the log as it is: ", err)
			}
			for _, x := range []struct {
				name, path string
				change     func([]byte) []byte
			}{
				{"an entry", "tile/entries/000", flip(100)},
				{"the last entry", fmt.Sprintf("tile/entries/002.p/%d", rest), flip(-1)},
				{"the length of an entry", "tile/entries/001", flip(1)},
				{"the number of entries", "tile/entries/001", func(b []byte) []byte { return b[:len(b)-2-int(lastLength(b))] }},
				{"a leaf", "tile/0/001", flip(17 * 32)},
				{"the last leaf", fmt.Sprintf("tile/0/002.p/%d", rest), flip(-1)},
				{"an inner hash", "tile/1/000.p/2", flip(40)},
				{"the origin", "checkpoint", flip(14)},
				{"the size", "checkpoint", func(b []byte) []byte {
					return replace(b, fmt.Sprintf("\n%d\n", l.size), fmt.Sprintf("\n%d\n", l.size-1))
				}},
				{"the root", "checkpoint", func(b []byte) []byte { return flip(bytes.Index(b, []byte("\n\n")) - 10)(b) }},
				{"the signature", "checkpoint", func(b []byte) []byte { return flip(bytes.Index(b, []byte("\n\n")) + 100)(b) }},
				{"the signer", "checkpoint", func(b []byte) []byte { return flip(bytes.Index(b, []byte("\n\n")) + 10)(b) }},
			} {
				t.Run(x.name, func(t *testing.T) {
					if err := check(t, l, l.altered(t, x.path, x.change)); err == nil {
						t.Error("the altered log was not refused")
					} else {
						t.Logf("%.200v", err)
					}
				})
			}
		})
	}
}

func replace(b []byte, old, with string) []byte {
	return bytes.Replace(b, []byte(old), []byte(with), 1)
}

// lastLength is the length of the last entry of a bundle.
func lastLength(b []byte) (n uint16) {
	for len(b) > 0 {
		n = binary.BigEndian.Uint16(b)
		b = b[2+int(n):]
	}
	return n
}

// checksums is the client of the Go checksum database.
func checksums(_ *testing.T, l *foreignLog, prefix string) error {
	verifier, err := note.NewVerifier(l.key)
	if err != nil {
		return err
	}
	open := func(signed []byte) (tlog.Tree, error) {
		n, err := note.Open(signed, note.VerifierList(verifier))
		if err != nil {
			return tlog.Tree{}, err
		}
		return parseTree(n.Text, verifier.Name())
	}
	signed, err := l.get(prefix, "checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(signed)
	if err != nil {
		return err
	}
	early, err := open(l.early)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, remoteTiles{l, prefix, map[string][]byte{}})
	proof, err := tlog.ProveTree(tree.N, early.N, reader)
	if err == nil {
		err = tlog.CheckTree(proof, tree.N, tree.Hash, early.N, early.Hash)
	}
	if err != nil {
		return err
	}
	for first := int64(0); first < tree.N; first += 256 {
		tile := tlog.Tile{H: 8, L: -1, N: first / 256, W: int(min(256, tree.N-first))}
		b, err := l.get(prefix, strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1))
		if err != nil {
			return err
		}
		for i := first; i < first+int64(tile.W); i++ {
			if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
				return fmt.Errorf("entry %d is not there", i)
			}
			entry := b[2 : 2+binary.BigEndian.Uint16(b)]
			b = b[2+len(entry):]
			proof, err := tlog.ProveRecord(tree.N, i, reader)
			if err == nil {
				err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(entry))
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
		}
		if len(b) > 0 {
			return fmt.Errorf("there is more than the entries before %d", first+256)
		}
	}
	return nil
}

// parseTree reads the text of a checkpoint; tlog.ParseTree reads that of the
// checksum database, which has another first line.
func parseTree(text, origin string) (tlog.Tree, error) {
	rest, ok := strings.CutPrefix(text, origin+"\n")
	if !ok {
		return tlog.Tree{}, errors.New("the checkpoint has another origin")
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// remoteTiles reads tiles over HTTP, each once, as clients do.
type remoteTiles struct {
	log    *foreignLog
	prefix string
	read   map[string][]byte // tiles by path
}

// Height implements tlog.TileReader.
func (remoteTiles) Height() int { return 8 }

// ReadTiles implements tlog.TileReader.
func (r remoteTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		if r.read[path] == nil {
			b, err := r.log.get(r.prefix, path)
			if err != nil {
				return nil, err
			}
			r.read[path] = b
		}
		out[i] = r.read[path]
	}
	return out, nil
}

// SaveTiles implements tlog.TileReader.
func (remoteTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// fsck is Tessera's, of the module in tools/foreign. Its exit code says
// nothing; only a line of its output does.
func fsck() foreigner {
	build := func(t *testing.T) string {
		folder, err := root()
		if err != nil {
			t.Fatal(err)
		}
		module := filepath.Join(folder, "tools", "foreign")
		goes := func(args ...string) ([]byte, error) {
			cmd := exec.Command("go", args...)
			cmd.Dir = module
			var complaint bytes.Buffer
			cmd.Stderr = &complaint
			out, err := cmd.Output()
			if err != nil {
				err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, &complaint)
			}
			return out, err
		}
		if _, err := goes("mod", "download"); err != nil {
			testenv.Absent(t, fmt.Sprintf("Tessera is not here and cannot be fetched: make foreign where there is a network\n%v", err))
		}
		out, err := goes("tool", "-n", "fsck")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	binary := ""
	return func(t *testing.T, l *foreignLog, prefix string) error {
		if binary == "" {
			binary = build(t)
		}
		signed, err := l.get(prefix, "checkpoint")
		if err != nil {
			return err
		}
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte(l.key), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // it may wait for ever
		defer cancel()
		out, err := exec.CommandContext(ctx, binary, "--ui=false", "-N", "8", "--public_key", key, "--bearer_token", l.token, "--storage_url", prefix+"/").CombinedOutput()
		lines := strings.Split(string(signed), "\n")
		if err == nil && strings.Contains(string(out), fmt.Sprintf("Successfully fsck'd log with size %s and root %s ", lines[1], lines[2])) {
			return nil
		}
		return fmt.Errorf("fsck ended with %v: %s", err, out)
	}
}

// script is the one for auditors.
func script(t *testing.T, l *foreignLog, prefix string) error {
	t.Helper()
	code, out := runScript(t, l.token, prefix, l.key)
	lines := strings.Split(string(l.published(t)), "\n")
	if code == 0 && !strings.Contains(out, fmt.Sprintf("size   %s\nroot   %s\n", lines[1], lines[2])) {
		t.Errorf("it does not print size and root: %s", out)
	}
	if code == 0 {
		return nil
	}
	if code != 1 || !strings.Contains(out, "WRONG: ") {
		t.Errorf("it ends with %d and not 1: %s", code, out)
	}
	return fmt.Errorf("ended with %d: %s", code, out)
}

func (l *foreignLog) published(t *testing.T) []byte {
	t.Helper()
	b, err := l.get(l.prefix, "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tokenVariable is where the script finds the token.
const tokenVariable = "COUNTERSIGN_TOKEN"

// runScript runs the script for auditors and returns its exit code and all that
// it said.
func runScript(t *testing.T, token string, args ...string) (code int, out string) {
	t.Helper()
	for _, program := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			testenv.Absent(t, "there is no "+program+": install it with your system's packages")
		}
	}
	folder, err := root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", append([]string{filepath.Join(folder, "docs", "auditors", "verify_log.py")}, args...)...)
	cmd.Env = append(os.Environ(), tokenVariable+"="+token, "PYTHONDONTWRITEBYTECODE=1")
	b, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), string(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(b)
}

// TestScript runs the script for auditors against logs of every shape, made
// here, and against what cannot be checked.
func TestScript(t *testing.T) {
	secret, key, err := note.GenerateKey(nil, "example.org/log")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 255, 256, 257, 511, 65537} {
		m := newMadeLog(t, secret, size)
		kept := m.checkpoint(t, size/2, nil)
		if code, out := runScript(t, "", m.serve(t, m.checkpoint(t, size, nil)), key, m.file(t, kept)); code != 0 || !strings.Contains(out, fmt.Sprintf("size   %d\n", size)) || !strings.Contains(out, fmt.Sprintf("continues the checkpoint of %d entries", size/2)) {
			t.Errorf("%d entries: %d %s", size, code, out)
		}
	}
	m := newMadeLog(t, secret, 300)
	good := m.serve(t, m.checkpoint(t, 300, nil))
	other := newMadeLog(t, secret, 0)
	otherKey := strings.Replace(key, "example.org/log", "example.org/other", 1)
	for _, x := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"another history", []string{good, key, m.file(t, m.checkpoint(t, 100, flip(5)))}, 1, "does not continue the checkpoint of 100 entries"},
		{"another tree of the size", []string{good, key, m.file(t, m.checkpoint(t, 300, flip(5)))}, 1, "does not continue the checkpoint of 300 entries"},
		{"set back", []string{good, key, m.file(t, newMadeLog(t, secret, 301).checkpoint(t, 301, nil))}, 1, "it was set back"},
		{"witnesses beside the log", []string{m.serve(t, append(m.checkpoint(t, 300, nil), "— witness.example/w "+base64.StdEncoding.EncodeToString(make([]byte, 76))+"\n"...)), key}, 0, "size   300"},
		{"no signature", []string{m.serve(t, bytes.SplitAfter(m.checkpoint(t, 300, nil), []byte("\n\n"))[0]), key}, 1, "not signed with this key"},
		{"no checkpoint", []string{m.serve(t, []byte("hello\n")), key}, 1, "not a checkpoint"},
		{"a kept file that is none", []string{good, key, m.file(t, []byte("hello\n"))}, 1, "not a checkpoint"},
		{"another kept file", []string{good, key, filepath.Join(t.TempDir(), "absent")}, 2, "not checked"},
		{"a key that is none", []string{good, "example.org/log"}, 2, "not the verifier key"},
		{"a key whose digits are others", []string{good, otherKey}, 2, "not the verifier key"},
		{"nobody there", []string{"http://127.0.0.1:1/ledger", key}, 2, "not checked"},
		{"nothing there", []string{good + "/x", key}, 2, "not checked"},
		{"no tiles", []string{other.serve(t, m.checkpoint(t, 300, nil)), key}, 1, "tile/entries/000: 404"},
		{"no address", []string{"ledger", key}, 2, "not checked"},
		{"no arguments", nil, 2, "PREFIX"},
		{"led elsewhere", []string{redirect(t, good), key}, 2, "302"},
	} {
		if code, out := runScript(t, "countersign_secret", x.args...); code != x.code || !strings.Contains(out, x.want) {
			t.Errorf("%s: %d %s, want %d and %q", x.name, code, out, x.code, x.want)
		}
	}
	l := serveLog(t)
	if code, out := runScript(t, "", l.prefix, l.key); code != 2 || !strings.Contains(out, "401") {
		t.Errorf("without a token: %d %s", code, out)
	}
}

func redirect(t *testing.T, to string) string {
	s := httptest.NewServer(http.RedirectHandler(to+"/checkpoint", http.StatusFound))
	t.Cleanup(s.Close)
	return s.URL
}

// madeLog is a log that is made with the code of the Go checksum database.
type madeLog struct {
	secret  string
	size    int64
	entries [][]byte
	hashes  []tlog.Hash // as tlog stores them
}

func newMadeLog(t *testing.T, secret string, size int) *madeLog {
	t.Helper()
	m := &madeLog{secret: secret, size: int64(size)}
	for i := range size {
		m.entries = append(m.entries, fmt.Appendf(nil, "entry %d", i))
		more, err := tlog.StoredHashes(int64(i), m.entries[i], m)
		if err != nil {
			t.Fatal(err)
		}
		m.hashes = append(m.hashes, more...)
	}
	return m
}

// ReadHashes implements tlog.HashReader.
func (m *madeLog) ReadHashes(indexes []int64) (out []tlog.Hash, err error) {
	for _, i := range indexes {
		out = append(out, m.hashes[i])
	}
	return out, nil
}

// checkpoint signs the tree of the first size entries, or, with a change, a
// root that is none of it.
func (m *madeLog) checkpoint(t *testing.T, size int, change func([]byte) []byte) []byte {
	t.Helper()
	root, err := tlog.TreeHash(int64(size), m)
	signer, failed := note.NewSigner(m.secret)
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		root = tlog.Hash(change(root[:]))
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, base64.StdEncoding.EncodeToString(root[:]))}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (m *madeLog) file(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve serves the tiles of the log, with a checkpoint, and returns the prefix.
func (m *madeLog) serve(t *testing.T, checkpoint []byte) string {
	t.Helper()
	files := map[string][]byte{"/ledger/checkpoint": checkpoint}
	for _, tile := range tlog.NewTiles(8, 0, m.size) {
		b, err := tlog.ReadTileData(tile, m)
		if err != nil {
			t.Fatal(err)
		}
		files["/ledger/"+strings.Replace(tile.Path(), "tile/8/", "tile/", 1)] = b
		if tile.L == 0 {
			var bundle []byte
			for _, e := range m.entries[tile.N*256 : tile.N*256+int64(tile.W)] {
				bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(e))), e...)
			}
			files["/ledger/"+strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)] = bundle
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/ledger"
}
