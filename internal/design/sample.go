package design

import (
	"fmt"
	"html/template"
	"time"

	"example.org/countersign/internal/design/chart"
)

// The examples of the styleguide: one invented organisation and its morning.

const sampleHash = "9f2c41d07be85a3316c0fd1e27b8a954e60d73c1f5028ab94d6e17308cb2f5a7"

func sampleInks() []Swatch {
	var all []Swatch
	for _, n := range []string{"paper", "raised", "sunk", "rule", "edge", "ink-3", "ink-2", "ink", "seal", "seal-solid", "soon", "soon-solid", "soon-wash", "late", "late-solid", "late-wash", "data-1", "data-2", "data-3", "data-4", "data-5", "data-6"} {
		all = append(all, Swatch{n})
	}
	return all
}

func sampleStates() []State {
	return []State{{"new", Open}, {"in work", Active}, {"awaiting approval", Waiting}, {"approved", Approved}, {"sent", Done}, {"withdrawn", Stopped}, {"delivery unclear", Attention}}
}

func sampleSeals() []Seal {
	detail := "Entry 12,481, checkpoint of 22 Nov 2026, 14:05 UTC"
	return []Seal{{Sealed, "#proof", detail, 0}, {Witnessed, "#proof", detail, 2}, {Corrected, "#proof", detail, 0}, {Erased, "#proof", detail, 0}, {Broken, "#proof", detail, 0}, {Kind: Sealed}}
}

func sampleClocks(now time.Time) []Specimen {
	h := time.Hour
	c := func(spent, limit time.Duration, run Run) Clock {
		return Clock{Name: "First response", Limit: limit, Spent: spent, Run: run}
	}
	due := c(110*time.Minute, 4*h, Running)
	due.Due, due.Href = now.Add(130*time.Minute), "#rule"
	business := c(26*h, 40*h, Running)
	business.Calendar = "working hours"
	paused := c(h, 4*h, Paused)
	paused.Reason = "Waiting for the reporter to say which account."
	return []Specimen{
		{Label: "Running", Clock: due}, {Label: "Working hours", Clock: business}, {Label: "Just started", Clock: c(0, 4*h, Running)},
		{Label: "From 75 %", Clock: c(205*time.Minute, 4*h, Running)}, {Label: "Late", Clock: c(310*time.Minute, 4*h, Running)},
		{Label: "Very late", Clock: c(9*24*h, 4*h, Running)}, {Label: "Met", Clock: c(72*time.Minute, 4*h, Met)}, {Label: "Met late", Clock: c(5*h, 4*h, Met)},
		{Label: "Paused", Clock: paused}, {Label: "Stopped", Clock: c(20*time.Minute, 4*h, ClockEnded)},
	}
}

func sampleButtons() []Button {
	return []Button{
		{Label: "Approve and send", Weight: Primary, Icon: "send", Key: "a"}, {Label: "Ask for changes"}, {Label: "Withdraw", Weight: Quiet},
		{Label: "Download proof", Icon: "download", Href: "#"},
		{Label: "Approve", Weight: Primary, Off: true, Why: "You edited version 2, so somebody else must approve it."},
	}
}

func sampleFields() []Field {
	return []Field{
		{Name: "subject", Label: "Subject", Value: "Your report of 22 November", Hint: "The tracking number is added by itself."},
		{Name: "to", Label: "Recipient", Kind: Email, Value: "mara.voss@halden", Error: "This address has no domain ending. Write it in full, like name@example.org."},
		{Name: "text", Label: "Text", Kind: Long, Rows: 4, Value: "Dear Ms Voss,\n\nthank you for writing.", Autosave: true},
		{Name: "impact", Label: "Impact", Kind: Choice, Options: []Option{{Value: "", Label: "Choose"}, {Value: "2", Label: "Some customers", Chosen: true}}},
		{Name: "who", Label: "How do you want to report?", Kind: Radio, Required: true, Options: []Option{
			{Value: "name", Label: "With my name", Hint: "We answer to your address.", Chosen: true}, {Value: "none", Label: "Without my name", Hint: "You get a code to read our answer with."}}},
		{Name: "tell", Label: "Tell me", Kind: Check, Options: []Option{{Value: "late", Label: "when a clock is late", Chosen: true}, {Value: "new", Label: "when a case is mine"}}},
		{Name: "sure", Label: "I have read the criteria for this category", Kind: Confirm},
		{Name: "otp", Label: "Code from your authenticator", Kind: OneTime, Max: 6, Autocomplete: "one-time-code"},
		{Name: "files", Label: "Attachments", Kind: Files, Many: true, Optional: "(optional)", Hint: "Up to 25 MB together."},
		{Name: "off", Label: "Channel", Off: true, Value: "security@northwind.example"},
	}
}

func sampleGrid() Grid {
	g := Grid{Label: "Impact and likelihood", Name: "cell", Likelihood: []string{"Unlikely", "Possible", "Likely"}}
	for i, row := range [][]Severity{{High, Critical, Critical}, {Moderate, High, Critical}, {Low, Low, Moderate}} {
		r := GridRow{Impact: []string{"Grave", "Serious", "Slight"}[i]}
		for j, s := range row {
			r.Squares = append(r.Squares, GridSquare{Value: fmt.Sprintf("%d-%d", 3-i, j+1), Label: r.Impact + ", " + g.Likelihood[j], Severity: s, Chosen: i == 1 && j == 1})
		}
		g.Rows = append(g.Rows, r)
	}
	return g
}

func sampleNextActs() []NextAct {
	return []NextAct{
		{Title: "Approve and send", Why: "You are the second of two approvers. Ines Duarte wrote version 3.", Action: "/approve",
			Effects: []Effect{{"mail", "Goes to mara.voss@halden.example, copy to legal@halden.example"}, {"radio-tower", "By the channel security@northwind.example, the one the report came in through"}, {"scale", "Under approval matrix version 4: two leads for a security report of high severity"}},
			Hidden:  []Pair{{"version", "3"}}, Buttons: []Button{{Label: "Approve and send", Weight: Primary, Key: "a"}, {Label: "Ask for changes"}}},
		{Title: "Wait for a lead", Why: "You wrote version 3, so somebody else approves it. Tomasz Wilk and Amara Obi were asked 20 m ago.", Waiting: true},
	}
}

func sampleFilters() FilterBar {
	return FilterBar{Action: "/queue", QueryName: "q", Search: "Search number, subject, sender", Query: "",
		Filters: []Filter{
			{"state", "State", []Option{{Label: "All open"}, {Value: "new", Label: "New"}}},
			{"severity", "Severity", []Option{{Label: "Any"}, {Value: "high", Label: "High and above", Chosen: true}}},
			{"owner", "Owner", []Option{{Label: "Anybody"}, {Value: "me", Label: "Me"}}}},
		Active: []Link{{"High and above", "?"}}, Clear: "?", Summary: "43 of 412 cases"}
}

func sampleViews() Tabs {
	return Tabs{Label: "Views", Tabs: []Tab{
		{Label: "Open", Href: "?view=open", Current: true, Count: 412, Counted: true}, {Label: "Mine", Href: "?view=mine", Count: 6, Counted: true},
		{Label: "Awaiting approval", Href: "?view=approval", Count: 3, Counted: true}, {Label: "Late", Href: "?view=late", Counted: true}}}
}

// sampleColumns are the columns of a list of cases.
func sampleColumns() []Column {
	return []Column{
		{Label: "Case", Width: Narrow, Sort: Descending, Href: "?sort=case"}, {Label: "Subject", Place: Full, Link: true},
		{Label: "State", Width: Narrow, Place: Meta}, {Label: "Severity", Width: Narrow, Place: End, Href: "?sort=severity"}, {Label: "First response", Width: Bar, Place: Last}}
}

func sampleTable(now time.Time) Table {
	row := func(number, subject, from, owner string, fresh bool, s State, v Severity, c Clock, ago time.Duration) Row {
		return Row{Href: "/cases/" + number, Value: number, Fresh: fresh, Cells: []Cell{
			{Number: number, Moment: &Moment{At: now.Add(-ago), Now: now}}, {Text: subject, Sub: from}, {State: &s, Sub: owner}, {Severity: &v}, {Clock: &c}}}
	}
	h := time.Hour
	return Table{Caption: "Open cases", Pick: "case", Columns: sampleColumns(), Rows: []Row{
		row("C-2026-000412", "Login page answers with somebody else’s session", "r.okafor@lattice-labs.example", "nobody", true, State{"new", Open}, Critical, Clock{Limit: h, Spent: 70 * time.Minute}, 70*time.Minute),
		row("C-2026-000411", "Question about your sub-processors in Brazil", "Halden Freight", "nobody", true, State{"new", Open}, Unclassified, Clock{Limit: 16 * h, Spent: 25 * time.Minute, Calendar: "working hours"}, 25*time.Minute),
		row("C-2026-000409", "Export fails since Tuesday’s maintenance", "Jonna Berg, Tidewater Clinics", "Amara Obi", false, State{"in work", Active}, High, Clock{Limit: 4 * h, Spent: 205 * time.Minute}, 205*time.Minute),
		row("C-2026-000405", "Invoice portal shows an expired certificate", "anonymous", "Tomasz Wilk", false, State{"awaiting approval", Waiting}, Moderate, Clock{Limit: 8 * h, Spent: 3 * h}, 5*h),
		row("C-2026-000398", "Request for your incident notification contacts", "Banco Meridional", "Ines Duarte", false, State{"approved", Approved}, Low, Clock{Limit: 16 * h, Spent: 2 * h}, 26*h),
		row("C-2026-000391", "Notice of planned penetration test", "Corvid Research", "Ines Duarte", false, State{"delivery unclear", Attention}, Low, Clock{Limit: 16 * h, Spent: 9 * h, Run: Met}, 50*h),
	}}
}

func sampleSteps() []Stepper {
	return []Stepper{{Label: "Way of this case", Steps: []Step{{Word: "Received", Note: "14:05", Done: true}, {Word: "Classified", Note: "14:12", Done: true}, {Word: "Drafted", Note: "Ines Duarte", Done: true}, {Word: "Approval", Note: "1 of 2", Now: true}, {Word: "Sent"}}}}
}

func sampleFiles() []Attachment {
	return []Attachment{
		{Name: "screenshot of the login page.png", Type: "image/png", Size: 482_113, SHA256: sampleHash, Href: "#", Note: "metadata removed in this copy"},
		{Name: "session.har", Type: "application/json", Size: 1_204_998, SHA256: sampleHash},
	}
}

func sampleTimeline(now time.Time) Timeline {
	seal := func(k Sealing) *Seal { return &Seal{Kind: k, Href: "#proof", Detail: "Entry 12,481"} }
	at := func(m int) time.Time { return now.Add(-time.Duration(m) * time.Minute) }
	return Timeline{Label: "Timeline of C-2026-000123", Older: &Link{"Show 4 earlier acts", "?before=4"}, Items: []TimelineItem{
		{ID: "act-8", Kind: Undelivered, Who: "Relay", What: "may have accepted the message without saying so", At: at(4), Controls: []string{"CC2.3"}, Seal: seal(Sealed),
			Note: "The connection ended after the text was handed over. It is not sent again by itself.", Buttons: []Button{{Label: "It arrived"}, {Label: "Send again"}}},
		{ID: "act-7", Kind: Outbound, Who: "Countersign", What: "sent the response to mara.voss@halden.example", At: at(6), Controls: []string{"CC2.3"}, Seal: seal(Sealed),
			Letter: &Letter{From: "Northwind security <security@northwind.example>", To: "Mara Voss <mara.voss@halden.example>", Subject: "[C-2026-000123] Your report of 22 November",
				Text: "Dear Ms Voss,\n\nthank you for your report. We have closed the path you found and are reading the logs of the last ninety days. You will hear from us by 24 November, 14:00 UTC, whether anybody else used it.\n\nInes Duarte\nNorthwind security"}},
		{ID: "act-6", Kind: Approval, Who: "Tomasz Wilk", What: "approved version 3", At: at(9), Controls: []string{"CC2.3", "CC7.4"}, Seal: seal(Witnessed)},
		{ID: "act-5", Kind: Correcting, Who: "Ines Duarte", What: "corrected the severity", At: at(31), Controls: []string{"CC7.3"}, Seal: seal(Corrected), Note: "The report shows a second account, not one.",
			Changes: []Change{{"Impact", "one customer", "some customers"}, {"Severity", "moderate", "high"}}},
		{ID: "act-4", Kind: Internal, Who: "Amara Obi", What: "noted", At: at(44), Seal: seal(Sealed), Note: "Same path as in the finding of March. I have asked engineering for the change record."},
		{ID: "act-3", Kind: Machine, Who: "Rule “security words”", What: "classified the case", At: at(52), Controls: []string{"CC7.3"}, Seal: seal(Sealed),
			Facts: []KeyValue{{"Category", Cell{Text: "security report"}}, {"Severity", Cell{Severity: new(Moderate)}}, {"Matrix", Cell{Text: "version 4"}}}},
		{ID: "act-1", Kind: Inbound, Who: "Mara Voss", What: "wrote by e-mail", At: at(53), Controls: []string{"CC2.3"}, Seal: seal(Witnessed),
			Letter: &Letter{From: "Mara Voss <mara.voss@halden.example>", To: "security@northwind.example", Subject: "I can see another company’s shipments", Raw: "#raw",
				Text: "Hello,\n\nafter signing in this morning I was shown shipments that are not ours. The screenshot has the address bar in it. I signed out and in again and it was gone.\n\nI have not told anyone else.\n\nMara Voss", Attachments: sampleFiles()[:1]}},
		{ID: "act-0", Kind: Inbound, Who: "Reporter", What: "wrote through the report page", At: at(24 * 60), Seal: seal(Erased), Letter: &Letter{Absent: "The text was erased on 20 Nov 2026 at the reporter’s request. Its time, its size and its proof remain."}},
	}}
}

func sampleFigures() ([]Figure, error) {
	spark := func(title string, v ...int) (template.HTML, error) {
		return chart.Spark{Title: title, Values: v}.Draw().SVG()
	}
	a, err := spark("Communications per week", 21, 25, 19, 31, 28, 36, 33, 41)
	if err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	b, err := spark("Median first response, minutes", 190, 160, 170, 131, 140, 118, 96, 102)
	if err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	return []Figure{
		{Label: "Communications", Value: "412", Note: "this quarter, 38 more than the last", Spark: a, Href: "#"},
		{Label: "Median first response", Value: "1 h 42 m", Note: "target 4 h", Spark: b, Href: "#"},
		{Label: "Within target", Value: "97", Unit: "%", Note: "400 of 412", Href: "#"},
		{Label: "Ledger", Value: "12,481", Unit: "entries", Note: "verified 14:05 UTC"},
	}, nil
}

func sampleCharts() ([]Chart, error) {
	h := time.Hour
	volume := chart.Volume{Title: "Communications per week", Noun: "communication", Many: "communications", Categories: []string{"Security report", "Question", "Complaint", "Request", "Press"}}
	for i, c := range [][]int{{3, 9, 2, 6, 1}, {4, 11, 1, 8, 0}, {2, 8, 3, 5, 1}, {6, 12, 2, 9, 2}, {5, 10, 4, 8, 1}, {9, 13, 3, 9, 2}, {7, 12, 2, 11, 1}, {12, 14, 3, 10, 2}, {8, 11, 1, 9, 0}, {6, 12, 4, 8, 3}, {5, 9, 2, 10, 1}, {7, 13, 3, 12, 2}} {
		week := time.Date(2026, 7, 6, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*i)
		volume.Spans = append(volume.Spans, chart.Span{Label: week.Format("2 Jan"), Name: "week of " + week.Format("2 Jan 2006"), Counts: c, Href: "/queue?week=" + week.Format("2006-01-02")})
	}
	response := chart.Response{Title: "First response against target", Rows: []chart.Timing{
		{Label: "Critical", Count: 4, Median: 38 * time.Minute, P90: 55 * time.Minute, Target: h, Href: "/queue?severity=critical"},
		{Label: "High", Count: 31, Median: 102 * time.Minute, P90: 5 * h, Target: 4 * h, Href: "/queue?severity=high"},
		{Label: "Moderate", Count: 120, Median: 9*h + 20*time.Minute, P90: 11 * h, Target: 8 * h, Href: "/queue?severity=moderate"},
		{Label: "Low", Count: 257, Median: 6 * h, P90: 15 * h, Target: 16 * h, Href: "/queue?severity=low"}, {Label: "Not classified", Target: 16 * h}}}
	backlog := chart.Backlog{Title: "Open cases by state", Noun: "case", Many: "cases", Parts: []chart.Part{
		{Label: "new", Count: 12, Href: "/queue?state=new"}, {Label: "in work", Count: 21, Href: "/queue?state=work"}, {Label: "awaiting approval", Count: 5, Href: "/queue?state=approval"}, {Label: "approved", Count: 3, Href: "/queue?state=approved"}, {Label: "waiting for reporter", Count: 2, Href: "/queue?state=waiting"}}}
	matrix, err := sampleMatrix().Draw()
	if err != nil {
		return nil, fmt.Errorf("charts: %w", err)
	}
	var all []Chart
	for _, d := range []chart.Drawing{volume.Draw(), response.Draw(), backlog.Draw(), matrix, chart.Volume{Title: "Complaints per week"}.Draw()} {
		c, err := ChartOf(d, "Jul to Sep 2026")
		if err != nil {
			return nil, fmt.Errorf("charts: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}

func sampleMatrix() chart.Matrix {
	m := chart.Matrix{Title: "Severity: impact × likelihood", Impact: []string{"None", "One customer", "Some", "Many", "All"}, Likelihood: []string{"Rare", "Unlikely", "Possible", "Likely", "Certain"}}
	levels := [][]int{{1, 1, 1, 1, 2}, {1, 1, 2, 2, 3}, {1, 2, 2, 3, 3}, {2, 2, 3, 3, 4}, {2, 3, 3, 4, 4}}
	counts := [][]int{{31, 12, 9, 0, 2}, {44, 61, 20, 8, 1}, {12, 30, 41, 9, 3}, {0, 4, 7, 6, 1}, {0, 0, 1, 2, 1}}
	for i := range levels {
		var row []chart.Square
		for j := range levels[i] {
			row = append(row, chart.Square{Severity: levels[i][j], Count: counts[i][j], Href: fmt.Sprintf("/queue?impact=%d&likelihood=%d", i+1, j+1)})
		}
		m.Squares = append(m.Squares, row)
	}
	return m
}

func sampleIcons() []Icon {
	return []Icon{"inbox", "radio-tower", "scroll-text", "users", "package", "stamp", "mail", "send", "phone", "message-square", "globe", "file-text", "paperclip", "download", "search", "list-filter", "clock", "pause", "timer-off", "triangle-alert", "octagon-alert", "info", "check", "x", "plus", "pencil", "undo-2", "lock", "shield-check", "scale", "flag", "tag", "calendar", "bell", "history", "printer", "link", "layers", "sticky-note", "ban", "refresh-cw", "user", "user-plus", "key-round", "languages", "sun", "moon", "monitor"}
}
