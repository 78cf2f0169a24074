package field

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode/utf32"
)

// aliases are names of charsets that mail uses and no registry lists.
var aliases = map[string]encoding.Encoding{
	"cp932": japanese.ShiftJIS, "ms932": japanese.ShiftJIS, "windows31j": japanese.ShiftJIS, "sjis": japanese.ShiftJIS,
	"cp50220": japanese.ISO2022JP, "cp50221": japanese.ISO2022JP, "cp50222": japanese.ISO2022JP,
	"iso2022jp1": japanese.ISO2022JP, "iso2022jp2": japanese.ISO2022JP, "iso2022jp3": japanese.ISO2022JP, "iso2022jpms": japanese.ISO2022JP,
	"cp949": korean.EUCKR, "ms949": korean.EUCKR, "uhc": korean.EUCKR, "ksc5601": korean.EUCKR, "ksc56011987": korean.EUCKR,
	"hz": simplifiedchinese.HZGB2312, "hzgb2312": simplifiedchinese.HZGB2312,
	"cp936": simplifiedchinese.GB18030, "gb2312": simplifiedchinese.GB18030, "gbk": simplifiedchinese.GB18030,
	"euccn": simplifiedchinese.GB18030, "gb231280": simplifiedchinese.GB18030,
	"cp850": charmap.CodePage850, "ibm850": charmap.CodePage850, "cp437": charmap.CodePage437, "cp852": charmap.CodePage852,
	"cp858": charmap.CodePage858, "cp866": charmap.CodePage866, "cp874": charmap.Windows874,
	"cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251, "cp1252": charmap.Windows1252, "ansi": charmap.Windows1252,
	"latin1": charmap.Windows1252, "iso88591": charmap.Windows1252, "iso885915": charmap.ISO8859_15, "latin9": charmap.ISO8859_15,
	"macroman": charmap.Macintosh, "xmacroman": charmap.Macintosh,
	"utf32": utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "utf32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "utf32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
}

// ToUTF8 decodes b from the named charset. Where there is no name, or none we
// know, or one that the bytes contradict, it guesses; ok is false where what
// it returns is doubtful.
func ToUTF8(b []byte, charset string) (s string, ok bool) {
	name := strings.ToLower(strings.Trim(charset, ` "'`))
	switch name {
	case "utf-8", "utf8", "":
		if utf8.Valid(b) && !hasEscape(b) {
			return string(b), true
		}
		s, known := guess(b)
		return s, known && name == ""
	case "us-ascii", "ascii", "ansi_x3.4-1968", "646", "iso646-us", "unknown-8bit", "x-unknown", "unknown", "default", "x-user-defined", "8bit", "7bit", "binary":
		if isASCII(b) && !hasEscape(b) {
			return string(b), true
		}
		return guess(b)
	case "utf-7", "utf7", "unicode-1-1-utf-7":
		return decodeUTF7(b)
	case "iso-2022-kr":
		return decodeWith(korean.EUCKR, shiftedKorean(b))
	}
	enc := lookupCharset(name)
	if enc == nil {
		s, _ := guess(b)
		return s, isASCII(b) && !hasEscape(b)
	}
	return decodeWith(enc, b)
}

// noMarks drops what some write in a charset's name and others do not.
var noMarks = strings.NewReplacer("-", "", "_", "", ".", "", " ", "")

// lookupCharset finds an encoding by any name it goes by.
func lookupCharset(name string) encoding.Encoding {
	name, _, _ = strings.Cut(name, "*") // RFC 2231 §5: a language may follow
	if enc := aliases[noMarks.Replace(name)]; enc != nil {
		return enc
	}
	if enc, err := htmlindex.Get(name); err == nil && enc != encoding.Replacement {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(name); err == nil && enc != nil && enc != encoding.Replacement {
		return enc
	}
	return nil
}

// decodeWith decodes b; ok is false where some of it had no meaning.
func decodeWith(enc encoding.Encoding, b []byte) (string, bool) {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		s, _ := guess(b)
		return s, false
	}
	if !bytes.Contains(out, []byte("\uFFFD")) {
		return string(out), true
	}
	if other := detectAsian(b); other != nil && other != enc {
		out, _ = other.NewDecoder().Bytes(b)
	}
	return string(out), false
}

// hasEscape reports whether b, though valid as ASCII, is rather ISO-2022-JP,
// which is often sent undeclared.
func hasEscape(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@")) || bytes.Contains(b, []byte("\x1b(J"))
}

// guess decodes bytes of which nothing is known: ISO-2022-JP by its escapes,
// UTF-8 where it is valid or nearly so, else Windows-1252, in which every byte
// means something. ok is false where the guess is a weak one.
func guess(b []byte) (s string, ok bool) {
	if hasEscape(b) {
		return decodeWith(japanese.ISO2022JP, b)
	}
	if utf8.Valid(b) {
		return string(b), true
	}
	good, bad := 0, 0
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		rest = rest[n:]
	}
	if good > 2*bad {
		return strings.ToValidUTF8(string(b), "\uFFFD"), false
	}
	if enc := detectAsian(b); enc != nil {
		s, _ = decodeWith(enc, b)
		return s, false
	}
	s, _ = decodeWith(charmap.Windows1252, b)
	return s, false
}

// frequent are the commonest ideographs of Chinese, simplified and
// traditional, and the commonest syllables of Korean. In text decoded by the wrong one of two charsets hardly any
// occurs.
const frequent = "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發后後作里裡用道行所然家事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心本前开開但因只从從想日月公司请請电電信您及或与與此将將" +
	"이다는에의가을를하고지로어은사한도기리시자아서나대인해수일있것들니스그정안"

// detectAsian recognises a multibyte charset by what its bytes would say: kana
// among the characters, or the commonest of Chinese or Korean; nil where
// none fits. Western text in an 8-bit charset never does.
func detectAsian(b []byte) encoding.Encoding {
	b = b[:min(len(b), 4096)]
	var best encoding.Encoding
	bestShare := 0
	for _, enc := range [...]encoding.Encoding{japanese.EUCJP, japanese.ShiftJIS, korean.EUCKR, simplifiedchinese.GB18030, traditionalchinese.Big5} {
		out, err := enc.NewDecoder().Bytes(b)
		if err != nil {
			continue
		}
		all, bad, fit := 0, 0, 0
		for _, r := range string(out) {
			switch {
			case r < utf8.RuneSelf:
				continue
			case r == utf8.RuneError || r >= 0xE000 && r < 0xF900 || r >= 0xFF61 && r <= 0xFF9F:
				bad++ // no meaning, private use, half-width kana: signs of the wrong charset
			case r >= 0x3041 && r <= 0x30FF:
				if enc == japanese.EUCJP || enc == japanese.ShiftJIS {
					fit++
				}
			case strings.ContainsRune(frequent, r):
				fit++
			}
			all++
		}
		if all < 8 || bad*50 > all+49 {
			continue
		}
		if share := fit * 100 / all; share >= 12 && share > bestShare {
			best, bestShare = enc, share
		}
	}
	return best
}

// isASCII reports whether b has no byte above 127.
func isASCII[T string | []byte](b T) bool {
	for i := range len(b) {
		if b[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// shiftedKorean turns ISO-2022-KR (RFC 1557) into EUC-KR: between SO and SI
// the upper half is meant.
func shiftedKorean(b []byte) []byte {
	out := make([]byte, 0, len(b))
	b = bytes.ReplaceAll(b, []byte("\x1b$)C"), nil)
	var up byte
	for _, c := range b {
		switch {
		case c == 0x0e:
			up = 0x80
		case c == 0x0f || c == '\n':
			up = 0
			if c == '\n' {
				out = append(out, c)
			}
		case c > ' ':
			out = append(out, c|up)
		default:
			out = append(out, c)
		}
	}
	return out
}

// decodeUTF7 decodes RFC 2152; ok is false where it is broken.
func decodeUTF7(b []byte) (s string, ok bool) {
	var out strings.Builder
	ok = true
	for len(b) > 0 {
		i := bytes.IndexByte(b, '+')
		if i < 0 {
			i = len(b)
		}
		out.Write(bytes.ToValidUTF8(b[:i], []byte("\uFFFD")))
		if b = b[i:]; len(b) == 0 {
			break
		}
		b = b[1:]
		n := 0
		for n < len(b) && strings.IndexByte(base64Alphabet, b[n]) >= 0 {
			n++
		}
		if n == 0 {
			out.WriteByte('+')
			ok = ok && len(b) > 0 && b[0] == '-'
		}
		units, bits, acc := []uint16(nil), 0, uint32(0)
		for _, c := range b[:n] {
			acc = acc<<6 | uint32(strings.IndexByte(base64Alphabet, c)) //nolint:gosec // not negative: tested above
			if bits += 6; bits >= 16 {
				bits -= 16
				units = append(units, uint16(acc>>bits)) //nolint:gosec // 16 bits are wanted
			}
		}
		out.WriteString(string(utf16.Decode(units)))
		if b = b[n:]; len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
	}
	return out.String(), ok && !strings.Contains(out.String(), "\uFFFD")
}
