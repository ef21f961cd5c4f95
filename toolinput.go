package closekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
)

// Accepted is an input that a tool itself uses. Close does not take it, or may
// ignore it.
type Accepted struct {
	Name    string
	Aliases []string
	Use     Use
	Sent    bool // it is sent too; most are not
}

// Use is what a tool does with an input.
type Use string

// Uses of inputs.
const (
	// CheckCurrency compares the value with the organization's currency before
	// anything is written.
	CheckCurrency Use = "currency"
	// ProjectFields reduces the response to the named fields.
	ProjectFields Use = "fields"
	// ProjectItems reduces the items of the list in the response to the named fields.
	ProjectItems Use = "items"
	// ConfirmCount is the number of records that a bulk action may be about, which is
	// compared with a fresh count before anything is sent; see [BulkScope].
	ConfirmCount Use = "count"
	// ConfirmEverything says that a bulk action may be about all records of the kind.
	ConfirmEverything Use = "everything"
)

// Fill is what a tool fills in before it is called.
type Fill string

// FillSender fills in the sender of an enrollment in a sequence and the address of
// the contact; see [EnrollmentDefaults].
const FillSender Fill = "sender"

// accepted are the values of a call's inputs that are not sent.
type accepted struct {
	fields   []string // nil for all
	items    bool     // fields are those of the items of a list
	checks   bool     // whether currency is to be compared
	currency string

	unconfirmed bool // the tool is a bulk action, and no count is given
	count       int  // that was confirmed
	everything  bool
}

// split separates the input that is sent from the input that is not. Invalid JSON is
// left for the operation to report.
func (t *Tool) split(input json.RawMessage) (rest json.RawMessage, own accepted, problems []Problem) {
	input = bom.Trim(input)
	if !t.mentions(input) && !t.IsBulk() || len(bytes.TrimSpace(input)) == 0 || codec.Valid(input) != nil {
		return input, own, nil
	}
	d := codec.NewDecoder(input, false)
	defer d.End() //nolint:errcheck // it is valid
	if d.Peek() != '{' {
		return input, own, nil
	}
	b := []byte{'{'}
	given := map[string]string{}
	for d.Open(nil); d.Next(); {
		name := string(d.Key())
		raw := d.Raw()
		i := slices.IndexFunc(t.Accepts, func(a Accepted) bool { return a.Name == name || slices.Contains(a.Aliases, name) })
		if i < 0 || t.Accepts[i].Sent {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = append(append(codec.AppendString(b, name), ':'), raw...)
		}
		if i < 0 {
			continue
		}
		a := &t.Accepts[i]
		if other, twice := given[a.Name]; twice {
			if a.Sent {
				continue // the operation reports it
			}
			p := Problem{Path: name, Expected: "is given twice"}
			if other != name {
				p = Problem{Path: name, Expected: "is the same as " + other + ", which is given too", Hint: "give only one"}
			}
			problems = append(problems, p)
			continue
		}
		given[a.Name] = name
		if codec.IsNull(raw) {
			own.unconfirmed = own.unconfirmed || a.Use == ConfirmCount
			// As for the parameters of the operation: absent, but an update cannot clear it.
			if a.Use == CheckCurrency && t.operation.Describe().Updates() {
				problems = append(problems, Problem{Path: name, Expected: "cannot be cleared", Received: "null", Hint: "leave it out"})
			}
			continue
		}
		if p, ok := own.take(a.Use, name, raw); !ok && !a.Sent {
			problems = append(problems, p)
		}
	}
	own.unconfirmed = own.unconfirmed || t.IsBulk() && given[countName] == ""
	return append(b, '}'), own, problems
}

// countName is the input that confirms the number of records of a bulk action.
const countName = "confirm_count"

// confirmed adds the problem of a bulk action without it. [Tool.EffectOf] does not: what
// the effect of a call is does not depend on it.
func (o *accepted) confirmed(problems []Problem) []Problem {
	if o.unconfirmed {
		problems = append(problems, Problem{
			Path: countName, Expected: "is required", Hint: "count with close_search first, tell the user, and give the number that they agree to",
		})
	}
	return problems
}

// mentions reports whether input may have an input that the tool itself uses: most
// have none, and are not read twice.
func (t *Tool) mentions(input json.RawMessage) bool {
	if len(t.Accepts) > 0 && bytes.Contains(input, []byte(`\u`)) {
		return true // any character
	}
	in := func(name string) bool { return bytes.Contains(input, []byte(name)) }
	return slices.ContainsFunc(t.Accepts, func(a Accepted) bool { return in(a.Name) || slices.ContainsFunc(a.Aliases, in) })
}

// take reads one input.
func (o *accepted) take(use Use, name string, raw []byte) (Problem, bool) {
	switch use { //nolint:exhaustive // the others follow
	case ConfirmCount:
		n, err := strconv.ParseFloat(string(raw), 64) // 2.0 is an integer too
		if err != nil || n < 0 || n >= 1<<53 || float64(int(n)) != n {
			return Problem{Path: name, Expected: "must be an integer of at least 0", Received: sample(raw)}, false
		}
		o.count = int(n)
		return Problem{}, true
	case ConfirmEverything:
		d := codec.NewDecoder(raw, false)
		v, ok := d.Bool()
		if !ok {
			return Problem{Path: name, Expected: "must be true or false", Received: sample(raw)}, false
		}
		o.everything = v
		return Problem{}, true
	}
	text, isText := codec.Unquote(raw)
	text = strings.TrimSpace(text)
	if use == CheckCurrency {
		if !isText {
			return Problem{Path: name, Expected: "must be a currency code such as USD", Received: sample(raw)}, false
		}
		o.checks, o.currency = true, text
		return Problem{}, true
	}
	o.items = use == ProjectItems
	if isText && codec.Valid([]byte(text)) == nil && strings.HasPrefix(text, "[") {
		raw, isText = []byte(text), false
	}
	if isText {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				o.fields = append(o.fields, part)
			}
		}
		return Problem{}, true
	}
	list, ok := codec.Elements(raw)
	for _, e := range list {
		field, isText := codec.Unquote(e)
		o.fields, ok = append(o.fields, field), ok && isText
	}
	if !ok {
		return Problem{Path: name, Expected: "must be a list of field names", Received: sample(raw)}, false
	}
	return Problem{}, true
}

// sample shortens JSON for a problem.
func sample(raw []byte) string {
	const most = 60
	if len(raw) > most {
		return strings.ToValidUTF8(string(raw[:most]), "") + "…"
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// prepare checks the input and returns the request, and the inputs that are not
// sent.
func (t *Tool) prepare(input json.RawMessage, loc *time.Location) (*Request, accepted, error) {
	rest, own, problems := t.split(input)
	req, err := t.operation.Prepare(rest, loc)
	return req, own, t.withProblems(err, own.confirmed(problems))
}

// withProblems adds problems to those of the operation.
func (t *Tool) withProblems(err error, problems []Problem) error {
	if len(problems) == 0 {
		return err
	}
	var v *ValidationError
	if errors.As(err, &v) {
		problems = append(slices.Clone(v.Problems), problems...)
	} else if err != nil {
		return err
	}
	return &ValidationError{Tool: t.Name, Problems: problems}
}

// Complete checks the input of a call and returns it with what the tool fills in,
// and a note for people about each value that was filled in. It reads from Close
// what it needs for that, and for the checks of inputs that are not sent, but writes
// nothing. A bulk action is compared with its confirmed count. [Tool.Do] does the same; call Complete before it to show or to judge the
// exact input. Completing an input again changes nothing.
func (t *Tool) Complete(ctx context.Context, c *Client, input json.RawMessage) (json.RawMessage, []string, error) {
	req, own, err := t.prepare(input, c.Location())
	if err != nil {
		return nil, nil, err
	}
	if err := t.brake(ctx, c, req, own, []CallOption{UndoTo(io.Discard)}); err != nil { // nothing is changed, so nothing is kept
		return nil, nil, err
	}
	return t.complete(ctx, c, req, own, input)
}

func (t *Tool) complete(ctx context.Context, c *Client, req *Request, own accepted, input json.RawMessage) (json.RawMessage, []string, error) {
	if own.checks {
		if err := t.checkCurrency(ctx, c, own.currency); err != nil {
			return nil, nil, err
		}
	}
	if t.Fill != FillSender {
		return input, nil, nil
	}
	return t.fillSender(ctx, c, req.Body, bom.Trim(input))
}

// checkCurrency compares a currency code with that of the organization.
func (t *Tool) checkCurrency(ctx context.Context, c *Client, code string) error {
	name := t.Accepts[slices.IndexFunc(t.Accepts, func(a Accepted) bool { return a.Use == CheckCurrency })].Name
	own, err := c.currency(ctx)
	if err != nil {
		return fmt.Errorf("%s: %s cannot be checked: %w", t.Name, name, err)
	}
	if own != "" && strings.EqualFold(own, code) {
		return nil
	}
	p := Problem{
		Path: name, Expected: "must be " + own + ", the currency of the organization", Received: sample(codec.AppendString(nil, code)),
		Hint: "amounts have no currency of their own; convert the amount, and leave " + name + " out",
	}
	if own == "" {
		p.Expected, p.Hint = "cannot be checked: Close reports no single currency of the organization", "leave "+name+" out"
	}
	return &ValidationError{Tool: t.Name, Problems: []Problem{p}}
}

// project reduces a response to the fields that the caller asked for.
func (o *accepted) project(body json.RawMessage) json.RawMessage {
	if o.fields == nil || slices.Contains(o.fields, "_all") {
		return body
	}
	if !o.items {
		return o.object(body)
	}
	d := codec.NewDecoder(body, false)
	defer d.End() //nolint:errcheck // it is valid
	if d.Peek() != '{' {
		return body
	}
	b := []byte{'{'}
	for d.Open(nil); d.Next(); {
		name := string(d.Key())
		raw := d.Raw()
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(codec.AppendString(b, name), ':')
		list, ok := codec.Elements(raw)
		if name != "data" || !ok {
			b = append(b, raw...)
			continue
		}
		b = append(b, '[')
		for i, item := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, o.object(item)...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// object reduces one object.
func (o *accepted) object(raw []byte) []byte {
	d := codec.NewDecoder(raw, false)
	defer d.End() //nolint:errcheck // it is valid
	if d.Peek() != '{' {
		return raw
	}
	b := []byte{'{'}
	for d.Open(nil); d.Next(); {
		name := string(d.Key())
		value := d.Raw()
		isCustom := strings.HasPrefix(name, "custom.") && slices.Contains(o.fields, "custom")
		if !isCustom && !slices.Contains(o.fields, name) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(codec.AppendString(b, name), ':'), value...)
	}
	return append(b, '}')
}
