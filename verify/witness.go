package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// holdKey holds the key of a log against the one that was asked for, and
// against the logs that the policy is about.
func (o *Options) holdKey(key format.Key) error {
	if o.Key != "" && strings.TrimSpace(o.Key) != key.String() {
		return fmt.Errorf("it is signed with the key %s, not with the one that was asked for", key)
	}
	if o.Policy != nil && !o.Policy.Knows(key) {
		return fmt.Errorf("it is signed with the key %s, which is not among the logs of the policy", key)
	}
	return nil
}

// knowsLog reports whether the caller said whose log is meant.
func (o *Options) knowsLog() bool { return o.Key != "" || o.Policy != nil && len(o.Policy.Logs) > 0 }

// seen is what cosignatures come to.
type seen struct {
	by        []Witness
	unchecked []string // names on the others
}

// judge checks cosignatures by the policy.
func (o *Options) judge(c *format.Cosigned) (seen, error) {
	policy := o.Policy
	if policy == nil {
		policy = &format.Policy{}
	}
	w, err := policy.Judge(c)
	if err != nil {
		return seen{}, err
	}
	if !w.Met {
		return seen{}, fmt.Errorf("cosigned by %s, which is not what the policy asks for", count(len(w.By), "witness of the policy", "witnesses of the policy"))
	}
	s := seen{unchecked: w.Unknown}
	for _, x := range w.By {
		s.by = append(s.by, Witness{x.Name, x.Key, time.Unix(x.At, 0).UTC()})
	}
	return s, nil
}

// witnessed checks the checkpoint that others cosigned, which a package may
// have: that the one in ledger/checkpoint extends it.
func (c *checker) witnessed() error {
	if c.files[format.FileWitnessed] == nil {
		if c.opt.Policy != nil && c.opt.Policy.Asks() {
			return failf(format.FileWitnessed, none, "is not in the package, so that there is no cosignature as the policy asks for")
		}
		return nil
	}
	note, err := c.text(format.FileWitnessed)
	if err != nil {
		return err
	}
	cosigned, err := c.key.OpenCosigned(note)
	if err != nil {
		return within(format.FileWitnessed, none, err)
	}
	raw, err := c.text(format.FileWitnessedConsistency)
	if err != nil {
		return err
	}
	proof, err := format.ParseHashes(raw)
	if err == nil {
		err = format.CheckConsistency(proof, cosigned.Size, c.head.Size, cosigned.Root, c.head.Root)
	}
	if err != nil {
		return within(format.FileWitnessedConsistency, none, err)
	}
	s, err := c.opt.judge(cosigned)
	if err != nil {
		return within(format.FileWitnessed, none, err)
	}
	c.summary.Witnessed, c.summary.Witnesses, c.summary.Unchecked = cosigned.Size, s.by, s.unchecked
	return nil
}

// paired checks that the two files of a witnessed checkpoint are there
// together.
func (c *checker) paired() error {
	names := []string{format.FileWitnessed, format.FileWitnessedConsistency}
	for i, name := range names {
		if c.files[name] == nil && c.files[names[1-i]] != nil {
			return failf(name, none, "is missing from the package, which has %s", names[1-i])
		}
	}
	return nil
}

// concludeWitnesses says who has seen the entries of a package.
func (s *Summary) concludeWitnesses() {
	if len(s.Witnesses) > 0 {
		s.proved("%s saw the log with its first %d entries, at the times above.", count(len(s.Witnesses), "witness", "witnesses"), s.Witnessed)
	}
	if end := s.First + s.Count; len(s.Witnesses) > 0 && s.Witnessed < end {
		s.notProved("That a witness has seen entries %d to %d.", max(s.Witnessed, s.First), end-1)
	}
	if len(s.Witnesses) == 0 {
		s.notProved("That anybody but the log has seen it: no cosignature was checked.")
	}
	if len(s.Unchecked) > 0 {
		names := slices.Clone(s.Unchecked)
		slices.Sort(names)
		s.notProved("Cosignatures in the name of %s: their keys were not given.", quoteAll(names))
	}
}
