-- People. Names and addresses are in the documents only.
CREATE TABLE person (
	{record},
	email_key      TEXT  NOT NULL, -- blind index of the address, '' once it was erased
	roles          TEXT  NOT NULL, -- ' staff lead '
	active         {int} NOT NULL,
	suspended      {int} NOT NULL, -- the right to approve is
	approver_since {int} NOT NULL  -- when a right to approve was first confirmed, 0: never
){strict};
CREATE UNIQUE INDEX person_email ON person (email_key) WHERE email_key <> '';

CREATE TABLE token (
	{record},
	person     TEXT  NOT NULL,
	expires_at {int} NOT NULL,
	revoked_at {int} NOT NULL -- 0: not revoked
){strict};
CREATE INDEX token_person ON token (person);

-- Sessions from sign-in to sign-out, and the failures of one account and minute.
CREATE TABLE sign_in (
	{record},
	person   TEXT  NOT NULL, -- '' for accounts that do not exist
	at       {int} NOT NULL,
	failures {int} NOT NULL
){strict};
CREATE INDEX sign_in_person ON sign_in (person, at);

{guard person}
{guard token}
{guard sign_in}

-- What follows holds hashes under the keyring's secret, never what was hashed.
-- lookup finds the row; proof binds the secret to the row's owner, so that a
-- row written or pointed elsewhere behind our back opens nothing.

CREATE TABLE person_password (
	person TEXT   NOT NULL PRIMARY KEY,
	memory {int}  NOT NULL, -- argon2id: KiB
	passes {int}  NOT NULL,
	lanes  {int}  NOT NULL,
	salt   {blob} NOT NULL,
	proof  {blob} NOT NULL
){strict};

CREATE TABLE person_totp (
	person    TEXT   NOT NULL PRIMARY KEY,
	confirmed {int}  NOT NULL,
	secret    {blob} NOT NULL, -- encrypted
	step      {int}  NOT NULL  -- the last time step used, RFC 6238 §5.2
){strict};

CREATE TABLE person_recovery (
	person TEXT   NOT NULL,
	proof  {blob} NOT NULL,
	PRIMARY KEY (person, proof)
){strict};

CREATE TABLE person_session (
	lookup     TEXT   NOT NULL PRIMARY KEY,
	proof      {blob} NOT NULL,
	id         TEXT   NOT NULL UNIQUE, -- of the sign_in
	person     TEXT   NOT NULL,
	seen_at    {int}  NOT NULL,
	expires_at {int}  NOT NULL,
	strong     {int}  NOT NULL
){strict};
CREATE INDEX person_session_person ON person_session (person);

CREATE TABLE person_link (
	lookup     TEXT   NOT NULL PRIMARY KEY,
	proof      {blob} NOT NULL,
	purpose    TEXT   NOT NULL,
	person     TEXT   NOT NULL,
	expires_at {int}  NOT NULL
){strict};
CREATE INDEX person_link_person ON person_link (person);

CREATE TABLE token_secret (
	lookup  TEXT   NOT NULL PRIMARY KEY,
	proof   {blob} NOT NULL,
	token   TEXT   NOT NULL UNIQUE,
	used_at {int}  NOT NULL
){strict};

CREATE TABLE sign_in_failure (
	account  TEXT  NOT NULL, -- id of a person, '' for accounts that do not exist
	minute   {int} NOT NULL,
	failures {int} NOT NULL,
	refused  {int} NOT NULL, -- of which unseen, for being too many
	PRIMARY KEY (account, minute)
){strict};

CREATE TABLE sign_in_limit (
	lookup   TEXT  NOT NULL PRIMARY KEY, -- blind index of account, address, or both
	busy     {int} NOT NULL, -- the instant until which earlier attempts fill the allowance
	known_at {int} NOT NULL  -- last success of this account from this address
){strict};
