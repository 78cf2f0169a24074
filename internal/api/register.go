package api

import (
	"context"
	"encoding/json"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

type meOut struct {
	Body struct {
		ID       string        `json:"id"`
		Name     string        `json:"name"`
		Roles    []people.Role `json:"roles"`
		Approves bool          `json:"approves" doc:"The token was made for approvals"`
	}
}

func (d *door) me(ctx context.Context, _ *struct{}) (*meOut, error) {
	i, out := who(ctx), &meOut{}
	out.Body.ID, out.Body.Name, out.Body.Roles, out.Body.Approves = i.ID, i.Name, i.Roles, i.Approves
	return out, nil
}

// Person is somebody with an account.
type Person struct {
	ID    string        `json:"id"`
	Name  string        `json:"name"`
	Roles []people.Role `json:"roles"`
	State string        `json:"state" enum:"invited,active,deactivated"`
}

type peopleOut struct {
	Body struct {
		People []Person `json:"people"`
	}
}

func (d *door) listPeople(ctx context.Context, _ *struct{}) (*peopleOut, error) {
	all, err := d.People.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &peopleOut{}
	out.Body.People = make([]Person, len(all))
	for i, p := range all {
		out.Body.People[i] = Person{p.ID, p.Name, list(p.Roles), p.State()}
	}
	return out, nil
}

// Terms are what people say about a channel and a second person approves.
type Terms struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind" enum:"email,portal,api,import"`
	Address   string   `json:"address" doc:"Mail address; for the other kinds a path, an address or a short name"`
	Direction string   `json:"direction" enum:"inbound,outbound,both"`
	Audience  string   `json:"audience" doc:"Whom it serves"`
	Owner     string   `json:"owner" doc:"Id of a person"`
	Purpose   string   `json:"purpose"`
	ReviewDue string   `json:"review_due" format:"date"`
	Published []string `json:"published,omitzero" doc:"Where people learn of it. One that names security.txt is listed there"`
	FromName  string   `json:"from_name,omitzero"`
	Domain    string   `json:"domain,omitzero" doc:"Of Message-IDs"`
	Reply     string   `json:"reply,omitzero" doc:"Id of the channel that answers leave by"`
}

func viewTerms(t channel.Terms) Terms {
	return Terms{t.Name, string(t.Kind), t.Address, string(t.Direction), t.Audience, t.Owner, t.Purpose, t.ReviewDue, list(t.Published), t.FromName, t.Domain, t.Reply}
}

func (t Terms) terms() channel.Terms {
	return channel.Terms{Name: t.Name, Kind: channel.Kind(t.Kind), Address: t.Address, Direction: channel.Direction(t.Direction), Audience: t.Audience,
		Owner: t.Owner, Purpose: t.Purpose, ReviewDue: t.ReviewDue, Published: t.Published, FromName: t.FromName, Domain: t.Domain, Reply: t.Reply}
}

// Channel is an entry of the register.
type Channel struct {
	ID         string    `json:"id"`
	Version    int64     `json:"version"`
	State      string    `json:"state" enum:"proposed,approved,retired"`
	Terms      Terms     `json:"terms" doc:"In force, or proposed"`
	Pending    *Terms    `json:"pending,omitzero" doc:"A change that awaits approval"`
	Editors    []string  `json:"editors" doc:"Who had a hand in what awaits approval: none of them approves it"`
	ProposedBy string    `json:"proposed_by"`
	ApprovedBy string    `json:"approved_by,omitzero"`
	ApprovedAt time.Time `json:"approved_at,omitzero"`
	ReviewedAt time.Time `json:"reviewed_at,omitzero"`
	RetiredAt  time.Time `json:"retired_at,omitzero"`
	Reason     string    `json:"retirement_reason,omitzero"`
}

func viewChannel(c *channel.Channel) Channel {
	v := Channel{ID: c.ID, Version: c.Entry, State: string(c.State), Terms: viewTerms(c.Terms()), Editors: list(c.Editors), ProposedBy: c.ProposedBy,
		ApprovedBy: c.ApprovedBy, ApprovedAt: at(c.ApprovedAt), ReviewedAt: at(c.ReviewedAt), RetiredAt: at(c.RetiredAt), Reason: c.RetireReason}
	if c.Pending != nil {
		pending := viewTerms(*c.Pending)
		v.Pending = &pending
	}
	return v
}

type channelsOut struct {
	Body struct {
		Channels []Channel `json:"channels"`
	}
}

func (d *door) listChannels(ctx context.Context, _ *struct{}) (*channelsOut, error) {
	all, err := d.Channels.List(ctx, d.Ledger)
	if err != nil {
		return nil, err
	}
	out := &channelsOut{}
	out.Body.Channels = make([]Channel, len(all))
	for i, c := range all {
		out.Body.Channels[i] = viewChannel(c)
	}
	return out, nil
}

type channelOut struct{ Body Channel }

// onChannel does something to the register as whoever asks.
func (d *door) onChannel(ctx context.Context, roles []people.Role, act func(ledger.Actor) (*channel.Channel, error)) (*channelOut, error) {
	actor, err := acting(ctx, roles)
	if err != nil {
		return nil, err
	}
	c, err := act(actor)
	if err != nil {
		return nil, err
	}
	return &channelOut{viewChannel(c)}, nil
}

type addChannelIn struct{ Body Terms }

type newChannelOut struct {
	Status int
	Body   Channel
}

func (d *door) addChannel(ctx context.Context, in *addChannelIn) (*newChannelOut, error) {
	out, err := d.onChannel(ctx, workers, func(a ledger.Actor) (*channel.Channel, error) { return d.Channels.Add(ctx, a, in.Body.terms()) })
	if err != nil {
		return nil, err
	}
	return &newChannelOut{201, out.Body}, nil
}

// InChannel names a channel in an address.
type InChannel struct {
	Channel string `path:"channel" maxLength:"60" doc:"Id"`
}

type changeChannelIn struct {
	InChannel
	Body struct {
		Version int64 `json:"version" minimum:"0" doc:"Of the channel as it was read"`
		Terms   Terms `json:"terms"`
	}
}

func (d *door) changeChannel(ctx context.Context, in *changeChannelIn) (*channelOut, error) {
	return d.onChannel(ctx, workers, func(a ledger.Actor) (*channel.Channel, error) {
		return d.Channels.Change(ctx, a, in.Channel, in.Body.Version, in.Body.Terms.terms())
	})
}

// seenChannel is an act on a channel as somebody saw it.
type seenChannel struct {
	InChannel
	Body struct {
		Version int64 `json:"version" minimum:"0" doc:"Of the channel as it was read"`
	}
}

func (d *door) approveChannel(ctx context.Context, in *seenChannel) (*channelOut, error) {
	if err := d.People.MayApprove(ctx, d.Ledger, who(ctx), leads...); err != nil {
		return nil, err
	}
	return d.onChannel(ctx, leads, func(a ledger.Actor) (*channel.Channel, error) {
		return d.Channels.Approve(ctx, a, in.Channel, in.Body.Version)
	})
}

func (d *door) withdrawChannel(ctx context.Context, in *seenChannel) (*channelOut, error) {
	return d.onChannel(ctx, workers, func(a ledger.Actor) (*channel.Channel, error) {
		return d.Channels.Withdraw(ctx, a, in.Channel, in.Body.Version)
	})
}

type reviewIn struct {
	InChannel
	Body struct {
		Next string `json:"next" format:"date" doc:"When to look again"`
	}
}

func (d *door) reviewChannel(ctx context.Context, in *reviewIn) (*channelOut, error) {
	if err := d.People.MayApprove(ctx, d.Ledger, who(ctx), leads...); err != nil {
		return nil, err
	}
	return d.onChannel(ctx, leads, func(a ledger.Actor) (*channel.Channel, error) {
		return d.Channels.Reviewed(ctx, a, in.Channel, in.Body.Next)
	})
}

type retireIn struct {
	InChannel
	Body struct {
		Reason string `json:"reason"`
	}
}

func (d *door) retireChannel(ctx context.Context, in *retireIn) (*channelOut, error) {
	if err := d.People.MayApprove(ctx, d.Ledger, who(ctx), leads...); err != nil {
		return nil, err
	}
	return d.onChannel(ctx, leads, func(a ledger.Actor) (*channel.Channel, error) {
		return d.Channels.Retire(ctx, a, in.Channel, in.Body.Reason)
	})
}

// Policy is one version of a policy.
type Policy struct {
	ID            string          `json:"id"`
	Label         string          `json:"label" doc:"Kind, name and version: rules/3"`
	Kind          string          `json:"kind"`
	Name          string          `json:"name,omitzero"`
	Version       int64           `json:"version"`
	State         string          `json:"state" enum:"draft,approved,in-force,superseded,withdrawn"`
	Body          json.RawMessage `json:"body"`
	Rationale     string          `json:"rationale"`
	Authors       []string        `json:"authors"`
	ApprovedBy    string          `json:"approved_by,omitzero"`
	ApprovedAt    time.Time       `json:"approved_at,omitzero"`
	Shipped       bool            `json:"shipped,omitzero" doc:"A default that nobody has reviewed yet"`
	EffectiveFrom time.Time       `json:"effective_from,omitzero"`
	EndedAt       time.Time       `json:"ended_at,omitzero"`
	ReviewDue     string          `json:"review_due"`
}

type policiesOut struct {
	Body struct {
		Policies []Policy `json:"policies"`
	}
}

func (d *door) listPolicies(ctx context.Context, _ *struct{}) (*policiesOut, error) {
	all, err := d.Policies.List(ctx, d.Ledger)
	if err != nil {
		return nil, err
	}
	out := &policiesOut{}
	out.Body.Policies = make([]Policy, len(all))
	for i, p := range all {
		out.Body.Policies[i] = Policy{ID: p.ID, Label: p.Label(), Kind: string(p.Kind), Name: p.Name, Version: p.Version, State: string(p.State), Body: p.Body,
			Rationale: p.Rationale, Authors: list(p.Authors), ApprovedBy: p.ApprovedBy, ApprovedAt: at(p.ApprovedAt), Shipped: p.Shipped,
			EffectiveFrom: at(p.EffectiveFrom), EndedAt: at(p.EndedAt), ReviewDue: p.ReviewDue}
	}
	return out, nil
}
