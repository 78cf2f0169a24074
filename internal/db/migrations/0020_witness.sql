-- How far each witness has followed the log, under each name that it has had.
CREATE TABLE witness_state (
	origin       TEXT  NOT NULL,
	witness      TEXT  NOT NULL, -- verifier key
	size         {int} NOT NULL, -- of the last checkpoint that it cosigned
	succeeded_at {int} NOT NULL, -- Unix microseconds, 0 where never
	failed_at    {int} NOT NULL,
	error        TEXT  NOT NULL, -- of the last round, '' where it cosigned
	PRIMARY KEY (origin, witness)
){strict};

-- Checkpoints that a witness has cosigned.
CREATE TABLE witness_checkpoint (
	origin TEXT  NOT NULL,
	size   {int} NOT NULL,
	note   TEXT  NOT NULL, -- signed by the log alone
	met_at {int} NOT NULL, -- when enough witnesses had cosigned it, 0 where they have not
	PRIMARY KEY (origin, size)
){strict};

CREATE INDEX witness_checkpoint_met ON witness_checkpoint (origin, size) WHERE met_at > 0;

CREATE TABLE witness_cosignature (
	origin  TEXT  NOT NULL,
	size    {int} NOT NULL,
	witness TEXT  NOT NULL, -- verifier key
	time    {int} NOT NULL, -- as signed; Unix microseconds
	line    TEXT  NOT NULL, -- of the signed note
	PRIMARY KEY (origin, size, witness)
){strict};
