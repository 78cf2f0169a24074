// Package browsertest drives the real pages in a headless Chromium: open,
// fill in, click, read, photograph, and check with axe-core. A page fails its
// test when it logs an error, breaks its Content-Security-Policy, opens a
// dialog, or asks another host for anything.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.org/countersign/internal/testenv"
)

// variable names the Chromium to use, as a path or a command.
const variable = "COUNTERSIGN_TEST_CHROMIUM"

// patience is how long one step may take on a busy machine before it fails.
const patience = 30 * time.Second

// A View is what a visitor looks at the pages with.
type View struct {
	Width, Height int     // CSS pixels
	Scale         float64 // device pixels per CSS pixel
	Touch         bool    // a phone or tablet: touch events, mobile viewport rules
	Dark          bool    // prefers-color-scheme: dark
	NoScript      bool    // the page's own scripts do not run
}

// Two usual views. Change a copy for the others: the narrowest phone that
// UI.md promises is 320 pixels wide.
var (
	Desktop = View{Width: 1280, Height: 800, Scale: 1}
	Phone   = View{Width: 390, Height: 844, Scale: 2, Touch: true}
)

// A Browser is one Chromium with its own empty profile.
type Browser struct {
	ctx context.Context
}

// Start starts a browser and stops it at the end of the test. It reaches
// nothing but this machine, and its clock runs in UTC.
//
// Without Chromium the test is skipped, or fails where CI=true or
// COUNTERSIGN_TEST_REQUIRE=1 says that nothing may be skipped.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, ok := chromium()
	if !ok {
		testenv.Absent(t, "no Chromium: run scripts/setup, or set "+variable)
	}
	// On top of the defaults: headless, a temporary profile, no first run, no
	// background networking, no sync.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Env("TZ=UTC"),
		chromedp.NoSandbox, // tests may run as root, and the pages are our own
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx: ctx}
}

// chromium finds the browser: the one named in the environment and no other,
// else the first on PATH.
func chromium() (string, bool) {
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
	if name := os.Getenv(variable); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}
