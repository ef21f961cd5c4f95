-- Times are nanoseconds since 1970 by the clock of the host, 0 means none.
-- Names are bytes, never folded. Blobs are sealed.
create table accounts (
	id                  text    not null primary key,
	tenant              blob    not null,
	connection          blob    not null,
	identifier          blob    not null,
	state               text    not null,
	reason              text    not null,
	generation          integer not null,
	epoch               integer not null,
	consent             text    not null,
	tokens              blob,
	tokens_key          integer not null,
	no_refresh          integer not null,
	fallback            blob,
	fallback_key        integer not null,
	fallback_purpose    text    not null,
	fallback_generation integer not null,
	fallback_until      integer not null,
	organization_id     text    not null,
	user_id             text    not null,
	expires             integer not null,
	due                 integer not null,
	refreshed           integer not null,
	used                integer not null,
	attempt             text    not null,
	owner               text    not null,
	attempt_until       integer not null,
	last_attempt        text    not null,
	doubts              integer not null,
	troubled            integer not null,
	failures            integer not null,
	failure             text    not null,
	verify_until        integer not null,
	previous_state      text    not null,
	previous_reason     text    not null,
	created             integer not null,
	changed             integer not null,
	unique (tenant, connection, identifier)
) strict;

-- Each is only as large as what it is about.
create index accounts_due on accounts (connection, due) where state in ('ACTIVE', 'EXPIRED') and due > 0;
create index accounts_verifying on accounts (verify_until) where state = 'VERIFYING';
create index accounts_fallback on accounts (fallback_until) where fallback_until > 0;
create index accounts_revoked on accounts (changed) where state = 'REVOKED' and tokens is not null;

create table revocations (
	id         text    not null primary key,
	tenant     blob    not null,
	connection blob    not null,
	identifier blob    not null,
	account_id text    not null,
	purpose    text    not null,
	generation integer not null,
	sealed     blob,
	sealed_key integer not null,
	created    integer not null,
	due        integer not null
) strict;
create index revocations_due on revocations (due);
create index revocations_account on revocations (tenant, connection, identifier);

create table flows (
	id           blob    not null primary key,
	kind         text    not null,
	tenant       blob    not null,
	connection   blob    not null,
	identifier   blob    not null,
	account_id   text    not null,
	epoch        integer not null,
	out_of_band  integer not null,
	return_to    text    not null,
	new_identity integer not null,
	sealed       blob,
	sealed_key   integer not null,
	expires      integer not null
) strict;
create index flows_account on flows (tenant, connection, identifier);
create index flows_expires on flows (expires);

create table events (
	id         integer not null primary key autoincrement, -- never used again
	at         integer not null,
	type       text    not null,
	tenant     blob    not null,
	connection blob    not null,
	identifier blob    not null,
	account_id text    not null,
	from_state text    not null,
	to_state   text    not null,
	reason     text    not null,
	actor      text    not null,
	acked      integer not null default 0,
	claimed    integer not null default 0
) strict;
create index events_pending on events (id) where acked = 0;
create index events_old on events (at) where acked = 1;
create index events_account on events (tenant, connection, identifier, id);

create table health (
	connection  blob    not null,
	fingerprint text    not null,
	state       text    not null,
	code        text    not null,
	since       integer not null,
	probe       integer not null,
	primary key (connection, fingerprint)
) strict;

create table sentinel (
	one        integer not null primary key check (one = 1),
	sealed     blob    not null,
	sealed_key integer not null
) strict;
