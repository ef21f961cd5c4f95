package modeltest

import "encoding/json"

// Step is one answer of the model.
type Step struct {
	// Check looks at the request that the step answers. Its error is a problem of the
	// test, and the request is refused. It may be nil.
	Check func(Request) error
	Text  string // before the calls
	Calls []Call
	End   End
	// Hold, if not nil, stops a stream after the first piece of Text until it is closed.
	Hold <-chan struct{}
}

// End is why a message ends, which each provider has words of its own for.
type End int

// Ends.
const (
	Whole End = iota // it is complete
	// Limit is a message that is as long as it may be. The input of its last call may be
	// half: it need not be an object, which whole messages of some providers show as an
	// empty one.
	Limit
	Refused   // the model or a filter stopped it
	Nothing   // there is no message, because the prompt was refused
	Malformed // a call was left out, because the provider cannot read it: Gemini and Bedrock
	Broken    // a stream ends without saying why
)

// Call is a call that the model asks for.
type Call struct {
	Name string
	// Input is a JSON object. OpenAI's models send text, which may be broken; a step
	// with such input is a problem for the other providers.
	Input string
}

// Request is what came from the client.
type Request struct {
	Path        string
	Tools       []string     // names
	Definitions []Definition // of the tools
	Results     []Result     // of the calls of the step before, in the order of the calls
	Stream      bool
	Body        json.RawMessage
}

// Definition is what the model reads of a tool.
type Definition struct {
	Name, Description string
	Schema            json.RawMessage // of the input; nil for a search of the provider
}

// Result is what became of a call.
type Result struct {
	Name    string // of the tool
	Text    string
	IsError bool // false for OpenAI, which has no mark for errors
}
