package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/intake"
)

// command runs one command line.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, stdio{&o, &e})
	return code, o.String(), e.String()
}

// must runs a command that has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != 0 {
		t.Fatalf("countersign %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	notZip := filepath.Join(dir, "x.zip")
	if err := os.WriteFile(notZip, []byte("not a package"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"frobnicate", 2, "frobnicate"},
		{"serve", 2, "--data"},
		{"serve --data " + dir + " --listen nowhere", 1, "nowhere"},
		{"serve --data " + dir + " --trusted-proxy everybody", 2, "no address of a proxy"},
		{"serve --data " + dir + " --trusted-proxy 10.0.0.1,0.0.0.0/0", 2, "believe everybody"},
		{"serve --data " + dir + " --publish-every 500ms", 2, "every 1s to 24h"},
		{"serve --data " + dir + " --publish-every 0s", 2, "every 1s to 24h"},
		{"export --data " + dir, 2, "what"},
		{"export --data " + dir + " invoices", 2, "communications"},
		{"export --data " + dir + " communications --format xml", 2, "xml"},
		{"export --data " + dir + "/none communications", 2, "there is no record"},
		{"package --data " + dir + " --from 2026-07-01 -o x.zip", 2, "--to"},
		{"package --data " + dir + " --from July --to 2026-09-30 -o x.zip", 2, "July"},
		{"import --data " + dir + " x.eml", 2, "--channel"},
		{"disclose " + notZip + " -o x.zip --redact *:text", 1, "not a Countersign package"},
		{"disclose " + dir + "/none.zip -o x.zip --redact *:text", 2, "no such file"},
		{"verify", 2, "FILE"},
		{"verify --live", 2, "--data"},
		{"verify --live --data " + dir + "/none", 2, "there is no record"},
		{"verify " + notZip, 1, "not a Countersign package"},
		{"verify --depth full " + notZip, 2, "--depth is for --live"},
		{"verify --full " + notZip, 2, "--full is for --live"},
		{"verify " + notZip + " --data " + dir, 2, "--data is for --live"},
		{"verify --live --data " + dir + " --log-key x", 2, "--log-key is for a FILE"},
		{"verify --live --data " + dir + " --full --depth tree", 2, "give one of them"},
		{"verify --live --data " + dir + " --depth deep", 2, "deep"},
		{"verify " + dir + "/none.zip", 2, "no such file"},
		{"verify " + dir, 2, "not a file"},
	} {
		code, out, errs := command(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errs, tt.says) {
			t.Errorf("countersign %s: exit %d, want %d, saying %q:\n%s%s", tt.args, code, tt.code, tt.says, out, errs)
		}
	}
	for _, help := range []string{"", "help", "help verify", "help witness add", "--help", "serve --help", "demo --help", "import --help", "export --help", "package --help", "disclose --help", "verify --help"} {
		if out := must(t, strings.Fields(help)...); !strings.Contains(out, "Usage:") {
			t.Errorf("%s says %q", help, out)
		}
	}
	if out := must(t, "help", "verify"); !strings.Contains(out, "--log-key") {
		t.Errorf("help verify says %q", out)
	}
	if code, _, errs := command(t, "help", "frobnicate"); code != 2 || !strings.Contains(errs, "frobnicate") {
		t.Errorf("help for what is no command: exit %d, %q", code, errs)
	}
	if out := must(t, "version"); !strings.HasPrefix(out, "countersign ") {
		t.Errorf("version says %q", out)
	}
}

// TestCommands: a demonstration, imported mail, exports and the package of a
// quarter, by the command line alone.
func TestCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if out := must(t, "demo", "--data", dir, "--exit"); !strings.Contains(out, "Northwind Cloud") {
		t.Errorf("demo says %q", out)
	}
	must(t, "demo", "--data", dir, "--exit") // fed before: nothing is fed twice
	mail := filepath.Join(t.TempDir(), "one.eml")
	box := filepath.Join(t.TempDir(), "box.mbox")
	const message = "From: Old <old@customer.example>\nTo: legacy@northwind-cloud.example\nSubject: Of last year\nMessage-ID: <%@customer.example>\nDate: Mon, 03 Mar 2025 10:00:00 +0000\n\nText.\n"
	for path, text := range map[string]string{
		mail: strings.ReplaceAll(message, "%", "one"),
		box:  "From old@customer.example Mon Mar  3 10:00:00 2025\n" + strings.ReplaceAll(message, "%", "two") + "\nFrom old@customer.example Mon Mar  3 10:00:00 2025\n" + strings.ReplaceAll(message, "%", "one"),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var result intake.Result
	if err := json.Unmarshal([]byte(must(t, "import", "--data", dir, "--channel", "legacy@northwind-cloud.example", "--json", mail, box, filepath.Dir(mail)+"/none.eml")), &result); err != nil {
		t.Fatal(err)
	}
	if result.Read != 3 || result.Recorded+result.Duplicates != 3 || len(result.Refused) != 1 {
		t.Errorf("import: %+v", result)
	}
	rows, err := csv.NewReader(strings.NewReader(must(t, "export", "--data", dir, "communications", "--format", "csv"))).ReadAll()
	if err != nil || strings.Join(rows[0], ",") != "number,direction,channel,from,to,cc,subject,date,received_at,message_id,in_reply_to,text,attachments,auto,raw_sha256" {
		t.Errorf("csv: %v, %v", rows[0], err)
	}
	lines := strings.Split(strings.TrimSpace(must(t, "export", "--data", dir, "communications", "--format", "jsonl")), "\n")
	if len(lines) != len(rows)-1 || len(lines) < 60 {
		t.Errorf("%d JSON lines and %d CSV rows", len(lines), len(rows)-1)
	}
	for _, l := range lines {
		var row intake.Row
		if err := json.Unmarshal([]byte(l), &row); err != nil || row.Number == "" {
			t.Fatalf("line %q: %v", l, err)
		}
	}
	zip := filepath.Join(t.TempDir(), "q.zip")
	must(t, "package", "--data", dir, "--from", "2020-01-01", "--to", "2100-01-01", "-o", zip)
	summary := must(t, "verify", zip)
	if !strings.Contains(summary, "The package holds") {
		t.Errorf("verify says %q", summary)
	}
	less := filepath.Join(t.TempDir(), "less.zip")
	must(t, "disclose", zip, "-o", less, "--redact", "*:text", "--redact", "*:subject")
	if out := must(t, "verify", less); !strings.Contains(out, "The redacted package holds") {
		t.Errorf("verify of a redacted package says %q", out)
	}
	for _, tt := range []struct{ args, says string }{
		{"-o " + zip + " --redact *:text", "is the package itself"},
		{"-o " + less, "say what to show or what to redact"},
		{"-o " + less + " --redact letter", "nothing in the package is meant by letter"},
		{"-o " + less + " --redact Letter", "write a kind of record"},
	} {
		if code, _, errs := command(t, append([]string{"disclose", zip}, strings.Fields(tt.args)...)...); code != 2 || !strings.Contains(errs, tt.says) {
			t.Errorf("disclose %s: exit %d, %s", tt.args, code, errs)
		}
	}
	b, err := os.ReadFile(zip)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(zip, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command(t, "verify", zip); code != 1 || errs == "" {
		t.Errorf("an altered package: exit %d, %q", code, errs)
	}
	for depth, says := range map[string]string{
		"":     "The record is unaltered: ",
		"rows": "older versions were not opened",
		"full": "every version and every attachment",
		"tree": "The log is whole: ",
	} {
		args := []string{"verify", "--live", "--data", dir}
		if depth != "" {
			args = append(args, "--depth", depth)
		}
		if out := must(t, args...); !strings.Contains(out, says) || (depth == "tree") == strings.Contains(out, "unaltered") {
			t.Errorf("verify --live --depth %s says %q", depth, out)
		}
		var v client.Verification
		if err := json.Unmarshal([]byte(must(t, append(args, "--json")...)), &v); err != nil || !v.OK || string(v.Depth) != cmp.Or(depth, "rows") {
			t.Errorf("verify --live --depth %s says %+v, %v", depth, v, err)
		}
	}
}
