package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/app"
)

// TestRecover: that sealing has stopped is told by the exit code too, until
// somebody accepts the loss.
func TestRecover(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	a, err := app.Open(t.Context(), app.Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Ledger.Halt(t.Context(), "it was set back"), a.Close()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 3, "Sealing has stopped: it was set back"},
		{[]string{"--json"}, 3, `"it was set back"`},
		{[]string{"--reason", "short"}, 1, "10 to 4,000 characters"},
		{[]string{"--reason", "The newer data are lost."}, 0, "is being sealed again"},
		{nil, 0, "nothing to recover from"},
	} {
		if code, out, errs := command(t, append([]string{"recover", "--data", dir}, tt.args...)...); code != tt.code || !strings.Contains(out+errs, tt.says) {
			t.Errorf("recover %q: exit %d, want %d, saying %q:\n%s%s", tt.args, code, tt.code, tt.says, out, errs)
		}
	}
}
