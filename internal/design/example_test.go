package design_test

import (
	"fmt"
	"html/template"
	"io"
	"testing/fstest"
	"time"

	"example.org/countersign/internal/design"
)

// A page is a struct that embeds its layout's data, and a template that defines
// "main" from partials.
func Example() {
	type casePage struct {
		design.Staff
		Header   design.Header
		Next     design.NextAct
		Timeline design.Timeline
	}
	files := fstest.MapFS{"case.html": {Data: []byte(
		`{{define "main"}}{{template "header" .Header}}{{template "next-act" .Next}}{{template "timeline" .Timeline}}{{end}}`)}}

	base, err := design.Templates(template.FuncMap{}) // once per door
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := design.Page(base, files, "case.html") // once per page, at start
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)
	data := casePage{
		Staff: design.Staff{Title: "C-2026-000123", Areas: design.Areas("/queue"), Keys: design.Keys()},
		Header: design.Header{
			Number: "C-2026-000123", Title: "I can see another company’s shipments",
			State: &design.State{Word: "awaiting approval", Tone: design.Waiting}, Severity: new(design.High),
			Clocks: []design.Clock{{Name: "First response", Limit: 4 * time.Hour, Spent: 110 * time.Minute}},
		},
		Next: design.NextAct{
			Title: "Approve and send", Action: "/responses/7/approve",
			Effects: []design.Effect{{Icon: "mail", Text: "Goes to mara.voss@halden.example"}},
			Buttons: []design.Button{{Label: "Approve and send", Weight: design.Primary, Key: "a"}},
		},
		Timeline: design.Timeline{Label: "Timeline of C-2026-000123", Items: []design.TimelineItem{
			{Kind: design.Inbound, Who: "Mara Voss", What: "wrote by e-mail", At: now, Controls: []string{"CC2.3"},
				Seal: &design.Seal{Kind: design.Sealed, Href: "/ledger/12481"}, Letter: &design.Letter{Subject: "Shipments", Text: "Hello"}},
		}},
	}
	fmt.Println(page.ExecuteTemplate(io.Discard, "staff", data), data.Header.Clocks[0].Words())
	// Output: <nil> 2 h 10 m left of 4 h
}
