package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/people"
)

// Sets of roles. Administrators are in none that touches records.
var (
	everybody  = append(people.Roles(), operator)
	personnel  = []people.Role{people.Staff, people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Executive, people.Admin}
	insiders   = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Executive, people.Auditor, people.Admin, operator} // may know how long the log is
	readers    = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal, people.Executive, people.Auditor}
	workers    = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal}
	approvers  = []people.Role{people.Lead, people.Commander, people.Legal, people.Executive}
	leads      = []people.Role{people.Lead}
	keepers    = []people.Role{people.Lead, people.Legal} // of retention, holds and erasure
	receivers  = []people.Role{people.Analyst, people.Lead, operator}
	exporters  = []people.Role{people.Lead, people.Legal, people.Auditor, operator}
	verifiers  = []people.Role{people.Lead, people.Auditor, people.Admin, operator}
	recoverers = []people.Role{people.Lead, operator}
	drillers   = []people.Role{people.Lead, people.Admin, operator}
)

// repeat says what becomes of a request that is sent twice.
type repeat uint8

const (
	reads   repeat = iota // changes nothing
	keyed                 // once by its Idempotency-Key
	natural               // once, or harmless, by what it is
)

// A route is one row of the table. Rows are written without the names of the
// fields, so that none can be left out, the roles least of all.
type route struct {
	method  string
	path    string
	id      string // operationId
	summary string
	roles   []people.Role
	repeat  repeat
	add     func(d *door, op huma.Operation)
}

// routes is every operation that there is.
var routes = []route{
	{"GET", "/me", "me", "Who the token acts as", everybody, reads, verb((*door).me)},
	{"GET", "/people", "people", "Everybody with an account", readers, reads, verb((*door).listPeople)},

	{"POST", "/messages", "receiveMessage", "Hand in a raw message (RFC 5322)", receivers, natural, stream("message/rfc822", verb((*door).receive))},
	{"POST", "/reports", "report", "Hand in a report", personnel, keyed, large(verb((*door).report))},

	{"GET", "/cases", "cases", "The queue, filtered", readers, reads, verb((*door).listCases)},
	{"GET", "/cases/{case}", "case", "One case, by id or tracking number", readers, reads, verb((*door).showCase)},
	{"GET", "/cases/{case}/communications", "communications", "What was said in a case, the first first", readers, reads, verb((*door).listCommunications)},
	{"GET", "/cases/{case}/receipt", "receipt", "The proof of a report for who reported it, unless they are anonymous (C2SP tlog-proof)", readers, reads, answers("text/plain", verb((*door).reporterReceipt))},
	{"POST", "/cases/{case}/classification", "classify", "Give a case category, urgency, impact and likelihood", workers, keyed, verb((*door).classify)},
	{"POST", "/cases/{case}/assignment", "assign", "Give a case to a person, or to nobody", workers, keyed, verb((*door).assign)},
	{"POST", "/cases/{case}/disposition", "dispose", "Set a case aside as spam or out of scope", workers, keyed, verb((*door).dispose)},
	{"POST", "/cases/{case}/restoration", "restore", "Take a disposition back", workers, keyed, verb((*door).restore)},
	{"POST", "/cases/{case}/pause", "pause", "Stop the clock of the first response, for a reason", workers, keyed, verb((*door).pause)},
	{"POST", "/cases/{case}/resumption", "resume", "Let a clock that stands still run", workers, keyed, verb((*door).resume)},
	{"POST", "/cases/{case}/notes", "note", "Add an internal note", workers, keyed, verb((*door).note)},
	{"POST", "/cases/{case}/closing", "close", "Close a case", workers, keyed, verb((*door).closeCase)},
	{"POST", "/cases/{case}/reopening", "reopen", "Open a closed case again", workers, keyed, verb((*door).reopen)},
	{"GET", "/communications/{communication}/raw", "rawMessage", "The message as it came", readers, reads, answers("message/rfc822", verb((*door).raw))},
	{"GET", "/communications/{communication}/attachments/{index}", "attachment", "A file of a communication", readers, reads, answers(octets, verb((*door).attachment))},

	{"GET", "/cases/{case}/responses", "responses", "The answers to a case, the first first", readers, reads, verb((*door).listResponses)},
	{"POST", "/cases/{case}/responses", "draft", "Begin an answer", workers, keyed, verb((*door).draft)},
	{"GET", "/responses/{response}", "response", "One answer", readers, reads, verb((*door).showResponse)},
	{"PUT", "/responses/{response}", "edit", "Make a new version of an answer; voids its approvals", workers, natural, verb((*door).edit)},
	{"POST", "/responses/{response}/attachments", "attach", "Add a file to an answer; voids its approvals", workers, keyed, stream(octets, verb((*door).attach))},
	{"GET", "/responses/{response}/attachments/{index}", "responseAttachment", "A file of an answer", readers, reads, answers(octets, verb((*door).responseAttachment))},
	{"DELETE", "/responses/{response}/attachments/{index}", "detach", "Remove a file from an answer; voids its approvals", workers, natural, verb((*door).detach)},
	{"POST", "/responses/{response}/submission", "submit", "Ask for the approvals that the matrix demands", workers, keyed, verb((*door).submit)},
	{"POST", "/responses/{response}/approvals", "approve", "Approve exactly this content; the last approval has it sent", approvers, keyed, verb((*door).approve)},
	{"POST", "/responses/{response}/decline", "decline", "Send an answer back to its authors", approvers, keyed, verb((*door).decline)},
	{"POST", "/responses/{response}/withdrawal", "withdraw", "Give an answer up before it is sent", workers, keyed, verb((*door).withdraw)},
	{"POST", "/responses/{response}/resolution", "resolve", "Say whether an ambiguous hand-over was delivered", approvers, keyed, verb((*door).resolve)},

	{"GET", "/channels", "channels", "The register of channels", append([]people.Role{people.Admin, people.Owner}, readers...), reads, verb((*door).listChannels)},
	{"POST", "/channels", "addChannel", "Propose a channel", workers, keyed, verb((*door).addChannel)},
	{"PUT", "/channels/{channel}", "changeChannel", "Propose a change of a channel", workers, natural, verb((*door).changeChannel)},
	{"POST", "/channels/{channel}/approval", "approveChannel", "Put what is proposed in force; somebody else's proposal", leads, keyed, verb((*door).approveChannel)},
	{"POST", "/channels/{channel}/withdrawal", "withdrawChannel", "Take a proposed change back", workers, keyed, verb((*door).withdrawChannel)},
	{"POST", "/channels/{channel}/review", "reviewChannel", "Record that a channel was looked at and is right", leads, keyed, verb((*door).reviewChannel)},
	{"POST", "/channels/{channel}/retirement", "retireChannel", "Close a channel for good", leads, keyed, verb((*door).retireChannel)},
	{"GET", "/policies", "policies", "Every version of every policy", append([]people.Role{people.Owner}, readers...), reads, verb((*door).listPolicies)},

	{"GET", "/retention/due", "due", "Cases that were kept long enough, or will have been before long", keepers, reads, verb((*door).listDue)},
	{"GET", "/holds", "holds", "Legal holds, those that are active first", keepers, reads, verb((*door).listHolds)},
	{"POST", "/holds", "hold", "Hold a case, a party or what a filter picks", keepers, keyed, verb((*door).placeHold)},
	{"POST", "/holds/{hold}/release", "release", "End a hold", keepers, keyed, verb((*door).releaseHold)},
	{"GET", "/cases/{case}/erasure", "erasurePlan", "What an erasure would take now", keepers, reads, verb((*door).planErasure)},
	{"POST", "/cases/{case}/erasures", "requestErasure", "Ask for an erasure", keepers, keyed, verb((*door).requestErasure)},
	{"GET", "/erasures", "erasures", "Requests to erase, those that await somebody first", keepers, reads, verb((*door).listErasures)},
	{"GET", "/erasures/{erasure}", "erasure", "One request to erase", keepers, reads, verb((*door).showErasure)},
	{"POST", "/erasures/{erasure}/approval", "approveErasure", "Have exactly this list erased; somebody else's request", keepers, keyed, verb((*door).approveErasure)},
	{"POST", "/erasures/{erasure}/end", "endErasure", "Decline a request, or take one's own back", keepers, keyed, verb((*door).endErasure)},
	{"GET", "/disposals", "disposals", "Disposal runs, those that await somebody first", keepers, reads, verb((*door).listDisposals)},
	{"GET", "/disposals/preview", "disposalPreview", "The run that could be proposed now", keepers, reads, verb((*door).previewDisposal)},
	{"POST", "/disposals", "proposeDisposal", "Propose the run that was previewed", keepers, keyed, verb((*door).proposeDisposal)},
	{"GET", "/disposals/{disposal}", "disposal", "One disposal run", keepers, reads, verb((*door).showDisposal)},
	{"POST", "/disposals/{disposal}/approval", "approveDisposal", "Have exactly this list disposed of; somebody else's proposal", keepers, keyed, verb((*door).approveDisposal)},
	{"POST", "/disposals/{disposal}/end", "endDisposal", "Decline a run, or take one's own back", keepers, keyed, verb((*door).endDisposal)},

	{"GET", "/export/communications", "exportCommunications", "All communications of a period, as they were recorded", exporters, reads, answers("application/jsonl", answers("text/csv", verb((*door).export)))},
	{"GET", "/packages", "packages", "The evidence packages that were made", exporters, reads, verb((*door).listPackages)},
	{"POST", "/packages", "makePackage", "Make the evidence package of a period", exporters, natural, answers("application/zip", verb((*door).makePackage))},
	{"GET", "/cases/{case}/disclosure", "disclosable", "What of a case a disclosure can show", exporters, reads, verb((*door).disclosable)},
	{"POST", "/cases/{case}/disclosures", "disclose", "Make a package that shows chosen parts of a case, and of all else no more than hashes", exporters, natural, answers("application/zip", verb((*door).disclosePart))},
	{"GET", "/ledger/checkpoint", "checkpoint", "The signed checkpoint that was published last (C2SP tlog-checkpoint)", insiders, reads, answers("text/plain", verb((*door).checkpoint))},
	{"GET", "/ledger/key", "ledgerKey", "The key that checkpoints are verified with (C2SP signed-note)", everybody, reads, answers("text/plain", verb((*door).ledgerKey))},
	{"GET", "/ledger/sealing", "sealing", "Whether the log takes entries, and the losses that were accepted", verifiers, reads, verb((*door).sealing)},
	{"POST", "/ledger/recovery", "recover", "Accept the loss of a log that was set back, and seal again", recoverers, natural, verb((*door).recover)},
	{"POST", "/verification", "verify", "Check the whole record", verifiers, natural, answers("application/json", answers("application/jsonl", verb((*door).verify)))},
	{"GET", "/timestamps", "timestamps", "Time stamps of the log by an authority outside (RFC 3161), the newest first", verifiers, reads, verb((*door).listTimestamps)},
	{"GET", "/timestamps/{day}/token", "timestampToken", "The token of a day, DER", verifiers, reads, answers(octets, verb((*door).timestampToken))},
	{"GET", "/timestamps/{day}/checkpoint", "timestampCheckpoint", "The checkpoint that the token of a day is over (C2SP tlog-checkpoint)", verifiers, reads, answers("text/plain", verb((*door).timestampCheckpoint))},
	{"GET", "/drills", "drills", "Restores of backups that were tried, the newest first", verifiers, reads, verb((*door).listDrills)},
	{"POST", "/drills", "recordDrill", "Record a restore of a backup that was tried", drillers, keyed, verb((*door).recordDrill)},
}

// octets is the type of files: whoever fetches one decides what it is.
const octets = "application/octet-stream"

// maxStream is how many bytes a raw message or a file may have.
const maxStream = 150 << 20

// How long JSON may be and take to arrive; reports may have files in it.
const (
	maxJSON   = 2 << 20
	maxReport = 32 << 20
	jsonTime  = time.Minute
)

// register adds a row to the API, between admission and problem.
func (r route) register(d *door) {
	op := huma.Operation{Method: r.method, Path: r.path, OperationID: r.id, Summary: r.summary,
		Middlewares: huma.Middlewares{d.admit(r.roles)}, Extensions: map[string]any{"x-roles": r.roles},
		MaxBodyBytes: maxJSON, BodyReadTimeout: jsonTime,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}}
	if r.repeat == keyed {
		op.Middlewares = append(op.Middlewares, d.once)
		op.Parameters = append(op.Parameters, &huma.Param{Name: keyHeader, In: "header", Schema: &huma.Schema{Type: "string", MaxLength: new(maxKey)},
			Description: "A random text of the sender. The same request with the same key is done once within a day, and answered the same."})
	}
	r.add(d, op)
}

// verb makes an operation of a method of door.
func verb[I, O any](f func(*door, context.Context, *I) (*O, error)) func(*door, huma.Operation) {
	return func(d *door, op huma.Operation) {
		huma.Register(d.api, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := f(d, ctx, in)
			if err != nil {
				return nil, d.problem(ctx, err)
			}
			return out, nil
		})
	}
}

// stream makes an operation take a body of any length as it comes.
func stream(mediaType string, add func(*door, huma.Operation)) func(*door, huma.Operation) {
	return func(d *door, op huma.Operation) {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
		add(d, op)
	}
}

// large makes an operation take JSON with files in it.
func large(add func(*door, huma.Operation)) func(*door, huma.Operation) {
	return func(d *door, op huma.Operation) {
		op.MaxBodyBytes, op.BodyReadTimeout = maxReport, 10*jsonTime
		add(d, op)
	}
}

// answers makes an operation answer with something other than JSON.
func answers(mediaType string, add func(*door, huma.Operation)) func(*door, huma.Operation) {
	return func(d *door, op huma.Operation) {
		if op.Responses == nil {
			op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{}}}
		}
		op.Responses["200"].Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
		add(d, op)
	}
}

// describe returns the OpenAPI document, the same bytes for the same routes.
func describe(api huma.API) ([]byte, error) {
	plain, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	var document any // a map, whose keys are sorted when it is written
	if err := json.Unmarshal(plain, &document); err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(document, "", "  ")
	return append(out, '\n'), err
}
