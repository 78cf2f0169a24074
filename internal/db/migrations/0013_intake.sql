-- One index finds what came before, whether it has a Message-ID or not. It is
-- not partial: where a parameter decides whether a partial index can be used,
-- SQLite plans the query anew for every message.
DROP INDEX communication_message;
DROP INDEX communication_arrival;
CREATE INDEX communication_message ON communication (message_id, arrival);
