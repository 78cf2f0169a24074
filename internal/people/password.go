package people

import (
	"context"
	"crypto/rand"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"example.org/countersign/internal/fault"
)

// argon2id as the OWASP Password Storage Cheat Sheet recommends it: 19 MiB,
// two passes, one lane. They are stored with each hash, so that they can grow.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	saltSize    = 16
	keySize     = 32
)

// maxQueue is how many passwords at most wait to be hashed: what comes on top
// is told to come back, lest a flood take all memory and time.
const maxQueue = 64

// Long rather than mixed: no rules on kinds of characters, and no change for
// the sake of it (NIST SP 800-63B).
const (
	minPassword = 12   // characters
	maxPassword = 1024 // bytes
)

// password is a row of person_password.
type password struct {
	memory, passes, lanes int64
	salt, proof           []byte
}

// nobody is the password of accounts that do not exist: it costs what any
// costs, and nothing matches it.
var nobody = password{argonMemory, argonPasses, argonLanes, make([]byte, saltSize), nil}

// newPassword hashes text as the password of a person.
func (d *Desk) newPassword(ctx context.Context, person, text string) (password, error) {
	p := password{argonMemory, argonPasses, argonLanes, make([]byte, saltSize), nil}
	rand.Read(p.salt)
	key, err := d.derive(ctx, text, p)
	if err != nil {
		return p, err
	}
	p.proof = d.vault.proof("password", key, person)
	return p, nil
}

// matches reports whether text is the password p of a person.
func (d *Desk) matches(ctx context.Context, p password, person, text string) (bool, error) {
	key, err := d.derive(ctx, text, p)
	if err != nil {
		return false, err
	}
	return d.vault.proves(p.proof, "password", key, person), nil
}

// derive runs argon2id, as often at once as there are processors.
func (d *Desk) derive(ctx context.Context, text string, p password) (string, error) {
	select {
	case d.queue <- struct{}{}:
		defer func() { <-d.queue }()
	default:
		return "", fault.New(fault.Unavailable, "too many people are signing in at this moment; try again shortly")
	}
	select {
	case d.hashing <- struct{}{}:
		defer func() { <-d.hashing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	text = opaque(text[:min(len(text), maxPassword+1)]) // longer ones match nothing, at no greater cost
	return string(argon2.IDKey([]byte(text), p.salt, uint32(p.passes), uint32(p.memory), uint8(p.lanes), keySize)), nil
}

// opaque returns a password in the form in which it is compared, RFC 8265 §4.2,
// so that it is the same from every keyboard.
func opaque(text string) string {
	if s, err := precis.OpaqueString.String(text); err == nil {
		return s
	}
	return text
}

// common are beginnings of passwords that are tried first everywhere.
var common = []string{"countersign", "password", "passwort", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl",
	"qwerty", "qwertz", "azerty", "asdfgh", "zxcvbn", "letmein", "welcome", "iloveyou", "changeme", "administrator",
	"admin", "secret", "login", "monkey", "dragon", "sunshine", "football", "baseball", "princess", "trustno1",
	"1q2w3e4r", "1qaz2wsx", "abc123", "123456789", "1234567890", "0123456789", "123456", "2024", "2025", "2026", "2027"}

// acceptable returns a fault.Invalid where text is no password for this person.
func acceptable(text, name, email string) error {
	s, err := precis.OpaqueString.String(text)
	switch {
	case utf8.RuneCountInString(text) < minPassword:
		return fault.New(fault.Invalid, "the password is too short: use at least %d characters, a few unrelated words for instance", minPassword)
	case len(text) > maxPassword:
		return fault.New(fault.Invalid, "the password is too long: use at most %d bytes", maxPassword)
	case err != nil:
		return fault.New(fault.Invalid, "the password contains characters that cannot be typed everywhere, such as control characters")
	case guessable(strings.ToLower(s), strings.ToLower(name), email):
		return fault.New(fault.Invalid, "the password is easy to guess: use a few unrelated words, without your name or a series")
	}
	return nil
}

// guessable reports whether little is left of s without the words that anybody
// would try, or whether s is one series or repetition.
func guessable(s, name, email string) bool {
	local, domain, _ := strings.Cut(email, "@")
	words := strings.FieldsFunc(name+" "+local+" "+domain, func(r rune) bool { return strings.ContainsRune(" .-_+", r) })
	words = append(append([]string{email, local}, words...), common...)
	rest := s
	for _, w := range words {
		if len(w) > 2 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	if utf8.RuneCountInString(rest) < 6 || strings.Contains((s + s)[1:2*len(s)-1], s) { // s lies within itself doubled: it repeats
		return true
	}
	distinct, steps, before := map[rune]bool{}, 0, rune(-2)
	for _, r := range s {
		distinct[r] = true
		if d := r - before; d >= -1 && d <= 1 {
			steps++
		}
		before = r
	}
	return len(distinct) < 5 || steps*4 >= 3*(utf8.RuneCountInString(s)-1)
}

// canonicalName returns a name as it is shown (RFC 8266), or a fault.Invalid.
func canonicalName(s string) (string, error) {
	name, err := precis.Nickname.String(s)
	if n := utf8.RuneCountInString(name); err != nil || n > 100 {
		return "", fault.New(fault.Invalid, "write a name of 1 to 100 characters, without control characters")
	}
	return name, nil
}

// canonicalEmail returns an address in the form in which it is compared, or a
// fault.Invalid.
func canonicalEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 { // RFC 5321 §4.5.3.1.3
		return "", fault.New(fault.Invalid, "write a mail address such as ann@example.org")
	}
	return s, nil
}
