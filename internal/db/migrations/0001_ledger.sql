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
	halted  TEXT   NOT NULL, -- why sealing has stopped, '' where it has not
	mac     {blob} NOT NULL  -- over all of them: this ledger wrote it
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
	body {blob} NOT NULL  -- empty once it was erased
){strict};

-- Roots of the complete subtrees of 256^level entries: with the leaves, what
-- tiles and proofs are made of.
CREATE TABLE ledger_node (
	level {int}  NOT NULL,
	n     {int}  NOT NULL,
	hash  {blob} NOT NULL,
	PRIMARY KEY (level, n)
){strict};

-- Leaf hashes of committed fields whose content was erased: with them the rest
-- of the document can still be proved.
CREATE TABLE ledger_redacted (
	idx  {int}  NOT NULL,
	name TEXT   NOT NULL,
	leaf {blob} NOT NULL,
	PRIMARY KEY (idx, name)
){strict};

-- Keys to be destroyed and blobs to be removed, until that is done.
CREATE TABLE ledger_erasure (
	idx  {int} NOT NULL PRIMARY KEY, -- entry that erased
	body TEXT  NOT NULL
){strict};

-- The checkpoint that outsiders see: the newest of a fixed cadence.
CREATE TABLE ledger_published (
	id         {int} NOT NULL PRIMARY KEY CHECK (id = 1),
	size       {int} NOT NULL,
	time       {int} NOT NULL, -- Unix microseconds
	checkpoint TEXT  NOT NULL
){strict};

{guard ledger_entry}
{guard ledger_payload}
{guard ledger_node}
{guard ledger_redacted}
