-- Names, ids and keys are bytes, never folded. Times are microseconds since 1970.
create table agent_approvals (
	id       blob    not null primary key,
	account  blob    not null,
	run      blob    not null,
	question blob    not null,
	digest   blob    not null,
	state    text    not null,
	created  integer not null,
	expires  integer not null,
	changed  integer not null,
	revision integer not null,
	body     blob    not null,
	key      integer not null -- id of the key that sealed the body
) strict;
create index agent_approvals_created on agent_approvals (created);
create index agent_approvals_changed on agent_approvals (changed);
create index agent_approvals_call on agent_approvals (account, run, digest);

create table agent_counters (
	key     blob    not null primary key,
	account blob    not null,
	value   integer not null,
	ends    integer not null
) strict, without rowid;

-- A record whose content was erased has neither payload nor account nor run.
create table agent_audit (
	seq     integer not null primary key,
	at      integer not null,
	account blob    not null,
	run     blob    not null,
	prev    blob    not null,
	digest  blob    not null,
	hash    blob    not null,
	payload blob,
	key     integer, -- id of the key that sealed the snapshots
	sealed  blob
) strict;
create index agent_audit_run on agent_audit (run);
create index agent_audit_account on agent_audit (account);
