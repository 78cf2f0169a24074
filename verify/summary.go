package verify

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Summary is what a package that holds was found to say.
type Summary struct {
	Origin string // name of the log
	Key    string // its verifier key

	SealEntry int64     // number of the entry that seals the package
	Sealed    time.Time // its time
	SealTree  int64     // entries of the tree that it is proved in

	Tree               int64  // entries of the tree that the records are proved in
	First, Count       int64  // range of the log that is in the package
	From, To           string // dates that the seal says the package is for, "2026-07-01"; may be empty
	FirstTime          time.Time
	LastTime           time.Time
	Kinds              []Kind
	Documents          int64 // shown of entries in the range
	Hidden             int64 // entries in the range that show no document
	Redacted           int64 // fields that show their hash only
	References         int64 // entries from outside the range
	ReferenceDocuments int64

	Witnessed int64     // entries of the tree that was cosigned; 0 where none was
	Witnesses []Witness // that cosigned it
	Unchecked []string  // names on other cosignatures, whose keys nobody gave

	Stamps []Stamp // of the log, in the order of the times that they name

	// Abridged: somebody redacted the package after it was sealed. The seal is
	// that of the whole one, LeftOut the tables that this one does not have.
	Abridged bool
	LeftOut  []Rows
	Unnamed  int64 // files below raw/ that no row names

	Rows       []Rows
	Cases      int64 // opened in the range
	Responses  int64 // sent in the range
	Approvals  int64 // entries of approvals, references included
	Exceptions []Exception
	Veiled     int64 // responses of which it is not shown whether they name an exception as well

	Files    int
	Bytes    int64 // of the package
	Unpacked int64 // of its files

	Proved    []string // in plain words
	NotProved []string
}

// conclude says in plain words what the check has shown, and what it has not.
func (s *Summary) conclude(opt *Options) {
	if s.Abridged {
		s.proved("The log sealed a package at its entry %d, and rewrote nothing between the records and the seal. This one was made of it by leaving things out.", s.SealEntry)
	} else {
		s.proved("The %s are those that were sealed, and so is the archive around them: not a byte was altered, added or removed.", count(s.Files, "file", "files"))
		s.proved("The log signed the seal, its entry %d, and rewrote nothing between the records and the seal.", s.SealEntry)
	}
	if s.Count > 0 {
		s.proved("Entries %d to %d are all there, unaltered and in order: no number of a record kind is missing and no time runs backwards.", s.First, s.First+s.Count-1)
	}
	s.proved("What is shown of %s is what their entries commit to.", count(s.Documents+s.ReferenceDocuments, "document", "documents"))
	if len(s.Rows) > 0 {
		s.proved("The rows of records/*.jsonl agree with those documents and their entries, and records/*.csv with the rows.")
	}
	if s.Cases > 0 {
		s.proved("The tracking numbers of %s have no gap.", count(s.Cases, "new case", "new cases"))
	}
	if n := s.Responses - int64(len(s.Exceptions)); n > 0 {
		s.proved("%s went out exactly as approved, by as many persons as required, none of whom wrote it.", count(n, "response", "responses"))
	}
	if s.Approvals > 0 {
		s.proved("%s: each is an act of the person who is named, for exactly that content, and no response lists another.", count(s.Approvals, "approval", "approvals"))
	}
	if opt.knowsLog() {
		s.proved("The key is the one that was asked for.")
	} else {
		s.notProved("Whose log it is: the key was taken from the package itself. Compare it with the one you know.")
	}
	s.concludeWitnesses()
	s.concludeStamps()
	if n := s.Tree - s.Count - s.References; n > 0 {
		s.notProved("The content of %s of the log: the package has hashes only.", count(n, "other entry", "other entries"))
	}
	if s.Hidden > 0 {
		s.notProved("The content of %s in the range: the package does not have the documents.", count(s.Hidden, "entry", "entries"))
	}
	if s.Redacted > 0 {
		s.notProved("The content of %s.", count(s.Redacted, "redacted field", "redacted fields"))
	}
	if n := len(s.Exceptions); n > 0 {
		s.notProved("That %s had the required approvals: see the exceptions above.", count(n, "response", "responses"))
	}
	if s.Veiled > 0 {
		s.notProved("That %s named no exception beside the approvals: where one would stand a field is redacted.", count(s.Veiled, "response", "responses"))
	}
	for _, r := range s.Rows {
		if len(r.Derived) > 0 {
			s.notProved("Of %s: %s. Nothing sealed that is shown is behind them.", r.File, quoteAll(r.Derived))
		}
	}
	if s.Unnamed > 0 {
		s.notProved("What %s below raw/ are: no document that is shown says it.", count(s.Unnamed, "file", "files"))
	}
	for _, t := range s.LeftOut {
		s.notProved("The %s of %s, which was left out.", count(t.Rows, "row", "rows"), t.File)
	}
	if s.Abridged {
		s.notProved("README.txt, the index and the reports: whoever left things out wrote them, and needed no key for it.")
	} else {
		s.notProved("The reports and the index: they are unaltered since the seal, but were not computed again.")
	}
	s.notProved("That what was recorded is true, or was recorded at once: times are those of the log's own clock.")
}

// count returns a number and its noun.
func count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (s *Summary) proved(text string, args ...any) {
	s.Proved = append(s.Proved, fmt.Sprintf(text, args...))
}

func (s *Summary) notProved(text string, args ...any) {
	s.NotProved = append(s.NotProved, fmt.Sprintf(text, args...))
}

// quoteAll lists names that come from the package.
func quoteAll(names []string) string {
	const most = 20
	var b strings.Builder
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	return b.String()
}

// Write writes the summary as text for a person.
func (s *Summary) Write(w io.Writer) error {
	var b strings.Builder
	if s.Abridged {
		b.WriteString("The redacted package holds.\n\n")
	} else {
		b.WriteString("The package holds.\n\n")
	}
	line := func(label, text string, args ...any) {
		fmt.Fprintf(&b, "%-12s%s\n", label, fmt.Sprintf(text, args...))
	}
	line("Log", "%s", s.Origin)
	line("Key", "%s", s.Key)
	line("Sealed", "%s, entry %d of %d", stamp(s.Sealed), s.SealEntry, s.SealTree)
	if s.From != "" || s.To != "" {
		line("Period", "%s to %s", s.From, s.To)
	}
	if s.Count > 0 {
		line("Entries", "%d to %d of %d, %s to %s", s.First, s.First+s.Count-1, s.Tree, stamp(s.FirstTime), stamp(s.LastTime))
	}
	for _, w := range s.Witnesses {
		line("Witness", "%s, %s, the first %d entries", visible(w.Name), stamp(w.Time), s.Witnessed)
	}
	if len(s.Stamps) > 0 {
		size, when := s.stamped()
		line("Stamped", "log stamped by an authority at %s: %s, of at most the first %d entries", when, count(len(s.Stamps), "stamp", "stamps"), size)
	}
	for _, k := range s.Kinds {
		line("", "%d of kind %s", k.Entries, k.Name)
	}
	line("Documents", "%d, and %d of %s; %s", s.Documents, s.ReferenceDocuments,
		count(s.References, "referenced entry", "referenced entries"), count(s.Redacted, "field redacted", "fields redacted"))
	for _, r := range s.Rows {
		line("Records", "%s, %s", r.File, count(r.Rows, "row", "rows"))
	}
	line("Cases", "%d opened", s.Cases)
	line("Responses", "%d sent, %d of them by exception; %s", s.Responses, len(s.Exceptions), count(s.Approvals, "approval", "approvals"))
	for _, e := range s.Exceptions {
		line("", "entry %d, record %s: %q", e.Entry, e.Record, e.Rule)
	}
	line("Files", "%d of together %d bytes, packed into %d", s.Files, s.Unpacked, s.Bytes)
	list(&b, "Proved", s.Proved)
	list(&b, "Not proved", s.NotProved)
	_, err := io.WriteString(w, b.String())
	return err
}

func list(b *strings.Builder, title string, lines []string) {
	fmt.Fprintf(b, "\n%s\n", title)
	for _, line := range lines {
		fmt.Fprintf(b, "- %s\n", line)
	}
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05 UTC") }
