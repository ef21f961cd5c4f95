package manifest_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/closekit/closekit/manifest"
)

// facts are the names that the vendor's specification and recorded responses
// have; see testdata/facts.json.
type facts struct {
	Tools    map[string]toolFacts `json:"tools"`
	Recorded map[string][]string  `json:"recorded"`
}

type toolFacts struct {
	Method   string   `json:"method"`
	Path     string   `json:"path"`
	Query    []string `json:"query"`
	Body     []string `json:"body"`
	Response []string `json:"response"`
}

// reasons say why the manifest differs: by tool or recorded object, by section,
// by name.
type reasons map[string]map[string]map[string]string

// leftOut is testdata/left-out.yaml.
type leftOut struct {
	Missing reasons `yaml:"missing"` // in the facts, not in the manifest
	Added   reasons `yaml:"added"`   // in the manifest, not in the facts
}

func readFacts(t *testing.T) facts {
	t.Helper()
	data, err := os.ReadFile("testdata/facts.json")
	if err != nil {
		t.Fatal(err)
	}
	var f facts
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func embedded(tb testing.TB) *manifest.API {
	tb.Helper()
	api, err := check(manifest.Embedded())
	if err != nil {
		tb.Fatal(err)
	}
	return api
}

// tree is the names of an object's members, as paths. Below open members any
// name is accepted.
type tree struct {
	paths map[string]bool
	open  []string
}

func (tr *tree) covers(path string) bool {
	if tr.paths[path] {
		return true
	}
	return slices.ContainsFunc(tr.open, func(p string) bool {
		return strings.HasPrefix(path, p+".") || strings.HasPrefix(path, p+"[")
	})
}

// customName is how the facts write custom fields.
var customName = regexp.MustCompile(`(^|\.)(~\^custom\\\.|custom\.cf_\*)$`)

// normal returns the path that the manifest has for a path of the facts.
func normal(path string) string { return customName.ReplaceAllString(path, "${1}custom_fields") }

func (tr *tree) add(prefix string, f *manifest.Field, use func(*manifest.Field) bool, seen []*manifest.Object) {
	name := f.Sent()
	if f.Type.Kind == manifest.CustomFields {
		name = "custom_fields"
	}
	path := prefix + name
	tr.paths[path] = true
	tr.addType(path, f.Type, use, seen)
}

func (tr *tree) addType(path string, t *manifest.Type, use func(*manifest.Field) bool, seen []*manifest.Object) {
	switch t.Kind {
	case manifest.List:
		tr.addType(path+"[]", t.Elem, use, seen)
	case manifest.JSON, manifest.Map, manifest.CustomFields:
		tr.open = append(tr.open, path)
	case manifest.ObjectType:
		if slices.Contains(seen, t.Object) {
			tr.open = append(tr.open, path)
			return
		}
		tr.addObject(path+".", t.Object, use, append(seen, t.Object))
	default:
	}
}

func (tr *tree) addObject(prefix string, o *manifest.Object, use func(*manifest.Field) bool, seen []*manifest.Object) {
	for _, f := range o.Fields {
		if use(f) {
			tr.add(prefix, f, use, seen)
		}
	}
	for _, v := range o.Variants {
		if !slices.Contains(seen, v.Object) {
			tr.addObject(prefix, v.Object, use, append(seen, v.Object))
		}
	}
}

func newTree() *tree { return &tree{paths: map[string]bool{}} }

func readable(f *manifest.Field) bool { return f.Read }

// params lists what a tool sends in one place.
func params(tool *manifest.Tool, in manifest.Place) *tree {
	tr := newTree()
	for _, p := range tool.Params {
		if p.In != in {
			continue
		}
		tr.add("", p, func(f *manifest.Field) bool { return tool.Update && f.Update || !tool.Update && f.Create }, nil)
	}
	return tr
}

func response(tool *manifest.Tool) *tree {
	tr := newTree()
	switch {
	case tool.Returns == nil:
	case tool.Returns.Kind == manifest.List:
		for _, name := range []string{"data", "has_more", "total_results", "cursor"} {
			tr.paths[name] = true
		}
		tr.addType("data", tool.Returns, readable, nil)
		if tool.Totals != nil {
			tr.addObject("", tool.Totals, readable, nil)
		}
	default:
		tr.addObject("", tool.Returns.Object, readable, nil)
	}
	return tr
}

// recordedTypes says which type of the manifest a recorded object is of; none
// for objects that no tool returns.
var recordedTypes = map[string]string{
	"activity:Call":                    "Call",
	"activity:Created":                 "CreatedActivity",
	"activity:Email":                   "Email",
	"activity:EmailThread":             "EmailThread",
	"activity:LeadStatusChange":        "LeadStatusChange",
	"activity:Meeting":                 "Meeting",
	"activity:Note":                    "Note",
	"activity:OpportunityStatusChange": "OpportunityStatusChange",
	"activity:SMS":                     "SMS",
	"activity:TaskCompleted":           "TaskCompletedActivity",
	"contacts":                         "Contact",
	"custom_fields_activity":           "", // the fields of custom activities have no tools
	"custom_fields_contact":            "CustomField",
	"custom_fields_lead":               "CustomField",
	"custom_fields_opportunity":        "CustomField",
	"leads":                            "Lead",
	"me_users":                         "Me",
	"opportunities":                    "Opportunity",
	"pipelines":                        "Pipeline",
	"sequence_subscriptions":           "SequenceSubscription",
	"sequences":                        "Sequence",
	"statuses":                         "PipelineStatus",
	"task:email_followup":              "Task",
	"task:incoming_email":              "Task",
	"task:lead":                        "Task",
	"task:opportunity_due":             "Task",
	"webhooks":                         "Webhook",
}

// TestFacts compares the manifest with what the vendor's specification and
// recorded responses have. Every difference is in left-out.yaml with its reason,
// and nothing else is.
func TestFacts(t *testing.T) {
	api, f := embedded(t), readFacts(t)
	data, err := os.ReadFile("testdata/left-out.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out leftOut
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	missing, added := reasons{}, reasons{}
	compare := func(name, section string, want []string, got *tree, both bool) {
		wanted := map[string]bool{}
		for _, w := range want {
			w = normal(w)
			wanted[w] = true
			if !got.covers(w) {
				missing.note(name, section, w)
			}
		}
		for g := range got.paths {
			if both && !wanted[g] {
				added.note(name, section, g)
			}
		}
	}
	notYet := readNotYet(t)
	for name, fact := range f.Tools {
		tool := api.Tool(name)
		if tool == nil && slices.Contains(notYet, name) {
			continue
		}
		if tool == nil {
			t.Errorf("the manifest has no tool %s", name)
			continue
		}
		if tool.Method != fact.Method || unnamed(tool.Path) != unnamed(fact.Path) {
			t.Errorf("%s is %s %s, want %s %s", name, tool.Method, tool.Path, fact.Method, fact.Path)
		}
		// Where the specification has no schema, the manifest has more. Responses
		// have more everywhere.
		compare(name, "query", fact.Query, params(tool, manifest.InQuery), true)
		compare(name, "body", fact.Body, params(tool, manifest.InBody), len(fact.Body) > 0)
		compare(name, "response", fact.Response, response(tool), false)
	}
	for name, fields := range f.Recorded {
		typ, ok := recordedTypes[name]
		if !ok {
			t.Errorf("nothing says which type the recorded object %s is of", name)
		}
		if typ == "" {
			continue
		}
		o := object(api, typ)
		if o == nil {
			t.Errorf("the manifest has no type %s", typ)
			continue
		}
		tr := newTree()
		tr.addObject("", o, readable, []*manifest.Object{o})
		compare(name, "recorded", fields, tr, false)
	}
	if specified := len(f.Tools); specified != 300 {
		t.Errorf("there are facts of %d operations, want 300: all but the search, which is in no specification", specified)
	}
	for _, given := range []reasons{out.Missing, out.Added} {
		maps.DeleteFunc(given, func(name string, _ map[string]map[string]string) bool { return slices.Contains(notYet, name) })
	}
	missing.compare(t, "the manifest lacks", "missing", out.Missing)
	added.compare(t, "the facts lack", "added", out.Added)
}

func object(api *manifest.API, name string) *manifest.Object {
	for _, r := range api.Resources {
		for _, o := range r.Types {
			if o.Name == name {
				return o
			}
		}
	}
	return nil
}

func (rs reasons) note(name, section, path string) {
	if rs[name] == nil {
		rs[name] = map[string]map[string]string{}
	}
	if rs[name][section] == nil {
		rs[name][section] = map[string]string{}
	}
	rs[name][section][path] = "differs"
}

// compare reports differences without a reason, and reasons without a
// difference.
func (rs reasons) compare(t *testing.T, what, key string, given reasons) {
	t.Helper()
	for name, sections := range rs {
		for section, paths := range sections {
			for path := range paths {
				if given[name][section][path] == "" {
					t.Errorf("%s %s in %s of %s; add it, or give the reason in left-out.yaml under %s", what, path, section, name, key)
				}
			}
		}
	}
	for name, sections := range given {
		for section, paths := range sections {
			for path := range paths {
				if rs[name][section][path] == "" {
					t.Errorf("left-out.yaml has a reason for %s in %s of %s under %s, where nothing differs; take it out", path, section, name, key)
				}
			}
		}
	}
}
