package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A watch collects what goes wrong in a page while a test drives it.
type watch struct {
	dismiss func() // closes a dialog

	mu       sync.Mutex
	hosts    map[string]bool // that the test has opened
	answered map[network.RequestID]bool
	problems []string
}

func newWatch() *watch {
	return &watch{hosts: map[string]bool{}, answered: map[network.RequestID]bool{}}
}

// allow lets the page use the host of an address that the test opens.
func (w *watch) allow(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return // the browser will say so
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[u.Host] = true
}

// event is called for each event of the tab, in order.
func (w *watch) event(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.request(ev)
	case *log.EventEntryAdded:
		// The status of a page or of a script's own request is that script's
		// or the test's to judge. That of a style sheet, script, font or
		// picture is a fault of the page.
		if ev.Entry.Level == log.EntryLevelError && !w.answered[ev.Entry.NetworkRequestID] {
			w.add("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeAssert {
			w.add("console: %s", arguments(ev.Args))
		}
	case *runtime.EventExceptionThrown:
		w.add("%v", &chromedp.ExceptionError{ExceptionDetails: ev.ExceptionDetails})
	case *page.EventJavascriptDialogOpening:
		if ev.Type != page.DialogTypeBeforeunload {
			w.add("dialog: %s", ev.Message)
		}
		go w.dismiss() // a listener must not wait for the browser
	}
}

func (w *watch) request(ev *network.EventRequestWillBeSent) {
	switch ev.Type {
	case network.ResourceTypeDocument, network.ResourceTypeXHR, network.ResourceTypeFetch, network.ResourceTypeEventSource:
		w.answered[ev.RequestID] = true
	}
	u, err := url.Parse(ev.Request.URL)
	if err == nil && strings.HasPrefix(u.Scheme, "http") && !w.hosts[u.Host] {
		w.add("request to another host: %s", ev.Request.URL)
	}
}

// add is called with the lock held.
func (w *watch) add(format string, args ...any) {
	w.problems = append(w.problems, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Problems returns what went wrong in the page since the last call, and takes
// it off the list of what fails the test.
func (p *Page) Problems() []string {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	problems := p.watch.problems
	p.watch.problems = nil
	return problems
}

func arguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		word := strings.Trim(string(a.Value), `"`)
		if word == "" {
			word = a.Description
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func dismissDialog(ctx context.Context) {
	// Where it fails, the page stays blocked and the next step reports it.
	_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
}
