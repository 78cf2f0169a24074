package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/dbtest"
)

// narrow is the narrowest phone that the pages are for. At 200 % zoom a page of
// 640 pixels is as wide.
var narrow = browsertest.View{Width: 320, Height: 640, Scale: 2, Touch: true, NoScript: true}

// overflowing lists what of a page is not within its width.
const overflowing = `[...document.querySelectorAll('body *:not(.skip):not(.hidden):not(.hidden *)')].filter(
	e => e.getBoundingClientRect().right > %d + 0.5).map(e => e.outerHTML.slice(0, 200))`

// TestInBrowser goes a reporter's way on a phone without script: mistake,
// report, follow-up, another message.
func TestInBrowser(t *testing.T) {
	b := browsertest.Start(t)
	dir := t.TempDir()
	s := furnish(t, dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds(), nil))
	s.portal(t)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	file := filepath.Join(dir, "steps.txt")
	if err := os.WriteFile(file, []byte("steps"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*words{&english, &german} {
		t.Run(w.Code, func(t *testing.T) {
			v := narrow
			v.Dark = w == &german
			p := b.Page(t, v)
			check := func(name string) {
				t.Helper()
				p.Axe()
				for _, text := range browsertest.Eval[[]string](p, fmt.Sprintf(overflowing, v.Width)) {
					t.Errorf("%s: wider than the screen: %s", name, text)
				}
			}
			if status := p.Open(server.URL + "/report?lang=" + w.Code); status != http.StatusOK {
				t.Fatal(status)
			}
			check("report")
			p.Fill("#subject", "Orders of others")
			p.Fill("#text", "I see the orders of others.")
			p.Click("input[name=who][value=anonymous]")
			p.Fill("#name", "Rita")
			p.Follow("form button")
			if got := p.Text("#name-error"); !strings.Contains(got, w.ErrNamed) {
				t.Errorf("the error says %q", got)
			}
			check("mistake")
			if got := p.Value("#text"); got != "I see the orders of others." {
				t.Errorf("the text is now %q", got)
			}
			p.Fill("#name", "")
			p.Attach("#files", file)
			p.Follow("form button")
			check("receipt")
			code := codePattern.FindString(p.Text("dl"))
			number := numberPattern.FindString(strings.ReplaceAll(p.Text("dl"), "\n", ""))
			p.Follow(`footer li:nth-child(2) a`)
			check("follow")
			p.Fill("#number", number)
			p.Fill("#code", strings.ToLower(code))
			p.Follow("form button")
			if got := p.Text("article .said"); got != "I see the orders of others." {
				t.Errorf("the thread says %q", got)
			}
			p.Fill("#text", "There is more.")
			p.Follow(`form[enctype] button`)
			check("thread")
			if got := p.Text(".flash"); !strings.Contains(got, w.Added) {
				t.Errorf("after adding: %q", got)
			}
			if url := p.URL(); strings.Contains(url, code) {
				t.Errorf("the code is in the address: %s", url)
			}
		})
	}
}
