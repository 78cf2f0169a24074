package verify

import (
	"cmp"
	"errors"
	"io"

	"example.org/countersign/verify/format"
)

// checkpoint checks the head that the files are proved in, and that the log
// went on from there to the head that has the seal without rewriting anything.
func (c *checker) checkpoint() error {
	note, err := c.text(format.FileCheckpoint)
	if err != nil {
		return err
	}
	if c.head, err = c.key.Open(note); err != nil {
		return within(format.FileCheckpoint, none, err)
	}
	raw, err := c.text(format.FileSealConsistency)
	if err != nil {
		return err
	}
	proof, err := format.ParseHashes(raw)
	if err == nil {
		err = format.CheckConsistency(proof, c.head.Size, c.sealed.Size, c.head.Root, c.sealed.Root)
	}
	if err != nil {
		return within(format.FileSealConsistency, none, err)
	}
	c.summary.Tree, c.summary.SealTree = c.head.Size, c.sealed.Size
	if err := c.witnessed(); err != nil {
		return err
	}
	return c.stamps()
}

// entries checks that the entries are those of the log from the first to the
// last of the range: the root over them and the rest of the tree is the signed
// one. And that the log itself is in order: nothing missing in the sequence of
// a kind, no time before that of the entry before.
func (c *checker) entries() error {
	raw, err := c.text(format.FileRange)
	if err != nil {
		return err
	}
	if c.span, err = format.ParseRange(raw); err != nil {
		return within(format.FileRange, none, err)
	}
	if c.span.First+c.span.Count > c.head.Size {
		return failf(format.FileRange, none, "reaches beyond the %d entries of %s", c.head.Size, format.FileCheckpoint)
	}
	var tree format.Tree
	if err := tree.AppendSubtrees(c.span.First, c.span.Left); err != nil {
		return within(format.FileRange, none, err)
	}
	if err := c.appendEntries(&tree); err != nil {
		return err
	}
	if err := tree.AppendSubtrees(c.head.Size, c.span.Right); err != nil {
		return within(format.FileRange, none, err)
	}
	if tree.Root() != c.head.Root {
		return failf(format.FileEntries, none, "the entries and %s do not lead to the root in %s", format.FileRange, format.FileCheckpoint)
	}
	c.summary.First, c.summary.Count = c.span.First, c.span.Count
	return nil
}

func (c *checker) appendEntries(tree *format.Tree) error {
	c.expect(format.FileEntries)
	bundle := format.NewBundle(c.open(format.FileEntries))
	order := order{fromStart: c.span.First == 0, kinds: make(map[string]*Kind)}
	for range c.span.Count {
		raw, err := bundle.Next()
		if err == io.EOF {
			err = errors.New("is missing")
		}
		if err != nil {
			return within(format.FileEntries, tree.Size, err)
		}
		entry, err := format.ParseEntry(raw)
		if err == nil {
			err = order.next(&entry)
		}
		if err != nil {
			return within(format.FileEntries, tree.Size, err)
		}
		tree.Append(format.LeafHash(raw))
	}
	if _, err := bundle.Next(); err != io.EOF {
		if err == nil {
			err = errors.New("there are more than the range says")
		}
		return within(format.FileEntries, tree.Size, err)
	}
	return order.conclude(c)
}

// references checks entries outside the range one by one.
func (c *checker) references() error {
	c.expect(format.FileReferences)
	last := int64(-1)
	for refs := format.NewReferences(c.open(format.FileReferences)); ; {
		ref, err := refs.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return within(format.FileReferences, none, err)
		}
		if err := c.reference(&ref, last); err != nil {
			return within(format.FileReferences, ref.Index, err)
		}
		offset, size := refs.Span()
		c.referenced = append(c.referenced, reference{index: ref.Index, at: place{offset: uint32(offset), size: uint32(size)}})
		last = ref.Index
	}
	c.summary.References = int64(len(c.referenced))
	return nil
}

// maxReferences bounds the memory that references take, 32 bytes each.
const maxReferences = 1 << 20

// reference is an entry outside the range: where it is in its file, and where
// its document is in the other.
type reference struct {
	index int64
	at    place
	shown place
}

func (r reference) compare(index int64) int { return cmp.Compare(r.index, index) }

func (c *checker) reference(ref *format.Reference, last int64) error {
	switch {
	case ref.Index <= last:
		return errors.New("the references are not in ascending order")
	case ref.Index >= c.span.First && ref.Index < c.span.First+c.span.Count:
		return errors.New("is in the range and needs no reference")
	case len(c.referenced) == maxReferences:
		return errors.New("there are too many references")
	}
	if err := format.CheckInclusion(ref.Proof, c.head.Size, ref.Index, format.LeafHash(ref.Entry), c.head.Root); err != nil {
		return err
	}
	_, err := format.ParseEntry(ref.Entry)
	return err
}
