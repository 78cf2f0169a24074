package people

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
)

// code is what the person's authenticator shows now.
func (e *env) code(x *Enrolment) string {
	e.t.Helper()
	code, err := totp.GenerateCode(x.Secret, e.Clock.Now())
	e.ok(err)
	return code
}

// factor gives a person a second factor; the step of now is used up.
func (e *env) factor(who *Identity) (*Enrolment, []string) {
	e.t.Helper()
	x, err := e.EnrolTOTP(e.t.Context(), who)
	e.ok(err)
	recovery, err := e.ConfirmTOTP(e.t.Context(), who, e.code(x))
	e.ok(err)
	return x, recovery
}

func TestTOTP(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		_, admin := e.signIn(e.founder().ID)
		_, err := e.ConfirmTOTP(ctx, admin, "123456")
		e.fails(err, fault.Conflict, "begin with")
		x, err := e.EnrolTOTP(ctx, admin)
		e.ok(err)
		key, err := otp.NewKeyFromURL(x.URL)
		e.ok(err)
		if key.Secret() != x.Secret || key.AccountName() != "ada@example.org" || key.Issuer() != "Countersign" {
			e.t.Errorf("URL is %s", x.URL)
		}
		_, err = e.ConfirmTOTP(ctx, admin, "")
		e.fails(err, fault.Denied, "not right")
		if _, who, err := e.SignIn(ctx, "ada@example.org", pass, "", office); err != nil || who.Strong {
			e.t.Errorf("a second factor that is not confirmed counts: %+v, %v", who, err)
		}
		recovery, err := e.ConfirmTOTP(ctx, admin, e.code(x))
		e.ok(err)
		if len(recovery) != recoveryCodes || id.CanonicalCode(recovery[0]) != recovery[0] || !e.find(admin.ID).TOTP {
			e.t.Errorf("recovery codes %v", recovery)
		}
		_, err = e.EnrolTOTP(ctx, admin)
		e.fails(err, fault.Conflict, "remove it first")

		wrong := func(code string) {
			e.t.Helper()
			e.Clock.Advance(time.Minute) // away from the throttle
			if code == "now" {
				code = e.code(x)
				code = string('0'+(code[0]-'0'+1)%10) + code[1:]
			}
			if _, _, err := e.SignIn(ctx, "ada@example.org", pass, code, office); !errors.Is(err, errWrong) {
				e.t.Errorf("code %q: %v", code, err)
			}
		}
		used := e.code(x)
		if _, _, err := e.SignIn(ctx, "ada@example.org", pass, used, office); !errors.Is(err, errWrong) {
			e.t.Errorf("the step of the confirmation works again: %v", err)
		}
		wrong("")
		wrong("now")
		wrong(used)
		wrong("12345678901234567890")
		wrong(id.NewCode())
		e.Clock.Advance(time.Minute)
		_, who, err := e.SignIn(ctx, "ada@example.org", pass, e.code(x)[:3]+" "+e.code(x)[3:], office)
		if e.ok(err); !who.Strong {
			e.t.Errorf("signed in as %+v", who)
		}
		e.Clock.Advance(30 * time.Second) // a clock that is a step behind or ahead
		late := e.code(x)
		e.Clock.Advance(30 * time.Second)
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, late, office)
		e.ok(err)
		_, who, err = e.SignIn(ctx, "ada@example.org", pass, strings.ToLower(recovery[3]), office)
		if e.ok(err); !who.Strong {
			e.t.Errorf("signed in as %+v", who)
		}
		wrong(recovery[3])
		if last, err := e.SignIns(ctx, admin.ID, 1); err != nil || last[0].Method != "password+recovery" {
			e.t.Errorf("last sign-in %+v, %v", last, err)
		}

		e.fails(e.RemoveTOTP(ctx, admin, "000"), fault.Denied, "not right")
		e.Clock.Advance(time.Minute)
		e.ok(e.RemoveTOTP(ctx, admin, e.code(x)))
		e.Clock.Advance(time.Minute)
		if _, who, err := e.SignIn(ctx, "ada@example.org", pass, "", office); err != nil || who.Strong {
			e.t.Errorf("without the second factor: %+v, %v", who, err)
		}
		e.fails(e.RemoveTOTP(ctx, admin, recovery[5]), fault.Denied, "not right")
	})
}

// TestOneStepOnce: of several who come at once with one code, one gets in.
func TestOneStepOnce(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		_, admin := e.signIn(e.founder().ID)
		x, recovery := e.factor(admin)
		e.Clock.Advance(time.Minute)
		for name, code := range map[string]string{"step": e.code(x), "recovery code": recovery[0]} {
			if won := together(3, func(int) error {
				_, _, err := e.SignIn(ctx, "ada@example.org", pass, code, office)
				if err != nil && !errors.Is(err, errWrong) {
					e.t.Error(err)
				}
				return err
			}); won != 1 {
				e.t.Errorf("one %s let %d in", name, won)
			}
		}
	})
}

func TestResetTOTP(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		lead := e.join(admin, "lea", Lead)
		e.fails(e.ResetTOTP(ctx, admin, lead.ID), fault.Conflict, "no second factor")
		cookie, inSession := e.signIn(lead.ID)
		_, recovery := e.factor(inSession)
		e.fails(e.ResetTOTP(ctx, lead, lead.ID), fault.Denied, "Administrator")
		e.ok(e.ResetTOTP(ctx, admin, lead.ID))
		if p := e.find(lead.ID); p.TOTP || !p.ApprovalSuspended {
			e.t.Errorf("after the reset %+v", p)
		}
		if _, err := e.Session(ctx, cookie); err != ErrNotSignedIn {
			e.t.Errorf("the session lives on: %v", err)
		}
		_, who, err := e.SignIn(ctx, "lea@example.org", pass, recovery[0], office)
		if e.ok(err); who.Strong {
			e.t.Error("a code of the second factor that is gone counts")
		}
	})
}

// TestSecondFactorSurvivesReset: whoever resets the password has a link, and
// does not get in by it.
func TestSecondFactorSurvivesReset(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		lead := e.join(admin, "lea", Lead)
		_, inSession := e.signIn(lead.ID)
		x, _ := e.factor(inSession)
		code, err := e.ResetPassword(ctx, admin, lead.ID)
		e.ok(err)
		e.ok(e.Recover(ctx, code, "seven quiet harbours"))
		_, _, err = e.SignIn(ctx, "lea@example.org", "seven quiet harbours", "", office)
		e.fails(err, fault.Denied, "not right")
		e.Clock.Advance(time.Minute)
		_, _, err = e.SignIn(ctx, "lea@example.org", "seven quiet harbours", e.code(x), office)
		e.ok(err)
		e.ok(e.DB.Script(ctx, `DELETE FROM person_totp`)) // nor by deleting it behind our back
		_, _, err = e.SignIn(ctx, "lea@example.org", "seven quiet harbours", "", office)
		e.fails(err, fault.Denied, "not right")
	})
}

// TestQR draws the image again from the SVG and compares it.
func TestQR(t *testing.T) {
	x := &Enrolment{URL: "otpauth://totp/Countersign:ada@example.org?secret=ABC"}
	svg, err := x.QR()
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
	code, err := qr.Encode(x.URL, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	size, dark := code.Bounds().Dx(), 0
	if !strings.Contains(string(svg), fmt.Sprintf(`viewBox="0 0 %[1]d %[1]d"`, size+8)) {
		t.Errorf("no white around a code of %d modules: %.200s", size, svg)
	}
	for y := range size {
		for px := range size {
			has := strings.Contains(string(svg), fmt.Sprintf("M%d %dh1v1h-1z", px+4, y+4))
			if has != (code.At(px, y) == color.Black) {
				t.Fatalf("module %d, %d is wrong", px, y)
			}
			if has {
				dark++
			}
		}
	}
	if dark < size*size/4 {
		t.Errorf("%d of %d modules are dark", dark, size*size)
	}
	if _, err := (&Enrolment{URL: strings.Repeat("x", 5000)}).QR(); err == nil {
		t.Error("a URL that does not fit gives no error")
	}
}
