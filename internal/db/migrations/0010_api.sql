-- Requests that were sent with an idempotency key, for a day.
CREATE TABLE api_request (
	lookup     TEXT   NOT NULL PRIMARY KEY, -- token and key, blind
	request    TEXT   NOT NULL, -- method, address and content, blind; '' while it runs
	state      TEXT   NOT NULL, -- running, done, unknown
	started_at {int}  NOT NULL,
	expires_at {int}  NOT NULL,
	answer     {blob} NOT NULL  -- sealed under the token and the key
){strict};
CREATE INDEX api_request_expires ON api_request (expires_at);
