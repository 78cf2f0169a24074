package web

import "example.org/countersign/internal/people"

// access says who may ask for a route. The zero value admits nobody.
type access struct {
	public bool
	roles  []people.Role
}

// route is one row of the table. It is always written without field names, so
// that none can be left out, the access least of all.
type route struct {
	pattern string
	access  access
	handle  func(*request) error
}

func of(roles ...people.Role) access { return access{roles: roles} }

// Who may do what. Administrators look after people and have no power over
// records: they read no case. Auditors read everything and change nothing.
var (
	public    = access{public: true}
	everybody = of(people.Roles()...)
	// Cases, answers, and what was said in them.
	readers = of(people.Analyst, people.Lead, people.Commander, people.Legal, people.Executive, people.Auditor)
	workers = of(people.Analyst, people.Lead, people.Commander, people.Legal)
	signers = of(people.Lead, people.Commander, people.Legal, people.Executive) // roles that an approval matrix may name
	leads   = of(people.Lead)
	// Register, policies, ledger: how the organisation works, without cases.
	insiders  = of(people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Executive, people.Auditor, people.Admin)
	writers   = of(people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Executive)
	governors = of(people.Lead, people.Legal, people.Executive)
	proposers = of(people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Admin)
	// Numbers of a period; the package holds whole cases.
	assurance = of(people.Lead, people.Legal, people.Owner, people.Executive, people.Auditor)
	packers   = of(people.Lead, people.Legal, people.Executive)
	directory = of(people.Lead, people.Auditor, people.Admin)
	admins    = of(people.Admin)
	caretaker = of(people.Lead, people.Admin)
	keepers   = of(people.Lead, people.Legal) // retention, holds and erasure
	counsel   = of(people.Legal)              // releases whatever hold there is
	watchers  = of(people.Lead, people.Admin, people.Auditor)
)

// routes is every page and every verb, and who may ask for it (CC6.3).
func routes() []route {
	return append(houseRoutes(), []route{
		{"GET /healthz", public, (*request).health},
		{"GET /static/{name}", public, (*request).static},
		{"GET /sign-in", public, (*request).signInPage},
		{"POST /sign-in", public, (*request).signIn},
		{"POST /sign-in/link", public, (*request).signInByLink},
		{"GET /enrol", public, (*request).linkPage},
		{"POST /enrol", public, (*request).enrol},
		{"GET /reset", public, (*request).linkPage},
		{"POST /reset", public, (*request).recover},
		{"POST /sign-out", everybody, (*request).signOut},
		{"GET /{$}", everybody, (*request).home},
		{"GET /styleguide", everybody, (*request).styleguide},

		{"GET /account", everybody, (*request).accountPage},
		{"POST /account/name", everybody, (*request).renameSelf},
		{"POST /account/password", everybody, (*request).changePassword},
		{"POST /account/second-factor", everybody, (*request).beginFactor},
		{"POST /account/second-factor/confirm", everybody, (*request).confirmFactor},
		{"POST /account/second-factor/remove", everybody, (*request).removeFactor},
		{"POST /account/tokens", everybody, (*request).makeToken},
		{"POST /account/tokens/revoke", everybody, (*request).revokeToken},
		{"POST /account/sessions/revoke", everybody, (*request).revokeSession},

		{"GET /queue", readers, (*request).queue},
		{"POST /queue/assign", workers, (*request).assignMany},
		{"GET /cases/{case}", readers, (*request).casePage},
		{"GET /cases/{case}/receipt", readers, (*request).receiptPage},
		{"GET /cases/{case}/receipt.txt", readers, (*request).receiptFile},
		{"GET /cases/{case}/disclose", packers, (*request).disclosePage},
		{"POST /cases/{case}/disclose", packers, (*request).disclose},
		{"POST /cases/{case}/take", workers, (*request).take},
		{"POST /cases/{case}/classify", workers, (*request).classify},
		{"POST /cases/{case}/assign", workers, (*request).assign},
		{"POST /cases/{case}/note", workers, (*request).note},
		{"POST /cases/{case}/dispose", workers, (*request).dispose},
		{"POST /cases/{case}/restore", workers, (*request).restore},
		{"POST /cases/{case}/pause", workers, (*request).pause},
		{"POST /cases/{case}/resume", workers, (*request).resume},
		{"POST /cases/{case}/close", workers, (*request).closeCase},
		{"POST /cases/{case}/reopen", workers, (*request).reopen},
		{"POST /cases/{case}/answer", workers, (*request).beginAnswer},
		{"GET /communications/{id}/raw", readers, (*request).raw},
		{"GET /communications/{id}/attachments/{n}", readers, (*request).attachment},
		{"POST /communications/{id}/attachments/{n}/reveal", leads, (*request).reveal},

		{"GET /approvals", readers, (*request).approvals},
		{"GET /responses/{id}", readers, (*request).responsePage},
		{"GET /responses/{id}/attachments/{n}", readers, (*request).responseFile},
		{"POST /responses/{id}/edit", workers, (*request).editResponse},
		{"POST /responses/{id}/autosave", workers, (*request).autosave},
		{"POST /responses/{id}/attach", workers, (*request).attach},
		{"POST /responses/{id}/detach", workers, (*request).detach},
		{"POST /responses/{id}/submit", workers, (*request).submit},
		{"POST /responses/{id}/approve", signers, (*request).approve},
		{"POST /responses/{id}/decline", signers, (*request).decline},
		{"POST /responses/{id}/withdraw", workers, (*request).withdraw},
		{"POST /responses/{id}/resolve", signers, (*request).resolve},

		{"GET /channels", insiders, (*request).channels},
		{"GET /channels/new", proposers, (*request).newChannel},
		{"POST /channels", proposers, (*request).addChannel},
		{"GET /channels/{id}", insiders, (*request).channelPage},
		{"POST /channels/{id}/change", proposers, (*request).changeChannel},
		{"POST /channels/{id}/withdraw", proposers, (*request).withdrawChange},
		{"POST /channels/{id}/approve", governors, (*request).approveChannel},
		{"POST /channels/{id}/retire", governors, (*request).retireChannel},
		{"POST /channels/{id}/review", governors, (*request).reviewChannel},

		{"GET /policy", insiders, (*request).policies},
		{"GET /policy/new", writers, (*request).newPolicy},
		{"POST /policy", writers, (*request).draftPolicy},
		{"GET /policy/{id}", insiders, (*request).policyPage},
		{"POST /policy/{id}/edit", writers, (*request).editPolicy},
		{"POST /policy/{id}/approve", governors, (*request).approvePolicy},
		{"POST /policy/{id}/withdraw", writers, (*request).withdrawPolicy},
		{"POST /policy/{id}/review", governors, (*request).reviewPolicy},
	}...)
}

// houseRoutes are those beside the work on cases: people, retention, evidence,
// ledger.
func houseRoutes() []route {
	return []route{
		{"GET /people", directory, (*request).people},
		{"POST /people", admins, (*request).invite},
		{"GET /people/{id}", directory, (*request).personPage},
		{"POST /people/{id}/roles", admins, (*request).setRoles},
		{"POST /people/{id}/name", admins, (*request).rename},
		{"POST /people/{id}/reinvite", admins, (*request).reinvite},
		{"POST /people/{id}/deactivate", admins, (*request).deactivate},
		{"POST /people/{id}/reset-password", admins, (*request).resetPassword},
		{"POST /people/{id}/reset-factor", admins, (*request).resetFactor},
		{"POST /people/{id}/confirm", caretaker, (*request).confirmApprover},

		{"GET /retention", keepers, (*request).retention},
		{"GET /retention/run", keepers, (*request).runPreview},
		{"POST /disposals", keepers, (*request).proposeRun},
		{"GET /disposals/{id}", keepers, (*request).runPage},
		{"POST /disposals/{id}/approve", keepers, (*request).approveRun},
		{"POST /disposals/{id}/end", keepers, (*request).endRun},
		{"GET /holds/new", keepers, (*request).newHold},
		{"POST /holds", keepers, (*request).placeHold},
		{"GET /holds/{id}", keepers, (*request).holdPage},
		{"POST /holds/{id}/release", keepers, (*request).releaseHold},
		{"GET /cases/{case}/erase", keepers, (*request).erasePage},
		{"POST /cases/{case}/erase", keepers, (*request).askErase},
		{"GET /erasures/{id}", keepers, (*request).erasurePage},
		{"POST /erasures/{id}/approve", keepers, (*request).approveErasure},
		{"POST /erasures/{id}/end", keepers, (*request).endErasure},

		{"GET /evidence", assurance, (*request).evidence},
		{"POST /evidence/package", packers, (*request).makePackage},

		{"GET /ledger", insiders, (*request).ledger},
		{"POST /ledger/verify", insiders, (*request).verify},
		{"GET /ledger/entries/{n}", insiders, (*request).entryPage},
		{"GET /ledger/entries/{n}/proof", insiders, (*request).proof},
		{"GET /ledger/entries/{n}/entry", insiders, (*request).entryBytes},
		{"GET /work", watchers, (*request).work},
		{"GET /checks", watchers, (*request).checks},
		{"GET /recovery", caretaker, (*request).recoveryPage},
		{"POST /recovery", leads, (*request).acceptLoss},
		{"POST /work/{id}/retry", caretaker, (*request).retry},
		{"POST /work/{id}/dismiss", caretaker, (*request).dismiss},
	}
}
