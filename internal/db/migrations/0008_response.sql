CREATE TABLE response (
	{record},
	casefile     TEXT  NOT NULL, -- id of the case
	seq          {int} NOT NULL, -- within the case
	state        TEXT  NOT NULL,
	channel      TEXT  NOT NULL,
	submitted_at {int} NOT NULL,
	sent_at      {int} NOT NULL,
	updated_at   {int} NOT NULL,
	message_id   TEXT  NOT NULL, -- blind index
	exception    {int} NOT NULL, -- 1: sent or to be sent by a rule without approval
	UNIQUE (casefile, seq)
){strict};
CREATE INDEX response_state ON response (state, submitted_at);
CREATE INDEX response_sent ON response (sent_at);
{guard response}

-- What somebody is typing, encrypted, until it becomes a version.
CREATE TABLE response_autosave (
	response TEXT   NOT NULL,
	person   TEXT   NOT NULL,
	at       {int}  NOT NULL,
	body     {blob} NOT NULL,
	PRIMARY KEY (response, person)
){strict};
