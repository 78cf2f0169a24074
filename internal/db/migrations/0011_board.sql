-- Orders of the queue, with and without a state, so that a page of it reads as
-- many rows as it shows. The expressions are those of internal/board.
CREATE INDEX casefile_due ON casefile (disposition, state, (CASE WHEN due_at = 0 THEN 4611686018427387904 ELSE due_at END), id);
CREATE INDEX casefile_due_all ON casefile (disposition, (CASE WHEN due_at = 0 THEN 4611686018427387904 ELSE due_at END), id);
CREATE INDEX casefile_newest ON casefile (disposition, state, (-received_at), id);
CREATE INDEX casefile_newest_all ON casefile (disposition, (-received_at), id);
CREATE INDEX casefile_severity ON casefile (disposition, state, (received_at - rank * 4503599627370496), id);
CREATE INDEX casefile_assignee ON casefile (assignee, state);
