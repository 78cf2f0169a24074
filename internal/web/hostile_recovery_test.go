package web_test

import (
	"testing"

	"example.org/countersign/internal/hostile"
	"example.org/countersign/internal/people"
)

// TestHostileRecovery sends hostile strings through the form that is there
// while sealing has stopped.
func TestHostileRecovery(t *testing.T) {
	o := open(t)
	_, g := besiege(t, o)
	lea := o.visit(people.Lead)
	send := func(r hostile.Request) hostile.Answer {
		if r.Path == "/sign-out" { // the others need the session
			r = hostile.Request{Method: "GET", Path: "/recovery"}
		}
		return lea.send(r)
	}
	g.Routes, g.Nobody, g.Formless = []string{"GET /recovery", "POST /recovery", "POST /sign-out"}, nil, nil
	g.Ask = func(_ string, r hostile.Request) hostile.Answer { return send(r) }
	g.Wait = nil
	g.Scenes = []hostile.Scene{{Name: "sealing has stopped", Open: func() hostile.Visit {
		halted, err := o.Env.Halted(t.Context())
		o.must(err)
		if halted == "" {
			o.halt()
		}
		return hostile.Visit{Path: "/recovery", Page: send(hostile.Request{Method: "GET", Path: "/recovery"}), Send: send}
	}}}
	requests, _ := g.Run(t)
	if halted, err := o.Env.Halted(t.Context()); err != nil || halted != "" {
		lea.want(303, lea.post("/recovery", "reason", "The disk is gone, nothing newer exists.", "sure", "yes"))
	}
	t.Logf("%d requests", requests)
}
