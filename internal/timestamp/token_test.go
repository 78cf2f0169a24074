package timestamp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/verify/format"
)

// party is a certificate and its key.
type party struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// born and buried are from when until when certificates are good: long enough
// for the true time, which openssl stamps with.
var born, buried = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)

// certify has somebody certified by a party, by itself where that is nil.
func certify(t testing.TB, name string, by *party, key crypto.Signer, change func(*x509.Certificate)) *party {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name)) + 1000), Subject: pkix.Name{CommonName: name}, NotBefore: born, NotAfter: buried,
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature}
	if by == nil {
		c.KeyUsage = x509.KeyUsageCertSign
		by = &party{c, key}
	}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &party{c, key}
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// usages is the extended key usage of a certificate.
func usages(critical bool, of ...asn1.ObjectIdentifier) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		der, err := asn1.Marshal(of)
		if err != nil {
			panic(err)
		}
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oidExtKeyUsage, Critical: critical, Value: der})
	}
}

var (
	forStamps = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	forServer = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
)

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (p *party) pem() []byte { return pemOf("CERTIFICATE", p.cert.Raw) }

func (p *party) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.cert)
	return pool
}

// forgery is a token in the making. Its functions change what it is made of.
type forgery struct {
	signer *party
	named  *x509.Certificate // that the attributes name; the signer's where nil
	nonce  *big.Int
	at     time.Time
	digest asn1.ObjectIdentifier
	cipher asn1.ObjectIdentifier
	old    bool // names the certificate in the old form
	says   func(*format.TSTInfo)
	signs  func([]attribute) []attribute
	kind   asn1.ObjectIdentifier // of the whole; signed data where nil
	sends  func(*format.SignedData)
}

var (
	oidSHA1     = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA512   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidECDSA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
	oidECDSA1   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	oidRSA      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEd25519  = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidPolicy   = asn1.ObjectIdentifier{1, 2, 3, 4, 1}
	oidNone     = asn1.ObjectIdentifier{1, 2, 3, 4, 99}
	oidData     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	stampedAt   = time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)
)

func marshal(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// attr is an attribute of one value.
func attr(kind asn1.ObjectIdentifier, v any) attribute {
	return attribute{kind, []asn1.RawValue{{FullBytes: marshal(v)}}}
}

type certID struct{ Hash []byte }

// make makes the token over data, DER.
func (f forgery) make(t testing.TB, data []byte) []byte {
	t.Helper()
	at := f.at
	if at.IsZero() {
		at = stampedAt
	}
	said := format.TSTInfo{Version: 1, Policy: oidPolicy, Imprint: format.ImprintOf(data),
		Serial: big.NewInt(77), Time: at, Nonce: f.nonce}
	if f.says != nil {
		f.says(&said)
	}
	text := marshal(said)
	if f.digest == nil {
		f.digest, f.cipher = format.OIDSHA256, oidECDSA256
	}
	hash := map[string]crypto.Hash{oidSHA1.String(): crypto.SHA1, format.OIDSHA256.String(): crypto.SHA256, oidSHA512.String(): crypto.SHA512}[f.digest.String()]
	h := hash.New()
	h.Write(text)
	if f.named == nil {
		f.named = f.signer.cert
	}
	id := func(kind asn1.ObjectIdentifier, hash []byte) attribute {
		return attr(kind, struct{ Certificates []certID }{[]certID{{hash}}})
	}
	by256, by1 := sha256.Sum256(f.named.Raw), sha1.Sum(f.named.Raw)
	names := id(oidSigningCertV2, by256[:])
	if f.old {
		names = id(oidSigningCert, by1[:])
	}
	all := []attribute{attr(oidContentType, format.OIDTSTInfo), attr(oidMessageDigest, h.Sum(nil)), names}
	if f.signs != nil {
		all = f.signs(all)
	}
	set, err := asn1.MarshalWithParams(all, "set")
	if err != nil {
		t.Fatal(err)
	}
	signed, opts := set, crypto.SignerOpts(hash)
	if _, pure := f.signer.key.(ed25519.PrivateKey); pure {
		opts = crypto.Hash(0)
	} else {
		h.Reset()
		h.Write(set)
		signed = h.Sum(nil)
	}
	signature, err := f.signer.key.Sign(rand.Reader, signed, opts)
	if err != nil {
		t.Fatal(err)
	}
	sent := slices.Clone(set)
	sent[0] = 0xa0
	d := format.SignedData{Version: 3, Digests: []pkix.AlgorithmIdentifier{{Algorithm: f.digest}},
		Content:      format.SignedContent{Type: format.OIDTSTInfo, Bytes: wrapped(marshal(text))},
		Certificates: wrapped(f.signer.cert.Raw),
		Signers: []format.SignerInfo{{Version: 1, ID: asn1.RawValue{FullBytes: marshal(issuerAndSerial{asn1.RawValue{FullBytes: f.signer.cert.RawIssuer}, f.signer.cert.SerialNumber})},
			Digest: pkix.AlgorithmIdentifier{Algorithm: f.digest}, Attributes: asn1.RawValue{FullBytes: sent}, Algorithm: pkix.AlgorithmIdentifier{Algorithm: f.cipher}, Signature: signature}}}
	if f.sends != nil {
		f.sends(&d)
	}
	if f.kind == nil {
		f.kind = format.OIDSignedData
	}
	return marshal(format.ContentInfo{Type: f.kind, Data: wrapped(marshal(d))})
}

// wrapped is [0] around DER.
func wrapped(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

// granted is the reply that brings a token.
func granted(token []byte) []byte {
	return marshal(struct {
		Status struct{ Status int }
		Token  asn1.RawValue
	}{Token: asn1.RawValue{FullBytes: token}})
}

// wantError holds that an error says something; that there is none where that
// is empty.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestVerify takes what authorities make, by all algorithms, and refuses what
// they must not have made.
func TestVerify(t *testing.T) {
	data := []byte("a checkpoint\n")
	root := certify(t, "Root", nil, ecKey(t), nil)
	good := certify(t, "Authority", root, ecKey(t), usages(true, forStamps))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	between := certify(t, "Between", root, ecKey(t), func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign })
	chained := certify(t, "Chained", between, ecKey(t), usages(true, forStamps))
	signed := func(kind asn1.ObjectIdentifier, v any) func([]attribute) []attribute {
		return func(all []attribute) []attribute {
			for i := range all {
				if all[i].Type.Equal(kind) {
					all[i] = attr(kind, v)
				}
			}
			return all
		}
	}
	tests := []struct {
		name string
		forgery
		roots *party
		want  string
	}{
		{"ECDSA", forgery{signer: good}, root, ""},
		{"ECDSA, SHA-512", forgery{signer: good, digest: oidSHA512, cipher: oidECDSA512}, root, ""},
		{"RSA", forgery{signer: certify(t, "RSA", root, rsaKey, usages(true, forStamps)), digest: format.OIDSHA256, cipher: oidRSA}, root, ""},
		{"Ed25519", forgery{signer: certify(t, "Ed", root, edKey, usages(true, forStamps)), digest: oidSHA512, cipher: oidEd25519}, root, ""},
		{"old certificate id", forgery{signer: good, old: true}, root, ""},
		{"accuracy and order", forgery{signer: good, says: func(s *format.TSTInfo) { s.Accuracy, s.Ordering = format.Accuracy{Seconds: 1, Millis: 500}, true }}, root, ""},
		{"itself trusted", forgery{signer: good}, good, ""},
		{"chain of three", forgery{signer: chained, sends: func(d *format.SignedData) {
			d.Certificates.Bytes = append(slices.Clone(between.cert.Raw), chained.cert.Raw...)
		}}, root, ""},
		{"signer by key", forgery{signer: certify(t, "Keyed", root, ecKey(t), func(c *x509.Certificate) { c.SubjectKeyId = []byte{1, 2, 3}; usages(true, forStamps)(c) }),
			sends: func(d *format.SignedData) {
				d.Signers[0].ID = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: []byte{1, 2, 3}}
			}}, root, ""},

		{"other imprint", forgery{signer: good, says: func(s *format.TSTInfo) { s.Imprint.Hash[0]++ }}, root, "over something else"},
		{"other algorithm of the imprint", forgery{signer: good, says: func(s *format.TSTInfo) { s.Imprint.Algorithm.Algorithm = oidSHA512 }}, root, "over something else"},
		{"version 2", forgery{signer: good, says: func(s *format.TSTInfo) { s.Version = 2 }}, root, "version 2"},
		{"critical extension", forgery{signer: good, says: func(s *format.TSTInfo) { s.Extensions = []pkix.Extension{{Id: oidNone, Critical: true}} }}, root, "1.2.3.4.99"},
		{"extension to pass over", forgery{signer: good, says: func(s *format.TSTInfo) { s.Extensions = []pkix.Extension{{Id: oidNone, Value: []byte{5, 0}}} }}, root, ""},
		{"stranger", forgery{signer: good}, certify(t, "Stranger", nil, ecKey(t), nil), "not trusted"},
		{"link missing", forgery{signer: chained}, root, "not trusted"},
		{"expired at the time", forgery{signer: good, at: buried.AddDate(1, 0, 0)}, root, "not trusted"},
		{"no usage", forgery{signer: certify(t, "Any", root, ecKey(t), nil)}, root, "not one for time stamps alone"},
		{"usage of a server", forgery{signer: certify(t, "Server", root, ecKey(t), usages(true, forServer))}, root, "not one for time stamps alone"},
		{"usage not alone", forgery{signer: certify(t, "Both", root, ecKey(t), usages(true, forStamps, forServer))}, root, "not one for time stamps alone"},
		{"unknown usage beside", forgery{signer: certify(t, "Odd", root, ecKey(t), usages(true, forStamps, oidNone))}, root, "not one for time stamps alone"},
		{"usage not critical", forgery{signer: certify(t, "Lax", root, ecKey(t), usages(false, forStamps))}, root, "not one for time stamps alone"},
		{"SHA-1", forgery{signer: good, digest: oidSHA1, cipher: oidECDSA1}, root, "algorithm that is not taken"},
		{"digest not the signature's", forgery{signer: good, digest: oidSHA512, cipher: oidECDSA256}, root, "algorithm that is not taken"},
		{"other certificate named", forgery{signer: good, named: root.cert}, root, "does not name"},
		{"other certificate named, old form", forgery{signer: good, named: root.cert, old: true}, root, "does not name"},
		{"no certificate named", forgery{signer: good, signs: func(all []attribute) []attribute { return all[:2] }}, root, "does not name"},
		{"signed as data", forgery{signer: good, signs: signed(oidContentType, oidData)}, root, "something other than a time stamp"},
		{"other digest", forgery{signer: good, signs: signed(oidMessageDigest, make([]byte, 32))}, root, "something other than what was signed"},
		{"digest twice", forgery{signer: good, signs: func(all []attribute) []attribute { return append(all, attr(oidMessageDigest, make([]byte, 32))) }}, root, "something other than what was signed"},
		{"no certificate sent", forgery{signer: good, sends: func(d *format.SignedData) { d.Certificates = asn1.RawValue{} }}, root, "no certificate of its signer"},
		{"other certificate sent", forgery{signer: good, sends: func(d *format.SignedData) { d.Certificates.Bytes = root.cert.Raw }}, root, "no certificate of its signer"},
		{"damaged certificate", forgery{signer: good, sends: func(d *format.SignedData) { d.Certificates.Bytes = []byte{0x30, 1, 0} }}, root, "certificates cannot be read"},
		{"no signature", forgery{signer: good, sends: func(d *format.SignedData) { d.Signers = nil }}, root, "one signature"},
		{"two signatures", forgery{signer: good, sends: func(d *format.SignedData) { d.Signers = append(d.Signers, d.Signers[0]) }}, root, "one signature"},
		{"other content", forgery{signer: good, sends: func(d *format.SignedData) { d.Content.Type = oidData }}, root, "one signature"},
		{"not signed data", forgery{signer: good, kind: oidData}, root, "no time stamp token"},
		{"digest not announced", forgery{signer: good, sends: func(d *format.SignedData) { d.Digests[0].Algorithm = oidSHA512 }}, root, "does not announce"},
		{"damaged signature", forgery{signer: good, sends: func(d *format.SignedData) { d.Signers[0].Signature[8]++ }}, root, "signature is wrong"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			der := tt.make(t, data)
			got, err := Verify(der, data, tt.roots.pool())
			wantError(t, err, tt.want)
			if tt.want != "" || err != nil {
				return
			}
			at := tt.at
			if at.IsZero() {
				at = stampedAt
			}
			if !got.Time.Equal(at) || got.Serial.Int64() != 77 || got.Policy != "1.2.3.4.1" || got.Signer != "CN="+tt.signer.cert.Subject.CommonName {
				t.Errorf("the token says %+v", got)
			}
			_, err = Verify(der, append(data, '!'), tt.roots.pool())
			wantError(t, err, "over something else")
			_, err = Verify(append(der, 0), data, tt.roots.pool())
			wantError(t, err, "no time stamp token")
		})
	}
}

// TestVerifyAltered changes every byte of a token: it is refused, or says what
// it said before, where the byte was under no signature.
func TestVerifyAltered(t *testing.T) {
	data := []byte("a checkpoint\n")
	root := certify(t, "Root", nil, ecKey(t), nil)
	der := forgery{signer: certify(t, "Authority", root, ecKey(t), usages(true, forStamps)), nonce: big.NewInt(5)}.make(t, data)
	was, err := Verify(der, data, root.pool())
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for i := range der {
		for _, x := range []byte{1, 0x80} {
			altered := slices.Clone(der)
			altered[i] ^= x
			got, err := Verify(altered, data, root.pool())
			if err != nil {
				continue
			}
			taken++
			if !got.Time.Equal(was.Time) || got.Serial.Cmp(was.Serial) != 0 || got.Policy != was.Policy || got.Signer != was.Signer || got.nonce.Cmp(was.nonce) != 0 {
				t.Errorf("with byte %d changed it says %+v", i, got)
			}
		}
	}
	if taken > len(der)/20 {
		t.Errorf("%d of %d changes were not noticed", taken, 2*len(der))
	}
	for n := range der {
		if _, err := Verify(der[:n], data, root.pool()); err == nil {
			t.Errorf("the first %d bytes are taken for the whole", n)
		}
	}
}

func FuzzVerify(f *testing.F) {
	data := []byte("a checkpoint\n")
	root := certify(f, "Root", nil, ecKey(f), nil)
	der := forgery{signer: certify(f, "Authority", root, ecKey(f), usages(true, forStamps))}.make(f, data)
	f.Add(der)
	f.Add(granted(der))
	f.Add([]byte{0x30, 0x82, 0x01})
	f.Add([]byte{0x1f, 0x80})
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 1000))
	pool := root.pool()
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := Verify(b, data, pool); err == nil && !got.Time.Equal(stampedAt) {
			t.Errorf("another token is taken: %+v", got)
		}
		if token, err := open(b); err == nil && !bytes.Contains(b, token) {
			t.Error("the token is not in the reply")
		}
	})
}
