-- Restores of backups that were tried.
CREATE TABLE drill (
	{record},
	at        {int} NOT NULL, -- Unix microseconds
	outcome   TEXT  NOT NULL,
	backup_at {int} NOT NULL  -- when the backup was made, 0 where it could not be opened
){strict};
CREATE INDEX drill_at ON drill (at);
{guard drill}
