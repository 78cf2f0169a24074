-- The queue is kept in memory, as a line for every case (internal/board), and
-- follows the table by entries. One index that grows at its end is in the place
-- of six whose every row moves whenever something happens on a case.
DROP INDEX casefile_due;
DROP INDEX casefile_due_all;
DROP INDEX casefile_newest;
DROP INDEX casefile_newest_all;
DROP INDEX casefile_severity;
DROP INDEX casefile_assignee;
CREATE INDEX casefile_entry ON casefile (entry);
