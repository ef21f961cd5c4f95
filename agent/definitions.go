package agent

import (
	"encoding/json"
	"errors"

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
// model. They are legal for the provider and the same in every call. strict has names of
// tools, or patterns of names, whose schema OpenAI shall enforce (see [WithStrict]). In
// OpenAIStrict all tools are strict that can be, and the others are defined loosely. The
// error tells an unknown format or profile; a [*TooManyToolsError] tells that the provider
// takes fewer tools in one request.
func Definitions(tools []*closekit.Tool, f Format, p Profile, d Deferral, strict ...string) ([]json.RawMessage, error) {
	return fit(views(tools), f, p, d.options(strict))
}

func (d Deferral) options(strict []string) lower.Options {
	return lower.Options{Defer: d.Defer, Keep: d.Keep, Namespaces: d.Namespaces, Strict: strict}
}

// NotStrictError reports tools that were to be strict and cannot be; see [WithStrict].
type NotStrictError struct {
	Reasons map[string][]string // by the name of the tool
}

// Error says why, and what to do.
func (e *NotStrictError) Error() string {
	return "agent: " + (&lower.CannotError{Reasons: e.Reasons}).Error() + "\nleave them out of the patterns for strict"
}

// lowered returns the definitions of tools.
func lowered(tools []*tool.Tool, f Format, p Profile, o lower.Options) ([]json.RawMessage, error) {
	list, err := lower.All(tools, lower.Format(f), lower.Profile(p), o)
	var cannot *lower.CannotError
	if errors.As(err, &cannot) {
		return nil, &NotStrictError{cannot.Reasons}
	}
	return list, err
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
