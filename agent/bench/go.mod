module github.com/closekit/closekit/agent/bench

go 1.26.0

replace github.com/closekit/closekit => ../../

require (
	github.com/closekit/closekit v0.1.0
	github.com/tiktoken-go/tokenizer v0.10.0
)

require (
	github.com/dlclark/regexp2/v2 v2.5.1 // indirect
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1 // indirect
)
