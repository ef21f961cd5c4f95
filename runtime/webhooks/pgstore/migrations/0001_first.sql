-- Names and ids are bytes, never folded. Times are microseconds since 1970.
create table closekit_webhook_marks (
	tenant bytea    not null,
	event  bytea    not null,
	done   boolean not null, -- false while a claim is in force
	token  bytea    not null, -- of the claim
	at     bigint not null,
	until  bigint not null, -- end of the claim
	primary key (tenant, event)
);
create index closekit_webhook_marks_at on closekit_webhook_marks (at);

create table closekit_webhook_subscriptions (
	id           bytea    not null primary key,
	tenant       bytea    not null,
	organization bytea    not null,
	url          bytea    not null,
	sealed       bytea    not null, -- the signature key
	key          bigint not null  -- id of the key that sealed it
);
create index closekit_webhook_subscriptions_tenant on closekit_webhook_subscriptions (tenant);

create table closekit_webhook_checkpoints (
	name bytea    not null primary key,
	at   bigint not null
);
