-- Versions of criteria, rules, matrices, targets and templates.
CREATE TABLE policy (
	{record},
	kind    TEXT  NOT NULL,
	name    TEXT  NOT NULL, -- '' for kinds with one document
	version {int} NOT NULL,
	state   TEXT  NOT NULL,
	effective_from {int} NOT NULL,
	UNIQUE (kind, name, version)
){strict};
CREATE UNIQUE INDEX policy_in_force ON policy (kind, name) WHERE state = 'in-force';
{guard policy}
