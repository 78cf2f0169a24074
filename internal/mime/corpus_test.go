package mime

import (
	"encoding/csv"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// data is where real mails lie that nobody on this project wrote.
const data = "../../../shared/data"

// files returns the files below a folder of the data, or skips the test.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(data, folder), func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, p)
		}
		return err
	})
	if err != nil {
		t.Skipf("the real mails are not here: %v", err)
	}
	return list
}

// parseFile reads one file.
func parseFile(t *testing.T, name string) *Message {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := Parse(f, Limits{}, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// golden compares got, which was found in so many inputs, with a file of
// testdata; where the inputs are others, there is nothing to compare.
func golden(t *testing.T, name, got string, inputs int) {
	t.Helper()
	first := fmt.Sprintf("inputs: %d\n", inputs)
	got = first + got
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // a test's file
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(want), first) {
		t.Skipf("%s was made from other inputs than these %d", name, inputs)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%swant\n%s", name, got, want)
	}
}

// Every real mail is accepted and yields clean text; how many gave trouble is
// written down.
func TestCorpus(t *testing.T) {
	type sums struct{ clean, problems, unparsed, attachments, truncated int }
	bySource := map[string]*sums{}
	n := 0
	for _, folder := range []string{"mail", "bounce", "reply", "hostile"} {
		for _, name := range files(t, folder) {
			n++
			m := parseFile(t, name)
			check(t, m)
			if t.Failed() {
				t.Fatal(name)
			}
			own, quoted := TrimReply(m.Text)
			if cleanText(own) != own || cleanText(quoted) != quoted {
				t.Errorf("%s: reply not clean", name)
			}
			source, _ := filepath.Rel(data, name)
			source = strings.Join(strings.Split(filepath.ToSlash(source), "/")[:2], "/")
			s := bySource[source]
			if s == nil {
				s = &sums{}
				bySource[source] = s
			}
			switch {
			case m.Unparsed:
				s.unparsed++
			case len(m.Problems) > 0:
				s.problems++
			default:
				s.clean++
			}
			s.attachments += len(m.Attachments)
			if m.Truncated {
				s.truncated++
			}
		}
	}
	var b strings.Builder
	b.WriteString("source: without problems, with problems, unparsed; attachments; truncated\n")
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		s := bySource[source]
		fmt.Fprintf(&b, "%s: %d %d %d; %d; %d\n", source, s.clean, s.problems, s.unparsed, s.attachments, s.truncated)
	}
	golden(t, "corpus.golden", b.String(), n)
}

// Attachments come out byte for byte as another parser's authors keep them.
func TestCorpusAttachments(t *testing.T) {
	const folder = "mail/mail-mime-parser/tests/_data/emails"
	want := map[string]string{}
	for _, name := range files(t, folder+"/files") {
		m, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		// The file as the only attachment of a mail: its hash by our own path.
		a, err := Parse(&headed{head: "Content-Type: a/b\n\n", r: m}, Limits{}, nil)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		want[a.Attachments[0].SHA256] = filepath.Base(name)
	}
	same, other := 0, []string(nil)
	for _, name := range files(t, folder) {
		if filepath.Base(filepath.Dir(name)) == "files" {
			continue
		}
		for _, a := range parseFile(t, name).Attachments {
			switch {
			case strings.HasPrefix(a.Type, "message/") || strings.HasSuffix(a.Type, "-signature") || strings.Contains(a.Type, "binhex"):
			case want[a.SHA256] != "":
				same++
			default:
				other = append(other, filepath.Base(name)+" "+a.Name)
			}
		}
	}
	// m0022 lacks the line end that its golden has, m3004 is a text in another
	// charset than its golden, m4009 was cut short by its author.
	if d := []string{"m0022.txt aaa.txt", "m3004.txt HasenundFrösche.txt", "m4009.txt test10Mb.db"}; !slices.Equal(other, d) {
		t.Errorf("unlike their goldens: %q", other)
	}
	if same != 94 {
		t.Errorf("%d attachments are like their goldens", same)
	}
}

// headed is a reader with something before it.
type headed struct {
	head string
	r    *os.File
}

func (h *headed) Read(p []byte) (int, error) {
	if h.head != "" {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	return h.r.Read(p)
}

// How well bounces are read, against what another parser's authors expect.
func TestCorpusBounces(t *testing.T) {
	f, err := os.Open(filepath.Join(data, "bounce/expected.csv"))
	if err != nil {
		t.Skipf("the real bounces are not here: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string][][]string{}
	for _, r := range rows[1:] {
		expected[r[0]] = append(expected[r[0]], r)
	}
	type rate struct{ hit, of int }
	var kind, recipients, original, status, class, hard rate
	count := func(r *rate, hit bool) {
		if r.of++; hit {
			r.hit++
		}
	}
	for name, want := range expected {
		path := filepath.Join(data, "bounce/maildir/bsd", name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		a := parseFile(t, path).Auto()
		if a.Kind == Personal && name != "lhost-sendmail-14.eml" && name != "lhost-fml-03.eml" { // a person forwards; a list's alert to itself
			t.Errorf("%s: taken for a person's", name)
		}
		switch want[0][4] {
		case "feedback":
			count(&kind, a.Kind == AutoReport)
			continue
		case "vacation":
			count(&kind, a.Kind == AutoReply)
			continue
		}
		count(&kind, a.Kind == AutoBounce)
		count(&recipients, len(a.Bounces) == len(want))
		count(&original, a.OriginalID != "")
		for i, w := range want {
			var b Bounce
			if i < len(a.Bounces) {
				b = a.Bounces[i]
			}
			if !strings.Contains(w[2], ".0.9") { // codes of that parser's own
				count(&status, b.Status == w[2])
			}
			count(&class, b.Status != "" && b.Status[0] == w[2][0])
			count(&hard, b.Hard == (w[5] == "true"))
		}
	}
	golden(t, "bounces.golden", fmt.Sprintf("kind %d of %d\nnumber of recipients %d of %d\noriginal named %d of %d\nstatus %d of %d\npermanent or temporary %d of %d\nhard or soft %d of %d\n",
		kind.hit, kind.of, recipients.hit, recipients.of, original.hit, original.of, status.hit, status.of, class.hit, class.of, hard.hit, hard.of), len(expected))
}
