-- What was erased of a case: 0 nothing of its header, 1 who reported it, 2 all.
ALTER TABLE casefile ADD COLUMN erased {int} NOT NULL DEFAULT 0;
-- Whose time may be up.
CREATE INDEX casefile_closed ON casefile (closed_at) WHERE closed_at > 0 AND erased < 2;

-- What somebody is typing has a key that can be destroyed. What was typed
-- under a key for all is let go: nobody could promise to forget it.
DELETE FROM response_autosave;
ALTER TABLE response_autosave ADD COLUMN key {int} NOT NULL DEFAULT 0;

-- What must not be erased meanwhile.
CREATE TABLE legal_hold (
	{record},
	state     TEXT  NOT NULL, -- active, released
	scope     TEXT  NOT NULL, -- case, party, query
	casefile  TEXT  NOT NULL, -- of scope case
	party     TEXT  NOT NULL, -- address or domain, blind
	placed_at {int} NOT NULL
){strict};
CREATE INDEX legal_hold_state ON legal_hold (state);
{guard legal_hold}

-- Requests to erase.
CREATE TABLE erasure (
	{record},
	casefile     TEXT  NOT NULL,
	state        TEXT  NOT NULL, -- requested, approved, executed, declined, withdrawn
	requested_at {int} NOT NULL
){strict};
CREATE INDEX erasure_casefile ON erasure (casefile);
CREATE INDEX erasure_state ON erasure (state, requested_at);
{guard erasure}

-- Runs that dispose of what was kept long enough.
CREATE TABLE disposal (
	{record},
	state       TEXT  NOT NULL, -- proposed, approved, executed, declined, withdrawn
	proposed_at {int} NOT NULL
){strict};
CREATE INDEX disposal_state ON disposal (state, proposed_at);
{guard disposal}
