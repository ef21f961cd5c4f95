module example.com/downstream

go 1.25.0

require github.com/closekit/closekit v0.0.0-00010101000000-000000000000

require (
	github.com/dave/jennifer v1.7.1 // indirect
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/closekit/closekit => ../..

tool github.com/closekit/closekit/cmd/closegen
