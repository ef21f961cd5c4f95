module github.com/closekit/closekit/adapters/jetstream

go 1.25.0

require (
	github.com/closekit/closekit v0.0.0-00010101000000-000000000000
)
