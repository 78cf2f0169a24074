-- The register of channels: approved ways in and out.
CREATE TABLE channel (
	{record},
	address_key TEXT NOT NULL, -- blind index of the address while the channel receives, else ''
	state       TEXT NOT NULL,
	review_due  TEXT NOT NULL  -- date
){strict};

CREATE UNIQUE INDEX channel_address ON channel (address_key) WHERE address_key <> '';

{guard channel}
