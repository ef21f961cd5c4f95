module github.com/closekit/closekit/adapters/adk

go 1.26.5

require github.com/closekit/closekit v0.0.0-00010101000000-000000000000
