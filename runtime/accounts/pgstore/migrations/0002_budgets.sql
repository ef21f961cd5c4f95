-- Processes that pace the calls of an organization. Nothing is lost with it.
create unlogged table closekit_budgets (
	organization text        not null,
	owner        text        not null,
	until        timestamptz not null,
	primary key (organization, owner)
);
