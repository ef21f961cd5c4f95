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
	"maps"
	"path"
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
	// Strict has patterns of the names of tools whose schema OpenAI enforces, for OpenAI
	// Chat and Responses. One that cannot be strict is an error.
	Strict []string
}

// strict reports whether the schema of a tool is one that OpenAI enforces.
func (o Options) strict(name string, f Format) bool {
	return f == OpenAIStrict || slices.ContainsFunc(o.Strict, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

// check reports patterns that are not valid, or that say nothing about the tools.
func (o Options) check(ts []*tool.Tool, f Format) error {
	if len(o.Strict) > 0 && f != OpenAIChat && f != OpenAIResponses {
		return fmt.Errorf("format %q: no tool can be strict; only those of %s and %s can", f, OpenAIChat, OpenAIResponses)
	}
	for _, p := range o.Strict {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("strict: the pattern %q is not valid", p)
		}
		if !slices.ContainsFunc(ts, func(t *tool.Tool) bool { ok, _ := path.Match(p, t.Name); return ok }) {
			return fmt.Errorf("strict: no tool of the list matches %q", p)
		}
	}
	return nil
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
	form := f
	if o.strict(t.Name, f) {
		form = OpenAIStrict
		if reasons, err := NotStrict(t); err != nil {
			return nil, err
		} else if len(reasons) > 0 {
			return nil, &NotStrictError{t.Name, reasons}
		}
	}
	v, err := viewOf(t, form, p)
	if err != nil {
		return nil, err
	}
	return envelope(t, v, f, o), nil
}

// All returns the definitions of tools, in their order. In OpenAIStrict, tools that cannot
// be strict are lowered loosely, as "strict": false says; a tool that Options.Strict names
// must be able to: the error is a [*CannotError] otherwise.
// OpenAPI is a list of one document with all operations. With deferred tools, the list
// ends in the provider's search tool.
func All(ts []*tool.Tool, f Format, p Profile, o Options) ([]json.RawMessage, error) {
	if err := o.check(ts, f); err != nil {
		return nil, err
	}
	if f == OpenAPI {
		doc, err := document(ts, p)
		if err != nil {
			return nil, err
		}
		return []json.RawMessage{doc}, nil
	}
	list := make([]json.RawMessage, len(ts))
	cannot := map[string][]string{}
	for i, t := range ts {
		d, err := definition(t, f, p, o)
		if e, ok := err.(*NotStrictError); ok { //nolint:errorlint // returned by definition as it is
			if d, err = definition(t, OpenAIChat, p, Options{}); f != OpenAIStrict {
				cannot[t.Name] = e.Reasons
			}
		}
		if err != nil {
			return nil, err
		}
		list[i] = d
	}
	if len(cannot) > 0 {
		return nil, &CannotError{cannot}
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

// CannotError says why tools that were to be strict cannot be.
type CannotError struct {
	Reasons map[string][]string // by the name of the tool
}

func (e *CannotError) Error() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(e.Reasons)) {
		list = append(list, name+": "+strings.Join(e.Reasons[name], "; "))
	}
	return "these tools cannot be strict: " + strings.Join(list, "\n")
}
