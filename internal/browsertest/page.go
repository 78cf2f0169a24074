package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A Page is one tab of a visitor with no cookies. Its methods fail the test at
// once where a step does not work out; selectors are CSS, and a step waits for
// its element to be there and visible.
type Page struct {
	t     testing.TB
	ctx   context.Context
	view  View
	watch *watch
}

// Page opens an empty tab. At the end of the test t it is closed, and what
// went wrong in it and was not taken with [Page.Problems] fails t.
func (b *Browser) Page(t testing.TB, v View) *Page {
	t.Helper()
	w := newWatch()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(w.event))
	p := &Page{t: t, ctx: ctx, watch: w}
	t.Cleanup(func() {
		for _, problem := range p.Problems() {
			t.Error(problem)
		}
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil { // binds the tab to ctx, not to a step's deadline
		t.Fatalf("open a tab: %v", err)
	}
	w.dismiss = func() { dismissDialog(ctx) }
	p.View(v)
	return p
}

// step runs one action within its time, and fails the test with what was
// attempted and what the page shows.
func step[T any](p *Page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.shown())
	}
	return value
}

// shown describes the page for a failure.
func (p *Page) shown() string {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`location.href + " shows:\n" + (document.body?.innerText ?? "").slice(0, 1000)`))
	if err != nil {
		return fmt.Sprintf("(the page does not answer: %v)", err)
	}
	return said
}

// View changes what the page is looked at with. NoScript counts from the next
// page that is opened. Motion is always reduced, so that no test has to wait
// for it.
func (p *Page) View(v View) {
	p.t.Helper()
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	p.view = v
	step(p, "set the view", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: int64(v.Width), Height: int64(v.Height), DeviceScaleFactor: v.Scale, Mobile: v.Touch,
		})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: v.Touch})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		if err != nil {
			return err
		}
		return setScripts(ctx, t, !v.NoScript)
	}))
}

func setScripts(ctx context.Context, t *chromedp.Target, run bool) error {
	_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
	return err
}

// Open goes to an address, waits until the page has loaded, and returns its
// HTTP status.
func (p *Page) Open(url string) int {
	p.t.Helper()
	p.watch.allow(url)
	return status(step(p, "open "+url, chromedp.NavigateResponse(url)))
}

// Follow clicks a link or button that leads to another page, waits until that
// page has loaded, and returns its HTTP status.
func (p *Page) Follow(selector string) int {
	p.t.Helper()
	return status(step(p, "follow "+selector, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
		return chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	}))
}

// status is 0 where a page came from no server: about:blank, an anchor.
func status(r *network.Response) int {
	if r == nil {
		return 0
	}
	return int(r.Status)
}

// Click clicks an element that stays on the page. For one that leads to
// another page, [Page.Follow] waits for it.
func (p *Page) Click(selector string) {
	p.t.Helper()
	step(p, "click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Press types keys wherever the focus is. Special keys are in package
// github.com/chromedp/chromedp/kb.
func (p *Page) Press(keys string) {
	p.t.Helper()
	step(p, fmt.Sprintf("press %q", keys), chromedp.KeyEvent(keys))
}

// Fill replaces what a field holds, as typing or pasting does: limits of the
// field apply. A select takes the value of an option.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		p.t.Fatal(err)
	}
	step(p, "fill in "+selector, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := chromedp.Focus(chromedp.CSS(selector))(ctx, t); err != nil {
			return err
		}
		typed, err := chromedp.Evaluate[bool](fmt.Sprintf(prepareField, quoted))(ctx, t)
		if err != nil || !typed {
			return err
		}
		_, err = cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// prepareField selects the content of the focused text field and says that
// the text is to be typed over it. Anything that is picked rather than typed,
// and an empty text, it sets at once.
const prepareField = `((text) => {
	const field = document.activeElement;
	const picked = field.matches('select, [type=date], [type=time], [type=datetime-local], [type=month], [type=week], [type=color], [type=range]');
	if (!picked && text !== '') { field.select(); return true; }
	field.value = text;
	if (field.value !== text) { throw new Error('the field does not take ' + text); }
	field.dispatchEvent(new Event('input', {bubbles: true}));
	field.dispatchEvent(new Event('change', {bubbles: true}));
	return false;
})(%s)`

// Attach chooses files in a file field.
func (p *Page) Attach(selector string, files ...string) {
	p.t.Helper()
	var paths []string
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			p.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	step(p, "attach files to "+selector, chromedp.SetUploadFiles(chromedp.CSS(selector), paths))
}

// Wait waits until an element is there and visible.
func (p *Page) Wait(selector string) {
	p.t.Helper()
	step(p, "wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// WaitGone waits until no element matches.
func (p *Page) WaitGone(selector string) {
	p.t.Helper()
	step(p, "wait until there is no "+selector, chromedp.WaitNotPresent(chromedp.CSS(selector)))
}

// Text returns the text of the first match as a reader sees it.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return step(p, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// Value returns what a field holds.
func (p *Page) Value(selector string) string {
	p.t.Helper()
	return step(p, "read the field "+selector, chromedp.Value(chromedp.CSS(selector)))
}

// URL returns the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	return step(p, "read the address", chromedp.Location())
}

// Eval runs a JavaScript expression in the page and returns its value. It
// works in a page without scripts as well.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	return step(p, "evaluate "+expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Screenshot writes the whole page as it looks in the present view to a PNG
// file, making its folder where needed.
func (p *Page) Screenshot(path string) {
	p.t.Helper()
	png := step(p, "take a screenshot", chromedp.FullScreenshot(100))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
