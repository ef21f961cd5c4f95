-- Names and ids are bytes, never folded. Times are microseconds since 1970.
create table closekit_webhook_marks (
	tenant blob    not null,
	event  blob    not null,
	done   integer not null, -- 0 while a claim is in force
	token  blob    not null, -- of the claim
	at     integer not null,
	until  integer not null, -- end of the claim
	primary key (tenant, event)
) strict, without rowid;
create index closekit_webhook_marks_at on closekit_webhook_marks (at);

create table closekit_webhook_subscriptions (
	id           blob    not null primary key,
	tenant       blob    not null,
	organization blob    not null,
	url          blob    not null,
	sealed       blob    not null, -- the signature key
	key          integer not null  -- id of the key that sealed it
) strict, without rowid;
create index closekit_webhook_subscriptions_tenant on closekit_webhook_subscriptions (tenant);

create table closekit_webhook_checkpoints (
	name blob    not null primary key,
	at   integer not null
) strict, without rowid;
