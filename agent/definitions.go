package agent

import (
	"encoding/json"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
)

// Format is the form of a definition that a model provider takes.
type Format string

// The formats.
const (
	OpenAIChat      = Format(lower.OpenAIChat)
	OpenAIResponses = Format(lower.OpenAIResponses)
	OpenAIStrict    = Format(lower.OpenAIStrict) // Chat with "strict": true; see NotStrict
	Anthropic       = Format(lower.Anthropic)
	Gemini          = Format(lower.Gemini)        // function declarations with parametersJsonSchema
	GeminiOpenAPI   = Format(lower.GeminiOpenAPI) // function declarations with parameters
	Bedrock         = Format(lower.Bedrock)
	Mistral         = Format(lower.Mistral)
	Cohere          = Format(lower.Cohere)
	MCP             = Format(lower.MCP)
	OpenAPI         = Format(lower.OpenAPI) // one OpenAPI 3.1 document with an operation per tool
)

// Formats returns all formats.
func Formats() []Format {
	var list []Format
	for _, f := range lower.Formats() {
		list = append(list, Format(f))
	}
	return list
}

// Profile says how much of a tool a definition shows.
type Profile string

// The profiles. Lean shows the main parameters, with a text where name and type do not
// say what they are, and names the rest, which one parameter named more takes. Full
// shows all but the deprecated ones.
const (
	Full = Profile(lower.Full)
	Lean = Profile(lower.Lean)
)

// Deferral leaves tools out of the prompt until the provider's own tool search finds
// them. The zero value defers none. Only Anthropic and OpenAIResponses have it.
type Deferral struct {
	Defer      bool
	Keep       []string // names of tools that stay in the prompt; Anthropic needs one
	Namespaces bool     // for OpenAIResponses: groups the deferred tools by resource
}

// Definitions returns the definitions of tools, in their order, for a request to a
// model. They are legal for the provider and the same in every call. A tool that
// cannot be strict is defined loosely. The error tells an unknown format or profile; a
// [*TooManyToolsError] tells that the provider takes fewer tools in one request.
func Definitions(tools []*closekit.Tool, f Format, p Profile, d Deferral) ([]json.RawMessage, error) {
	return fit(views(tools), f, p, lower.Options(d))
}

// NotStrict returns the reasons why a tool cannot have OpenAI's strict mode, none if it
// can.
func NotStrict(t *closekit.Tool) ([]string, error) { return lower.NotStrict(tool.OfCatalog(t)) }

func views(tools []*closekit.Tool) []*tool.Tool {
	list := make([]*tool.Tool, len(tools))
	for i, t := range tools {
		list[i] = tool.OfCatalog(t)
	}
	return list
}
