-- A matter with its tracking number.
CREATE TABLE casefile (
	{record},
	number      TEXT  NOT NULL UNIQUE,
	state       TEXT  NOT NULL,
	disposition TEXT  NOT NULL,
	category    TEXT  NOT NULL,
	urgency     TEXT  NOT NULL,
	severity    TEXT  NOT NULL,
	rank        {int} NOT NULL, -- of the severity, 0 to 4
	channel     TEXT  NOT NULL,
	source      TEXT  NOT NULL,
	assignee    TEXT  NOT NULL,
	waiting     TEXT  NOT NULL,
	received_at       {int} NOT NULL,
	first_response_at {int} NOT NULL,
	due_at            {int} NOT NULL, -- 0: no clock
	closed_at         {int} NOT NULL,
	updated_at        {int} NOT NULL,
	last_at           {int} NOT NULL,
	reporter    TEXT  NOT NULL -- address, blind
){strict};
-- The numbers of a year in the order of numbers: what the next one is.
CREATE INDEX casefile_number ON casefile (substr(number, 1, 7), length(number), number);
CREATE INDEX casefile_reporter ON casefile (reporter, received_at);
{guard casefile}

-- One message of a case.
CREATE TABLE communication (
	{record},
	casefile    TEXT  NOT NULL,
	seq         {int} NOT NULL, -- within the case
	direction   TEXT  NOT NULL,
	channel     TEXT  NOT NULL,
	source      TEXT  NOT NULL,
	auto        TEXT  NOT NULL,
	received_at {int} NOT NULL,
	message_id  TEXT  NOT NULL, -- blind
	arrival     TEXT  NOT NULL, -- channel and hash of the bytes, blind; '' for what was no mail
	members     TEXT  NOT NULL, -- addresses, blind
	UNIQUE (casefile, seq)
){strict};
-- What comes again is found by its Message-ID first, so that most rows need no
-- second index of random values.
CREATE INDEX communication_message ON communication (message_id, arrival) WHERE message_id <> '';
CREATE UNIQUE INDEX communication_arrival ON communication (arrival) WHERE message_id = '' AND arrival <> '';
CREATE INDEX communication_received ON communication (received_at);
{guard communication}

-- Confirmations that were handed to the relay, or are being.
CREATE TABLE confirmation (
	communication TEXT NOT NULL PRIMARY KEY, -- the one that is confirmed
	state         TEXT NOT NULL              -- sending, done
){strict};

-- How often the same bytes came again.
CREATE TABLE repeated_arrival (
	communication TEXT  NOT NULL PRIMARY KEY,
	count         {int} NOT NULL,
	last_at       {int} NOT NULL
){strict};
