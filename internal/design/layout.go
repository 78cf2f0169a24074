package design

import (
	"time"

	"example.org/countersign/internal/design/phrase"
)

// Theme is the look a person chose; the zero value follows the system.
type Theme string

// The themes.
const (
	System Theme = ""
	Light  Theme = "light"
	Dark   Theme = "dark"
)

// ThemeOf reads the cookie that app.js sets; anything else is System.
func ThemeOf(cookie string) Theme {
	if t := Theme(cookie); t == Light || t == Dark {
		return t
	}
	return System
}

// Area is one entry of the staff navigation.
type Area struct {
	Label, Href string
	Icon        Icon
	Current     bool
	Count       int64 // of what waits there; not shown where 0
	Key         string
}

// Words is the count as shown.
func (a Area) Words() string { return phrase.Number(a.Count) }

// Areas returns the staff navigation, with the area whose address is current
// marked. Counts are the caller's to add.
func Areas(current string) []Area {
	areas := []Area{
		{Label: "Queue", Href: "/queue", Icon: "inbox"},
		{Label: "Channels", Href: "/channels", Icon: "radio-tower"},
		{Label: "Policy", Href: "/policy", Icon: "scroll-text"},
		{Label: "People", Href: "/people", Icon: "users"},
		{Label: "Retention", Href: "/retention", Icon: "archive"},
		{Label: "Evidence", Href: "/evidence", Icon: "package"},
		{Label: "Ledger", Href: "/ledger", Icon: "stamp"},
	}
	for i := range areas {
		areas[i].Current = areas[i].Href == current
	}
	return areas
}

// LedgerHead is the checkpoint that was published last, always in view. It is
// not the newest one: that tells everybody when something was done.
type LedgerHead struct {
	Size int64     // entries
	Root string    // hash of the tree; "" where nothing was published yet
	At   time.Time // of the publication
	Seal Seal
	Href string
}

// Words is the size as shown.
func (h LedgerHead) Words() string {
	switch {
	case h.Seal.Kind == Broken:
		return "see the ledger"
	case h.Root == "":
		return "nothing published yet"
	}
	return phrase.Count(h.Size, "entry", "entries")
}

// Published is the time as shown.
func (h LedgerHead) Published() Moment { return Moment{At: h.At} }

// KeyHelp is one line of the keyboard help.
type KeyHelp struct {
	Keys []string
	What string
}

// Keys returns the shortcuts that every staff page has, then the page's own.
func Keys(own ...KeyHelp) []KeyHelp {
	return append([]KeyHelp{
		{Keys: []string{"j", "k"}, What: "Next, previous row"},
		{Keys: []string{"Enter"}, What: "Open the row"},
		{Keys: []string{"x"}, What: "Pick the row"},
		{Keys: []string{"/"}, What: "Search"},
		{Keys: []string{"?"}, What: "This help"},
	}, own...)
}

// Staff is what the layout "staff" needs. A page embeds it: the layout reads
// .Staff, the page's "main" reads the rest.
type Staff struct {
	Title        string
	Organisation string
	Home         string // address of the brand; "/queue" where empty
	Theme        Theme
	Areas        []Area
	Search       string // address of the search over everything; no field where empty
	Person       string // name of who is signed in
	Role         string
	Account      []Link
	SignOut      string // address that a POST signs out at
	Head         *LedgerHead
	Flashes      []Flash
	Keys         []KeyHelp
}

// HomeHref is the address of the brand.
func (s Staff) HomeHref() string {
	if s.Home == "" {
		return "/queue"
	}
	return s.Home
}

// Language is one choice of the language switch.
type Language struct {
	Code, Name string // "pt-BR", "Português"
	Href       string
	Current    bool
}

// Public is what the layout "public" needs: no script, no cookie, nothing from
// elsewhere. A page embeds it. Its own words come from the page, which knows
// the language; where one is empty, it is English.
type Public struct {
	Lang          string // "en" where empty
	Direction     string // "rtl" for languages written so
	Title         string
	Organisation  string
	Home          string
	Languages     []Language
	Flashes       []Flash
	Footer        []Link
	SkipWord      string // "Skip to content"
	LanguagesWord string // "Languages"
	SealedWord    string // one line about the record, above the end
	Narrow        bool   // sign-in and the like: a small column, no header
}

// LangCode is the language of the page.
func (p Public) LangCode() string { return or(p.Lang, "en") }

// Dir is the direction of writing.
func (p Public) Dir() string {
	if p.Direction == "rtl" {
		return "rtl"
	}
	return "ltr"
}

// Skip is the text of the skip link.
func (p Public) Skip() string { return or(p.SkipWord, "Skip to content") }

// LanguagesLabel names the language switch for screen readers.
func (p Public) LanguagesLabel() string { return or(p.LanguagesWord, "Languages") }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Report is what the layout "report" needs: a document that stands alone, with
// its style inside, for evidence read offline and in print. A page embeds it.
type Report struct {
	Lang     string
	Title    string
	Subtitle string
	Facts    []KeyValue // period, organisation, ledger head
}

// LangCode is the language of the document.
func (r Report) LangCode() string { return or(r.Lang, "en") }
