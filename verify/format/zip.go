package format

import (
	"encoding/binary"
	"math"
	"strings"
)

// Member is a file in the archive of a package.
type Member struct {
	Name   string
	Size   int64 // bytes
	Packed int64 // bytes in the archive
	Offset int64 // of its header in the archive

	crc uint32
}

// stored reports whether the file is in the archive as it is, not deflated:
// what consists of hashes gains little, and a verifier reads it in place; and
// raw messages come from outside, so they must not decide how far a package
// expands.
func (m *Member) stored() bool {
	return strings.HasPrefix(m.Name, "ledger/") || strings.HasPrefix(m.Name, "raw/") || strings.HasPrefix(m.Name, "seal/")
}

// data returns where the file's bytes are in the archive.
func (m *Member) data() int64 { return m.Offset + localSize + int64(len(m.Name)) }

// after returns where the next header is in the archive.
func (m *Member) after() int64 { return m.data() + m.Packed + descriptorSize }

// Sizes of the fixed parts of a ZIP archive, APPNOTE.TXT §4.3.
const (
	localSize      = 30
	descriptorSize = 16
	centralSize    = 46
	extraSize      = 12
	endSize        = 22
	end64Size      = 56 + 20
)

// What the headers say of every file, APPNOTE.TXT §4.4: sizes follow the data;
// 1980-01-01 00:00.
const (
	zipVersion   = 20
	zip64Version = 45
	zipFlags     = 1 << 3
	zipDate      = 1<<5 | 1
)

// The functions that follow write every byte of an archive but the data of its
// files. Writer and reader share them: an archive that differs in any of these
// bytes is not a package.

func (m *Member) method() uint16 {
	if m.stored() {
		return 0
	}
	return 8
}

// appendLocal appends the header before the data.
func (m *Member) appendLocal(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, "PK\x03\x04"...)
	b = le.AppendUint16(b, zipVersion)
	b = le.AppendUint16(b, zipFlags)
	b = le.AppendUint16(b, m.method())
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, zipDate)
	b = append(b, make([]byte, 12)...) // checksum and sizes: in the descriptor
	b = le.AppendUint16(b, uint16(len(m.Name)))
	b = le.AppendUint16(b, 0)
	return append(b, m.Name...)
}

// appendDescriptor appends what follows the data.
func (m *Member) appendDescriptor(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, "PK\x07\x08"...)
	b = le.AppendUint32(b, m.crc)
	b = le.AppendUint32(b, uint32(m.Packed))
	return le.AppendUint32(b, uint32(m.Size))
}

// appendCentral appends the file's part of the directory.
func (m *Member) appendCentral(b []byte) []byte {
	le := binary.LittleEndian
	version, offset, extra := uint16(zipVersion), uint32(m.Offset), 0
	if m.Offset >= math.MaxUint32 {
		version, offset, extra = zip64Version, math.MaxUint32, extraSize
	}
	b = append(b, "PK\x01\x02"...)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, zipFlags)
	b = le.AppendUint16(b, m.method())
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, zipDate)
	b = le.AppendUint32(b, m.crc)
	b = le.AppendUint32(b, uint32(m.Packed))
	b = le.AppendUint32(b, uint32(m.Size))
	b = le.AppendUint16(b, uint16(len(m.Name)))
	b = le.AppendUint16(b, uint16(extra))
	b = append(b, make([]byte, 10)...) // comment, disk, attributes
	b = le.AppendUint32(b, offset)
	b = append(b, m.Name...)
	if extra > 0 {
		b = le.AppendUint16(b, 1) // ZIP64
		b = le.AppendUint16(b, 8)
		b = le.AppendUint64(b, uint64(m.Offset))
	}
	return b
}

// appendEnd appends what follows a directory of count files that begins at
// offset and has size bytes.
func appendEnd(b []byte, count, offset, size int64) []byte {
	le := binary.LittleEndian
	if count >= math.MaxUint16 || offset >= math.MaxUint32 || size >= math.MaxUint32 {
		b = append(b, "PK\x06\x06"...)
		b = le.AppendUint64(b, 44)
		b = le.AppendUint16(b, zip64Version)
		b = le.AppendUint16(b, zip64Version)
		b = le.AppendUint64(b, 0)
		b = le.AppendUint64(b, uint64(count))
		b = le.AppendUint64(b, uint64(count))
		b = le.AppendUint64(b, uint64(size))
		b = le.AppendUint64(b, uint64(offset))
		b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
		b = le.AppendUint64(b, uint64(offset+size))
		b = le.AppendUint32(b, 1)
		count, offset, size = math.MaxUint16, math.MaxUint32, math.MaxUint32
	}
	b = append(b, "PK\x05\x06\x00\x00\x00\x00"...)
	b = le.AppendUint16(b, uint16(count))
	b = le.AppendUint16(b, uint16(count))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(offset))
	return le.AppendUint16(b, 0)
}
