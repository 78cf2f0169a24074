-- Evidence packages that were made.
CREATE TABLE package (
	{record},
	begin_at {int} NOT NULL, -- the period, Unix microseconds
	end_at   {int} NOT NULL, -- excluded
	made_at  {int} NOT NULL,
	made_by  TEXT  NOT NULL
){strict};
CREATE INDEX package_made ON package (made_at);
{guard package}
