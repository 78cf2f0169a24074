package people

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
)

// What every authenticator understands: RFC 6238 with SHA-1, six digits, thirty
// seconds; a secret of 160 bits (RFC 4226 §4).
const (
	totpPeriod    = 30 // seconds
	totpSkew      = 1  // steps that a clock may be off
	totpSecret    = 20 // bytes
	recoveryCodes = 10
)

// Enrolment is a second factor that is not confirmed yet.
type Enrolment struct {
	Secret string // base32, to be typed where no camera is at hand
	URL    string // otpauth://
}

// EnrolTOTP begins a second factor; ConfirmTOTP makes it count. Whoever has one
// removes it first.
func (d *Desk) EnrolTOTP(ctx context.Context, who *Identity) (*Enrolment, error) {
	if err := inSession(who); err != nil {
		return nil, err
	}
	secret := make([]byte, totpSecret)
	rand.Read(secret)
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Countersign", AccountName: who.Email, Secret: secret, Period: totpPeriod,
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return nil, fmt.Errorf("make a second factor: %w", err)
	}
	sealed := d.vault.seal(secret, who.ID)
	err = d.ledger.Write(ctx, who.self(), func(ctx context.Context, tx *ledger.Tx) error {
		if err := stillIn(ctx, tx, who); err != nil {
			return err
		}
		p, err := Persons.Load(ctx, tx, who.ID)
		if err != nil {
			return err
		}
		if p.TOTP {
			return fault.New(fault.Conflict, "you have a second factor already; remove it first")
		}
		return saveTOTP(tx, who.ID, sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("make a second factor: %w", err)
	}
	return &Enrolment{Secret: key.Secret(), URL: key.URL()}, nil
}

// QR returns the URL as a QR code: an SVG image, black on white.
func (e *Enrolment) QR() ([]byte, error) {
	code, err := qr.Encode(e.URL, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("draw the QR code: %w", err)
	}
	const quiet = 4 // modules of white around it, ISO/IEC 18004
	size := code.Bounds().Dx()
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" role="img" aria-label="QR code" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="`, size+2*quiet)
	for y := range size {
		for x := range size {
			if code.At(x, y) == color.Black {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}

// ConfirmTOTP makes the second factor count, given a code of it, and returns
// the recovery codes, which are shown once.
func (d *Desk) ConfirmTOTP(ctx context.Context, who *Identity, code string) (recovery []string, err error) {
	if err := inSession(who); err != nil {
		return nil, err
	}
	taken, err := d.reserve(ctx, who.ID, d.ownSlots(who.ID))
	if err != nil {
		return nil, err
	}
	row, err := loadTOTP(ctx, d.ledger, who.ID)
	if err != nil {
		return nil, err
	}
	if row.secret == nil || row.confirmed == 1 {
		return nil, fault.New(fault.Conflict, "begin with setting up a second factor")
	}
	step, err := d.matchStep(who.ID, row, code)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, cmp.Or(d.fail(ctx, who.ID), fault.New(fault.Denied, "the code is not right; is the clock of the device?"))
	}
	for range recoveryCodes {
		recovery = append(recovery, id.NewCode())
	}
	err = d.changeOwn(ctx, who, "second-factor-added", func(_ context.Context, tx *ledger.Tx, p *Person) error {
		if there, err := confirmTOTP(tx, who.ID, row.secret, step); err != nil || !there {
			return cmp.Or(err, errMoved)
		}
		for _, code := range recovery {
			if err := saveRecovery(tx, who.ID, d.recoveryProof(who.ID, code)); err != nil {
				return err
			}
		}
		p.TOTP = true
		return succeed(tx, taken)
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// RemoveTOTP takes the second factor away, given a code of it or a recovery
// code.
func (d *Desk) RemoveTOTP(ctx context.Context, who *Identity, code string) error {
	if err := inSession(who); err != nil {
		return err
	}
	taken, err := d.reserve(ctx, who.ID, d.ownSlots(who.ID))
	if err != nil {
		return err
	}
	c, err := loadCredentials(ctx, d.ledger, who.ID)
	if err != nil {
		return err
	}
	wrong := fault.New(fault.Denied, "the code is not right, or was used already; wait for the next one")
	f, err := d.secondFactor(who.ID, c, code)
	if err != nil {
		return err
	}
	if !f.given() {
		return cmp.Or(d.fail(ctx, who.ID), wrong)
	}
	return d.changeOwn(ctx, who, "second-factor-removed", func(_ context.Context, tx *ledger.Tx, p *Person) error {
		if err := f.use(tx, p.ID); errors.Is(err, errWrong) {
			return wrong
		} else if err != nil {
			return err
		}
		p.TOTP = false
		if err := succeed(tx, taken); err != nil {
			return err
		}
		return deleteTOTP(tx, p.ID)
	})
}

// factor is what a code turned out to be.
type factor struct {
	step     int64  // of the authenticator, 0: none
	recovery []byte // proof of a recovery code, nil: none
}

func (f factor) given() bool { return f.step != 0 || f.recovery != nil }

func (f factor) method() string {
	switch {
	case f.step != 0:
		return "+code"
	case f.recovery != nil:
		return "+recovery"
	}
	return ""
}

// use uses the code up: of two who come with the same, one is wrong.
func (f factor) use(tx *ledger.Tx, person string) error {
	fresh, err := true, error(nil)
	switch {
	case f.step != 0:
		fresh, err = useStep(tx, person, f.step)
	case f.recovery != nil:
		fresh, err = useRecovery(tx, person, f.recovery)
	}
	if err == nil && !fresh {
		err = errWrong
	}
	return err
}

// secondFactor compares a code with all that a person may have typed, each in
// constant time.
func (d *Desk) secondFactor(person string, c credentials, code string) (f factor, err error) {
	if c.totp.confirmed == 1 {
		if f.step, err = d.matchStep(person, c.totp, code); err != nil {
			return f, err
		}
	}
	proof := d.recoveryProof(person, id.CanonicalCode(code))
	for _, r := range c.recovery {
		if subtle.ConstantTimeCompare(r, proof) == 1 {
			f.recovery = r
		}
	}
	return f, nil
}

func (d *Desk) recoveryProof(person, code string) []byte {
	return d.vault.proof("recovery", code, person)
}

// matchStep returns the time step that a code is of, 0 where it is of none
// around now. Whether the step was used before, useStep says.
func (d *Desk) matchStep(person string, row totpRow, code string) (int64, error) {
	secret, err := d.vault.open(row.secret, person)
	if err != nil {
		return 0, err
	}
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code)
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	now, match := d.ledger.Now().Unix()/totpPeriod, int64(0)
	for step := now - totpSkew; step <= now+totpSkew; step++ {
		want, err := hotp.GenerateCode(text, uint64(step))
		if err != nil {
			return 0, fmt.Errorf("compute a code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			match = step
		}
	}
	return match, nil
}
