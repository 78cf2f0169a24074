// Package id makes the identifiers of records and reads tracking numbers.
package id

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// New returns a random identifier of 128 bits, 22 characters of base64url. It
// says nothing about what it identifies, nor when that was made, so it may
// stand in entries that are kept for ever.
func New() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Valid reports whether s has the form of an identifier made by New.
func Valid(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 16
}

// code letters of follow-up codes: Crockford's base 32, which has no I, L, O, U.
const code = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewCode returns a follow-up code for a reporter: 100 random bits as four
// groups of five letters that survive being read over the phone.
func NewCode() string {
	var b [20]byte
	rand.Read(b[:])
	var s strings.Builder
	for i, x := range b {
		if i > 0 && i%5 == 0 {
			s.WriteByte('-')
		}
		s.WriteByte(code[x&31])
	}
	return s.String()
}

// CanonicalCode returns what a person typed as a follow-up code in the form
// NewCode gives: upper case, look-alikes resolved, grouped; "" if it is none.
func CanonicalCode(typed string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == 'O' || r == 'o':
			return '0'
		case r == 'I' || r == 'i' || r == 'L' || r == 'l':
			return '1'
		case r == '-' || r == ' ':
			return -1
		}
		return r
	}, typed)
	s = strings.ToUpper(s)
	if len(s) != 20 || strings.Trim(s, code) != "" {
		return ""
	}
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:]
}

var number = regexp.MustCompile(`(?i)\bC-(\d{4})-(\d{6,9})\b`)

// Number returns the tracking number of the n-th case of a year: C-2026-000123.
func Number(year int, n int64) string { return fmt.Sprintf("C-%04d-%06d", year, n) }

// FindNumber returns the first tracking number in text, in canonical form.
func FindNumber(text string) (string, bool) {
	m := number.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	year, _ := strconv.Atoi(m[1])
	n, _ := strconv.ParseInt(m[2], 10, 64)
	return Number(year, n), true
}
