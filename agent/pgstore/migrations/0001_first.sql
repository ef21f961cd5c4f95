-- Names, ids and keys are bytes, never folded. Times are microseconds since 1970.
create table closekit_agent_approvals (
	id       bytea    not null primary key,
	account  bytea    not null,
	run      bytea    not null,
	question bytea    not null,
	digest   bytea    not null,
	state    text    not null,
	created  bigint not null,
	expires  bigint not null,
	changed  bigint not null,
	revision bigint not null,
	body     bytea    not null,
	key      bigint   not null -- id of the key that sealed the body
);
create index closekit_agent_approvals_created on closekit_agent_approvals (created);
create index closekit_agent_approvals_changed on closekit_agent_approvals (changed);
create index closekit_agent_approvals_call on closekit_agent_approvals (account, run, digest);

create table closekit_agent_counters (
	key     bytea    not null primary key,
	account bytea    not null,
	value   bigint not null,
	ends    bigint not null
);

-- A record whose content was erased has neither payload nor account nor run.
create table closekit_agent_audit (
	seq     bigint not null primary key,
	at      bigint not null,
	account bytea    not null,
	run     bytea    not null,
	prev    bytea    not null,
	digest  bytea    not null,
	hash    bytea    not null,
	payload bytea,
	key     bigint, -- id of the key that sealed the snapshots
	sealed  bytea
);
create index closekit_agent_audit_run on closekit_agent_audit (run);
create index closekit_agent_audit_account on closekit_agent_audit (account);

-- The end of the log. Its row is locked by whoever appends, so that there is one chain.
create table closekit_agent_audit_head (
	one  boolean not null primary key default true check (one),
	seq  bigint  not null,
	hash bytea   not null
);
insert into closekit_agent_audit_head (seq, hash) values (0, decode(repeat('00', 32), 'hex'));
