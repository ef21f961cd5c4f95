package manifest_test

import (
	"bytes"
	"encoding/json"
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

// reasons say why the manifest differs: by tool or recorded object, by section, by
// name. A key may have several names, with commas; a reason holds for the members of
// what is named, too.
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

// recordedTypes says which type of the manifest a recorded object is of.
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
	"custom_fields_activity":           "CustomField",
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
	for name, fact := range f.Tools {
		tool := api.Tool(name)
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
	for _, wrong := range slices.Concat(
		missing.compare("the manifest lacks", "missing", out.Missing),
		added.compare("the facts lack", "added", out.Added),
	) {
		t.Error(wrong)
	}
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

// within reports whether a path is another one or a member of it.
func within(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// compare returns differences without a reason, and reasons without a difference.
func (rs reasons) compare(what, key string, given reasons) (wrong []string) {
	for name, sections := range rs {
		for section, paths := range sections {
			for path := range paths {
				if !given.explain(name, section, path) {
					wrong = append(wrong, what+" "+path+" in "+section+" of "+name+"; add it, or give the reason in left-out.yaml under "+key)
				}
			}
		}
	}
	for name, sections := range given {
		for section, keys := range sections {
			for names, reason := range keys {
				for of := range strings.SplitSeq(names, ", ") {
					if reason == "" || !rs.differs(name, section, of) {
						wrong = append(wrong, "left-out.yaml has a reason for "+of+" in "+section+" of "+name+" under "+key+", where nothing differs; take it out")
					}
				}
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// explain reports whether there is a reason for a difference.
func (rs reasons) explain(name, section, path string) bool {
	for names, reason := range rs[name][section] {
		if reason != "" && slices.ContainsFunc(strings.Split(names, ", "), func(of string) bool { return within(path, of) }) {
			return true
		}
	}
	return false
}

// differs reports whether a name or one of its members differs.
func (rs reasons) differs(name, section, of string) bool {
	for path := range rs[name][section] {
		if within(path, of) {
			return true
		}
	}
	return false
}

// TestReasons wants what differs and what is explained to be the same.
func TestReasons(t *testing.T) {
	differ := reasons{}
	for _, path := range []string{"sort", "sort[].field", "sort[].field.type", "sorted", "limit", "skip"} {
		differ.note("close_a", "body", path)
	}
	given := func(keys map[string]string) reasons { return reasons{"close_a": {"body": keys}} }
	for _, test := range []struct {
		given reasons
		want  []string
	}{
		{given(map[string]string{"sort, sorted": "Why.", "limit, skip": "Why."}), nil},
		{given(map[string]string{"sort": "Why.", "limit, skip": "Why."}), []string{
			"it lacks sorted in body of close_a; add it, or give the reason in left-out.yaml under lost",
		}},
		{given(map[string]string{"sort, sorted, limit, skip, cursor": "Why."}), []string{
			"left-out.yaml has a reason for cursor in body of close_a under lost, where nothing differs; take it out",
		}},
		{given(map[string]string{"sort[].field, sorted": "Why.", "limit, skip": "Why."}), []string{
			"it lacks sort in body of close_a; add it, or give the reason in left-out.yaml under lost",
		}},
	} {
		if got := differ.compare("it lacks", "lost", test.given); !slices.Equal(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.given, got, test.want)
		}
	}
}
