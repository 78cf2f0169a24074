package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/pgtest"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/spool"
)

var start = time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)

func kinds() []ledger.Records {
	return slices.Concat(jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(), response.Records(), evidence.Records(), recovery.Records(), Records())
}

// house is an installation as app makes one.
type house struct {
	*ledger.Ledger
	dir, dsn string
	db       *db.DB
	keys     *keyring.Keyring
	blobs    *blob.Store
	clock    *clock.Set
	close    func()
}

// open opens a data directory, making what is not there.
func open(t testing.TB, dir, dsn string) *house {
	t.Helper()
	ctx := context.Background()
	h := &house{dir: dir, dsn: dsn, clock: clock.NewSet(start)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(dir, 0o700))
	if h.dsn == "" {
		dsn = databaseIn(dir)
	}
	var err error
	h.db, err = db.Open(ctx, dsn)
	must(err)
	must(h.db.Migrate(ctx))
	h.keys, err = keyring.Open(ctx, keyringIn(dir))
	must(err)
	h.blobs, err = blob.Open(blobsIn(dir), h.keys)
	must(err)
	h.Ledger, err = ledger.Open(ctx, h.db, h.keys, h.blobs, h.clock.Now, kinds()...)
	must(err)
	h.close = sync.OnceFunc(func() { h.Ledger.Close(); h.keys.Close(); h.db.Close() })
	t.Cleanup(h.close)
	return h
}

var ann = ledger.Actor{ID: "ann", Role: "analyst"}

// say records a message with a text, and an attachment where there is one.
func (h *house) say(ctx context.Context, casefile string, seq int, text string, attachment []byte) error {
	m := &intake.Communication{Case: casefile, Seq: seq, Direction: intake.Inbound, Text: text, ReceivedAt: start.UnixMicro(), MessageID: text}
	if attachment != nil {
		ref, err := h.blobs.Put(bytes.NewReader(attachment))
		if err != nil {
			return err
		}
		m.Attachments = []intake.Attachment{{Name: "a.txt", Size: ref.Size, SHA256: ref.SHA256, Blob: ref}}
	}
	return h.Write(ctx, ann, func(_ context.Context, tx *ledger.Tx) error {
		return intake.Communications.Put(tx, m, ledger.Do("received", "CC2.3"))
	})
}

// fill gives a house some of everything.
func (h *house) fill(t testing.TB) {
	t.Helper()
	for i := range 20 {
		if err := h.say(t.Context(), "case", i, fmt.Sprintf("Tëxt \"%d\" <&>\u2028", i), bytes.Repeat([]byte{byte(i)}, i*1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
		_, err := tx.Work(`INSERT INTO repeated_arrival (communication, count, last_at) VALUES ('one', 2, 3)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "organisation"), []byte("Northwind\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "server.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, policyFile), []byte("quorum none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(spoolIn(h.dir), h.blobs, h.keys)
	if err == nil {
		err = s.Keep("mail", start, "to somebody", strings.NewReader("spooled"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// key is an age identity and its recipient.
var key = func() *age.X25519Identity {
	k, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return k
}()

func (h *house) source() Source { return Source{Data: h.dir, Database: h.dsn, Now: h.clock.Now()} }

func (h *house) backup(t testing.TB) ([]byte, *Made) {
	t.Helper()
	var out bytes.Buffer
	made, err := Write(t.Context(), h.source(), []age.Recipient{key.Recipient()}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), made
}

func (h *house) keyringBackup(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := WriteKeyring(t.Context(), h.source(), []age.Recipient{key.Recipient()}, &out); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keyring.age")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *house) plan(t testing.TB, database string) Restoration {
	return Restoration{Data: filepath.Join(t.TempDir(), "restored"), Database: database, Keyring: keyringIn(h.dir),
		Identities: []age.Identity{key}, Kinds: kinds(), Clock: h.clock.Now, Reason: "The machine burnt down."}
}

// dump is every row of every table that a backup has.
func dump(t *testing.T, d *db.DB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	all, err := layouts(t.Context(), d.Dialect, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		out[l.Table] = []string{l.names()}
		if err := l.each(t.Context(), d, func(row []any) error {
			line, err := appendRow(nil, l.Columns, row)
			out[l.Table] = append(out[l.Table], string(line))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out[l.Table])
	}
	return out
}

// both runs f with an empty database of each kind, "" for SQLite.
func both(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "") })
	t.Run("postgres", func(t *testing.T) { f(t, pgtest.DSN(t)) })
}

// TestRoundTrip restores a record from each database into each: it has the same
// rows, files and blobs, and nothing of the machine that it comes from.
func TestRoundTrip(t *testing.T) {
	both(t, func(t *testing.T, from string) {
		h := open(t, filepath.Join(t.TempDir(), "data"), from)
		h.fill(t)
		file, made := h.backup(t)
		want := dump(t, h.db)
		if made.Manifest.Blobs != 21 || made.Header.Entries != 20 || len(made.Manifest.Files) != 3 {
			t.Errorf("made %+v", made.Manifest)
		}
		if bytes.Contains(file, []byte("Northwind")) || bytes.Contains(file, []byte("casefile")) {
			t.Error("the file is not encrypted")
		}
		both(t, func(t *testing.T, to string) {
			r := h.plan(t, to)
			r.Complete, r.Reason = true, ""
			restored, err := Restore(t.Context(), r, bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if restored.Report.Size != 20 || restored.Report.Records["communication"] != 20 || restored.Settled != (Settled{}) {
				t.Errorf("restored %+v", restored)
			}
			again := open(t, r.Data, to)
			if diff := cmp.Diff(want, dump(t, again.db)); diff != "" {
				t.Error(diff)
			}
			if name, err := os.ReadFile(filepath.Join(r.Data, "organisation")); err != nil || string(name) != "Northwind\n" {
				t.Errorf("organisation: %q, %v", name, err)
			}
			if aside, err := os.ReadFile(filepath.Join(r.Data, PolicyAside)); err != nil || string(aside) != "quorum none\n" || !restored.Policy || there(filepath.Join(r.Data, policyFile)) {
				t.Errorf("the witness policy is in force, or lost: %q, %v", aside, err)
			}
			s, err := spool.Open(spoolIn(r.Data), again.blobs, again.keys)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := s.Drain(t.Context(), func(_ context.Context, _ spool.Item, body io.Reader) error {
				if b, err := io.ReadAll(body); err != nil || string(b) != "spooled" {
					t.Errorf("spooled %q, %v", b, err)
				}
				return nil
			}); n != 1 || err != nil {
				t.Errorf("the spool has %d items, %v", n, err)
			}
			if there(filepath.Join(r.Data, "server.json")) || there(filepath.Join(r.Data, markName)) || there(r.Data+".restoring") {
				t.Error("something is left that should not be")
			}
			if err := again.say(t.Context(), "case", 100, "after", []byte("after")); err != nil {
				t.Error(err)
			}
			if _, err := again.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestKeyringTo restores what several nodes shared: record and keyring into two
// databases, from the backups of both.
func TestKeyringTo(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	h.fill(t)
	file, _ := h.backup(t)
	r := h.plan(t, pgtest.DSN(t))
	r.Complete, r.Reason = true, ""
	for keys, from := range map[string]string{"backup": h.keyringBackup(t), "directory": keyringIn(h.dir)} {
		t.Run(keys, func(t *testing.T) {
			r := r
			r.Keyring, r.KeyringTo, r.Database, r.Data = from, pgtest.DSN(t), pgtest.DSN(t), filepath.Join(t.TempDir(), "restored")
			if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err != nil {
				t.Fatal(err)
			}
			if there(keyringIn(r.Data)) {
				t.Error("the keyring is in the data directory too")
			}
			ring, err := keyring.Open(t.Context(), r.KeyringTo)
			if err != nil {
				t.Fatal(err)
			}
			defer ring.Close()
			d, err := db.Open(t.Context(), r.Database)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			blobs, err := blob.Open(blobsIn(r.Data), ring)
			if err != nil {
				t.Fatal(err)
			}
			l, err := ledger.Open(t.Context(), d, ring, blobs, h.clock.Now, kinds()...)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if report, err := l.Verify(t.Context(), ledger.Options{Full: true}); err != nil || report.Size != 20 {
				t.Errorf("verified %+v, %v", report, err)
			}
			if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "not empty") {
				t.Errorf("into the same directory: %v", err)
			}
			r.Data += "2"
			if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "there is a keyring") {
				t.Errorf("over a keyring: %v", err)
			}
		})
	}
	for _, c := range []struct{ keyring, to, want string }{
		{r.Keyring, "/somewhere", "postgres:// URL"},
		{r.Keyring, r.Database, "database of the record"},
		{"postgres://other/keys", "postgres://another/keys", "in a database already"},
	} {
		r := r
		r.Keyring, r.KeyringTo = c.keyring, c.to
		if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("keyring of %s to %s: %v", c.keyring, c.to, err)
		}
	}
}

// TestOnline backs up while sixteen writers write. What is restored is exactly
// the snapshot: the first entries of the log, as many as the backup says.
func TestOnline(t *testing.T) {
	both(t, func(t *testing.T, from string) {
		h := open(t, filepath.Join(t.TempDir(), "data"), from)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var said atomic.Int64
		for w := range 16 {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					if err := h.say(context.Background(), fmt.Sprint("case", w), i, "text", []byte("attached")); err != nil {
						t.Error(err)
						return
					}
					said.Add(1)
				}
			})
		}
		for said.Load() < 100 {
			time.Sleep(time.Millisecond)
		}
		before := said.Load()
		file, made := h.backup(t)
		after := said.Load()
		stop()
		wg.Wait()
		if n := made.Header.Entries; n < before || n > after+16 {
			t.Errorf("%d entries, where %d were there before and %d after", n, before, after)
		}
		r := h.plan(t, "")
		r.Complete, r.Reason = true, ""
		restored, err := Restore(t.Context(), r, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		leaves, err := h.Leaves(t.Context(), made.Header.Entries)
		if err != nil {
			t.Fatal(err)
		}
		if root := leaves.Subtree(0, made.Header.Entries); restored.Report.Root != root || restored.Report.Size != made.Header.Entries || restored.Report.Blobs != made.Header.Entries {
			t.Errorf("restored %+v of a log whose root is %x", restored.Report, root)
		}
	})
}

// refused restores and wants an error and no trace.
func refused(t *testing.T, r Restoration, file []byte, says string) {
	t.Helper()
	_, err := Restore(t.Context(), r, bytes.NewReader(file))
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want one that says %q", err, says)
	}
	if there(r.Data) || there(r.Data+".restoring") {
		t.Errorf("%v: something is left", err)
	}
}

// TestDamage flips bytes all over a backup, cuts it and adds to it.
func TestDamage(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	h.fill(t)
	file, _ := h.backup(t)
	r := h.plan(t, "")
	places := []int{0, 10, 22, 60, 100, 150, 190, 200, len(file) - 1, len(file) - 17}
	for range 30 {
		var b [4]byte
		rand.Read(b[:])
		places = append(places, int(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]))%len(file))
	}
	for _, at := range places {
		altered := bytes.Clone(file)
		altered[at] ^= 1
		_, err := Restore(t.Context(), r, bytes.NewReader(altered))
		if err == nil || !strings.Contains(err.Error(), "altered") && !strings.Contains(err.Error(), "age file") {
			t.Errorf("byte %d: %v", at, err)
		}
		if there(r.Data) || there(r.Data+".restoring") {
			t.Fatalf("byte %d: something is left", at)
		}
	}
	for _, n := range []int{0, 1, 100, 300, len(file) / 2, 64 << 10, len(file) - 1} {
		refused(t, r, file[:n], "damaged")
	}
	refused(t, r, append(bytes.Clone(file), 0), "damaged")
	if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err != nil {
		t.Errorf("the file itself: %v", err)
	}
	t.Run("postgres", func(t *testing.T) {
		r := h.plan(t, pgtest.DSN(t))
		refused(t, r, file[:len(file)-1], "damaged")
		altered := bytes.Clone(file)
		altered[len(file)/2] ^= 1
		refused(t, r, altered, "damaged")
		if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err != nil {
			t.Errorf("into the database of a restore that failed: %v", err)
		}
		r.Data += "2"
		refused(t, r, file, "not empty")
	})
}

// forge rewrites a backup with its members changed, and sealed under another
// secret.
func forge(t *testing.T, file []byte, sec, other *secret, change func(name string, b []byte) []byte) []byte {
	t.Helper()
	in, err := openArchive(bytes.NewReader(file), []age.Identity{key})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	to, err := newArchive(&out, []age.Recipient{key.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, b []byte) {
		if b = change(name, b); b == nil {
			return
		}
		if err := to.member(name, int64(len(b)), bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	first, err := marshal(in.header)
	if err != nil {
		t.Fatal(err)
	}
	add(headerName, first)
	for {
		name, size, body, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		if name == manifestName {
			m, err := in.finish(size, body, sec)
			if err != nil {
				t.Fatal(err)
			}
			if err := to.close(m, other); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}
		b, err := io.ReadAll(body)
		if err == nil {
			err = in.done(name, size, body)
		}
		if err != nil {
			t.Fatal(err)
		}
		add(name, b)
	}
}

// TestForged gives restore archives that decrypt and are not what was written.
func TestForged(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	h.fill(t)
	file, _ := h.backup(t)
	sec, err := secretOf(t.Context(), h.keys)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(name, old, new string) func(string, []byte) []byte {
		return func(n string, b []byte) []byte {
			if strings.HasPrefix(n, name) {
				if out := bytes.Replace(b, []byte(old), []byte(new), 1); !bytes.Equal(out, b) {
					return out
				}
				t.Errorf("%s has no %q", n, old)
			}
			return b
		}
	}
	without := func(name string) func(string, []byte) []byte {
		return func(n string, b []byte) []byte {
			if strings.HasPrefix(n, name) {
				return nil
			}
			return b
		}
	}
	dropLine := func(name string) func(string, []byte) []byte {
		return func(n string, b []byte) []byte {
			if strings.HasPrefix(n, name) {
				return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1]
			}
			return b
		}
	}
	r := h.plan(t, "")
	if _, err := Restore(t.Context(), r, bytes.NewReader(forge(t, file, sec, sec, func(_ string, b []byte) []byte { return b }))); err != nil {
		t.Fatalf("a forgery that changes nothing: %v", err)
	}
	for _, tt := range []struct {
		name   string
		change func(string, []byte) []byte
		says   string
	}{
		{"missing table", without("tables/channel/"), "table channel is missing"},
		{"missing head", without("tables/ledger_head/"), "table ledger_head is missing"},
		{"missing row", dropLine("tables/communication/"), "table communication has 19 rows instead of 20"},
		{"missing blob", without("blobs/"), "0 blobs instead of 21"},
		{"missing file", without("files/"), "files"},
		{"missing spool", without("spool/"), "files"},
		{"newer schema", replace(headerName, `"schema": `, `"schema": 9`), "this version of the product knows"},
		{"unknown format", replace(headerName, "backup/1", "backup/2"), "format"},
		{"other columns", replace("tables/casefile/", `"number"`, `"numbers"`), "other columns than table casefile"},
		{"other type", replace("tables/communication/", `,"",`, `,17,`), "is not text"},
		{"row of another", replace("tables/communication/", `"inbound"`, `"outbound"`), "column direction does not agree"},
		{"other entry", func(n string, b []byte) []byte {
			if strings.HasPrefix(n, "tables/ledger_entry/") {
				b[bytes.Index(b, []byte(`[3,"`))+20] ^= 2
			}
			return b
		}, "entry 3"},
		{"other root", replace("tables/ledger_head/", `[1,20,`, `[1,19,`), "head of its log"},
		{"other blob", func(n string, b []byte) []byte {
			if strings.HasPrefix(n, "blobs/") {
				b[len(b)-1] ^= 1
			}
			return b
		}, "attachment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, h.plan(t, ""), forge(t, file, sec, sec, tt.change), tt.says)
		})
	}
	other := &secret{keyring.Key{Material: [32]byte{1}}}
	refused(t, h.plan(t, ""), forge(t, file, sec, other, func(_ string, b []byte) []byte { return b }), "not sealed under this keyring")
}

// TestRefused names what does not belong together.
func TestRefused(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	h.fill(t)
	other := open(t, filepath.Join(t.TempDir(), "other"), "")
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file, _ := h.backup(t)
	ring := h.keyringBackup(t)

	r := h.plan(t, "")
	r.Identities = []age.Identity{stranger}
	refused(t, r, file, "identity does not open")

	r = h.plan(t, "")
	r.Keyring = keyringIn(other.dir)
	refused(t, r, file, "this keyring does not belong to this backup")

	r = h.plan(t, "")
	r.Keyring = t.TempDir()
	refused(t, r, file, "there is no keyring")

	keyringFile, err := os.ReadFile(ring)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, h.plan(t, ""), keyringFile, "backup of a keyring")

	data := filepath.Join(t.TempDir(), "data.age")
	if err := os.WriteFile(data, file, 0o600); err != nil {
		t.Fatal(err)
	}
	r = h.plan(t, "")
	r.Keyring = data
	refused(t, r, file, "backup of a record")

	altered := bytes.Clone(keyringFile)
	altered[len(altered)/2] ^= 1
	if err := os.WriteFile(data, altered, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, r, file, "keyring: the backup is damaged")

	r = h.plan(t, "")
	if err := os.MkdirAll(filepath.Join(r.Data, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a directory with something in it: %v", err)
	}

	r = h.plan(t, "")
	r.Keyring = ring
	h.clock.Advance(KeyringLife + time.Second)
	refused(t, r, file, "older than 30 days")
	r.AcceptOld = true
	restored, err := Restore(t.Context(), r, bytes.NewReader(file))
	if err != nil || restored.Keyring == nil || !restored.Keyring.MadeAt.Equal(start) || !restored.Keyring.Expires.Equal(start.Add(KeyringLife)) {
		t.Errorf("with an old keyring that is accepted: %+v, %v", restored, err)
	}

	for i := range 2000 { // needs another block of keys
		if err := h.say(t.Context(), "later", i, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	file, _ = h.backup(t)
	r.Data += "2"
	refused(t, r, file, "The keyring was copied before this backup was made")

	none := h.source()
	none.Data = t.TempDir()
	if _, err := Write(t.Context(), none, []age.Recipient{key.Recipient()}, io.Discard); err == nil || !strings.Contains(err.Error(), "there is no record") {
		t.Errorf("backup of nothing: %v", err)
	}
	if list, _ := os.ReadDir(none.Data); len(list) > 0 {
		t.Error("the backup of nothing made something")
	}
}

// full is a disk with room for some bytes.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestDiskFull(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	h.fill(t)
	if err := h.say(t.Context(), "case", 100, "large", make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1 << 20, 3 << 20} {
		if _, err := Write(t.Context(), h.source(), []age.Recipient{key.Recipient()}, &full{n}); !errors.Is(err, errFull) {
			t.Errorf("a disk with %d bytes: %v", n, err)
		}
	}
}
