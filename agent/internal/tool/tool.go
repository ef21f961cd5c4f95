// Package tool is the agent layer's one view of tools: those of a catalog, and those
// that the host registers.
package tool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/closekit/closekit"
)

// Tool is a tool that an agent may call. It is safe for concurrent use and must not
// be modified.
type Tool struct {
	Name     string
	Resource string // leads; of a tool of the host, what the host says
	Effect   closekit.Effect
	// Idempotent is true if repeating a call has no further effect.
	Idempotent bool
	Info       closekit.ToolInfo
	Method     string // of a tool of the host, empty
	Template   string // of the path below the prefix of the API, /lead/{lead_id}/
	// Cursor is the parameter with the cursor of a page, and Next the member of the
	// response with that of the next one; empty for most tools.
	Cursor, Next string

	// Completes is true if the tool may fill something in, or compare the input with
	// the account, before a call.
	Completes bool
	// Bulk is true of a bulk action, and Keeps if it edits or deletes, so that the records
	// must be kept before.
	Bulk, Keeps bool

	raw    json.RawMessage
	schema func() (*Schema, error)
	hash   func() string
	run    runner
}

// runner carries out the calls of a tool.
type runner interface {
	Check(input json.RawMessage) error
	EffectOf(input json.RawMessage) (closekit.Effect, error)
	Complete(ctx context.Context, c *closekit.Client, input json.RawMessage) (json.RawMessage, []string, error)
	Do(ctx context.Context, c *closekit.Client, input json.RawMessage, opts []closekit.CallOption) (json.RawMessage, []string, error)
}

func newTool(t Tool, input json.RawMessage, run runner) *Tool {
	t.raw, t.run = input, run
	t.schema = sync.OnceValues(func() (*Schema, error) {
		s, err := ParseSchema(input)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", t.Name, err)
		}
		return s, nil
	})
	t.hash = sync.OnceValue(t.computeHash)
	return &t
}

// OfCatalog returns the view of a tool of a catalog.
func OfCatalog(t *closekit.Tool) *Tool {
	return newTool(Tool{
		Name: t.Name, Resource: t.Resource, Effect: t.Effect, Idempotent: t.Idempotent, Info: t.Info(), Method: t.Method, Template: t.Operation().Path,
		Cursor: t.Operation().Cursor, Next: t.Operation().Next,
		Bulk: t.IsBulk(), Keeps: t.KeepsRecords(),
		Completes: t.Fill != "" || t.IsBulk() || slices.ContainsFunc(t.Accepts, func(a closekit.Accepted) bool { return a.Use == closekit.CheckCurrency }),
	}, t.InputSchema(), catalogTool{t})
}

// Own is a tool of the host.
type Own struct {
	Name, Resource string
	Effect         closekit.Effect
	Info           closekit.ToolInfo
	Input          json.RawMessage // JSON Schema
	Checked        func(input json.RawMessage) error
	EffectOf       func(input json.RawMessage) (closekit.Effect, error)
	Call           func(ctx context.Context, c *closekit.Client, input json.RawMessage) (json.RawMessage, error)
}

// OfHost returns the view of a tool of the host.
func OfHost(o Own) *Tool {
	return newTool(Tool{Name: o.Name, Resource: o.Resource, Effect: o.Effect, Info: o.Info}, o.Input, ownTool{o})
}

// CheckCredential returns [closekit.ErrNeedsOAuth] for a client with an API key, if Close
// takes none for the tool. It is asked before a person is: no approval could help.
func (t *Tool) CheckCredential(ctx context.Context, c *closekit.Client) error {
	of, ok := t.run.(catalogTool)
	if !ok || !of.t.Operation().OAuthOnly {
		return nil
	}
	return c.CheckCredential(ctx, of.t.Operation())
}

// ReturnsRecord reports whether the response is a record, which has an id, and neither a list
// nor a report. It is false for a tool of the host.
func (t *Tool) ReturnsRecord() bool {
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var out struct {
		object
		Ref  string            `json:"$ref"`
		Defs map[string]object `json:"$defs"`
	}
	of, ok := t.run.(catalogTool)
	if !ok || json.Unmarshal(of.t.OutputSchema(), &out) != nil {
		return false
	}
	record := out.object
	if name, ok := strings.CutPrefix(out.Ref, "#/$defs/"); ok {
		record = out.Defs[name]
	}
	_, ok = record.Properties["id"]
	return ok
}

// Lists reports whether the response is a list of records. It is false for a tool of the
// host.
func (t *Tool) Lists() bool {
	var out struct {
		Properties struct {
			Data json.RawMessage `json:"data"`
		} `json:"properties"`
	}
	of, ok := t.run.(catalogTool)
	return ok && json.Unmarshal(of.t.OutputSchema(), &out) == nil && out.Properties.Data != nil
}

// InputSchema returns the canonical JSON Schema of the input, compact.
func (t *Tool) InputSchema() json.RawMessage { return t.raw }

// Schema returns the same, parsed once.
func (t *Tool) Schema() (*Schema, error) { return t.schema() }

// Check checks input without sending anything; the error of invalid input is a
// [*closekit.ValidationError].
func (t *Tool) Check(input json.RawMessage) error { return t.run.Check(input) }

// Prepare checks input for a call with c and returns the call. It is nil for a tool of
// the host.
func (t *Tool) Prepare(c *closekit.Client, input json.RawMessage) (*closekit.ToolCall, error) {
	if of, ok := t.run.(catalogTool); ok {
		return of.t.Prepare(c, input)
	}
	return nil, t.Check(input)
}

// EffectOf checks input and returns the effect of a call with it.
func (t *Tool) EffectOf(input json.RawMessage) (closekit.Effect, error) { return t.run.EffectOf(input) }

// OnlyEffect returns the effect of every call, if no input has a weaker one: nothing
// is weaker than Read and Write.
func (t *Tool) OnlyEffect() (closekit.Effect, bool) {
	return t.Effect, t.Effect == closekit.Read || t.Effect == closekit.Write
}

// Complete returns the input with what the tool fills in, and tells what that is. It
// may read from Close.
func (t *Tool) Complete(ctx context.Context, c *closekit.Client, input json.RawMessage) (json.RawMessage, []string, error) {
	return t.run.Complete(ctx, c, input)
}

// Scope returns what a call of a bulk action is about, nil for any other tool, and what its
// input confirms.
func (t *Tool) Scope(input json.RawMessage) (*closekit.BulkScope, closekit.Confirmed, error) {
	if of, ok := t.run.(catalogTool); ok {
		return of.t.Bulk(input)
	}
	return nil, closekit.Confirmed{}, nil
}

// Do carries out a call.
func (t *Tool) Do(ctx context.Context, c *closekit.Client, input json.RawMessage, opts ...closekit.CallOption) (json.RawMessage, []string, error) {
	return t.run.Do(ctx, c, input, opts)
}

// Hash identifies what the tool does: it changes with the route, the effect and what
// input means, and not with descriptions or examples.
func (t *Tool) Hash() string { return t.hash() }

func (t *Tool) computeHash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s %s\n%s\n", t.Name, t.Method, t.Template, t.Effect)
	var v any
	if json.Unmarshal(t.raw, &v) == nil {
		writeMeaning(h, v)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// writeMeaning writes a schema without the keywords that only describe. Property
// names are kept whatever they are.
func writeMeaning(w io.Writer, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		b, _ := json.Marshal(v)
		_, _ = w.Write(b)
		return
	}
	kept := map[string]any{}
	for k, x := range m {
		switch k {
		case "description", "examples", "title":
		case "properties", "patternProperties":
			named := map[string]string{}
			if props, ok := x.(map[string]any); ok {
				for name, p := range props {
					var b strings.Builder
					writeMeaning(&b, p)
					named[name] = b.String()
				}
			}
			kept[k] = named
		case "items", "additionalProperties":
			var b strings.Builder
			writeMeaning(&b, x)
			kept[k] = b.String()
		default:
			kept[k] = x
		}
	}
	b, _ := json.Marshal(kept) // with sorted keys
	_, _ = w.Write(b)
}

type catalogTool struct{ t *closekit.Tool }

func (c catalogTool) Check(input json.RawMessage) error { return c.t.Validate(input) }

func (c catalogTool) EffectOf(input json.RawMessage) (closekit.Effect, error) {
	return c.t.EffectOf(input)
}

func (c catalogTool) Complete(ctx context.Context, client *closekit.Client, input json.RawMessage) (json.RawMessage, []string, error) {
	return c.t.Complete(ctx, client, input)
}

func (c catalogTool) Do(ctx context.Context, client *closekit.Client, input json.RawMessage, opts []closekit.CallOption) (json.RawMessage, []string, error) {
	r, err := c.t.Do(ctx, client, input, opts...)
	if err != nil {
		return nil, nil, err
	}
	return r.JSON, r.Notes, nil
}

type ownTool struct{ Own }

func (o ownTool) Check(input json.RawMessage) error { return o.Checked(input) }

func (o ownTool) EffectOf(input json.RawMessage) (closekit.Effect, error) {
	if err := o.Checked(input); err != nil {
		return o.Effect, err
	}
	if o.Own.EffectOf == nil {
		return o.Effect, nil
	}
	return o.Own.EffectOf(input)
}

func (o ownTool) Complete(_ context.Context, _ *closekit.Client, input json.RawMessage) (json.RawMessage, []string, error) {
	return input, nil, nil
}

func (o ownTool) Do(ctx context.Context, c *closekit.Client, input json.RawMessage, _ []closekit.CallOption) (json.RawMessage, []string, error) {
	if err := o.Checked(input); err != nil {
		return nil, nil, err
	}
	out, err := o.Call(ctx, c, input)
	return out, nil, err
}
