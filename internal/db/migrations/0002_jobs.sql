-- Work that is due once its transaction has committed. Rows are kept when they
-- are done, so that nothing is done twice for one key.
CREATE TABLE job (
	kind    TEXT  NOT NULL,
	key     TEXT  NOT NULL, -- ids only, no personal data
	state   TEXT  NOT NULL CHECK (state IN ('open', 'done', 'dead')),
	at      {int} NOT NULL, -- due, or, where it is held, until when; Unix microseconds
	holder  TEXT  NOT NULL, -- the runner that holds it, '' where none does
	attempt {int} NOT NULL, -- attempts begun
	error   TEXT  NOT NULL, -- of the last attempt, addresses struck out
	PRIMARY KEY (kind, key)
){strict};

CREATE INDEX job_due ON job (kind, at, key) WHERE state = 'open';
CREATE INDEX job_held ON job (holder) WHERE holder <> '';

-- A job that was given up: somebody's to-do.
CREATE TABLE dead_letter (
	{record},
	job_kind TEXT  NOT NULL,
	job_key  TEXT  NOT NULL,
	state    TEXT  NOT NULL,
	died_at  {int} NOT NULL -- Unix microseconds
){strict};

CREATE INDEX dead_letter_open ON dead_letter (state, died_at);

{guard dead_letter}
