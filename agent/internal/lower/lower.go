// Package lower makes the definitions of tools that model providers accept.
//
// A tool has one canonical JSON Schema, and input is always checked against it. What a
// model sees is lowered from it by pure functions: one portable form is legal for every
// provider that does not enforce schemas, and OpenAI's strict mode and Gemini's OpenAPI
// subset have forms of their own, which [Undo] takes back. Definitions are
// deterministic, with the parameters in the order of the manifest.
package lower

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

// Format is the form of a definition.
type Format string

// The formats. Frameworks that are not named take one of these: LangChain that of
// OpenAI Chat, the Vercel AI SDK that of MCP.
const (
	OpenAIChat      Format = "openai-chat"
	OpenAIResponses Format = "openai-responses"
	OpenAIStrict    Format = "openai-strict" // Chat, with a schema that OpenAI enforces
	Anthropic       Format = "anthropic"
	Gemini          Format = "gemini"         // function declarations with parametersJsonSchema
	GeminiOpenAPI   Format = "gemini-openapi" // function declarations with parameters
	Bedrock         Format = "bedrock"
	Mistral         Format = "mistral"
	Cohere          Format = "cohere"
	MCP             Format = "mcp"
	OpenAPI         Format = "openapi" // an OpenAPI 3.1 document
)

// Formats returns all formats.
func Formats() []Format {
	return []Format{OpenAIChat, OpenAIResponses, OpenAIStrict, Anthropic, Gemini, GeminiOpenAPI, Bedrock, Mistral, Cohere, MCP, OpenAPI}
}

// Profile says how much of a tool a definition shows.
type Profile string

// The profiles. Lean shows the main parameters, with a text where name and type do not
// say what they are, and names the others.
const (
	Full Profile = "full"
	Lean Profile = "lean"
)

// Options change definitions. The zero value is that of a plain list.
type Options struct {
	// Defer leaves the tools out of the prompt until the provider's own tool search
	// finds them, except those that Keep names. Anthropic and OpenAI Responses have it;
	// for the others it changes nothing.
	Defer bool
	Keep  []string
	// Namespaces groups the deferred tools by resource, for OpenAI Responses.
	Namespaces bool
}

// Definition returns the definition of a tool: for OpenAPI, a document with one
// operation. The error for OpenAI's strict mode is a [*NotStrictError] if the tool
// cannot have it.
func Definition(t *tool.Tool, f Format, p Profile, o Options) (json.RawMessage, error) {
	if f == OpenAPI {
		return document([]*tool.Tool{t}, p)
	}
	return definition(t, f, p, o)
}

func definition(t *tool.Tool, f Format, p Profile, o Options) (json.RawMessage, error) {
	if !slices.Contains(Formats(), f) {
		return nil, fmt.Errorf("format %q: unknown; known are %v", f, Formats())
	}
	if p != Full && p != Lean {
		return nil, fmt.Errorf("profile %q: unknown; known are full and lean", p)
	}
	if f == OpenAIStrict {
		if reasons, err := NotStrict(t); err != nil {
			return nil, err
		} else if len(reasons) > 0 {
			return nil, &NotStrictError{t.Name, reasons}
		}
	}
	v, err := viewOf(t, f, p)
	if err != nil {
		return nil, err
	}
	return envelope(t, v, f, o), nil
}

// All returns the definitions of tools, in their order. Tools that cannot be strict
// are lowered loosely, as "strict": false says. OpenAPI is a list of one document with
// all operations. With deferred tools, the list ends in the provider's search tool.
func All(ts []*tool.Tool, f Format, p Profile, o Options) ([]json.RawMessage, error) {
	if f == OpenAPI {
		doc, err := document(ts, p)
		if err != nil {
			return nil, err
		}
		return []json.RawMessage{doc}, nil
	}
	list := make([]json.RawMessage, len(ts))
	for i, t := range ts {
		d, err := definition(t, f, p, o)
		if _, ok := err.(*NotStrictError); ok { //nolint:errorlint // returned by definition as it is
			d, err = definition(t, OpenAIChat, p, o)
		}
		if err != nil {
			return nil, err
		}
		list[i] = d
	}
	return searchable(ts, list, f, o), nil
}

// MostLoaded returns how many tools a request may have in the prompt, 0 if no bound is
// published. Deferred tools do not count.
func MostLoaded(f Format) int {
	switch f { //nolint:exhaustive // the others publish none
	case OpenAIChat, OpenAIResponses, OpenAIStrict:
		return 128
	case Gemini, GeminiOpenAPI:
		return 512
	}
	return 0
}

// Loaded returns how many of the tools are in the prompt.
func Loaded(ts []*tool.Tool, f Format, o Options) int {
	n := 0
	for _, t := range ts {
		if !o.deferred(t.Name, f) {
			n++
		}
	}
	return n
}

func (o Options) deferred(name string, f Format) bool {
	return o.Defer && (f == Anthropic || f == OpenAIResponses) && !slices.Contains(o.Keep, name)
}

// NotStrictError says why a tool cannot have OpenAI's strict mode.
type NotStrictError struct {
	Tool    string
	Reasons []string
}

func (e *NotStrictError) Error() string {
	return e.Tool + ": cannot be strict: " + strings.Join(e.Reasons, "; ")
}
