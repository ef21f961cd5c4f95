-- Processes that pace the calls of an organization.
create table budgets (
	organization text    not null,
	owner        text    not null,
	until        integer not null,
	primary key (organization, owner)
) strict;
