package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/organization"
	"github.com/closekit/closekit/internal/words"
)

// WithNames lets models name statuses, pipelines, users, custom fields and their choices
// instead of giving ids, as people do: the status Qualified, a task for Ann. Custom fields
// are those of leads, contacts, opportunities, custom activities and custom objects; for an
// update of the last two, the type of the record is read first. A name is read as an id
// if exactly one thing in the account's organization has it; otherwise the call is
// refused with a [*NameError], which names the candidates. Leads and other records are
// never found by their names.
//
// Names are read before the policy and the digest of an approval, which see ids only,
// and again right before a write. A session keeps what it read for the duration keep, 5
// minutes if that is zero; sessions share nothing.
func WithNames(keep time.Duration) Option {
	return option(func(c *config) {
		if keep < 0 {
			c.errs = append(c.errs, fmt.Errorf("names cannot be kept for %v; zero is the default", keep))
		}
		if keep == 0 {
			keep = 5 * time.Minute
		}
		c.namesFor = keep
	})
}

// NameError reports a name that stands for no one thing of the organization, or for
// several. Nothing was sent.
type NameError struct {
	Path string // of the parameter
	Kind string // status of leads
	Name string // as the model wrote it
	// Several is true if more than one thing has the name.
	Several bool
	// Candidates are things that may be meant, at most eight, with their ids. Names are
	// quoted and cut: people of the organization wrote them.
	Candidates []string
	More       int // candidates that are left out
}

const mostCandidates = 8

// Error names the candidates.
func (e *NameError) Error() string {
	what := "is no " + e.Kind
	if e.Several {
		what = "is more than one " + e.Kind
	}
	text := words.Name(e.Path) + ": " + words.Quote(e.Name) + " " + what
	if len(e.Candidates) > 0 {
		text += "; there are " + strings.Join(e.Candidates, ", ")
	}
	if e.More > 0 {
		text += fmt.Sprintf(" and %d more", e.More)
	}
	return text
}

// ModelText tells the model what to do.
func (e *NameError) ModelText() string {
	if e.Several {
		return e.Error() + ". Ask the user which one is meant, and give its id."
	}
	return e.Error() + ". Give one of these, or ask the user."
}

// NamesChangedError reports a write that was not carried out, because a name that it was
// read with means something else by now.
type NamesChangedError struct{ Tool string }

// Error says what to do.
func (e *NamesChangedError) Error() string {
	return e.Tool + " was not carried out, because a name in its input means something else in Close by now; call it again"
}

// ModelText says the same to the model.
func (e *NamesChangedError) ModelText() string { return e.Error() + "." }

// readNames are names of an input that were read as ids.
type readNames struct {
	written json.RawMessage // the input before
	names   []Repair
}

// byName reads the names in the input of a call.
func (s *Session) byName(ctx context.Context, p *planned) error {
	if s.agent.namesFor == 0 || p.tool.Method == "" {
		return nil
	}
	plain, err := lower.Plain(p.tool, p.input)
	if err != nil {
		return nil //nolint:nilerr // the repair reports it
	}
	fixed, names, err := s.namesIn(ctx, p.tool, plain, false)
	if err != nil || len(names) == 0 {
		return err
	}
	p.input, p.repairs, p.named = fixed, names, readNames{plain, names}
	return nil
}

// confirmNames reads the names of a write again, from Close.
func (s *Session) confirmNames(ctx context.Context, p *planned) error {
	if len(p.named.names) == 0 {
		return nil
	}
	_, names, err := s.namesIn(ctx, p.tool, p.named.written, true)
	var unknown *NameError
	switch {
	case errors.As(err, &unknown), err == nil && !slices.Equal(names, p.named.names):
		return &NamesChangedError{p.tool.Name}
	case err != nil:
		return fmt.Errorf("reading names again: %w", err)
	}
	return nil
}

// namesIn returns the input with ids in place of names, and what was read. What fails
// with names that the session has kept is tried again with those of now.
func (s *Session) namesIn(ctx context.Context, t *tool.Tool, input json.RawMessage, fresh bool) (json.RawMessage, []Repair, error) {
	schema, err := t.Schema()
	if err != nil {
		return nil, nil, err
	}
	// What has two readings is refused by the check, which must see it.
	if input = bom.Trim(input); !utf8.Valid(input) || repeatedKey(input) != "" {
		return input, nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var args map[string]any
	if err := d.Decode(&args); err != nil || d.More() {
		return input, nil, nil //nolint:nilerr // the check reports it
	}
	r := &nameReader{ctx: ctx, dir: &directory{session: s, fresh: fresh}, tool: t, input: args}
	err = r.object(schema, args, "", "")
	var unknown *NameError
	if errors.As(err, &unknown) && r.dir.kept {
		return s.namesIn(ctx, t, input, true)
	}
	if err != nil || len(r.names) == 0 {
		return input, nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(args); err != nil {
		return nil, nil, err
	}
	return bytes.TrimSpace(out.Bytes()), r.names, nil
}

// nameReader reads the names of one input.
type nameReader struct {
	ctx   context.Context
	dir   *directory
	tool  *tool.Tool
	input map[string]any
	names []Repair
}

var fieldID = regexp.MustCompile(`^l?cf_[A-Za-z0-9]+$`)

// object reads the names in an object. path is the place in the input, and in the place
// without the indexes of lists.
func (r *nameReader) object(s *tool.Schema, args map[string]any, path, in string) error {
	for _, key := range slices.Sorted(maps.Keys(args)) {
		name, prop := r.parameter(s, args, key, in)
		if prop == nil {
			continue
		}
		at, where := join(path, key), join(in, name)
		v := args[key]
		fields, isObject := v.(map[string]any)
		switch kind := r.tool.Info.Kinds[where]; {
		case nameable[kind].prefix != "" && prop.Keys == nil:
			n := len(r.names)
			x, err := r.value(kind, v, at, args)
			if err != nil {
				return err
			}
			if len(r.names) == n {
				continue
			}
			delete(args, key)
			args[name] = x
		case kind != "" && prop.Keys != nil:
			if !isObject || len(fields) == 0 {
				continue
			}
			owner, err := r.owner(kind)
			if err != nil {
				return err
			}
			if owner == "" {
				continue
			}
			if err := r.customFields(owner, fields, at); err != nil {
				return err
			}
		default:
			if err := r.nested(prop.Schema, v, at, where); err != nil {
				return err
			}
		}
	}
	return nil
}

// nested reads the names inside a value.
func (r *nameReader) nested(s *tool.Schema, v any, path, in string) error {
	switch v := v.(type) {
	case map[string]any:
		return r.object(s, v, path, in)
	case []any:
		for i, x := range v {
			if s.Items == nil {
				break
			}
			if err := r.nested(s.Items, x, fmt.Sprintf("%s[%d]", path, i), in); err != nil {
				return err
			}
		}
	}
	return nil
}

// parameter returns the parameter that a key stands for. The words for an id without
// _id stand for it too, also where Close takes a label: policies then see the id.
func (r *nameReader) parameter(s *tool.Schema, args map[string]any, key, in string) (string, *tool.Property) {
	find := func(name string) *tool.Property {
		for i := range s.Properties {
			if p := &s.Properties[i]; letters(p.Name) == name {
				return p
			}
		}
		return nil
	}
	free := func(p *tool.Property) bool {
		_, given := args[p.Name]
		return p.Name == key || !given
	}
	word := letters(key)
	if in == "" {
		for _, a := range r.tool.Info.Aliases {
			if a.Name == key && len(a.Values) == 0 {
				word = letters(a.For)
			}
		}
	}
	if p := find(word + "id"); p != nil && nameable[r.tool.Info.Kinds[join(in, p.Name)]].prefix != "" && free(p) {
		return p.Name, p
	}
	if p := find(word); p != nil && free(p) {
		return p.Name, p
	}
	return "", nil
}

// letters reduces the spellings of a parameter to one.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == ' ' || r == '.':
			return -1
		}
		return r
	}, name)
}

// nameable are the kinds of ids whose things have names that can be read: what their ids
// begin with, and what a thing is called.
var nameable = map[string]struct{ prefix, what string }{
	"lead_status":        {"stat_", "status of leads"},
	"opportunity_status": {"stat_", "status of opportunities"},
	"pipeline":           {"pipe_", "pipeline"},
	"user":               {"user_", "user"},
}

// value returns a value with an id in place of a name, or of each in a list.
func (r *nameReader) value(kind string, v any, path string, beside map[string]any) (any, error) {
	switch v := v.(type) {
	case string:
		if strings.TrimSpace(v) == "" || strings.HasPrefix(v, nameable[kind].prefix) || strings.EqualFold(v, "me") && kind == "user" {
			return v, nil
		}
		list, err := r.things(kind, beside)
		if err != nil {
			return nil, err
		}
		return r.one(list, nameable[kind].what, v, path)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = r.value(kind, x, fmt.Sprintf("%s[%d]", path, i), beside); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// one finds the only thing with a name, and notes how it was read.
func (r *nameReader) one(list []thing, what, name, path string) (string, error) {
	t, err := find(list, what, name, path)
	if err != nil {
		return "", err
	}
	r.names = append(r.names, Repair{Path: path, From: words.Clean(name, mostOfName), To: t.id, Why: "the " + what + " of that name"})
	return t.id, nil
}

const mostOfName = 60 // bytes of a name that is repeated

// things returns what a name may stand for.
func (r *nameReader) things(kind string, beside map[string]any) ([]thing, error) {
	switch kind {
	case "user":
		return r.dir.users(r.ctx)
	case "pipeline":
		return r.dir.pipelines(r.ctx)
	case "lead_status":
		return r.dir.leadStatuses(r.ctx)
	}
	pipeline, _ := beside["pipeline_id"].(string)
	return r.dir.dealStatuses(r.ctx, pipeline)
}

// owner returns whose custom fields records of a kind have, as package organization names
// them. It is empty if nothing tells.
func (r *nameReader) owner(kind string) (string, error) {
	switch kind {
	case "lead", "contact", "opportunity":
		return kind, nil
	case "custom_activity":
		id, err := r.typeOf(kind, "/activity/custom/")
		return ownerOf(organization.OfActivity, id), err
	case "custom_object":
		id, err := r.typeOf(kind, "/custom_object/")
		return ownerOf(organization.OfObject, id), err
	}
	return "", nil
}

func ownerOf(of func(id string) string, id string) string {
	if !plainID.MatchString(id) {
		return ""
	}
	return of(id)
}

// plainID is the shape of an id that may be a part of a path.
var plainID = regexp.MustCompile(`^[a-z]+_[A-Za-z0-9]+$`)

// typeOf returns the id of the type of a record: the input names it, or the record, which
// is below path.
func (r *nameReader) typeOf(kind, path string) (string, error) {
	given := func(kind string) string {
		for name, k := range r.tool.Info.Kinds {
			for key, v := range r.input {
				if id, ok := v.(string); ok && k == kind && letters(key) == letters(name) {
					return id
				}
			}
		}
		return ""
	}
	if id := given(kind + "_type"); id != "" {
		return id, nil
	}
	id := given(kind)
	if !plainID.MatchString(id) {
		return "", nil
	}
	return r.dir.typeOf(r.ctx, kind+"_type_id", path+id+"/")
}

// customFields reads the names of custom fields, and their choices and users.
func (r *nameReader) customFields(owner string, args map[string]any, path string) error {
	if len(args) == 0 {
		return nil
	}
	fields, err := r.dir.fields(r.ctx, owner)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		name, how := strings.TrimPrefix(key, "custom."), ""
		for _, suffix := range []string{".add", ".remove"} {
			if rest, ok := strings.CutSuffix(name, suffix); ok {
				name, how = rest, suffix
			}
		}
		at, id, to, v := join(path, key), name, key, args[key]
		if !fieldID.MatchString(name) {
			if id, err = r.one(fields, "custom field of "+owner, name, at); err != nil {
				return err
			}
			to = id + how
			if _, twice := args[to]; twice {
				return &closekit.ValidationError{Tool: r.tool.Name, Problems: []closekit.Problem{{Path: at, Expected: "is given twice; give it once, as " + to}}}
			}
		}
		i := slices.IndexFunc(fields, func(t thing) bool { return t.id == id })
		if i < 0 {
			continue
		}
		if v, err = r.fieldValue(&fields[i], v, at); err != nil {
			return err
		}
		delete(args, key)
		args[to] = v
	}
	return nil
}

// fieldValue reads a choice or a user of a custom field.
func (r *nameReader) fieldValue(f *thing, v any, path string) (any, error) {
	switch {
	case f.field.Type == "user":
		return r.value("user", v, path, nil)
	case f.field.Type != "choices":
		return v, nil
	}
	switch v := v.(type) {
	case string:
		if slices.Contains(f.field.Choices, v) {
			return v, nil
		}
		return r.one(f.choices(), "choice of the custom field "+f.id, v, path)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = r.fieldValue(f, x, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
