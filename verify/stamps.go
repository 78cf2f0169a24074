package verify

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"example.org/countersign/verify/format"
)

// Stamp is a time stamp of the log (RFC 3161) that a package has: a token over
// a checkpoint. Who signed the token is not checked here: the standard library
// cannot, and the openssl command does.
type Stamp struct {
	Day  string    // that it was made for, "2026-09-30"
	Time time.Time // that it names
	Size int64     // entries of the tree that was stamped
}

// stampFiles checks that the files of time stamps are there together, and
// no others among them.
func (c *checker) stampFiles() error {
	days := make(map[string]bool)
	for i := range c.zip.Members {
		path := c.zip.Members[i].Name
		day, err := format.StampDay(path)
		if err != nil {
			return within(path, none, err)
		}
		if day != "" {
			days[day] = true
		}
	}
	c.days = slices.Sorted(maps.Keys(days))
	for _, day := range c.days {
		f := format.StampOf(day)
		for _, path := range []string{f.Token, f.Checkpoint, f.Consistency} {
			if c.files[path] == nil {
				return failf(path, none, "is missing from the package, which has another file of this time stamp")
			}
		}
	}
	return nil
}

// stamps checks the time stamps: that the log signed what was stamped, that
// ledger/checkpoint extends it, and that the token is over these very bytes.
func (c *checker) stamps() error {
	for _, day := range c.days {
		s, err := c.stamp(day)
		if err != nil {
			return err
		}
		c.summary.Stamps = append(c.summary.Stamps, s)
	}
	slices.SortStableFunc(c.summary.Stamps, func(a, b Stamp) int { return a.Time.Compare(b.Time) })
	return nil
}

func (c *checker) stamp(day string) (Stamp, error) {
	f := format.StampOf(day)
	note, err := c.text(f.Checkpoint)
	if err != nil {
		return Stamp{}, err
	}
	cp, err := c.key.Open(note)
	if err != nil {
		return Stamp{}, within(f.Checkpoint, none, err)
	}
	raw, err := c.text(f.Consistency)
	if err != nil {
		return Stamp{}, err
	}
	proof, err := format.ParseHashes(raw)
	if err == nil {
		err = format.CheckConsistency(proof, cp.Size, c.head.Size, cp.Root, c.head.Root)
	}
	if err != nil {
		return Stamp{}, within(f.Consistency, none, err)
	}
	der, err := c.text(f.Token)
	if err != nil {
		return Stamp{}, err
	}
	token, err := format.ParseTimestamp(der)
	if err == nil {
		err = token.CheckOver(note)
	}
	if err != nil {
		return Stamp{}, within(f.Token, none, err)
	}
	return Stamp{day, token.Time.UTC(), cp.Size}, nil
}

// stamped says how far and from when until when the log was stamped.
func (s *Summary) stamped() (size int64, when string) {
	last := slices.MaxFunc(s.Stamps, func(a, b Stamp) int { return cmp.Compare(a.Size, b.Size) })
	when = stamp(s.Stamps[0].Time)
	if n := len(s.Stamps); n > 1 {
		when += " to " + stamp(s.Stamps[n-1].Time)
	}
	return last.Size, when
}

// concludeStamps says what time stamps of a package are worth.
func (s *Summary) concludeStamps() {
	if len(s.Stamps) == 0 {
		s.notProved("How far the log had come at any time by another clock than its own: the package has no time stamp.")
		return
	}
	size, when := s.stamped()
	stamps := count(len(s.Stamps), "time stamp", "time stamps")
	s.proved("%s: each token is over a checkpoint that the log signed and that the log of this package continues, of at most the first %d entries.", stamps, size)
	s.notProved("That an authority made %s, at %s: check each with openssl ts -verify -token_in -in ledger/timestamps/DAY.der -data ledger/timestamps/DAY.txt -CAfile AUTHORITY.pem", stamps, when)
	if end := s.First + s.Count; size < end {
		s.notProved("That entries %d to %d were there when a time stamp was made.", max(size, s.First), end-1)
	}
}
