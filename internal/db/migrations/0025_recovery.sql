-- Losses of a set back log that were accepted.
CREATE TABLE recovery (
	{record},
	at {int} NOT NULL -- Unix microseconds
){strict};
{guard recovery}
