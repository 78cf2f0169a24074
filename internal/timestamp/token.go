package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	_ "crypto/sha512" // digests that authorities sign with
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/verify/format"
)

// Object identifiers of RFC 5652, RFC 5035 and RFC 5280.
var (
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidKeyID         = asn1.ObjectIdentifier{2, 5, 29, 14}
)

// digests are the hash functions that are good enough to sign with.
var digests = map[string]crypto.Hash{
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

type byDigest = map[crypto.Hash]x509.SignatureAlgorithm

// signatures are the algorithms of signatures, some named with their digest
// and some without.
var signatures = map[string]byDigest{
	"1.2.840.113549.1.1.1":  {crypto.SHA256: x509.SHA256WithRSA, crypto.SHA384: x509.SHA384WithRSA, crypto.SHA512: x509.SHA512WithRSA},
	"1.2.840.113549.1.1.11": {crypto.SHA256: x509.SHA256WithRSA},
	"1.2.840.113549.1.1.12": {crypto.SHA384: x509.SHA384WithRSA},
	"1.2.840.113549.1.1.13": {crypto.SHA512: x509.SHA512WithRSA},
	"1.2.840.10045.2.1":     {crypto.SHA256: x509.ECDSAWithSHA256, crypto.SHA384: x509.ECDSAWithSHA384, crypto.SHA512: x509.ECDSAWithSHA512},
	"1.2.840.10045.4.3.2":   {crypto.SHA256: x509.ECDSAWithSHA256},
	"1.2.840.10045.4.3.3":   {crypto.SHA384: x509.ECDSAWithSHA384},
	"1.2.840.10045.4.3.4":   {crypto.SHA512: x509.ECDSAWithSHA512},
	"1.3.101.112":           {crypto.SHA512: x509.PureEd25519},
}

// query is a TimeStampReq (RFC 3161 §2.4.1).
type query struct {
	Version int
	Imprint format.Imprint
	Nonce   *big.Int
	CertReq bool
}

// reply is a TimeStampResp (RFC 3161 §2.4.2).
type reply struct {
	Status struct {
		Status int
		Text   []string       `asn1:"optional"`
		Fail   asn1.BitString `asn1:"optional"`
	}
	Token asn1.RawValue `asn1:"optional"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// Token is what a time stamp token says, once it was checked.
type Token struct {
	Time   time.Time // by the authority's clock
	Serial *big.Int  // of the token
	Policy string    // object identifier
	Signer string    // subject of the authority's certificate, RFC 2253

	nonce *big.Int // nil where the token has none
}

// Verify checks that a token, a DER ContentInfo (RFC 3161 §2.4.2), is over data
// and signed by an authority that roots vouch for: the system's where nil. Its
// certificates have to have been valid at the time that it names.
func Verify(der, data []byte, roots *x509.CertPool) (*Token, error) {
	t, err := format.ParseTimestamp(der)
	if err != nil {
		return nil, err
	}
	if err := t.CheckOver(data); err != nil {
		return nil, err
	}
	certificates, err := x509.ParseCertificates(t.Signed.Certificates.Bytes)
	if err != nil {
		return nil, fmt.Errorf("its certificates cannot be read: %w", err)
	}
	signer, err := signerOf(t, certificates)
	if err != nil {
		return nil, err
	}
	if err := trust(signer, certificates, roots, t.Time); err != nil {
		return nil, err
	}
	return &Token{t.Time.UTC(), t.Serial, t.Policy.String(), signer.Subject.String(), t.Nonce}, nil
}

// signerOf checks the one signature of a token and returns the certificate of
// who made it (RFC 5652 §5.4, RFC 5816).
func signerOf(t *format.Timestamp, certificates []*x509.Certificate) (*x509.Certificate, error) {
	s := &t.Signed.Signers[0]
	at := slices.IndexFunc(certificates, func(c *x509.Certificate) bool { return belongs(s, c) })
	if at < 0 {
		return nil, errors.New("has no certificate of its signer")
	}
	signer := certificates[at]
	hash, ok := digests[s.Digest.Algorithm.String()]
	algorithm, fits := signatures[s.Algorithm.Algorithm.String()][hash]
	if !ok || !fits {
		return nil, fmt.Errorf("is signed by an algorithm that is not taken: %s with %s", s.Algorithm.Algorithm, s.Digest.Algorithm)
	}
	if !slices.ContainsFunc(t.Signed.Digests, func(x pkix.AlgorithmIdentifier) bool { return x.Algorithm.Equal(s.Digest.Algorithm) }) {
		return nil, errors.New("does not announce the digest that it is signed with") // RFC 5652 §5.1
	}
	set := slices.Clone(s.Attributes.FullBytes)
	set[0] = asn1.TagSet | 0x20 // signed as a SET, sent as [0]
	var attributes []attribute
	if err := format.ReadDER(set, &attributes, "set"); err != nil {
		return nil, fmt.Errorf("its attributes cannot be read: %w", err)
	}
	if err := checkAttributes(attributes, t.Text, hash, signer); err != nil {
		return nil, err
	}
	if err := signer.CheckSignature(algorithm, set, s.Signature); err != nil {
		return nil, fmt.Errorf("its signature is wrong: %w", err)
	}
	return signer, nil
}

// belongs reports whether this is the certificate of the signer.
func belongs(s *format.SignerInfo, c *x509.Certificate) bool {
	if s.ID.Class == asn1.ClassContextSpecific && s.ID.Tag == 0 {
		return slices.ContainsFunc(c.Extensions, func(x pkix.Extension) bool {
			return x.Id.Equal(oidKeyID) && bytes.Equal(c.SubjectKeyId, s.ID.Bytes)
		})
	}
	var id issuerAndSerial
	return format.ReadDER(s.ID.FullBytes, &id, "") == nil && bytes.Equal(id.Issuer.FullBytes, c.RawIssuer) && id.Serial.Cmp(c.SerialNumber) == 0
}

// checkAttributes checks what ties signature, content and certificate together:
// nobody can put another content under it or another certificate beside it.
func checkAttributes(all []attribute, text []byte, hash crypto.Hash, signer *x509.Certificate) error {
	var kind asn1.ObjectIdentifier
	if err := value(all, oidContentType, &kind); err != nil || !kind.Equal(format.OIDTSTInfo) {
		return errors.New("is signed as something other than a time stamp")
	}
	h := hash.New()
	h.Write(text)
	var digest []byte
	if err := value(all, oidMessageDigest, &digest); err != nil || !bytes.Equal(digest, h.Sum(nil)) {
		return errors.New("says something other than what was signed")
	}
	if !names(all, signer) {
		return errors.New("does not name its signer's certificate")
	}
	return nil
}

// value reads the one value of the one attribute of a type.
func value(all []attribute, kind asn1.ObjectIdentifier, into any) error {
	var found *attribute
	for i := range all {
		if !all[i].Type.Equal(kind) {
			continue
		}
		if found != nil {
			return errors.New("an attribute is there twice")
		}
		found = &all[i]
	}
	if found == nil || len(found.Values) != 1 {
		return errors.New("an attribute does not have one value")
	}
	return format.ReadDER(found.Values[0].FullBytes, into, "")
}

// names reports whether the attributes name this certificate as the signer's,
// by its hash: by SHA-1 in the old form (RFC 2634 §5.4), by a better one in the
// new (RFC 5035 §4). One of the two has to be there (RFC 5816).
func names(all []attribute, c *x509.Certificate) bool {
	var before struct {
		Certificates []struct {
			Hash   []byte
			Issuer asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	var now struct {
		Certificates []struct {
			Algorithm pkix.AlgorithmIdentifier `asn1:"optional"` // SHA-256 where absent
			Hash      []byte
			Issuer    asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := value(all, oidSigningCertV2, &now); err == nil && len(now.Certificates) > 0 {
		x := now.Certificates[0]
		hash := crypto.SHA256
		if len(x.Algorithm.Algorithm) > 0 {
			hash = digests[x.Algorithm.Algorithm.String()]
		}
		if !hash.Available() {
			return false
		}
		h := hash.New()
		h.Write(c.Raw)
		return bytes.Equal(x.Hash, h.Sum(nil))
	}
	if err := value(all, oidSigningCert, &before); err == nil && len(before.Certificates) > 0 {
		sum := sha1.Sum(c.Raw)
		return bytes.Equal(before.Certificates[0].Hash, sum[:])
	}
	return false
}

// trust checks that the certificate is for time stamps alone (RFC 3161 §2.3)
// and that the roots vouch for it, at the time of the stamp.
func trust(signer *x509.Certificate, others []*x509.Certificate, roots *x509.CertPool, at time.Time) error {
	critical := slices.ContainsFunc(signer.Extensions, func(x pkix.Extension) bool { return x.Id.Equal(oidExtKeyUsage) && x.Critical })
	if !critical || len(signer.UnknownExtKeyUsage) > 0 || !slices.Equal(signer.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) {
		return errors.New("its signer's certificate is not one for time stamps alone")
	}
	intermediates := x509.NewCertPool()
	for _, c := range others {
		intermediates.AddCert(c)
	}
	_, err := signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return fmt.Errorf("its signer is not trusted: %w", err)
	}
	return nil
}

// failures are the bits of PKIFailureInfo (RFC 3161 §2.4.2).
var failures = map[int]string{0: "the algorithm is not supported", 2: "the request is not permitted", 5: "the request has the wrong format",
	14: "its source of time is not available", 15: "the policy is not supported", 16: "an extension is not supported",
	17: "more was asked for than is available", 25: "it failed"}

// open returns the token in a reply.
func open(der []byte) ([]byte, error) {
	var r reply
	if err := format.ReadDER(der, &r, ""); err != nil {
		return nil, fmt.Errorf("the answer is no time stamp reply: %w", err)
	}
	if s := r.Status; s.Status != 0 && s.Status != 1 { // granted, granted with modifications
		reasons := s.Text
		for bit := range s.Fail.BitLength {
			if s.Fail.At(bit) == 1 && failures[bit] != "" {
				reasons = append(reasons, failures[bit])
			}
		}
		return nil, fmt.Errorf("the authority refuses, status %d: %s", s.Status, phrase.Foreign([]byte(strings.Join(reasons, "; ")), maxText))
	}
	if len(r.Token.FullBytes) == 0 {
		return nil, errors.New("the answer has no token")
	}
	return r.Token.FullBytes, nil
}
