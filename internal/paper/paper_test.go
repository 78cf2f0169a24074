package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/design/chart"
)

var made = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// sample is a document with every sort of block, in which each text is s.
func sample(s string, rows int) *Document {
	g := &Grid{Caption: "Cases " + s, Columns: []Column{Mono.Of("Case", 1), Plain.Of(s, 3), Amount.Of("Entries", 1), Link.Of("File", 1)}, Empty: "None."}
	for i := range rows {
		g.Rows = append(g.Rows, []string{fmt.Sprintf("C-2026-%06d", i+1), s, "1,204", "records/cases.csv"})
	}
	backlog := chart.Backlog{Title: s, Noun: "case", Many: "cases", Parts: []chart.Part{{Label: s, Count: 3}, {Label: "answered", Count: 4}}}
	volume := chart.Volume{Title: s, Noun: "case", Many: "cases", Categories: []string{s}, Spans: []chart.Span{{Label: "6 Jul", Name: s, Counts: []int{3}}}}
	return &Document{Title: s, Subtitle: s, Facts: Facts("Organisation", s, s, "1 Jul to 30 Sep"), Sections: []Section{
		{ID: "numbers", Title: s, Blocks: []Block{{Text: s}, {Figures: []Figure{{s, s, s}, {"Median", "4 h", ""}}}, {Charts: []chart.Drawing{volume.Draw(), backlog.Draw()}}}},
		{ID: "list", Title: "List", Blocks: []Block{{Grid: g}, {Grid: &Grid{Caption: "Nothing", Columns: g.Columns, Empty: s}}, {Code: s}, {Facts: Facts("Query", s)}}},
	}}
}

func write(t testing.TB, d *Document) (page, pdf []byte) {
	t.Helper()
	var a, b bytes.Buffer
	if err := d.HTML(&a); err != nil {
		t.Fatal(err)
	}
	if err := d.PDF(&b, made); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

// TestSameBytes holds that a document is the same whenever it is written.
func TestSameBytes(t *testing.T) {
	a, b := write(t, sample("Grüße aus Ελλάδα и Россия", 40))
	c, d := write(t, sample("Grüße aus Ελλάδα и Россия", 40))
	if !bytes.Equal(a, c) || !bytes.Equal(b, d) {
		t.Error("two writings differ")
	}
}

// TestHostile holds that text is text, whatever it says, in both forms.
func TestHostile(t *testing.T) {
	shape := func(page []byte) string {
		root, err := html.Parse(bytes.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for n := range root.Descendants() {
			if n.Type == html.ElementNode {
				b.WriteString("<" + n.Data + ">")
			}
		}
		return b.String()
	}
	want, _ := write(t, sample("a plain text", 3))
	texts := []string{`"><script>alert(1)</script>`, "</style><img src=x onerror=alert(1)>", "javascript:alert(1)", "\x00\x1b[31m\x7f", "\xff\xfe broken", "{{.}}", "]]>",
		"مرحبا بالعالم שלום", "漢字かな交じり文", "👩‍👩‍👧‍👦 🏴", strings.Repeat("x", 5000), strings.Repeat("long words ", 2000), strings.Repeat("\n", 300), "\u202eevil\u2066"}
	for _, s := range texts {
		page, pdf := write(t, sample(s, 3))
		if shape(page) != shape(want) {
			t.Errorf("%.60q has another structure", s)
		}
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.HasSuffix(bytes.TrimSpace(pdf), []byte("%%EOF")) {
			t.Errorf("%.60q: not a whole PDF", s)
		}
	}
	more, err := os.ReadFile("../../../shared/data/hostile/blns.txt")
	if err != nil {
		t.Skip("the collection of hostile strings is not here: the built-in ones alone")
	}
	lines := strings.Split(string(more), "\n")
	plain, hostile := sample("a plain text", len(lines)), sample("a plain text", len(lines))
	for i, line := range lines {
		hostile.Sections[1].Blocks[0].Grid.Rows[i][1] = line
	}
	want, _ = write(t, plain)
	if got, _ := write(t, hostile); shape(got) != shape(want) {
		t.Error("one of the collection has another structure")
	}
}

// TestLongList holds that a long list is several tables in HTML, and that
// print says that it stops.
func TestLongList(t *testing.T) {
	page, pdf := write(t, sample("a case", 1200))
	if n := bytes.Count(page, []byte("<table class=\"table")); n != 5 {
		t.Errorf("%d tables", n)
	}
	for _, want := range []string{"1 to 250 of 1200", "1001 to 1200 of 1200", "C-2026-001200"} {
		if !bytes.Contains(page, []byte(want)) && !bytes.Contains(page, []byte(strings.TrimPrefix(want, "C-2026-"))) {
			t.Errorf("no %q", want)
		}
	}
	if pages := len(regexp.MustCompile(`/Type /Page\b`).FindAll(pdf, -1)); pages < 10 || pages > 60 {
		t.Errorf("%d pages", pages)
	}
	if got := notPrinted(1200); got != "These are the first 1,000 of 1,200; the HTML version has all of them." {
		t.Error(got)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Grüße, Ελλάδα, Привет":  "Grüße, Ελλάδα, Привет",
		"“quoted” – 5 € … ½ →":   "“quoted” – 5 € … ½ →",
		"漢字 and 👍":               "□□ and □",
		"שלום":                   "□□□□",
		"tab\tline\nnull\x00":    "tab line\nnull□",
		"\u202eevil":             "□evil",
		"soft\u00adhyphen\ufeff": "softhyphen",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	known := glyphs()
	for _, alphabet := range []string{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŁłŚśŻżČčŘřŞşĞğİıŐőŰű",
		"ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψωάέήίόύώς", "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяЁёЄєІіЇїҐґ", "–—‘’“”…€™©§°±×÷→←≤≥□"} {
		for _, r := range alphabet {
			if !known[r] {
				t.Errorf("the typeface lacks %q", r)
			}
		}
	}
}

// TestVendored holds that the typeface is the one that VENDORED.md names.
func TestVendored(t *testing.T) {
	list, err := os.ReadFile("font/VENDORED.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^\| (\S+\.ttf) \|.*\| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(list), -1)
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		content, err := os.ReadFile(filepath.Join("font", line[1]))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != line[2] {
			t.Errorf("%s is another file", line[1])
		}
	}
}

// TestAccessible has axe-core look at the HTML on a desk, on a phone and in
// the dark.
func TestAccessible(t *testing.T) {
	page, _ := write(t, sample("Response times", 300))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if _, err := w.Write(page); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	browser := browsertest.Start(t)
	dark := browsertest.Desktop
	dark.Dark = true
	for _, v := range []browsertest.View{browsertest.Desktop, browsertest.Phone, dark} {
		p := browser.Page(t, v)
		p.Open(server.URL)
		p.Axe()
	}
}
