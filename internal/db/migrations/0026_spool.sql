-- What became of reports that were kept while the record took nothing.
CREATE TABLE spooled_report (
	reference TEXT NOT NULL PRIMARY KEY, -- that its sender was given
	number    TEXT NOT NULL              -- tracking number of the case
){strict};
