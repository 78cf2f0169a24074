// Package verify checks offline what a log has given away. Of an evidence
// package: that it is unaltered, that its records are those of the signed log,
// that the log is complete over the range it covers, and that what went out was
// approved by others than its authors (CC2.3, CC7.4). Of a receipt: that the log
// recorded what its holder was told. It imports the standard library only, so that an
// auditor can read all of it. docs/FORMAT.md specifies what it checks.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"example.org/countersign/verify/format"
)

// Options say what to hold a package or a receipt against.
type Options struct {
	// Key is the verifier key of the log as the caller knows it from elsewhere.
	// Where it is empty the key is taken from the package, and the summary says
	// so.
	Key string

	// Policy, where not nil, says whose cosignatures are asked for, and may name
	// the log: a check fails where a quorum is not there.
	Policy *format.Policy

	// Limits bound the cost of a hostile package; what is zero is that of
	// format.DefaultLimits.
	Limits format.Limits

	// Progress, where not nil, is told how many bytes a stage has read of those
	// that it will read; total is 0 for a stage that is done at once. It is
	// called at every read and must be quick.
	Progress func(stage string, done, total int64)
}

// Result is what a check found: a *Summary of a package, or a *ReceiptSummary.
type Result interface {
	// Write writes it as text for a person.
	Write(w io.Writer) error
}

// File checks what is at path: a receipt, by how it begins, or else a package.
// Errors are those of Receipt and Package.
func File(ctx context.Context, path string, opt Options) (Result, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	begin := make([]byte, 64)
	if n, err := f.ReadAt(begin, 0); err == nil || err == io.EOF {
		begin = begin[:n]
	} else {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if format.IsReceipt(begin) {
		s, err := Receipt(f, opt)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := check(ctx, f, size, opt)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Package checks the evidence package at path in the order of docs/FORMAT.md
// and stops at the first thing that is wrong, which it returns as a *Failure.
// Other errors mean that the check could not be made: the file cannot be read,
// or ctx has ended.
func Package(ctx context.Context, path string, opt Options) (*Summary, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	return check(ctx, f, size, opt)
}

// open opens a file and returns its length.
func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	}
	if err != nil {
		_ = f.Close() // was not read
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// stages are what is checked, in its order.
var stages = []struct {
	name string
	run  func(*checker) error
}{
	{"archive", (*checker).archive},
	{"seal", (*checker).seal},
	{"manifest", (*checker).manifest},
	{"checkpoint", (*checker).checkpoint},
	{"range", (*checker).entries},
	{"references", (*checker).references},
	{"documents", (*checker).documents},
	{"records", (*checker).records},
}

func check(ctx context.Context, r io.ReaderAt, size int64, opt Options) (*Summary, error) {
	c, err := examine(ctx, r, size, opt)
	if err != nil {
		return nil, err
	}
	return &c.summary, nil
}

// examine returns what a check has found out.
func examine(ctx context.Context, r io.ReaderAt, size int64, opt Options) (*checker, error) {
	c := &checker{opt: opt, in: input{ctx: ctx, r: r}, size: size}
	for _, s := range stages {
		c.in.begin(s.name, opt.Progress)
		err := s.run(c)
		if err == nil {
			continue
		}
		if broken, ok := errors.AsType[*readError](err); ok {
			return nil, broken.err
		}
		var failure *Failure
		errors.As(within("", none, err), &failure)
		failure.Stage = s.name
		return nil, failure
	}
	c.summary.conclude(&opt)
	return c, nil
}

// checker is the state of one check. What a stage has established, those after
// it rely on.
type checker struct {
	opt  Options
	in   input
	size int64

	zip   *format.Container
	files map[string]*format.Member
	last  []string // paths at the end of the archive, in their order
	days  []string // of time stamps, ascending

	key       format.Key
	sealed    format.Checkpoint // that in seal/proof
	sealIndex int64
	sums      format.Seal            // what the seal commits to, or a redacted package says of itself
	rows      map[string]int64       // of the sealed package's tables, by file; nil where the seal does not say
	buf       []byte                 // for hashing
	raw       map[string]format.Hash // files below raw/ that no row has named yet

	head       format.Checkpoint // ledger/checkpoint
	span       format.Range
	starts     []uint32 // of the entries of the range in their file
	shown      []place  // their documents
	referenced []reference
	names      format.Names

	summary Summary
}

// archive checks the container, and that the files are there that the other
// stages read.
func (c *checker) archive() error {
	var err error
	if c.zip, err = format.OpenContainer(&c.in, c.size, c.opt.Limits); err != nil {
		return err
	}
	members := c.zip.Members
	c.files = make(map[string]*format.Member, len(members))
	for i := range members {
		c.files[members[i].Name] = &members[i]
		c.summary.Unpacked += members[i].Size
	}
	c.last = format.Last
	if c.summary.Abridged = c.files[format.FileSealRedacted] != nil; c.summary.Abridged {
		c.last = format.LastRedacted
	}
	for _, name := range append(slices.Clone(format.Required), c.last...) {
		if c.files[name] == nil {
			return failf(name, none, "is missing from the package")
		}
	}
	for i, name := range c.last {
		if at := len(members) - len(c.last) + i; members[at].Name != name {
			return failf(members[at].Name, none, "is where %s belongs in the archive", name)
		}
	}
	c.summary.Files, c.summary.Bytes = len(members), c.size
	if err := c.paired(); err != nil {
		return err
	}
	return c.stampFiles()
}
