package closekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
)

// Tool is an operation for programs that call it by name with JSON. Tools are
// read-only; generated packages contain them.
type Tool struct {
	Name       string // close_lead_create
	Resource   string // leads
	Func       string // name of the Go function, LeadCreate
	Effect     Effect // the strongest; EffectOf returns that of one call
	Idempotent bool   // repeating it has no further effect
	Method     string // POST
	Path       string // /api/v1/lead/
	Hash       string // changes when the description or a schema changes

	Accepts []Accepted // inputs that the tool itself uses
	Fill    Fill       // what is filled in before the call; empty for nothing

	catalog   *Catalog
	operation Callable
}

// ToolInfo describes a tool to models and people.
type ToolInfo struct {
	Title       string        `json:"title"`       // Lead create
	Description string        `json:"description"` // for models: purpose, use, prerequisites and result
	Doc         string        `json:"doc"`         // URL of Close's documentation
	Area        string        `json:"area"`        // of the API: crm, activities, admin; empty for none
	Costs       bool          `json:"costs"`       // a call costs money or credits
	Needs       string        `json:"needs"`       // oauth, admin or customize, see [Operation]; empty for most tools
	Synonyms    []string      `json:"synonyms"`
	Show        []ShowField   `json:"show"`    // fields of the response that a model usually needs
	Preview     []PreviewRead `json:"preview"` // what a person must see before the call is allowed
	Brief       string        `json:"brief"`   // the description in at most two sentences; empty: its beginning does
	// More and Hidden are the parameters that short definitions only name, and those that
	// they do not have. The tool accepts them all the same.
	More   []string `json:"more"`
	Hidden []string `json:"hidden"`
	// Briefs has texts of parameters for short definitions, empty for those whose name and
	// type say it all. Of others, the description is cut.
	Briefs map[string]string `json:"briefs"`
	// Kinds are the kinds of records of ids, by the path of the parameter, as the manifest
	// names them: status_id: lead_status. Prefixes do not tell them all apart. For custom
	// fields it is the kind of the records that have them: contacts.custom_fields: contact.
	Kinds     map[string]string `json:"kinds"`
	Aliases   []ToolAlias       `json:"aliases"`
	Examples  []ToolExample     `json:"examples"`
	Untrusted bool              `json:"untrusted"` // responses hold text of outsiders, such as emails, which may try to instruct a model
	// Echoes is true if a call creates a record of what it is given: the response holds
	// text of outsiders only as far as the input does, or names what it refers to.
	Echoes bool `json:"echoes"`
}

// Creates reports whether a call makes a new record and changes no other.
func (t *Tool) Creates() bool {
	return t.Method == http.MethodPost && strings.HasSuffix(t.Name, "_create") && !t.Effect.Has(Overwrite)
}

// ToolAlias is another name that a tool accepts for a parameter.
type ToolAlias struct {
	Name   string   `json:"name"`
	For    string   `json:"for"`
	Values []string `json:"values,omitempty"` // JSON values that the alias accepts, if they differ from those of the parameter
}

// ShowField is a field of a response, of each item if it is a list.
type ShowField struct {
	Name string      // a field, or a path of fields: emails.email is the email of each of the emails
	Max  int         // of a list: how many of it; 0 for all
	Show []ShowField // of an object or a list of objects: its fields; empty for all
}

// PreviewRead is a call of a reading tool, which shows a person what a call of another
// tool is about, such as the email that it sends. It is left out when that call does not
// give all of its parameters.
type PreviewRead struct {
	Tool  string            `json:"tool"`  // close_email_get
	With  map[string]string `json:"with"`  // parameter of Tool: parameter of the call with its value. One that is a list gets a list of it.
	Show  []ShowField       `json:"show"`  // what to show of the record
	Count string            `json:"count"` // of a list: what is counted, contacts; nothing else is shown of it. Empty for one record.
}

// UnmarshalJSON reads a name, or an object with the fields of the struct.
func (f *ShowField) UnmarshalJSON(b []byte) error {
	type plain ShowField // without this method
	if name, ok := codec.Unquote(b); ok {
		*f = ShowField{Name: name}
		return nil
	}
	return json.Unmarshal(b, (*plain)(f))
}

// ToolExample is one valid input.
type ToolExample struct {
	About string          `json:"about,omitempty"`
	Input json.RawMessage `json:"input"`
}

// Info returns the description of the tool. It comes from the data file of its
// resource, which is read once.
func (t *Tool) Info() ToolInfo {
	info := t.catalog.data(t).ToolInfo
	info.Preview = t.catalog.shownPreview(info.Preview)
	return info
}

// shownPreview fills in what the reading tools themselves show.
func (c *Catalog) shownPreview(list []PreviewRead) []PreviewRead {
	isOpen := func(p PreviewRead) bool { return len(p.Show) == 0 && p.Count == "" }
	if !slices.ContainsFunc(list, isOpen) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if !isOpen(list[i]) {
			continue
		}
		at, ok := slices.BinarySearchFunc(c.List, list[i].Tool, func(t Tool, name string) int { return strings.Compare(t.Name, name) })
		if ok {
			list[i].Show = c.data(&c.List[at]).Show
		}
	}
	return list
}

// ToolResult is what a tool returns.
type ToolResult struct {
	JSON  json.RawMessage // the response
	Notes []string        // for people: what was filled in before the call
}

// MarshalText returns the JSON and the notes, for logs.
func (r ToolResult) MarshalText() ([]byte, error) {
	if len(r.Notes) == 0 {
		return r.JSON, nil
	}
	return fmt.Appendf(nil, "%s (%s)", r.JSON, strings.Join(r.Notes, "; ")), nil
}

// Do runs the tool with JSON input and returns Close's JSON unchanged, unless the
// input names fields that Close itself does not select. The input is decoded
// strictly and checked before the request is sent; invalid input is a
// [*ValidationError]. A bulk action is sent only if its confirmed count is that of now,
// else it is a [*CountError] or [ErrEverything]; one that edits or deletes needs [UndoTo]. What the tool fills in ([Tool.Complete]) is told in the notes.
// An update or a destructive operation with an empty response returns {}.
func (t *Tool) Do(ctx context.Context, c *Client, input json.RawMessage, opts ...CallOption) (*ToolResult, error) {
	call, err := t.Prepare(c, input)
	if err != nil {
		return nil, err
	}
	return call.Do(ctx, opts...)
}

// ToolCall is a call whose input is checked. It is safe for concurrent use.
type ToolCall struct {
	tool   *Tool
	client *Client
	input  json.RawMessage
	req    *Request
	own    accepted
}

// Prepare checks the input of a call with c and returns the call, for programs that
// do something between the check and the request. Invalid input is a
// [*ValidationError]; a time without offset is, if c has no [Location]. Nothing is
// sent. The input must not be changed afterwards.
func (t *Tool) Prepare(c *Client, input json.RawMessage) (*ToolCall, error) {
	req, own, err := t.prepare(input, c.Location())
	if err != nil {
		return nil, err
	}
	return &ToolCall{t, c, input, req, own}, nil
}

// Query returns the encoded query of the request.
func (p *ToolCall) Query() string { return p.req.Query }

// Do makes the call, as [Tool.Do] does after its check.
func (p *ToolCall) Do(ctx context.Context, opts ...CallOption) (*ToolResult, error) {
	t, c, req, own := p.tool, p.client, p.req, p.own
	filled, notes, err := t.complete(ctx, c, req, own, p.input)
	if err != nil {
		return nil, err
	}
	if len(notes) > 0 {
		if req, own, err = t.prepare(filled, c.Location()); err != nil {
			return nil, err
		}
	}
	if err := t.brake(ctx, c, req, own, opts); err != nil {
		return nil, err
	}
	out, err := t.send(ctx, c, req, opts)
	if err != nil {
		return nil, err
	}
	return &ToolResult{own.project(out), notes}, nil
}

// Call runs the tool like Do and returns the JSON without the notes.
func (t *Tool) Call(ctx context.Context, c *Client, input json.RawMessage, opts ...CallOption) (json.RawMessage, error) {
	r, err := t.Do(ctx, c, input, opts...)
	if err != nil {
		return nil, err
	}
	return r.JSON, nil
}

func (t *Tool) send(ctx context.Context, c *Client, req *Request, opts []CallOption) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.Do(ctx, *req, func(r Response) error {
		body := bytes.TrimSpace(bom.Trim(r.Body))
		if len(body) == 0 {
			return errors.New("the body is empty")
		}
		if err := codec.Valid(body); err != nil {
			return err
		}
		out = bytes.Clone(body)
		return nil
	}, opts...)
	return out, err
}

// Validate checks JSON input without sending a request. A time without offset is
// valid, although a call needs a client with a [Location] for it.
func (t *Tool) Validate(input json.RawMessage) error {
	_, err := t.Parse(input)
	return err
}

// EffectOf checks JSON input and returns the effect of a call with it. Some tools
// have less effect with certain input than their Effect says: a tool that can send
// an email sends nothing if it saves a draft. Ask for confirmation by this effect, not
// by the name of the tool. The effect is never stronger than Effect, which is returned
// with the [*ValidationError] of invalid input. The confirmed count of a bulk action may be
// missing.
func (t *Tool) EffectOf(input json.RawMessage) (Effect, error) {
	rest, _, problems := t.split(input)
	effect, err := t.operation.EffectOf(rest)
	return effect, t.withProblems(err, problems)
}

// Parse checks JSON input like Validate and returns a pointer to the parameter
// struct of the typed function, such as *closeapi.LeadCreateParams.
//
// Inputs that are not sent have no field in it.
func (t *Tool) Parse(input json.RawMessage) (any, error) {
	rest, own, problems := t.split(input)
	p, err := t.operation.Parse(rest)
	if err := t.withProblems(err, own.confirmed(problems)); err != nil {
		return nil, err
	}
	return p, nil
}

// Operation returns the description of the tool's operation.
func (t *Tool) Operation() *Operation { return t.operation.Describe() }

// InputSchema returns the JSON Schema of the input, compact, with its keys in the
// order of the manifest.
func (t *Tool) InputSchema() json.RawMessage { return compact(t.catalog.data(t).Input) }

// OutputSchema returns the JSON Schema of the response, compact. It describes the
// members that the manifest knows; Close may send more.
func (t *Tool) OutputSchema() json.RawMessage { return t.catalog.output(t) }

// Catalog is a set of tools. Its fields are set by generated code. It is safe for
// concurrent use, and must not be copied after first use.
type Catalog struct {
	Data       fs.FS             // data/<resource>.json: descriptions, examples and schemas
	Operations func() []Callable // in the order of List
	List       []Tool            // sorted by name, without the fields that Operations has

	cache dataCache
}

// tool returns a copy of the tool with index i, completed from its operation. The
// catalog itself is never modified.
func (c *Catalog) tool(i int, op Callable) *Tool {
	t := c.List[i]
	d := op.Describe()
	t.Effect, t.Idempotent, t.Method, t.Path = d.Effect, d.Idempotent, d.Method, d.API.orClose().Prefix+d.Path
	t.catalog, t.operation = c, op
	return &t
}

// Tools returns the tools, sorted by name.
func (c *Catalog) Tools() []*Tool {
	ops := c.Operations()
	list := make([]*Tool, len(c.List))
	for i := range c.List {
		list[i] = c.tool(i, ops[i])
	}
	return list
}

// UnknownToolError reports a name without a tool.
type UnknownToolError struct {
	Name    string
	Nearest string   // the tool that is probably meant, or empty
	Others  []string // tools that may be meant too, at most two
}

// Error includes the tools that may be meant, and at most 60 bytes of the name.
func (e *UnknownToolError) Error() string {
	const most = 60
	name := strconv.Quote(e.Name)
	if len(e.Name) > most {
		name = strconv.Quote(strings.ToValidUTF8(e.Name[:most], "")) + "…"
	}
	if e.Nearest == "" {
		return "unknown tool " + name
	}
	list := append([]string{e.Nearest}, e.Others...)
	last := len(list) - 1
	meant := strings.Join(list[:max(last, 1)], ", ")
	if last > 0 {
		meant += " or " + list[last]
	}
	return "unknown tool " + name + "; did you mean " + meant + "?"
}

// Lookup returns the tool with this name, or an [*UnknownToolError]. Its suggestions
// never do more than the name asks for.
func (c *Catalog) Lookup(name string) (*Tool, error) {
	lo, hi := 0, len(c.List)
	for lo < hi {
		if mid := (lo + hi) / 2; c.List[mid].Name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(c.List) && c.List[lo].Name == name {
		return c.tool(lo, c.Operations()[lo]), nil
	}
	e := &UnknownToolError{Name: name}
	if list := c.suggest(name); len(list) > 0 {
		e.Nearest, e.Others = list[0], list[1:]
	}
	return nil, e
}
