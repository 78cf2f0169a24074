package evidence

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/evidence/sheet"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// builder makes one package.
type builder struct {
	desk     *Desk
	actor    ledger.Actor
	opt      BuildOptions
	progress func(stage string, done, total int64)

	survey   *extract.Survey
	register *register
	curtain  *extract.Curtain
	library  *extract.Library
	tally    *tally
	report   *Report

	file    *extract.Spool
	archive *format.Archive
	files   int64 // in the archive so far
	tables  []*sheet.Table
	answers map[string]*answers // by case
	decided map[decision]placed
	saved   map[string]*saved // by communication
	lines   []caseLine
	counts  []SourceCount
	stamped stamped
}

// deflateLevel is klauspost's: beyond it files get little smaller and take
// much longer.
const deflateLevel = 5

func (b *builder) close() {
	if b.file != nil {
		b.file.Close()
	}
	if b.library != nil {
		b.library.Close()
	}
	for _, t := range b.tables {
		t.Close()
	}
}

// build makes the package in b.file.
func (b *builder) build(ctx context.Context, p Period) (*Made, error) {
	if err := b.begin(ctx, p); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{b.head, b.period, b.references, b.records, b.recount, b.reconcile, b.pages} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	sealed, err := b.seal(ctx)
	if err != nil {
		return nil, err
	}
	return &Made{Package: sealed, Report: b.report, Sources: b.counts}, nil
}

// begin surveys the log and opens the archive.
func (b *builder) begin(ctx context.Context, p Period) (err error) {
	if b.survey, err = extract.Take(ctx, b.desk.ledger, p, b.progress); err != nil {
		return err
	}
	if b.register, err = b.desk.register(ctx, b.survey); err != nil {
		return err
	}
	b.tally = newTally(b.survey, b.register)
	b.curtain = extract.NewCurtain(b.survey, b.opt.WithRaw)
	if b.library, err = extract.NewLibrary(); err != nil {
		return err
	}
	if b.file, err = extract.NewSpool(); err != nil {
		return err
	}
	deflate, err := flate.NewWriter(io.Discard, deflateLevel)
	if err != nil {
		return err
	}
	b.archive = format.NewArchive(b.file, deflate)
	return nil
}

// create begins a file of the archive.
func (b *builder) create(path string) (io.Writer, error) {
	w, err := b.archive.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write package: %w", err)
	}
	b.files++
	return w, nil
}

// write adds a file that is at hand.
func (b *builder) write(path string, content []byte) error {
	w, err := b.create(path)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// copy adds a file that was spooled.
func (b *builder) copy(path string, s *extract.Spool) error {
	r, err := s.Reader()
	if err != nil {
		return err
	}
	w, err := b.create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// head writes what is known before the documents are read.
func (b *builder) head(ctx context.Context) error {
	s := b.survey
	span := format.Range{First: s.First, Count: max(s.End-s.First, 0), Left: s.Log.Subtrees(0, s.First), Right: s.Log.Subtrees(max(s.First, s.End), s.Head.Size)}
	for _, file := range []struct {
		path    string
		content []byte
	}{
		{"README.txt", b.readme()},
		{format.FileKey, []byte(b.desk.ledger.VerifierKey() + "\n")},
		{format.FileCheckpoint, s.Head.Signed},
		{format.FileRange, span.Append(nil)},
	} {
		if err := b.write(file.path, file.content); err != nil {
			return err
		}
	}
	if err := b.witnessed(ctx); err != nil {
		return err
	}
	return b.stamps(ctx)
}

// witnessed writes the checkpoint that others cosigned, where there is one of
// the whole period in the tree that the package speaks of.
func (b *builder) witnessed(ctx context.Context) error {
	s, ask := b.survey, b.desk.opt.Witnessed
	if ask == nil {
		return nil
	}
	note, err := ask(ctx, s.End)
	if err != nil || note == nil {
		return err
	}
	key, err := format.ParseKey(b.desk.ledger.VerifierKey())
	if err != nil {
		return err
	}
	cosigned, err := key.OpenCosigned(note)
	if err != nil {
		return fmt.Errorf("read the cosigned checkpoint: %w", err)
	}
	if cosigned.Size > s.Head.Size { // cosigned after the survey
		return nil
	}
	extends, err := s.Log.Consistency(cosigned.Size)
	if err != nil {
		return err
	}
	if err := format.CheckConsistency(extends, cosigned.Size, s.Head.Size, cosigned.Root, s.Head.Root); err != nil {
		return &ledger.Mismatch{Where: "the log", What: fmt.Sprintf("is not the one that witnesses saw with %d entries", cosigned.Size)}
	}
	if err := b.write(format.FileWitnessed, note); err != nil {
		return err
	}
	return b.write(format.FileWitnessedConsistency, format.AppendHashes(nil, extends))
}

// period writes entries and documents of the period, and keeps in mind where
// each record's last document is.
func (b *builder) period(ctx context.Context) error {
	history, err := b.table("history", historyColumns)
	if err != nil {
		return err
	}
	access, err := b.table("access", accessColumns)
	if err != nil {
		return err
	}
	entries, err := extract.NewSpool() // the archive is busy with raw content meanwhile
	if err != nil {
		return err
	}
	defer entries.Close()
	var bundle []byte
	err = b.survey.Walk(ctx, b.curtain, b.progress, func(x *extract.Disclosed) error {
		bundle = format.AppendBundle(bundle[:0], x.Bytes)
		if _, err := entries.Write(bundle); err != nil {
			return err
		}
		at, err := b.library.Keep(x.Doc, false)
		if err != nil {
			return err
		}
		b.shelve(x, at)
		if x.Final() && x.Message != nil {
			if err := b.content(ctx, x); err != nil {
				return err
			}
		}
		if slices.Contains([]string{extract.KindPerson, extract.KindToken, extract.KindSignIn}, x.Entry.Kind()) {
			return access.Add(b.accessRow(x))
		}
		return history.Add(b.historyRow(x))
	})
	if err != nil {
		return err
	}
	if err := b.library.Ready(); err != nil {
		return err
	}
	if err := b.copy(format.FileEntries, entries); err != nil {
		return err
	}
	return b.copy(format.FileDocuments, b.library.Shown)
}

// shelve keeps where the document of a version is, and by what it is sorted,
// and where somebody's decision is.
func (b *builder) shelve(x *extract.Disclosed, at extract.Place) {
	if x.Final() {
		x.Version.Where = at
		x.Version.Key = sortKey(x.Entry.Kind(), x.Doc)
	}
	if extract.IsDecision(x.Entry.Act) {
		b.decided[decision{x.Version.Record, strings.Clone(x.Entry.Actor), x.Entry.Time}] = placed{x.Index, strings.Clone(x.Entry.Role), at}
	}
}

// references discloses the records that the package speaks of although the
// period did not touch them.
func (b *builder) references(ctx context.Context) error {
	wanted, err := b.outside(ctx)
	if err != nil {
		return err
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	w, err := b.create(format.FileReferences)
	if err != nil {
		return err
	}
	for i, index := range wanted {
		if i%64 == 0 {
			b.progress("references", int64(i), int64(len(wanted)))
		}
		x, err := b.survey.Reference(ctx, b.curtain, index)
		if err != nil {
			return err
		}
		at, err := b.library.Keep(x.Doc, true)
		if err != nil {
			return err
		}
		b.shelve(x, at)
		proof, err := b.survey.Log.Inclusion(index)
		if err != nil {
			return err
		}
		ref := format.Reference{Index: index, Entry: x.Bytes, Proof: proof}
		if _, err := w.Write(ref.Append(nil)); err != nil {
			return err
		}
	}
	if err := b.library.Ready(); err != nil {
		return err
	}
	return b.copy(format.FileReferenceDocuments, b.library.References)
}

// seal writes the manifest, has the ledger seal it, and ends the archive.
func (b *builder) seal(ctx context.Context) (*Package, error) {
	b.progress("seal", 0, 1)
	p := b.packageRecord()
	sums, err := b.archive.Manifest()
	if err != nil {
		return nil, fmt.Errorf("write package: %w", err)
	}
	p.ManifestSHA256, p.ArchiveSHA256 = hex.EncodeToString(sums.Manifest[:]), hex.EncodeToString(sums.Archive[:])
	l := b.desk.ledger
	_, verb, _ := strings.Cut(format.SealAct, ".")
	err = l.Write(ctx, b.actor, func(_ context.Context, tx *ledger.Tx) error {
		return Packages.Put(tx, p, ledger.Do(verb, "CC2.3", "CC4.1"))
	})
	if err != nil {
		return nil, err
	}
	head, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	log, err := extract.GrowTo(ctx, l, head)
	if err != nil {
		return nil, err
	}
	if log.Size() < b.survey.Head.Size {
		return nil, &ledger.Mismatch{Where: "the log", What: "has become shorter"}
	}
	if err := b.attach(ctx, p, head, log); err != nil {
		return nil, err
	}
	b.progress("seal", 1, 1)
	return p, nil
}

// attach writes the seal: the entry, its document, its proof in the newest
// checkpoint, and that this extends the one of the records.
func (b *builder) attach(ctx context.Context, p *Package, head ledger.Checkpoint, log extract.Forest) error {
	var entry []byte
	var doc *format.Document
	err := b.desk.ledger.Entries(ctx, p.Entry, p.Entry+1, func(index int64, body, payload []byte) error {
		entry = slices.Clone(body)
		var err error
		_, doc, err = b.desk.ledger.Disclose(ctx, index, body, payload, func(string, string, string) bool { return true })
		return err
	})
	if err != nil {
		return err
	}
	path, err := log.Inclusion(p.Entry)
	if err != nil {
		return err
	}
	extends, err := log.Consistency(b.survey.Head.Size)
	if err != nil {
		return err
	}
	proof := format.Proof{Index: p.Entry, Hashes: path, Checkpoint: head.Signed}
	if err := b.archive.Close(entry, doc.Append(nil), proof.Append(nil), format.AppendHashes(nil, extends)); err != nil {
		return fmt.Errorf("write package: %w", err)
	}
	return nil
}

// packageRecord returns the record of the package, without its hashes.
func (b *builder) packageRecord() *Package {
	s := b.survey
	p := &Package{Begin: s.Period.From.UnixMicro(), End: s.Period.To.UnixMicro(), By: b.actor.ID, MadeAt: s.Made.UnixMicro(),
		WithRaw: b.opt.WithRaw, Generator: b.desk.opt.Generator, Tree: s.Head.Size, First: s.First, Count: max(s.End-s.First, 0), Files: b.files}
	p.From, p.To = s.Period.Days()
	for _, t := range b.tables {
		p.Rows = append(p.Rows, Rows{t.File(".csv"), t.Rows})
	}
	return p
}
