package receipt_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/witness"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

var leo, ann = ledger.Actor{ID: "leo", Role: "lead"}, ledger.Actor{ID: "ann", Role: "analyst"}

// house is an installation that takes reports and mail.
type house struct {
	*dbtest.Env
	intake   *intake.Desk
	receipts *receipt.Desk
	feeder   *witness.Feeder
	policy   *format.Policy
}

const mailAddress = "security@org.example"

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	var kinds []ledger.Records
	for _, k := range [][]ledger.Records{intake.Records(), policy.Records(), channel.Records()} {
		kinds = append(kinds, k...)
	}
	dbtest.Each(t, kinds, nil, func(t *testing.T, e *dbtest.Env) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		channels, policies := channel.New(e.Ledger), policy.New(e.Ledger, nil)
		must(policies.Seed(t.Context()))
		for _, terms := range []channel.Terms{{Name: "Page", Kind: channel.Portal, Address: "/report", Direction: channel.Both},
			{Name: "Mail", Kind: channel.Email, Address: mailAddress, Direction: channel.Both, FromName: "Org"}} {
			terms.Audience, terms.Owner, terms.Purpose, terms.ReviewDue = "public", "leo", "to be written to", "2027-01-31"
			c, err := channels.Add(t.Context(), ann, terms)
			must(err)
			_, err = channels.Approve(t.Context(), leo, c.ID, c.Entry)
			must(err)
		}
		h := &house{Env: e, intake: intake.New(e.Ledger, channels, policies, intake.Options{Keys: e.Keys, Organisation: "Org"})}
		sister, err := witness.Open(t.Context(), t.TempDir(), witness.Options{Name: "sister.example"})
		must(err)
		t.Cleanup(func() { sister.Close() })
		server := httptest.NewServer(sister)
		t.Cleanup(server.Close)
		_, err = sister.Register(t.Context(), e.VerifierKey())
		must(err)
		h.policy, err = format.ParsePolicy([]byte(fmt.Sprintf("witness sister %s %s\nquorum sister\n", sister.Key(), server.URL)))
		must(err)
		clients, err := witness.Clients(h.policy)
		must(err)
		h.feeder = witness.NewFeeder(e.Ledger, witness.Source{Head: e.Published, Proof: e.Consistency, Witnesses: clients, Quorum: h.policy.Met}, nil)
		h.receipts = receipt.New(e.Ledger, h.intake, h.feeder)
		f(t, h)
	})
}

// check checks a receipt as an outsider does who has the key, and the policy
// where it is given.
func (h *house) check(t *testing.T, r *receipt.Receipt, p *format.Policy) *verify.ReceiptSummary {
	t.Helper()
	path := filepath.Join(t.TempDir(), r.Name)
	if err := os.WriteFile(path, r.Text, 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := verify.File(t.Context(), path, verify.Options{Key: h.VerifierKey(), Policy: p})
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	s, ok := result.(*verify.ReceiptSummary)
	if !ok {
		t.Fatalf("%T", result)
	}
	return s
}

// fact returns what a receipt shows of a field.
func fact(s *verify.ReceiptSummary, name string) string {
	for _, f := range s.Facts {
		if f.Name == name {
			return string(f.Value)
		}
	}
	return ""
}

// TestReceipt: a receipt shows the whole report, verifies with the log's key
// alone, grows stronger as the log is published and cosigned, and stays that of
// the report when more is said in the case.
func TestReceipt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		got, err := h.intake.Report(ctx, intake.Report{Channel: "/report", Source: intake.FromPortal, Name: "Rita", Text: "My manager signs them."})
		if err != nil {
			t.Fatal(err)
		}
		want := func(standing receipt.Standing, p *format.Policy) {
			t.Helper()
			r, err := h.receipts.ForReporter(ctx, got.Number, got.Code, false)
			if err != nil {
				t.Fatal(err)
			}
			s := h.check(t, r, p)
			if r.Standing != standing || r.Erased != 0 || r.Name != "receipt-"+got.Number+".txt" || s.Act != "communication.received" || s.Record != got.Communication ||
				fact(s, "text") != `"My manager signs them."` || fact(s, "number") != `"`+got.Number+`"` || !strings.Contains(fact(s, "from"), "Rita") || fact(s, "no_confirmation") != "" {
				t.Errorf("standing %d, %+v", r.Standing, s)
			}
		}
		want(receipt.Fresh, nil)
		if _, err := h.Publish(ctx); err != nil {
			t.Fatal(err)
		}
		want(receipt.Published, nil)
		if _, err := h.feeder.Round(ctx); err != nil {
			t.Fatal(err)
		}
		want(receipt.Witnessed, h.policy)
		if _, err := h.intake.AddFollowUp(ctx, got.Number, got.Code, "There is more.", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Publish(ctx); err != nil {
			t.Fatal(err)
		}
		want(receipt.Witnessed, h.policy)
		if err := h.Halt(ctx, "set back"); err != nil {
			t.Fatal(err)
		}
		want(receipt.Witnessed, h.policy)
	})
}

// TestMail: staff get the receipt of a mail, which shows the bytes as they came;
// what was erased is left out, and the rest verifies.
func TestMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		got, err := h.intake.Receive(ctx, intake.Incoming{Channel: mailAddress, Source: intake.FromSMTP, From: "mara@x.example", To: []string{mailAddress},
			Raw: strings.NewReader("From: Mara <mara@x.example>\r\nTo: " + mailAddress + "\r\nSubject: Invoices\r\n\r\nLook at the invoices.\r\n")})
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.receipts.ForStaff(ctx, got.Number)
		if err != nil {
			t.Fatal(err)
		}
		if s := h.check(t, r, nil); fact(s, "subject") != `"Invoices"` || fact(s, "raw") == "" || r.Erased != 0 {
			t.Errorf("%+v", s)
		}
		m, err := h.intake.Communication(ctx, got.Communication)
		if err != nil {
			t.Fatal(err)
		}
		err = h.Write(ctx, leo, func(ctx context.Context, tx *ledger.Tx) error {
			return intake.EraseCommunication(ctx, tx, m, intake.Erasure{ID: "e", At: 1, Part: intake.Content, Basis: "GDPR 17"}, nil)
		})
		if err == nil {
			_, err = h.FinishErasures(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r, err = h.receipts.ForStaff(ctx, got.Number); err != nil {
			t.Fatal(err)
		}
		s := h.check(t, r, nil)
		if r.Erased == 0 || fact(s, "subject")+fact(s, "raw")+fact(s, "text")+fact(s, "from") != "" || fact(s, "number") != `"`+got.Number+`"` || strings.Contains(string(r.Text), "nvoices") {
			t.Errorf("%d fields were erased, %+v", r.Erased, s)
		}
	})
}

// TestRefused: an anonymous report has a receipt for its reporter alone, who has
// to want it; wrong numbers and codes are answered alike.
func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		got, err := h.intake.Report(ctx, intake.Report{Channel: "/report", Source: intake.FromPortal, Text: "Nobody knows me.", Anonymous: true})
		if err != nil {
			t.Fatal(err)
		}
		var missing, wrong error
		for _, c := range []struct {
			err  error
			want fault.Kind
		}{
			{second(h.receipts.ForReporter(ctx, got.Number, got.Code, false)), fault.Invalid},
			{second(h.receipts.ForStaff(ctx, got.Number)), fault.Conflict},
			{second(h.receipts.ForStaff(ctx, "C-2026-999999")), fault.NotFound},
			{wrongly(&wrong, second(h.receipts.ForReporter(ctx, got.Number, "00000-00000-00000-00000", true))), fault.NotFound},
			{wrongly(&missing, second(h.receipts.ForReporter(ctx, "C-2026-999999", got.Code, true))), fault.NotFound},
			{second(h.receipts.ForReporter(ctx, "", "", true)), fault.NotFound},
		} {
			if kind, _ := fault.Of(c.err); c.err == nil || kind != c.want {
				t.Errorf("%v, want %v", c.err, c.want)
			}
		}
		if missing.Error() != wrong.Error() {
			t.Errorf("%v, but %v", missing, wrong)
		}
		r, err := h.receipts.ForReporter(ctx, got.Number, got.Code, true)
		if err != nil {
			t.Fatal(err)
		}
		if s := h.check(t, r, nil); fact(s, "text") != `"Nobody knows me."` {
			t.Errorf("%+v", s)
		}
	})
}

func second(_ *receipt.Receipt, err error) error { return err }

func wrongly(keep *error, err error) error {
	*keep = err
	return err
}
