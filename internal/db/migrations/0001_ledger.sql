-- The head: size and root of the tree, its right edge, and how many entries
-- each record kind has. It moves last in every transaction.
CREATE TABLE ledger_head (
	id      {int}  NOT NULL PRIMARY KEY CHECK (id = 1),
	size    {int}  NOT NULL,
	time    {int}  NOT NULL, -- of the last entry, Unix microseconds
	root    {blob} NOT NULL,
	edge    {blob} NOT NULL, -- roots of the complete subtrees, 32 bytes each
	kinds   TEXT   NOT NULL, -- "case 12 response 3": sequence numbers
	origin  TEXT   NOT NULL, -- name of this log in checkpoints
	mac     {blob} NOT NULL  -- over origin, size and root: this ledger wrote it
){strict};

CREATE TABLE ledger_entry (
	idx  {int}  NOT NULL PRIMARY KEY,
	body {blob} NOT NULL -- docs/FORMAT.md
){strict};

-- What an entry says, encrypted. Apart from entries, which are kept for ever.
CREATE TABLE ledger_payload (
	idx  {int}  NOT NULL PRIMARY KEY,
	prev {int}  NOT NULL, -- entry that this one replaced, -1 for a new record
	leaf {blob} NOT NULL, -- hash of the entry: tells which one was changed
	body {blob} NOT NULL
){strict};

CREATE TABLE ledger_counter (
	name  TEXT  NOT NULL PRIMARY KEY,
	value {int} NOT NULL
){strict};

{guard ledger_entry}
{guard ledger_payload}
