package agenttasks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// Hands carry out the calls of a model. They are all that a model sees of Close.
type Hands interface {
	// Definitions are what is in the prompt.
	Definitions() ([]json.RawMessage, error)
	// Learn is called before the first call of a tool, with what the model wants to do.
	// It returns what the model does to find the tool, if the definitions have it not.
	Learn(tool, purpose string) []Reply
	// Turn carries out the calls of one turn, of tools by their names in the catalog.
	Turn(ctx context.Context, calls []Wish) []Reply
	// Raw carries out a call as a real model writes it.
	Raw(ctx context.Context, name string, input json.RawMessage) Reply
	// Input returns the input that means the same here: a description of an API has
	// other names than a catalog.
	Input(tool string, input json.RawMessage) json.RawMessage
}

// Wish is a call of a tool by its name in the catalog.
type Wish struct {
	Tool  string
	Input json.RawMessage
}

// Reply is what a model reads.
type Reply struct {
	Name   string // of the call as the model writes it
	Input  json.RawMessage
	Text   string
	Failed bool            // the call was not carried out, or not known to be
	JSON   json.RawMessage // the record, whose id the model needs if it is in the text
}

// Arm is one way to let a model reach Close.
type Arm struct {
	Name string
	open func(*run) (Hands, error)
}

// The arms.
var (
	// Plain is what a program gets that turns the operations of a description of the
	// API into tools: arguments become path, query and body, responses become text.
	Plain = Arm{"plain specification", openPlain}
	// ByName is the catalog of this project without the agent layer: input is checked,
	// errors list the problems, responses are Close's.
	ByName = Arm{"tools by name", openByName}
	// Layer is the agent layer.
	Layer = Arm{"agent layer", openLayer}
	// Meta is the agent layer with three tools that stand for all.
	Meta = Arm{"meta-tools", openMeta}
)

// Arms returns all arms.
func Arms() []Arm { return []Arm{Plain, ByName, Layer, Meta} }

var idLike = regexp.MustCompile(`^[a-z]+_[A-Za-z0-9]{8,}$`)

// offered returns the tools that the model has.
func (r *run) offered() []*closekit.Tool {
	return slices.DeleteFunc(slices.Clone(tools.All()), func(t *closekit.Tool) bool { return !r.has(t.Name) })
}

// has reports whether the model has a tool of the catalog.
func (r *run) has(tool string) bool {
	return !slices.Contains(r.task.Without, tool) && (r.lab.Only == nil || slices.Contains(r.lab.Only, tool))
}

// direct are hands whose tools are all in the prompt.
type direct struct {
	*run
	calls func(ctx context.Context, t *closekit.Tool, input json.RawMessage) (json.RawMessage, error)
	loose bool
}

func openPlain(r *run) (Hands, error) {
	return &direct{r, r.plain, true}, nil
}

func openByName(r *run) (Hands, error) {
	return &direct{r, func(ctx context.Context, t *closekit.Tool, input json.RawMessage) (json.RawMessage, error) {
		return t.Call(ctx, r.world.client, input)
	}, false}, nil
}

func (h *direct) Definitions() ([]json.RawMessage, error) {
	var list []json.RawMessage
	for _, t := range h.offered() {
		d, err := json.Marshal(map[string]any{"name": t.Name, "description": t.Info().Description, "input_schema": loosened(t.InputSchema(), h.loose)})
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// loosened returns a schema as descriptions of APIs have it: without patterns of ids, and
// open to other properties.
func loosened(schema json.RawMessage, loose bool) any {
	if !loose {
		return schema
	}
	var v any
	if json.Unmarshal(schema, &v) != nil {
		return schema
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			delete(v, "additionalProperties")
			delete(v, "patternProperties")
			if _, ok := v["pattern"].(string); ok {
				delete(v, "pattern")
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	return v
}

func (h *direct) Learn(string, string) []Reply { return nil }

func (h *direct) Raw(ctx context.Context, name string, input json.RawMessage) Reply {
	return h.call(ctx, name, input)
}

func (h *direct) Turn(ctx context.Context, calls []Wish) []Reply {
	list := make([]Reply, len(calls))
	for i, c := range calls {
		list[i] = h.call(ctx, c.Tool, c.Input)
	}
	return list
}

// Input writes values of custom fields as the API has them.
func (h *direct) Input(_ string, input json.RawMessage) json.RawMessage {
	var m map[string]any
	if !h.loose || json.Unmarshal(input, &m) != nil || m["custom_fields"] == nil {
		return input
	}
	custom, _ := m["custom_fields"].(map[string]any)
	delete(m, "custom_fields")
	for k, v := range custom {
		m["custom."+k] = v
	}
	return mustJSON(m)
}

func (h *direct) call(ctx context.Context, name string, input json.RawMessage) Reply {
	reply := Reply{Name: name, Input: input}
	t := catalogTool(name)
	if t == nil || !h.has(name) {
		reply.Text, reply.Failed = "Error: unknown tool "+name, true
		return reply
	}
	effect, err := t.EffectOf(input)
	if err != nil {
		effect = t.Effect
	}
	if effect != closekit.Read {
		h.meanwhile()
	}
	out, err := h.calls(ctx, t, input)
	reply.JSON, reply.Text = out, string(out)
	if err != nil {
		reply.Text, reply.Failed = "Error: "+err.Error(), true
	}
	h.note(carried{tool: name, input: input, effect: effect, failed: reply.Failed, maybe: closekit.MaybeDone(err), text: reply.Text, json: out})
	return reply
}

// plain sends a call as a converter of API descriptions does.
func (r *run) plain(ctx context.Context, t *closekit.Tool, input json.RawMessage) (json.RawMessage, error) {
	var in map[string]any
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, fmt.Errorf("arguments are not a JSON object")
	}
	path := t.Path
	for {
		open := strings.IndexByte(path, '{')
		if open < 0 {
			break
		}
		end := open + strings.IndexByte(path[open:], '}')
		name := path[open+1 : end]
		v, ok := in[name]
		if !ok {
			return nil, fmt.Errorf("missing path parameter %q", name)
		}
		delete(in, name)
		path = path[:open] + url.PathEscape(textOf(v)) + path[end+1:]
	}
	u := r.world.Server.URL() + path
	var body io.Reader
	if t.Method == http.MethodGet || t.Method == http.MethodDelete {
		q := url.Values{}
		for k, v := range in {
			q.Set(k, textOf(v))
		}
		if len(q) > 0 {
			u += "?" + q.Encode()
		}
	} else {
		body = strings.NewReader(string(mustJSON(in)))
	}
	req, err := http.NewRequestWithContext(ctx, t.Method, u, body)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(r.key, "")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.world.Server.Transport().RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // read to the end
	out, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("HTTP %d: %s", res.StatusCode, out)
	}
	return out, nil
}

// textOf returns a value for a path or a query.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = textOf(x)
		}
		return strings.Join(parts, ",")
	}
	return string(mustJSON(v))
}
