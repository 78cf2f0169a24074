package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
)

// notes counts the notes of a case.
func (o *office) notes(t testing.TB, number string) int {
	t.Helper()
	said, err := o.as("ann").Communications(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range said {
		if m.Direction == "note" {
			n++
		}
	}
	return n
}

func TestOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.received(t, "a")
		at := prefix + "/cases/" + c.Number + "/notes"
		const body = `{"text":"The secret of this note."}`
		first, text := o.do(t, "ann", "POST", at, body, keyHeader, "the-first-key")
		again, same := o.do(t, "ann", "POST", at, body, keyHeader, "the-first-key")
		if first.StatusCode != 201 || again.StatusCode != 201 || text != same || again.Header.Get("Content-Type") != first.Header.Get("Content-Type") ||
			again.Header.Get("Idempotent-Replayed") != "true" || o.notes(t, c.Number) != 1 {
			t.Errorf("%d %s, then %d %s; %d notes", first.StatusCode, text, again.StatusCode, same, o.notes(t, c.Number))
		}
		for name, other := range map[string][]string{"body": {at, `{"text":"Another."}`}, "address": {prefix + "/cases/" + c.Case + "/notes", body}} {
			if resp, text := o.do(t, "ann", "POST", other[0], other[1], keyHeader, "the-first-key"); resp.StatusCode != 422 || !strings.Contains(text, "another request") {
				t.Errorf("another %s: %d %s", name, resp.StatusCode, text)
			}
		}
		if resp, text := o.do(t, "leo", "POST", at, body, keyHeader, "the-first-key"); resp.StatusCode != 201 {
			t.Errorf("somebody else with the same key: %d %s", resp.StatusCode, text)
		}
		if resp, _ := o.do(t, "ann", "POST", at, body, keyHeader, strings.Repeat("k", maxKey+1)); resp.StatusCode != 422 {
			t.Errorf("a long key: %d", resp.StatusCode)
		}

		// What was refused was not done: the key is free for the right request.
		closing := prefix + "/cases/" + c.Number + "/closing"
		if resp, _ := o.do(t, "ann", "POST", closing, `{"reason":""}`, keyHeader, "k2"); resp.StatusCode != 422 {
			t.Errorf("no reason: %d", resp.StatusCode)
		}
		if resp, text := o.do(t, "ann", "POST", closing, `{"reason":"done"}`, keyHeader, "k2"); resp.StatusCode != 200 {
			t.Errorf("after the mistake: %d %s", resp.StatusCode, text)
		}

		// Nothing of a request or its answer is in the database in clear.
		err := o.Ledger.Each(t.Context(), func(scan db.Scan) error {
			var lookup, request string
			var answer []byte
			err := scan(&lookup, &request, &answer)
			if all := lookup + request + string(answer); strings.Contains(all, "secret") || strings.Contains(all, "the-first-key") || strings.Contains(all, c.Number) {
				t.Errorf("in clear: %q", all)
			}
			return err
		}, `SELECT lookup, request, answer FROM api_request`)
		if err != nil {
			t.Fatal(err)
		}

		o.Clock.Advance(keyTime)
		if resp, _ := o.do(t, "ann", "POST", prefix+"/cases/"+c.Number+"/reopening", `{"reason":"again"}`, keyHeader, "k3"); resp.StatusCode != 200 {
			t.Errorf("reopening: %d", resp.StatusCode)
		}
		if resp, _ := o.do(t, "ann", "POST", at, body, keyHeader, "the-first-key"); resp.StatusCode != 201 || resp.Header.Get("Idempotent-Replayed") != "" || o.notes(t, c.Number) != 3 {
			t.Errorf("after a day the key is free: %d, %d notes", resp.StatusCode, o.notes(t, c.Number))
		}
	})
}

// TestOnceAmongMany sends the same request many times at once: one is executed.
func TestOnceAmongMany(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.received(t, "a")
		at := prefix + "/cases/" + c.Number + "/notes"
		var all sync.WaitGroup
		answers := make([]string, 16)
		for i := range answers {
			all.Go(func() {
				resp, text := o.do(t, "ann", "POST", at, `{"text":"Once."}`, keyHeader, "same")
				answers[i] = fmt.Sprint(resp.StatusCode, " ", text)
			})
		}
		all.Wait()
		done := ""
		for _, a := range answers {
			switch {
			case strings.HasPrefix(a, "409 ") && strings.Contains(a, "under way"):
			case strings.HasPrefix(a, "201 ") && (done == "" || a == done):
				done = a
			default:
				t.Errorf("answered %s", a)
			}
		}
		if done == "" || o.notes(t, c.Number) != 1 {
			t.Errorf("%d notes, answered %q", o.notes(t, c.Number), done)
		}
	})
}

// TestOnceCutOff holds that a request whose fate is not known is not repeated.
func TestOnceCutOff(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.received(t, "a")
		at := prefix + "/cases/" + c.Number + "/notes"
		const body = `{"text":"Perhaps."}`
		if resp, _ := o.do(t, "ann", "POST", at, body, keyHeader, "cut"); resp.StatusCode != 201 {
			t.Fatal(resp.StatusCode)
		}
		// As if the server had ended between the act and the keeping of its answer.
		err := o.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			_, err := tx.Work(`UPDATE api_request SET state = 'running'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if resp, text := o.do(t, "ann", "POST", at, body, keyHeader, "cut"); resp.StatusCode != 409 || !strings.Contains(text, "under way") || resp.Header.Get("Retry-After") == "" {
			t.Errorf("at first: %d %s", resp.StatusCode, text)
		}
		o.Clock.Advance(underWay)
		if resp, text := o.do(t, "ann", "POST", at, body, keyHeader, "cut"); resp.StatusCode != 409 || !strings.Contains(text, "not known whether") {
			t.Errorf("later: %d %s", resp.StatusCode, text)
		}
		if n := o.notes(t, c.Number); n != 1 {
			t.Errorf("%d notes", n)
		}
	})
}

// TestOnceWithoutListener holds that an act whose sender is gone is done to its
// end, so that asking again finds its answer; and one that did not arrive whole
// is not done.
func TestOnceWithoutListener(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		c := o.received(t, "a")
		r, err := o.as("ann").Draft(t.Context(), c.Number)
		if err != nil {
			t.Fatal(err)
		}
		broken := io.MultiReader(strings.NewReader("half a f"), &failing{})
		if _, err := o.as("ann").Once("file").Attach(t.Context(), r.ID, r.Version, "f.txt", "text/plain", broken); err == nil {
			t.Error("half a file was taken")
		}
		var got *client.Response
		for range 100 { // until the server has seen that the connection broke
			got, err = o.as("ann").Once("file").Attach(t.Context(), r.ID, r.Version, "f.txt", "text/plain", strings.NewReader("half a file"))
			if client.Status(err) != http.StatusConflict || !strings.Contains(err.Error(), "under way") {
				break
			}
		}
		if err != nil || len(got.Attachments) != 1 || got.Attachments[0].Size != 11 {
			t.Fatalf("the whole file: %+v %v", got, err)
		}
		again, err := o.as("ann").Once("file").Attach(t.Context(), r.ID, r.Version, "f.txt", "text/plain", strings.NewReader("half a file"))
		if err != nil || again.Version != got.Version {
			t.Errorf("the same again: %+v %v", again, err)
		}
		if _, err := o.as("ann").Once("file").Attach(t.Context(), r.ID, r.Version, "f.txt", "text/plain", strings.NewReader("another file")); client.Status(err) != 422 {
			t.Errorf("another file with the same key: %v", err)
		}
		resp, text := o.do(t, "ann", "GET", prefix+"/responses/"+r.ID+"/attachments/0", "")
		if text != "half a file" || resp.Header.Get("Content-Disposition") != `attachment; filename=f.txt` {
			t.Errorf("%q %v", text, resp.Header)
		}
	})
}

type failing struct{}

// Read implements io.Reader.
func (*failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestApproveOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.received(t, "a")
		ann, leo := o.as("ann"), o.as("leo")
		r, err := ann.Draft(t.Context(), c.Number)
		if err == nil {
			r, err = ann.Edit(t.Context(), r.ID, r.Version, client.Content{To: r.To, Subject: r.Subject, Text: "Thank you."})
		}
		if err == nil {
			r, err = ann.Once("s").Submit(t.Context(), r.ID, r.Version)
		}
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := leo.Once("yes").Approve(t.Context(), r.ID, r.ContentHash); err != nil && client.Status(err) != http.StatusConflict {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if r, err = leo.Once("yes").Approve(t.Context(), r.ID, r.ContentHash); err != nil || len(r.Approvals) != 1 {
			t.Errorf("%+v %v", r, err)
		}
		if _, err := o.runner.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, m := range o.sent {
			if bytes.Contains([]byte(m.Text), []byte("Thank you.")) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}
