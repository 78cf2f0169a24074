package browsertest

import (
	"context"
	_ "embed"

	"github.com/chromedp/chromedp"
)

// axeSource is axe-core 4.14.1, unchanged; its licence is beside it.
//
//go:embed axe/axe.min.js
var axeSource string

const axeRun = `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.flatMap(v =>
	v.nodes.map(n => v.id + ' (' + v.impact + '): ' + n.target.join(' ') + ': ' + n.failureSummary + ' ' + v.helpUrl)))`

// Axe checks the page with every rule of axe-core, best practices among them,
// and fails the test for each element that breaks one.
func (p *Page) Axe() {
	p.t.Helper()
	for _, violation := range p.violations() {
		p.t.Error(violation)
	}
}

// violations lets scripts run for as long as axe takes. The page's own scripts
// had their turn when it loaded, so they do not wake up.
func (p *Page) violations() []string {
	p.t.Helper()
	return step(p, "run axe", func(ctx context.Context, t *chromedp.Target) ([]string, error) {
		if err := setScripts(ctx, t, true); err != nil {
			return nil, err
		}
		if _, err := chromedp.Evaluate[chromedp.Void](axeSource)(ctx, t); err != nil {
			return nil, err
		}
		found, err := chromedp.Evaluate[[]string](axeRun, chromedp.EvalAwaitPromise)(ctx, t)
		if err != nil {
			return nil, err
		}
		return found, setScripts(ctx, t, !p.view.NoScript)
	})
}
