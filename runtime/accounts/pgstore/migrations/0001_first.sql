-- Names are bytes, never folded. Blobs are sealed. Times are those of the
-- database. Each update of an account moves its due time, which is indexed, so
-- that a page needs room and dead rows must go early.
create table closekit_accounts (
	id                  text        collate "C" not null primary key,
	tenant              bytea       not null,
	connection          bytea       not null,
	identifier          bytea       not null,
	state               text        not null,
	reason              text        not null default '',
	generation          bigint      not null default 0,
	epoch               bigint      not null default 0,
	consent             text        not null default '',
	tokens              bytea,
	tokens_key          bigint      not null default 0,
	no_refresh          boolean     not null default false,
	fallback            bytea,
	fallback_key        bigint      not null default 0,
	fallback_purpose    text        not null default '',
	fallback_generation bigint      not null default 0,
	fallback_until      timestamptz,
	organization_id     text        not null default '',
	user_id             text        not null default '',
	expires             timestamptz,
	due                 timestamptz,
	refreshed           timestamptz,
	used                timestamptz,
	attempt             text        not null default '',
	owner               text        not null default '',
	attempt_until       timestamptz,
	last_attempt        text        not null default '',
	doubts              bigint      not null default 0,
	troubled            boolean     not null default false,
	failures            bigint      not null default 0,
	failure             text        not null default '',
	verify_until        timestamptz,
	previous_state      text        not null default '',
	previous_reason     text        not null default '',
	created             timestamptz not null default now(),
	changed             timestamptz not null default now(),
	unique (tenant, connection, identifier)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- Each is only as large as what it is about.
create index closekit_accounts_due on closekit_accounts (connection, due) where state in ('ACTIVE', 'EXPIRED');
create index closekit_accounts_verifying on closekit_accounts (verify_until) where state = 'VERIFYING';
create index closekit_accounts_fallback on closekit_accounts (fallback_until) where fallback_until is not null;
create index closekit_accounts_revoked on closekit_accounts (changed) where state = 'REVOKED' and tokens is not null;

create table closekit_revocations (
	id         text        collate "C" not null primary key,
	tenant     bytea       not null,
	connection bytea       not null,
	identifier bytea       not null,
	account_id text        not null,
	purpose    text        not null,
	generation bigint      not null,
	sealed     bytea,
	sealed_key bigint      not null,
	created    timestamptz not null default now(),
	due        timestamptz not null default now()
);
create index closekit_revocations_due on closekit_revocations (due);
create index closekit_revocations_account on closekit_revocations (tenant, connection, identifier);

create table closekit_flows (
	id           bytea       not null primary key,
	kind         text        not null,
	tenant       bytea       not null,
	connection   bytea       not null,
	identifier   bytea       not null,
	account_id   text        not null,
	epoch        bigint      not null,
	out_of_band  boolean     not null,
	return_to    text        not null,
	new_identity boolean     not null,
	sealed       bytea,
	sealed_key   bigint      not null,
	expires      timestamptz not null
);
create index closekit_flows_account on closekit_flows (tenant, connection, identifier);
create index closekit_flows_expires on closekit_flows (expires);

create table closekit_events (
	id         bigint      generated always as identity primary key,
	writer     xid8        not null default pg_current_xact_id(), -- tells what may still be overtaken
	at         timestamptz not null default now(),
	type       text        not null,
	tenant     bytea       not null,
	connection bytea       not null,
	identifier bytea       not null,
	account_id text        not null,
	from_state text        not null,
	to_state   text        not null,
	reason     text        not null,
	actor      text        not null,
	acked      boolean     not null default false,
	claimed    timestamptz
);
create index closekit_events_pending on closekit_events (id) where not acked;
create index closekit_events_old on closekit_events (at) where acked;
create index closekit_events_account on closekit_events (tenant, connection, identifier, id);

create table closekit_health (
	connection  bytea       not null,
	fingerprint text        not null,
	state       text        not null,
	former      text        not null,
	code        text        not null,
	since       timestamptz not null,
	probe       timestamptz not null,
	primary key (connection, fingerprint)
);

create table closekit_sentinel (
	one        boolean not null primary key default true check (one),
	sealed     bytea   not null,
	sealed_key bigint  not null
);
