-- Orders of the queue.
CREATE INDEX casefile_due ON casefile (disposition, state, due_at);
CREATE INDEX casefile_assignee ON casefile (assignee, state);
