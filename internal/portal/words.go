package portal

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// words is everything that the public pages say, in one language. %s stands for
// what fill puts there.
type words struct {
	Code, Name      string // of the language: "de", "Deutsch"
	Months          [12]string
	Date            string // day, month, year, time
	Skip, Languages string
	Sealed          string // one line on every page
	LinkReport      string
	LinkFollowUp    string
	Optional        string
	Problems        string

	ReportTitle, ReportIntro string
	Channel                  string
	About                    string
	Vulnerability, Incident  string
	Phishing, Availability   string
	Privacy, Other           string
	Subject, SubjectHint     string
	Text, TextHint           string
	Who                      string
	Anonymous, AnonymousHint string
	ByName, ByNameHint       string
	YourName, Email          string
	EmailHint                string
	Files, FilesHint         string // count, size of one, size of all
	FilesAgain               string
	Send                     string
	KeptTitle                string
	Kept                     [4]string

	ReceiptTitle, ReceiptKeep      string
	Number, FollowUpCode           string
	NextTitle                      string
	NextRead, NextBy, NextMail     string
	NextFollow                     string
	TwiceTitle, TwiceText, TwiceNo string
	ClosedTitle, ClosedText        string

	FollowTitle, FollowIntro string
	NumberHint, CodeHint     string
	Open                     string
	WrongPair, Throttled     string
	Reported                 string
	StateOpen, StateLate     string
	StateAnswered            string
	StateWaiting             string
	StateClosed              string
	ErasedTitle, ErasedAll   string // number; day, basis
	ErasedWho, ErasedStays   string // day, basis
	MessageErased            string // day
	YouWrote, WeAnswered     string
	Download, Stripped       string
	AddTitle, AddText        string
	Add, Added, AddedBefore  string
	Reload                   string

	SpooledTitle, SpooledText  string
	SpooledKeep, SpooledFollow string
	Reference, SpooledState    string
	SpooledMessage             string
	SpooledBefore              string // the number

	ProofTitle, ProofText     string
	ProofWarning, ProofSure   string
	ProofNo, ProofGet         string
	ProofCheck, ProofStrength string

	ErrText, ErrLong, ErrWho   string
	ErrNamed, ErrEmail         string
	ErrNameLong, ErrChannel    string
	ErrFileSize, ErrFilesCount string
	ErrFilesTotal              string
	ErrFilesBusy               string
	ErrBusy, ErrForm           string
	MissingTitle, MissingText  string
	BrokenTitle, BrokenText    string
}

// tongues are the languages of the public pages; the first where none fits.
var tongues = []*words{&english, &german, &french, &spanish}

var matcher = language.NewMatcher([]language.Tag{language.English, language.German, language.French, language.Spanish})

// speak returns the language of a page: the one chosen by ?lang=, else the one
// that the browser prefers.
func speak(r *http.Request) *words {
	chosen := r.URL.Query().Get("lang")
	for _, t := range tongues {
		if t.Code == chosen {
			return t
		}
	}
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return tongues[i]
}

// fill puts each value in the place of one %s.
func fill(text string, values ...string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "%s") {
		if i > 0 && i <= len(values) {
			b.WriteString(values[i-1])
		}
		b.WriteString(part)
	}
	return b.String()
}

// instant writes a time in UTC, which is said: who reads it is anywhere.
func (w *words) instant(micros int64) string {
	t := time.UnixMicro(micros).UTC()
	return fill(w.Date, strconv.Itoa(t.Day()), w.Months[t.Month()-1], strconv.Itoa(t.Year()), t.Format("15:04")+" UTC")
}
