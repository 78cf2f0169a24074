-- The last tick at which a node set out to publish the checkpoint.
CREATE TABLE publication (
	id   {int} NOT NULL PRIMARY KEY CHECK (id = 1),
	tick {int} NOT NULL -- Unix microseconds
){strict};
