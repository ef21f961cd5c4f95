package lower

import (
	"encoding/json"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
)

// envelope puts a lowered tool into the form of a provider.
func envelope(t *tool.Tool, v *view, f Format, o Options) json.RawMessage {
	input := v.input.appendJSON(nil)
	switch f {
	case OpenAIResponses:
		return build(func(d *object) {
			d.text("type", "function")
			d.text("name", t.Name)
			d.text("description", v.text)
			d.raw("parameters", input)
			// When strict is left out, OpenAI tries it and falls back silently.
			d.bool("strict", o.strict(t.Name, f))
			if o.deferred(t.Name, f) {
				d.bool("defer_loading", true)
			}
		})
	case Anthropic:
		return build(func(d *object) {
			d.text("name", t.Name)
			d.text("description", v.text)
			d.raw("input_schema", input)
			if o.deferred(t.Name, f) {
				d.bool("defer_loading", true)
			}
		})
	case Gemini, GeminiOpenAPI:
		return build(func(d *object) {
			d.text("name", t.Name)
			d.text("description", v.text)
			switch {
			case f == Gemini:
				d.raw("parametersJsonSchema", input)
			case len(v.input.props) > 0: // an object without properties is refused
				d.raw("parameters", input)
			}
		})
	case Bedrock:
		spec := build(func(d *object) {
			d.text("name", t.Name)
			d.text("description", v.text)
			d.raw("inputSchema", build(func(d *object) { d.raw("json", input) }))
		})
		return build(func(d *object) { d.raw("toolSpec", spec) })
	case MCP:
		return build(func(d *object) {
			d.text("name", t.Name)
			d.text("title", t.Info.Title)
			d.text("description", v.text)
			d.raw("inputSchema", input)
			d.raw("annotations", annotations(t))
		})
	default: // the form of OpenAI Chat, which others took over
		function := build(func(d *object) {
			d.text("name", t.Name)
			d.text("description", v.text)
			d.raw("parameters", input)
			if f == OpenAIChat || f == OpenAIStrict { // Mistral and Cohere took over the form without it
				d.bool("strict", o.strict(t.Name, f))
			}
		})
		return build(func(d *object) {
			d.text("type", "function")
			d.raw("function", function)
		})
	}
}

// annotations returns MCP's four hints, which all have defaults that hosts read
// differently.
func annotations(t *tool.Tool) []byte {
	return build(func(d *object) {
		d.bool("readOnlyHint", t.Effect == closekit.Read)
		d.bool("destructiveHint", t.Effect.Has(closekit.Destructive) || t.Effect.Has(closekit.Overwrite))
		d.bool("idempotentHint", t.Idempotent || t.Effect == closekit.Read)
		d.bool("openWorldHint", true) // Close is an external system
	})
}

// document returns an OpenAPI document with one operation per tool.
func document(ts []*tool.Tool, p Profile) (json.RawMessage, error) {
	paths := object{b: []byte{'{'}}
	for _, t := range ts {
		v, err := viewOf(t, OpenAPI, p)
		if err != nil {
			return nil, err
		}
		summary, rest := cutSentence(v.text)
		schema := func(s []byte) []byte {
			return build(func(d *object) {
				d.raw("application/json", build(func(d *object) { d.raw("schema", s) }))
			})
		}
		post := build(func(d *object) {
			d.text("operationId", t.Name)
			d.text("summary", summary)
			d.text("description", rest)
			// Hosts ask before an operation that has consequences.
			d.bool("x-openai-isConsequential", t.Effect != closekit.Read)
			d.raw("requestBody", build(func(d *object) {
				d.bool("required", true)
				d.raw("content", schema(v.input.appendJSON(nil)))
			}))
			d.raw("responses", build(func(d *object) {
				d.raw("200", build(func(d *object) {
					d.text("description", "The response of Close.")
					d.raw("content", schema([]byte(`{"type":"object"}`)))
				}))
			}))
		})
		paths.raw("/tools/"+t.Name, build(func(d *object) { d.raw("post", post) }))
	}
	return build(func(d *object) {
		d.text("openapi", "3.1.0")
		d.raw("info", build(func(d *object) {
			d.text("title", "Close tools")
			d.text("version", "1.0.0")
		}))
		d.raw("paths", append(paths.b, '}'))
	}), nil
}
