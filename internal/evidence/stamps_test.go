package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/asn1"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/testenv"
	"example.org/countersign/internal/timestamp"
	"example.org/countersign/verify/format"
)

// token returns a token over data that nobody signed.
func token(data []byte) []byte {
	marshal := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			panic(err)
		}
		return b
	}
	wrapped := func(b []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: b}
	}
	said := format.TSTInfo{Version: 1, Policy: format.OIDTSTInfo, Imprint: format.ImprintOf(data), Serial: big.NewInt(7), Time: q3.To}
	digest := format.ImprintOf(nil).Algorithm
	return marshal(format.ContentInfo{Type: format.OIDSignedData, Data: wrapped(marshal(format.SignedData{Version: 3,
		Content: format.SignedContent{Type: format.OIDTSTInfo, Bytes: wrapped(marshal(marshal(said)))},
		Signers: []format.SignerInfo{{Version: 1, ID: asn1.RawValue{FullBytes: []byte{0x30, 0}}, Digest: digest, Attributes: wrapped(nil), Algorithm: digest, Signature: []byte{0}}}}))})
}

// stamp keeps a time stamp of a checkpoint, made now.
func (o *office) stamp(cp ledger.Checkpoint, token []byte) string {
	o.Helper()
	now := o.Now()
	x := &timestamp.Stamp{Day: now.Format(time.DateOnly), At: now.UnixMicro(), Time: now.UnixMicro(), Size: cp.Size, Checkpoint: string(cp.Signed), Token: token}
	o.must(o.Write(o.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return timestamp.Stamps.Put(tx, x, ledger.Do("obtained", "CC7.1"))
	}))
	return x.ID
}

func (o *office) head() ledger.Checkpoint {
	o.Helper()
	cp, err := o.Checkpoint(o.Context())
	o.must(err)
	return cp
}

// stampedDays returns the days whose stamps are in a package, and the note in
// its index.
func stampedDays(t *testing.T, b []byte) (days []string, note string) {
	t.Helper()
	all := files(t, b)
	for path := range all {
		if day, err := format.StampDay(path); err == nil && path == format.StampOf(day).Token {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	for _, r := range rows(t, all["index.csv"]) {
		if r["artefact"] == "Time stamps of the log" {
			note = r["file"] + ": " + r["note"]
		}
	}
	return days, note
}

// TestTimestamps holds that a package has the stamps of its period, and those
// after it up to the first over all of it; and that the index says which, or
// why there is none.
func TestTimestamps(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		expect := func(what, note string, want ...string) []byte {
			t.Helper()
			b, _ := o.build(q3, evidence.BuildOptions{})
			s, err := check(t, b, o.VerifierKey())
			o.must(err)
			days, said := stampedDays(t, b)
			if !slices.Equal(days, want) || len(s.Stamps) != len(want) || !strings.Contains(said, note) {
				t.Errorf("%s: stamps of %v, %d checked, the index says %q", what, days, len(s.Stamps), said)
			}
			return b
		}
		now := func(month time.Month, day int) ledger.Checkpoint {
			t.Helper()
			o.at(2026, month, day, 3, 0)
			o.mail("x@example.com", "Something", "Something.")
			return o.head()
		}
		before := now(6, 30)
		o.stamp(before, token(before.Signed))
		first := now(7, 2)
		expect("before any", ": absent: no time stamp authority is named in this installation")
		o.timestamp = "https://timestamp.example/tsr"
		o.desks()
		expect("before any, with an authority", ": absent: an authority is named, but there is no stamp of the period")
		o.stamp(first, token(first.Signed))
		stranger := sqlite(t).head()
		o.at(2026, 7, 3, 3, 0)
		o.stamp(stranger, token(stranger.Signed))
		expect("within", "none that was made after the period is over all of it", "2026-07-02")
		last := now(9, 30)
		o.stamp(last, token(last.Signed))
		now(9, 30)
		o.at(2026, 10, 1, 3, 0)
		o.stamp(last, token(last.Signed)) // nothing was published since
		expect("not all of it", "none that was made after", "2026-07-02", "2026-09-30", "2026-10-01")
		for range 2 {
			cp := now(o.Now().Month(), o.Now().Day()+1)
			o.stamp(cp, token(cp.Signed))
		}
		full := expect("all of it", "ledger/timestamps/2026-10-02.der: 4 stamps below ledger/timestamps/, of 2026-07-02 to 2026-10-02; that of 2026-10-02 is over the whole period",
			"2026-07-02", "2026-09-30", "2026-10-01", "2026-10-02")
		if _, note := stampedDays(t, full); !strings.Contains(note, "1 stamp of the log under an earlier name left out") {
			t.Errorf("the index says %q", note)
		}
		less, _, err := o.redacted(full, "", "communication:text")
		o.must(err)
		if s, err := check(t, less, o.VerifierKey()); err != nil || len(s.Stamps) != 4 {
			t.Errorf("a redacted package: %+v, %v", s, err)
		}
		if days, note := stampedDays(t, less); len(days) != 4 || !strings.Contains(note, "over the whole period") {
			t.Errorf("a redacted package has stamps of %v, and says %q", days, note)
		}
	})
}

// TestAlteredTimestamps holds that no package is made with a stamp that does
// not prove anything, and that it is named.
func TestAlteredTimestamps(t *testing.T) {
	for name, test := range map[string]struct {
		change func(cp *ledger.Checkpoint, token *[]byte)
		want   string
	}{
		"checkpoint": {func(cp *ledger.Checkpoint, _ *[]byte) {
			cp.Signed = bytes.Replace(cp.Signed, []byte("\n"), []byte("\n1"), 1)
		}, "cannot be taken"},
		"imprint": {func(_ *ledger.Checkpoint, b *[]byte) { *b = token([]byte("something else")) }, "its token is over something else"},
		"token":   {func(_ *ledger.Checkpoint, b *[]byte) { *b = []byte("none") }, "its token is no time stamp token"},
	} {
		t.Run(name, func(t *testing.T) {
			o := sqlite(t)
			o.at(2026, 9, 1, 3, 0)
			cp := o.head()
			der := token(cp.Signed)
			test.change(&cp, &der)
			id := o.stamp(cp, der)
			o.refused(name, evidence.BuildOptions{}, "time stamp of 2026-09-01 ("+id+") "+test.want)
		})
	}
}

var fromPackage = regexp.MustCompile(`(?m)^openssl ts .* ledger/timestamps/.*$`)

// TestTimestampsByOpenSSL checks the stamps of an unpacked package by the
// command that auditors are told.
func TestTimestampsByOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		testenv.Absent(t, "the openssl command is not there: apt-get install openssl")
	}
	guide, err := os.ReadFile("../../docs/auditors/timestamps.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := fromPackage.FindAllString(string(guide), -1)
	if len(commands) != 1 || !strings.Contains(commands[0], "2026-09-30") {
		t.Fatalf("the guide has the commands %q", commands)
	}
	dir := t.TempDir()
	put := func(name string, content []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell := func(command string) (string, error) {
		c := exec.CommandContext(t.Context(), "sh", "-ec", command)
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	o := sqlite(t)
	o.at(2026, 9, 30, 3, 0)
	cp := o.head()
	put("stamped.txt", cp.Signed)
	put("ts.cnf", []byte("[req]\ndistinguished_name = name\n[name]\n[ext]\nextendedKeyUsage = critical,timeStamping\n[tsa]\nserial = serial\nsigner_cert = authority.pem\nsigner_key = key.pem\n"+
		"signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n"))
	put("serial", []byte("01\n"))
	if out, err := shell(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ts.cnf -extensions ext -subj /CN=Authority -days 36500 -keyout key.pem -out authority.pem
openssl ts -query -data stamped.txt -sha256 -cert -out query.tsq
openssl ts -reply -config ts.cnf -section tsa -queryfile query.tsq -token_out -out token.der`); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	der, err := os.ReadFile(filepath.Join(dir, "token.der"))
	o.must(err)
	o.stamp(cp, der)
	b, _ := o.build(q3, evidence.BuildOptions{})
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	o.must(err)
	for _, f := range z.File {
		r, err := f.Open()
		o.must(err)
		content, err := io.ReadAll(r)
		o.must(err)
		put(f.Name, content)
	}
	if out, err := shell(commands[0]); err != nil || !strings.Contains(out, "Verification: OK") {
		t.Errorf("%s: %v\n%s", commands[0], err, out)
	}
	paths := format.StampOf("2026-09-30")
	for _, path := range []string{paths.Token, paths.Checkpoint} {
		was, err := os.ReadFile(filepath.Join(dir, path))
		o.must(err)
		altered := bytes.Clone(was)
		altered[len(altered)-4] ^= 1
		put(path, altered)
		if out, err := shell(commands[0]); err == nil {
			t.Errorf("openssl takes %s altered: %s", path, out)
		}
		put(path, was)
	}
}
