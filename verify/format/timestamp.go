package format

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Object identifiers of RFC 3161 and RFC 5652.
var (
	OIDSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	OIDTSTInfo    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	OIDSHA256     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// Timestamp is a time stamp token (RFC 3161 §2.4.2) as it is read: what it
// says, and a signature that nobody has checked.
type Timestamp struct {
	TSTInfo
	Text   []byte // DER of the TSTInfo, which is signed
	Signed SignedData
}

// TSTInfo is what an authority says (RFC 3161 §2.4.2).
type TSTInfo struct {
	Version    int
	Policy     asn1.ObjectIdentifier
	Imprint    Imprint
	Serial     *big.Int
	Time       time.Time        `asn1:"generalized"`
	Accuracy   Accuracy         `asn1:"optional"`
	Ordering   bool             `asn1:"optional"`
	Nonce      *big.Int         `asn1:"optional"`
	Authority  asn1.RawValue    `asn1:"optional,tag:0"`
	Extensions []pkix.Extension `asn1:"optional,tag:1"`
}

// Imprint is the hash of what is stamped.
type Imprint struct {
	Algorithm pkix.AlgorithmIdentifier
	Hash      []byte
}

// ImprintOf returns the imprint of data, by SHA-256.
func ImprintOf(data []byte) Imprint {
	sum := sha256.Sum256(data)
	return Imprint{pkix.AlgorithmIdentifier{Algorithm: OIDSHA256, Parameters: asn1.NullRawValue}, sum[:]}
}

// Accuracy is how far an authority's clock may be off.
type Accuracy struct {
	Seconds int `asn1:"optional"`
	Millis  int `asn1:"optional,tag:0"`
	Micros  int `asn1:"optional,tag:1"`
}

// ContentInfo and what follows is the Cryptographic Message Syntax (RFC 5652).
// What stands in a wrapper of its own, EXPLICIT [0], is read for itself:
// encoding/asn1 would not compare the lengths of the two.
type ContentInfo struct {
	Type asn1.ObjectIdentifier
	Data asn1.RawValue `asn1:"tag:0"` // SignedData
}

// SignedData is content, who signed it, and certificates of theirs.
type SignedData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Content      SignedContent
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []SignerInfo  `asn1:"set"`
}

// SignedContent is what is signed.
type SignedContent struct {
	Type  asn1.ObjectIdentifier
	Bytes asn1.RawValue `asn1:"tag:0"` // OCTET STRING
}

// SignerInfo is one signature.
type SignerInfo struct {
	Version    int
	ID         asn1.RawValue // issuer and serial number, or [0] the key's identifier
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"tag:0"`
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
	Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
}

// ParseTimestamp reads a time stamp token: a DER ContentInfo with one signature.
func ParseTimestamp(der []byte) (*Timestamp, error) {
	var info ContentInfo
	t := &Timestamp{}
	if ReadDER(der, &info, "") != nil || !info.Type.Equal(OIDSignedData) || ReadDER(info.Data.Bytes, &t.Signed, "") != nil {
		return nil, errors.New("is no time stamp token")
	}
	if !t.Signed.Content.Type.Equal(OIDTSTInfo) || len(t.Signed.Signers) != 1 {
		return nil, errors.New("is no time stamp token with one signature")
	}
	err := ReadDER(t.Signed.Content.Bytes.Bytes, &t.Text, "")
	if err == nil {
		err = ReadDER(t.Text, &t.TSTInfo, "")
	}
	if err != nil {
		return nil, fmt.Errorf("what it says cannot be read: %w", err)
	}
	return t, nil
}

// ReadDER reads DER that has nothing after it, with the parameters of
// asn1.UnmarshalWithParams.
func ReadDER(der []byte, into any, params string) error {
	rest, err := asn1.UnmarshalWithParams(der, into, params)
	if err == nil && len(rest) > 0 {
		err = errors.New("there is something behind it")
	}
	return err
}

// CheckOver reports why what the authority says is not that it had the SHA-256
// of data at the time.
func (s *TSTInfo) CheckOver(data []byte) error {
	if s.Version != 1 {
		return fmt.Errorf("is of version %d, which is not known", s.Version)
	}
	digest := sha256.Sum256(data)
	if !s.Imprint.Algorithm.Algorithm.Equal(OIDSHA256) || !bytes.Equal(s.Imprint.Hash, digest[:]) {
		return errors.New("is over something else")
	}
	for _, x := range s.Extensions {
		if x.Critical {
			return fmt.Errorf("has an extension %s, which is not known and may not be passed over", x.Id)
		}
	}
	return nil
}

// stampFolder is where a package has time stamps of its log.
const stampFolder = "ledger/timestamps/"

// StampFiles are the paths of what a package has of one time stamp.
type StampFiles struct {
	Token       string // DER
	Checkpoint  string // that was stamped
	Consistency string // proof that ledger/checkpoint extends it
}

// StampOf returns the files of the stamp of a day, as 2006-01-02.
func StampOf(day string) StampFiles {
	return StampFiles{stampFolder + day + ".der", stampFolder + day + ".txt", stampFolder + day + ".consistency"}
}

// StampDay returns the day of the stamp that a file of a package belongs to, ""
// for a file of none. It fails for a file in their folder that belongs to none.
func StampDay(path string) (day string, err error) {
	name, within := strings.CutPrefix(path, stampFolder)
	if !within {
		return "", nil
	}
	day, _, _ = strings.Cut(name, ".")
	files := StampOf(day)
	if _, err := time.Parse(time.DateOnly, day); err != nil || path != files.Token && path != files.Checkpoint && path != files.Consistency {
		return "", errors.New("belongs to no time stamp")
	}
	return day, nil
}
