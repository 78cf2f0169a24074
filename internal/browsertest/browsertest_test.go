package browsertest

import (
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const document = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>%s</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="/icon.svg">%s</head>
<body><main><h1>%s</h1>%s</main></body></html>`

const style = `:root { color-scheme: light dark; background: #fff; color: #111 }
@media (prefers-color-scheme: dark) { :root { background: #111; color: #eee } }
.touch { display: none } @media (pointer: coarse) { .touch { display: block } }`

const form = `<form method="post" action="/report" enctype="multipart/form-data">
<label>What happened <textarea name="what" maxlength="20">before</textarea></label>
<label>When <input type="date" name="when"></label>
<label>Where <select name="where"><option value="a">Mail</option><option value="b">Web</option></select></label>
<label>File <input type="file" name="file"></label>
<p id="script">no script</p><p class="touch">by touch</p><button id="more" type="button">More</button>
<button type="submit">Send</button></form><script src="/good.js"></script>`

// site is a small product: a form that answers, and pages with one fault each.
func site(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	page := func(path, head, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src *")
			fmt.Fprintf(w, document, "A page", head, "A page", body)
		})
	}
	file := func(path, kind, content string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, content)
		})
	}
	sheet := `<link rel="stylesheet" href="/style.css">`
	file("/icon.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	file("/style.css", "text/css", style)
	file("/good.js", "text/javascript", `document.getElementById('script').textContent = 'script';
		document.getElementById('more').onclick = async () => {
			const r = await fetch('/absent');
			document.body.insertAdjacentHTML('beforeend', '<p id="late">' + r.status + '</p>');
		};
		document.onkeydown = e => { if (e.key === 'j') document.getElementById('script').textContent = 'j' };`)
	page("/form", sheet, form)
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		f, header, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, document, "Answer", "", "Answer", fmt.Sprintf(`<p id="got">%s|%s|%s|%s</p>`,
			r.FormValue("what"), r.FormValue("when"), r.FormValue("where"), header.Filename))
	})

	file("/throw.js", "text/javascript", `throw new Error('thrown')`)
	file("/log.js", "text/javascript", `console.warn('fine'); console.error('logged', 7, {})`)
	file("/alert.js", "text/javascript", `alert('hostile')`)
	page("/throw", "", `<script src="/throw.js"></script>`)
	page("/log", "", `<script src="/log.js"></script>`)
	page("/alert", "", `<script src="/alert.js"></script>`)
	page("/inline-script", "", `<script>document.title = 'ran'</script>`)
	page("/inline-style", "", `<p style="color: red">red</p>`)
	page("/missing-style", `<link rel="stylesheet" href="/absent.css">`, "")
	page("/other-host", "", `<img alt="" src="http://tracker.example/pixel.gif">`)
	page("/no-label", sheet, `<input name="what">`)
	page("/contrast", `<link rel="stylesheet" href="/grey.css">`, `<p>grey on grey</p>`)
	file("/grey.css", "text/css", `p { color: #888; background: #999 }`)

	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// TestBrowser starts one Chromium for all of it: that takes longest.
func TestBrowser(t *testing.T) {
	server, browser := site(t), Start(t)
	for name, test := range map[string]func(*testing.T, *httptest.Server, *Browser){
		"good page": testGoodPage,
		"scripts":   testScripts,
		"bad pages": testBadPages,
		"axe":       testAxe,
		"strangers": testStrangers,
	} {
		t.Run(name, func(t *testing.T) { test(t, server, browser) })
	}
}

// testGoodPage walks through a page as a visitor does, with and without its
// scripts, on a desk and on a phone, and finds nothing wrong.
func testGoodPage(t *testing.T, server *httptest.Server, browser *Browser) {
	attachment := filepath.Join(t.TempDir(), "proof.txt")
	if err := os.WriteFile(attachment, []byte("proof"), 0o600); err != nil {
		t.Fatal(err)
	}
	dark, bare := Phone, Desktop
	dark.Dark, bare.NoScript = true, true
	for _, tt := range []struct {
		name   string
		view   View
		script string
		touch  string
		ground string
	}{
		{"desktop", Desktop, "script", "none", "rgb(255, 255, 255)"},
		{"dark phone", dark, "script", "block", "rgb(17, 17, 17)"},
		{"no script", bare, "no script", "none", "rgb(255, 255, 255)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := browser.Page(t, tt.view)
			if got := p.Open(server.URL + "/form"); got != 200 {
				t.Errorf("status %d", got)
			}
			if got := p.Text("#script"); got != tt.script {
				t.Errorf("the page says %q, want %q", got, tt.script)
			}
			if got := Eval[string](p, `getComputedStyle(document.querySelector('.touch')).display`); got != tt.touch {
				t.Errorf("touch: display %s, want %s", got, tt.touch)
			}
			if got := Eval[string](p, `getComputedStyle(document.documentElement).backgroundColor`); got != tt.ground {
				t.Errorf("background %s, want %s", got, tt.ground)
			}
			p.Axe()
			checkScreenshot(t, p, tt.view)

			p.Fill("textarea", "")
			if got := p.Value("textarea"); got != "" {
				t.Errorf("an emptied field holds %q", got)
			}
			p.Fill("textarea", "something else entirely")
			p.Fill("[name=when]", "2026-11-22")
			p.Fill("select", "b")
			p.Attach("[type=file]", attachment)
			if got := p.Follow("[type=submit]"); got != http.StatusUnprocessableEntity {
				t.Errorf("status %d", got)
			}
			if got, want := p.Text("#got"), "something else entir|2026-11-22|b|proof.txt"; got != want {
				t.Errorf("the server got %q, want %q", got, want)
			}
			if got, want := p.URL(), server.URL+"/report"; got != want {
				t.Errorf("at %s, want %s", got, want)
			}
		})
	}
}

// checkScreenshot looks at the size of the picture: the view's width, times
// its scale.
func checkScreenshot(t *testing.T, p *Page, v View) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shots", "page.png")
	p.Screenshot(path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.DecodeConfig(f)
	if err != nil {
		t.Fatal(err)
	}
	if want := int(float64(v.Width) * v.Scale); picture.Width != want {
		t.Errorf("the screenshot is %d pixels wide, want %d", picture.Width, want)
	}
}

// testScripts waits for what a script does, by mouse and by key.
func testScripts(t *testing.T, server *httptest.Server, browser *Browser) {
	p := browser.Page(t, Desktop)
	p.Open(server.URL + "/form")
	p.WaitGone("#late")
	p.Click("#more")
	p.Wait("#late")
	if got := p.Text("#late"); got != "404" {
		t.Errorf("the script got %q, want 404", got)
	}
	p.Press("j")
	if got := p.Text("#script"); got != "j" {
		t.Errorf("after the key: %q, want j", got)
	}
}

// testBadPages opens pages with one fault each, which must be noticed, once.
func testBadPages(t *testing.T, server *httptest.Server, browser *Browser) {
	for path, want := range map[string]string{
		"/throw":         "Error: thrown",
		"/log":           "console: logged 7 Object",
		"/alert":         "dialog: hostile",
		"/inline-script": "security: Executing inline script violates",
		"/inline-style":  "security: Applying inline style violates",
		"/missing-style": "/absent.css",
		"/other-host":    "request to another host: http://tracker.example/pixel.gif",
	} {
		t.Run(path, func(t *testing.T) {
			p := browser.Page(t, Desktop)
			p.Open(server.URL + path)
			found := p.Problems()
			if !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("found %q, want %q", found, want)
			}
			if again := p.Problems(); len(again) != 0 {
				t.Errorf("found again: %q", again)
			}
		})
	}
}

func testAxe(t *testing.T, server *httptest.Server, browser *Browser) {
	bare := Desktop
	bare.NoScript = true
	for _, tt := range []struct {
		path string
		view View
		want string
	}{
		{"/no-label", Desktop, "label (critical): input"},
		{"/no-label", bare, "label (critical): input"},
		{"/contrast", Phone, "color-contrast (serious): p"},
	} {
		p := browser.Page(t, tt.view)
		p.Open(server.URL + tt.path)
		found := p.violations()
		if len(found) != 1 || !strings.HasPrefix(found[0], tt.want) {
			t.Errorf("%s: found %q, want %q", tt.path, found, tt.want)
		}
	}
}

// testStrangers keeps one visitor's cookies from the next.
func testStrangers(t *testing.T, server *httptest.Server, browser *Browser) {
	for range 2 {
		p := browser.Page(t, Desktop)
		p.Open(server.URL + "/form")
		if got := Eval[string](p, "document.cookie"); got != "" {
			t.Errorf("a new page has the cookie %q", got)
		}
		Eval[string](p, "document.cookie = 'who=me'")
	}
}
