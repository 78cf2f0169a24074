-- How far each witness has followed the log.
CREATE TABLE witness_state (
	witness      TEXT  NOT NULL PRIMARY KEY, -- verifier key
	size         {int} NOT NULL, -- of the last checkpoint that it cosigned
	succeeded_at {int} NOT NULL, -- Unix microseconds, 0 where never
	failed_at    {int} NOT NULL,
	error        TEXT  NOT NULL -- of the last round, '' where it cosigned
){strict};

-- Checkpoints that a witness has cosigned.
CREATE TABLE witness_checkpoint (
	size   {int} NOT NULL PRIMARY KEY,
	note   TEXT  NOT NULL, -- signed by the log alone
	met_at {int} NOT NULL -- when enough witnesses had cosigned it, 0 where they have not
){strict};

CREATE INDEX witness_checkpoint_met ON witness_checkpoint (size) WHERE met_at > 0;

CREATE TABLE witness_cosignature (
	size    {int} NOT NULL,
	witness TEXT  NOT NULL, -- verifier key
	time    {int} NOT NULL, -- as signed; Unix microseconds
	line    TEXT  NOT NULL, -- of the signed note
	PRIMARY KEY (size, witness)
){strict};
