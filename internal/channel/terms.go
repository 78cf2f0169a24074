package channel

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/mime"
)

// place is the address of a channel that is not a mailbox: a short name, the
// path of a page, or a URL.
var place = regexp.MustCompile(`^(https?://)?[A-Za-z0-9/][A-Za-z0-9._~/:@%+-]{0,199}$`)

// maxReview is how long a channel may go without being looked at.
const maxReview = 2 // years

// tidy checks terms as far as that needs nothing but them and the date, and
// returns them in the form in which they are kept.
func (t Terms) tidy(now time.Time) (Terms, error) {
	t.Published = slices.Clone(t.Published)
	lines := []struct {
		name     string
		value    *string
		max      int
		required bool
	}{
		{"name", &t.Name, 100, true},
		{"address", &t.Address, 254, true},
		{"audience", &t.Audience, 200, true},
		{"owner", &t.Owner, 64, true},
		{"sender name", &t.FromName, 100, false},
		{"domain", &t.Domain, 253, false},
	}
	for i := range t.Published {
		lines = append(lines, lines[0])
		lines[len(lines)-1].name, lines[len(lines)-1].value, lines[len(lines)-1].max = "place of publication", &t.Published[i], 300
	}
	for _, l := range lines {
		if err := line(l.name, l.value, l.max, l.required); err != nil {
			return t, err
		}
	}
	t.Purpose = strings.TrimSpace(t.Purpose)
	switch {
	case t.Purpose == "":
		return t, fault.New(fault.Invalid, "the channel needs a purpose: what may people use it for?")
	case utf8.RuneCountInString(t.Purpose) > 1000 || !utf8.ValidString(t.Purpose):
		return t, fault.New(fault.Invalid, "the purpose must be text of at most 1,000 characters")
	case len(t.Published) > 20:
		return t, fault.New(fault.Invalid, "name at most 20 places where the channel is published")
	case !slices.Contains([]Direction{Inbound, Outbound, Both}, t.Direction):
		return t, fault.New(fault.Invalid, "the direction must be inbound, outbound or both")
	case t.Kind == Import && t.Direction != Inbound:
		return t, fault.New(fault.Invalid, "an import channel is inbound: nothing is sent through it")
	}
	if err := checkReview(t.ReviewDue, now); err != nil {
		return t, err
	}
	return t.tidyAddress()
}

func (t Terms) tidyAddress() (Terms, error) {
	switch t.Kind {
	case Email:
		a, err := mime.ParseAddress(t.Address)
		if err != nil {
			return t, err
		}
		if a.Name != "" {
			return t, fault.New(fault.Invalid, "give the address alone, %s, and the name as the sender name", a.Addr)
		}
		t.Address = a.Addr
		if t.Domain == "" {
			t.Domain = mime.NormalizeAddr(a.Addr)[strings.LastIndexByte(mime.NormalizeAddr(a.Addr), '@')+1:]
		}
	case Portal, API, Import:
		if _, err := mime.ParseAddress(t.Address); err != nil && !place.MatchString(t.Address) {
			return t, fault.New(fault.Invalid, "the address of this kind of channel is a short name, the path of a page or a URL, in letters, digits and -._~/:@%%+")
		}
	default:
		return t, fault.New(fault.Invalid, "the kind must be email, portal, api or import")
	}
	if t.Domain == "" {
		return t, nil
	}
	if _, err := mime.ParseAddress("x@" + t.Domain); err != nil || strings.ContainsAny(t.Domain, "@[") {
		return t, fault.New(fault.Invalid, "%q is not a domain; write example.com", t.Domain)
	}
	return t, nil
}

// line tidies and checks text of one line.
func line(name string, value *string, max int, required bool) error {
	*value = strings.TrimSpace(*value)
	switch {
	case *value == "" && required:
		return fault.New(fault.Invalid, "the channel needs its %s", name)
	case !utf8.ValidString(*value) || strings.ContainsFunc(*value, unicode.IsControl):
		return fault.New(fault.Invalid, "the %s must be one line of text", name)
	case utf8.RuneCountInString(*value) > max:
		return fault.New(fault.Invalid, "the %s is longer than %d characters", name, max)
	}
	return nil
}

// checkReview checks the date of the next review. (CC2.3: what is approved is
// looked at again.)
func checkReview(date string, now time.Time) error {
	due, err := time.Parse(time.DateOnly, date)
	switch {
	case err != nil:
		return fault.New(fault.Invalid, "the review date must be a date such as %s", now.AddDate(1, 0, 0).Format(time.DateOnly))
	case !due.After(now):
		return fault.New(fault.Invalid, "the review date %s is past; say when to look at the channel next", date)
	case due.After(now.AddDate(maxReview, 0, 0)):
		return fault.New(fault.Invalid, "a channel is reviewed at least every %d years: bring the review date forward", maxReview)
	}
	return nil
}
