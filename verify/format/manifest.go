package format

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The files of a package that a verifier reads. docs/FORMAT.md says what is in
// them.
const (
	FileKey                = "ledger/key"
	FileCheckpoint         = "ledger/checkpoint"
	FileEntries            = "ledger/entries"
	FileRange              = "ledger/range"
	FileDocuments          = "ledger/documents"
	FileReferences         = "ledger/references"
	FileReferenceDocuments = "ledger/reference-documents"

	// Those of a package that witnesses have cosigned a checkpoint for.
	FileWitnessed            = "ledger/witnessed"
	FileWitnessedConsistency = "ledger/witnessed-consistency"

	FileManifest        = "MANIFEST.sha256"
	FileSealEntry       = "seal/entry"
	FileSealDocument    = "seal/document"
	FileSealProof       = "seal/proof"
	FileSealConsistency = "seal/consistency"

	// That of a package which somebody redacted after it was sealed.
	FileSealRedacted = "seal/redacted"
)

// Required are the files that every package has, beside those at its end.
var Required = []string{
	"README.txt", "index.html", "index.csv", "report.html", "report.pdf",
	FileKey, FileCheckpoint, FileEntries, FileRange, FileDocuments, FileReferences, FileReferenceDocuments,
}

// Last are the files at the end of every package, in their order.
var Last = []string{FileManifest, FileSealEntry, FileSealDocument, FileSealProof, FileSealConsistency}

// LastRedacted are those of a package that somebody redacted after it was
// sealed: the seal is that of the whole one.
var LastRedacted = append(slices.Clone(Last), FileSealRedacted)

// SealAct is the act of the entry that seals a package.
const SealAct = "package.sealed"

// maxPath is the length in bytes that the path of a file may have.
const maxPath = 240

// CheckPath reports why a file of a package cannot have this path: its parts
// are letters, digits and "._-" in ASCII, begin with a letter or digit and do
// not end with a dot. So no path leaves the folder it is unpacked in, and
// every system gives it the same name.
func CheckPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("the path %.40q… is longer than %d bytes", path, maxPath)
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || !isAlphanumeric(part[0]) || part[len(part)-1] == '.' {
			return fmt.Errorf("a file may not have the path %q", path)
		}
		for i := range len(part) {
			if c := part[i]; !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
				return fmt.Errorf("a file may not have the path %q", path)
			}
		}
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// paths are those of one archive: true for a file, false for a folder, under
// their names in lower case because some systems see no difference.
type paths map[string]bool

// add adds a file that can be unpacked beside those before it.
func (p paths) add(path string) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	key := strings.ToLower(path)
	if _, ok := p[key]; ok {
		return fmt.Errorf("the path %s is there twice", path)
	}
	p[key] = true
	for i := range len(key) {
		if key[i] != '/' {
			continue
		}
		if p[key[:i]] {
			return fmt.Errorf("%s lies below a file", path)
		}
		p[key[:i]] = false
	}
	return nil
}

// AppendManifest appends a file's line of MANIFEST.sha256, as sha256sum writes
// it.
func AppendManifest(b []byte, sum Hash, path string) []byte {
	b = append(hex.AppendEncode(b, sum[:]), "  "...)
	return append(append(b, path...), '\n')
}

// ParseManifest parses one line of MANIFEST.sha256, without its newline.
func ParseManifest(line string) (sum Hash, path string, err error) {
	encoded, path, ok := strings.Cut(line, "  ")
	if sum, err = ParseHex(encoded); err != nil || !ok {
		return sum, path, errors.New("want a SHA-256 in hex, two spaces and a path")
	}
	return sum, path, CheckPath(path)
}

// ParseHex parses a hash in lower-case hex.
func ParseHex(s string) (sum Hash, err error) {
	n, err := hex.Decode(sum[:], []byte(s[:min(len(s), 2*len(sum))]))
	if err != nil || n != len(sum) || len(s) != 2*n || strings.ToLower(s) != s {
		return sum, errors.New("want a SHA-256 in lower-case hex")
	}
	return sum, nil
}

// redactedVersion is the first line of seal/redacted.
const redactedVersion = "countersign-redacted/1"

// AppendRedacted appends the lines of seal/redacted, which nobody signs: they
// show what was damaged, not what was forged.
func (s *Seal) AppendRedacted(b []byte) []byte {
	return fmt.Appendf(b, "%s\nmanifest %x\narchive %x\n", redactedVersion, s.Manifest, s.Archive)
}

// ParseRedacted parses what AppendRedacted writes.
func ParseRedacted(b []byte) (Seal, error) {
	var s Seal
	lines, err := cutLines(b)
	if err != nil {
		return s, err
	}
	if len(lines) != 3 || lines[0] != redactedVersion {
		return s, errors.New("is not of the form " + redactedVersion)
	}
	for i, dst := range []*Hash{&s.Manifest, &s.Archive} {
		encoded, ok := strings.CutPrefix(lines[1+i], []string{"manifest ", "archive "}[i])
		if *dst, err = ParseHex(encoded); err != nil || !ok {
			return s, errors.New("is not of the form " + redactedVersion)
		}
	}
	return s, nil
}
