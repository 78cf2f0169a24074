package policy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

func TestRetention(t *testing.T) {
	r := policy.DefaultRetention()
	closed := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		category    rules.Category
		disposition rules.Disposition
		want        string
	}{
		{rules.Incident, "", "2031-03-01"},
		{rules.Support, rules.Spam, "2026-03-01"},
		{"", rules.OutOfScope, "2027-03-01"},
	} {
		if got := r.Rule(c.category, c.disposition).Due(closed).Format(time.DateOnly); got != c.want {
			t.Errorf("%s %s: due %s, want %s", c.category, c.disposition, got, c.want)
		}
	}
	forever := policy.Retention{Rules: []policy.RetentionRule{{Name: "all", Then: policy.KeepForever, Basis: "law", Reason: "because"}}}
	if due := forever.Rule(rules.Incident, "").Due(closed); !due.IsZero() {
		t.Errorf("kept for ever, and due %s", due)
	}
	if got := (&policy.Retention{}).Rule("", ""); got.Then != policy.KeepForever {
		t.Errorf("without a schedule: %s", got.Then)
	}
}

func TestRetentionRefuses(t *testing.T) {
	last := `{"name":"all","years":7,"then":"erase-content","basis":"law"}`
	for name, body := range map[string]string{
		"no rules":             `{"warn_days":30,"rules":[]}`,
		"warn_days":            `{"warn_days":400,"rules":[` + last + `]}`,
		"the last row":         `{"warn_days":1,"rules":[{"name":"a","category":"press","years":1,"then":"erase-content","basis":"law"}]}`,
		"never be used":        `{"warn_days":1,"rules":[` + last + `,` + strings.Replace(last, "all", "more", 1) + `]}`,
		"used twice":           `{"warn_days":1,"rules":[{"name":"all","category":"press","years":1,"then":"erase-content","basis":"law"},` + last + `]}`,
		"then":                 `{"warn_days":1,"rules":[{"name":"all","years":7,"then":"burn","basis":"law"}]}`,
		"how many years":       `{"warn_days":1,"rules":[{"name":"all","then":"erase-content","basis":"law"}]}`,
		"basis":                `{"warn_days":1,"rules":[{"name":"all","years":1,"then":"erase-content","basis":" "}]}`,
		"kept for ever":        `{"warn_days":1,"rules":[{"name":"all","then":"keep","basis":"law"}]}`,
		"has no years":         `{"warn_days":1,"rules":[{"name":"all","years":1,"then":"keep","basis":"law","reason":"x"}]}`,
		"disposition":          `{"warn_days":1,"rules":[{"name":"a","disposition":"lost","years":1,"then":"keep","basis":"law"},` + last + `]}`,
		"years and months":     `{"warn_days":1,"rules":[{"name":"all","years":-1,"then":"erase-content","basis":"law"}]}`,
		"not a retention":      `{"warn_days":1,"rulez":[` + last + `]}`,
		"use 1 to 80 printabl": `{"warn_days":1,"rules":[{"name":"","years":1,"then":"erase-content","basis":"law"}]}`,
	} {
		err := policy.Check(policy.KindRetention, json.RawMessage(body))
		want := name
		if name == "no rules" {
			want = "give 1 to"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := policy.Check(policy.KindRetention, json.RawMessage(`{"warn_days":0,"rules":[`+last+`]}`)); err != nil {
		t.Error(err)
	}
}
