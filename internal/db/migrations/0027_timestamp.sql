-- Time stamps of the log by an authority outside.
CREATE TABLE timestamp (
	{record},
	day  TEXT  NOT NULL, -- that it is for, 2006-01-02
	time {int} NOT NULL  -- by the authority's clock, Unix microseconds
){strict};
CREATE UNIQUE INDEX timestamp_day ON timestamp (day);
{guard timestamp}
