package api

import (
	"context"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/retention"
)

// Erased is what a record says of content that it has no longer.
type Erased struct {
	By    string    `json:"by" doc:"Id of the erasure or disposal"`
	At    time.Time `json:"at"`
	Part  string    `json:"part" enum:"content,identity,files,title"`
	Basis string    `json:"basis"`
}

func viewErased(in []intake.Erasure) []Erased {
	out := make([]Erased, len(in))
	for i, e := range in {
		out[i] = Erased{e.ID, at(e.At), string(e.Part), e.Basis}
	}
	return out
}

// Due is a case whose time is over, or soon.
type Due struct {
	Case        string    `json:"case" doc:"Id"`
	Number      string    `json:"number"`
	Category    string    `json:"category"`
	Disposition string    `json:"disposition"`
	ClosedAt    time.Time `json:"closed_at"`
	DueAt       time.Time `json:"due_at"`
	Rule        string    `json:"rule" doc:"Row of the retention schedule"`
	Then        string    `json:"then" enum:"erase-content,erase-identity"`
	Basis       string    `json:"basis"`
}

type dueOut struct {
	Body struct {
		Due   []Due `json:"due"`
		Total int64 `json:"total"`
	}
}

func (d *door) listDue(ctx context.Context, in *struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*dueOut, error) {
	found, total, err := d.Retention.Due(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &dueOut{}
	out.Body.Due, out.Body.Total = make([]Due, len(found)), total
	for i, x := range found {
		out.Body.Due[i] = Due{x.Case, x.Number, x.Category, x.Disposition, at(x.ClosedAt), at(x.DueAt), x.Rule.Name, string(x.Rule.Then), x.Rule.Basis}
	}
	return out, nil
}

// Hold is a legal hold.
type Hold struct {
	ID            string    `json:"id"`
	State         string    `json:"state" enum:"active,released"`
	Scope         string    `json:"scope" enum:"case,party,query"`
	Case          string    `json:"case,omitzero" doc:"Tracking number"`
	Party         string    `json:"party,omitzero" doc:"An address, or a domain as @example.com, with its subdomains"`
	Query         string    `json:"query,omitzero" doc:"Of the queue"`
	Reason        string    `json:"reason"`
	Owner         string    `json:"owner" doc:"Id of a person"`
	PlacedBy      string    `json:"placed_by"`
	PlacedAt      time.Time `json:"placed_at"`
	ReleasedBy    string    `json:"released_by,omitzero"`
	ReleasedAt    time.Time `json:"released_at,omitzero"`
	ReleaseReason string    `json:"release_reason,omitzero"`
}

func viewHold(h *retention.Hold) Hold {
	return Hold{h.ID, h.State, string(h.Scope), h.Number, h.Party, h.Query, h.Reason, h.Owner, h.PlacedBy, at(h.PlacedAt), h.ReleasedBy, at(h.ReleasedAt), h.ReleaseReason}
}

type holdsOut struct {
	Body struct {
		Holds []Hold `json:"holds"`
	}
}

func (d *door) listHolds(ctx context.Context, in *struct {
	Case string `query:"case" maxLength:"60" doc:"Id or tracking number: only those that are on it now"`
}) (*holdsOut, error) {
	all, err := d.Retention.AllHolds(ctx)
	if in.Case != "" {
		all, err = d.Retention.On(ctx, in.Case)
	}
	if err != nil {
		return nil, err
	}
	out := &holdsOut{}
	out.Body.Holds = make([]Hold, len(all))
	for i, h := range all {
		out.Body.Holds[i] = viewHold(h)
	}
	return out, nil
}

type holdOut struct {
	Status int
	Body   Hold
}

func (d *door) placeHold(ctx context.Context, in *struct {
	Body struct {
		Case   string `json:"case,omitzero" maxLength:"60" doc:"Id or tracking number. One of case, party and query"`
		Party  string `json:"party,omitzero" maxLength:"320" doc:"An address, or a domain with its subdomains"`
		Query  string `json:"query,omitzero" maxLength:"1000" doc:"Of the queue: state=all&category=incident"`
		Reason string `json:"reason"`
		Owner  string `json:"owner,omitzero" maxLength:"60" doc:"Id of a person; who asks where empty"`
	}
}) (*holdOut, error) {
	b := in.Body
	h, err := d.Retention.Place(ctx, who(ctx), retention.Terms{Case: b.Case, Party: b.Party, Query: b.Query, Reason: b.Reason, Owner: b.Owner})
	if err != nil {
		return nil, err
	}
	return &holdOut{201, viewHold(h)}, nil
}

// reason is the body of an act that needs one and nothing else.
type reason struct {
	Reason string `json:"reason"`
}

func (d *door) releaseHold(ctx context.Context, in *struct {
	Hold string `path:"hold" maxLength:"60"`
	Body reason
}) (*holdOut, error) {
	h, err := d.Retention.Release(ctx, who(ctx), in.Hold, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &holdOut{200, viewHold(h)}, nil
}

// What is what of a case is to be erased.
type What struct {
	Of   string `json:"of,omitzero" query:"of" maxLength:"60" doc:"Id of a communication or answer; empty: the whole case"`
	Part string `json:"part" query:"part" enum:"content,identity,files" default:"content" doc:"files: one attachment, with its copies"`
	File int    `json:"file,omitzero" query:"file" minimum:"0" maximum:"10000" doc:"Which attachment, for files"`
}

func (w What) ask(casefile string) retention.Ask {
	return retention.Ask{Case: casefile, Of: w.Of, Part: intake.Part(w.Part), File: w.File}
}

// ErasedItem is one record that loses something.
type ErasedItem struct {
	Kind  string   `json:"kind" enum:"casefile,communication,response,legal_hold"`
	ID    string   `json:"id"`
	Seq   int      `json:"seq,omitzero"`
	Part  string   `json:"part" enum:"content,identity,files,title"`
	Files []string `json:"files,omitzero"`
}

func viewItems(in []retention.Item) []ErasedItem {
	out := make([]ErasedItem, len(in))
	for i, x := range in {
		out[i] = ErasedItem{x.Kind, x.ID, x.Seq, string(x.Part), x.Files}
	}
	return out
}

type planOut struct {
	Body struct {
		Number string       `json:"number"`
		Items  []ErasedItem `json:"items"`
		Hash   string       `json:"hash" doc:"Of the list; to be named in a request"`
		Holds  []Hold       `json:"holds" doc:"While there are any, nothing is erased"`
		Echoes []string     `json:"echoes" doc:"What stays, and repeats something of what goes"`
		Open   []string     `json:"open" doc:"What has to be settled before"`
	}
}

func (d *door) planErasure(ctx context.Context, in *struct {
	InCase
	What
}) (*planOut, error) {
	p, err := d.Retention.Plan(ctx, in.ask(in.Case))
	if err != nil {
		return nil, err
	}
	out := &planOut{}
	out.Body.Number, out.Body.Items, out.Body.Hash, out.Body.Echoes, out.Body.Open = p.Number, viewItems(p.Items), p.Hash, list(p.Echoes), list(p.Open)
	out.Body.Holds = make([]Hold, len(p.Holds))
	for i, h := range p.Holds {
		out.Body.Holds[i] = viewHold(h)
	}
	return out, nil
}

// Erasure is a request to erase.
type Erasure struct {
	ID          string       `json:"id"`
	State       string       `json:"state" enum:"requested,approved,running,executed,declined,withdrawn"`
	Case        string       `json:"case"`
	Number      string       `json:"number"`
	What        What         `json:"what"`
	Basis       string       `json:"basis"`
	Verified    string       `json:"verified"`
	Items       []ErasedItem `json:"items"`
	Hash        string       `json:"hash" doc:"Of the list; to be named in an approval"`
	RequestedBy string       `json:"requested_by"`
	RequestedAt time.Time    `json:"requested_at"`
	ApprovedBy  string       `json:"approved_by,omitzero"`
	ApprovedAt  time.Time    `json:"approved_at,omitzero"`
	EndedBy     string       `json:"ended_by,omitzero"`
	EndReason   string       `json:"end_reason,omitzero"`
	ExecutedAt  time.Time    `json:"executed_at,omitzero"`
	Stopped     string       `json:"stopped,omitzero" doc:"Why an approval did not hold"`
}

func viewErasure(e *retention.Erasure) Erasure {
	return Erasure{e.ID, string(e.State), e.Case, e.Number, What{e.Of, string(e.Part), e.File}, e.Basis, e.Verified, viewItems(e.Items), e.ListHash, e.RequestedBy, at(e.RequestedAt),
		e.ApprovedBy, at(e.ApprovedAt), e.EndedBy, e.EndReason, at(e.ExecutedAt), e.Stopped}
}

type erasureOut struct {
	Status int
	Body   Erasure
}

// erasureOf answers with a request, which a verb returned with its error.
func erasureOf(e *retention.Erasure, err error) (*erasureOut, error) {
	if err != nil {
		return nil, err
	}
	return &erasureOut{200, viewErasure(e)}, nil
}

func (d *door) requestErasure(ctx context.Context, in *struct {
	InCase
	Body struct {
		What     What   `json:"what"`
		Basis    string `json:"basis" doc:"The law or contract. The reporter may read it"`
		Verified string `json:"verified" doc:"How it was made sure that who asks may. It stays: name no person"`
		Hash     string `json:"hash" doc:"Of the list that was read"`
	}
}) (*erasureOut, error) {
	b := in.Body
	out, err := erasureOf(d.Retention.Request(ctx, who(ctx), b.What.ask(in.Case), b.Basis, b.Verified, b.Hash))
	if err == nil {
		out.Status = 201
	}
	return out, err
}

type erasuresOut struct {
	Body struct {
		Erasures []Erasure `json:"erasures"`
	}
}

func (d *door) listErasures(ctx context.Context, in *struct {
	Case  string `query:"case" maxLength:"60" doc:"Id or tracking number: only its"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*erasuresOut, error) {
	found, err := d.Retention.AllErasures(ctx, in.Limit)
	if in.Case != "" {
		c, caseErr := d.Intake.Case(ctx, in.Case)
		if caseErr != nil {
			return nil, caseErr
		}
		found, err = d.Retention.Erasures(ctx, c.ID)
	}
	if err != nil {
		return nil, err
	}
	out := &erasuresOut{}
	out.Body.Erasures = make([]Erasure, len(found))
	for i, e := range found {
		out.Body.Erasures[i] = viewErasure(e)
	}
	return out, nil
}

// InErasure names a request in an address.
type InErasure struct {
	Erasure string `path:"erasure" maxLength:"60"`
}

func (d *door) showErasure(ctx context.Context, in *InErasure) (*erasureOut, error) {
	return erasureOf(d.Retention.Erasure(ctx, in.Erasure))
}

// listed is the body of an approval.
type listed struct {
	Hash string `json:"hash" doc:"Of the list that was read"`
}

func (d *door) approveErasure(ctx context.Context, in *struct {
	InErasure
	Body listed
}) (*erasureOut, error) {
	return erasureOf(d.Retention.Approve(ctx, who(ctx), in.Erasure, in.Body.Hash))
}

func (d *door) endErasure(ctx context.Context, in *struct {
	InErasure
	Body reason
}) (*erasureOut, error) {
	e, err := d.Retention.Erasure(ctx, in.Erasure)
	if err != nil {
		return nil, err
	}
	end := d.Retention.Decline
	if e.RequestedBy == who(ctx).ID {
		end = d.Retention.Withdraw
	}
	return erasureOf(end(ctx, who(ctx), e.ID, in.Body.Reason))
}

// Disposed is one case of a run.
type Disposed struct {
	Case           string    `json:"case"`
	Number         string    `json:"number"`
	Part           string    `json:"part" enum:"content,identity"`
	Rule           string    `json:"rule"`
	Basis          string    `json:"basis"`
	ClosedAt       time.Time `json:"closed_at"`
	DueAt          time.Time `json:"due_at"`
	Communications int       `json:"communications"`
	Answers        int       `json:"answers"`
	Files          int       `json:"files"`
}

// Kept is a case that stays, and why.
type Kept struct {
	Case   string `json:"case"`
	Number string `json:"number"`
	Why    string `json:"why"`
}

// Disposal is a run.
type Disposal struct {
	ID         string     `json:"id,omitzero"`
	State      string     `json:"state" enum:"proposed,approved,executed,declined,withdrawn"`
	Schedule   string     `json:"schedule" doc:"Version of the retention schedule"`
	Cases      []Disposed `json:"cases"`
	Excluded   []Kept     `json:"excluded" doc:"Due, and kept all the same"`
	Skipped    []Kept     `json:"skipped" doc:"On the list, and kept when its turn came"`
	Hash       string     `json:"hash" doc:"Of the list; to be named by who proposes and by who approves"`
	ProposedBy string     `json:"proposed_by,omitzero"`
	ProposedAt time.Time  `json:"proposed_at,omitzero"`
	ApprovedBy string     `json:"approved_by,omitzero"`
	ApprovedAt time.Time  `json:"approved_at,omitzero"`
	EndedBy    string     `json:"ended_by,omitzero"`
	EndReason  string     `json:"end_reason,omitzero"`
	ExecutedAt time.Time  `json:"executed_at,omitzero"`
}

type disposalOut struct {
	Status int
	Body   Disposal
}

func disposalOf(r *retention.Disposal, err error) (*disposalOut, error) {
	if err != nil {
		return nil, err
	}
	v := Disposal{ID: r.ID, State: string(r.State), Schedule: r.Schedule, Cases: make([]Disposed, len(r.Cases)), Excluded: kept(r.Excluded), Skipped: kept(r.Skipped), Hash: r.ListHash,
		ProposedBy: r.ProposedBy, ProposedAt: at(r.ProposedAt), ApprovedBy: r.ApprovedBy, ApprovedAt: at(r.ApprovedAt), EndedBy: r.EndedBy, EndReason: r.EndReason, ExecutedAt: at(r.ExecutedAt)}
	for i, x := range r.Cases {
		v.Cases[i] = Disposed{x.Case, x.Number, string(x.Part), x.Rule, x.Basis, at(x.ClosedAt), at(x.DueAt), x.Communications, x.Answers, x.Files}
	}
	return &disposalOut{200, v}, nil
}

func kept(in []retention.Excluded) []Kept {
	out := make([]Kept, len(in))
	for i, x := range in {
		out[i] = Kept{x.Case, x.Number, x.Why}
	}
	return out
}

type disposalsOut struct {
	Body struct {
		Disposals []Disposal `json:"disposals"`
	}
}

func (d *door) listDisposals(ctx context.Context, in *struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*disposalsOut, error) {
	found, err := d.Retention.Disposals(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &disposalsOut{}
	out.Body.Disposals = make([]Disposal, len(found))
	for i, r := range found {
		v, err := disposalOf(r, nil)
		if err != nil {
			return nil, err
		}
		out.Body.Disposals[i] = v.Body
	}
	return out, nil
}

func (d *door) previewDisposal(ctx context.Context, _ *struct{}) (*disposalOut, error) {
	return disposalOf(d.Retention.Preview(ctx, nil))
}

func (d *door) proposeDisposal(ctx context.Context, in *struct {
	Body struct {
		Hash    string            `json:"hash" doc:"Of the preview"`
		Exclude map[string]string `json:"exclude,omitzero" doc:"Why a case stays, by its id or number: in dispute"`
	}
}) (*disposalOut, error) {
	exclude := map[string]string{}
	for name, why := range in.Body.Exclude {
		c, err := d.Intake.Case(ctx, name)
		if err != nil {
			return nil, err
		}
		exclude[c.ID] = why
	}
	hash := in.Body.Hash
	if len(exclude) > 0 { // the list that was read, less what is excluded from it
		whole, err := d.Retention.Preview(ctx, nil)
		if err != nil {
			return nil, err
		}
		if whole.ListHash != hash {
			return nil, fault.New(fault.Conflict, "the list changed since you looked; look again")
		}
		rest, err := d.Retention.Preview(ctx, exclude)
		if err != nil {
			return nil, err
		}
		hash = rest.ListHash
	}
	out, err := disposalOf(d.Retention.Propose(ctx, who(ctx), exclude, hash))
	if err == nil {
		out.Status = 201
	}
	return out, err
}

// InDisposal names a run in an address.
type InDisposal struct {
	Disposal string `path:"disposal" maxLength:"60"`
}

func (d *door) showDisposal(ctx context.Context, in *InDisposal) (*disposalOut, error) {
	return disposalOf(d.Retention.Disposal(ctx, in.Disposal))
}

func (d *door) approveDisposal(ctx context.Context, in *struct {
	InDisposal
	Body listed
}) (*disposalOut, error) {
	return disposalOf(d.Retention.ApproveRun(ctx, who(ctx), in.Disposal, in.Body.Hash))
}

func (d *door) endDisposal(ctx context.Context, in *struct {
	InDisposal
	Body reason
}) (*disposalOut, error) {
	return disposalOf(d.Retention.EndRun(ctx, who(ctx), in.Disposal, in.Body.Reason))
}
