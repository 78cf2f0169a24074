-- Checks of the record by the product itself.
CREATE TABLE self_check (
	{record},
	at      {int} NOT NULL, -- when it began, Unix microseconds
	outcome TEXT  NOT NULL
){strict};
CREATE INDEX self_check_at ON self_check (at);
{guard self_check}
