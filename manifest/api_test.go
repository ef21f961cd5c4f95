package manifest_test

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/closekit/closekit/manifest"
)

func TestRuleSentences(t *testing.T) {
	for want, r := range map[string]manifest.Rule{
		"Give exactly one of a, b or c.":                             {Kind: manifest.ExactlyOne, Fields: []string{"a", "b", "c"}},
		"Give at least one of a or b.":                               {Kind: manifest.AtLeastOne, Fields: []string{"a", "b"}},
		"Give a or b, not both.":                                     {Kind: manifest.AtMostOne, Fields: []string{"a", "b"}},
		"Give at most one of a, b or c.":                             {Kind: manifest.AtMostOne, Fields: []string{"a", "b", "c"}},
		"When a is given, b is required.":                            {Kind: manifest.Needs, If: "a", Fields: []string{"b"}},
		"When a is x, b and c are required.":                         {Kind: manifest.Needs, If: "a", Is: "x", Fields: []string{"b", "c"}},
		"When a is x, exactly one b and exactly one c are required.": {Kind: manifest.NeedsOne, If: "a", Is: "x", Fields: []string{"b", "c"}},
		"Give different values for a and b.":                         {Kind: manifest.Differ, Fields: []string{"a", "b"}},
		"The rule's own words, as they stand":                        {Kind: manifest.AtMostOne, Fields: []string{"a"}, About: "The rule's own words, as they stand"},
	} {
		if got := manifest.Sentences([]manifest.Rule{r})[0]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	got := manifest.Sentences([]manifest.Rule{
		{Kind: manifest.Needs, If: "a", Fields: []string{"z"}},
		{Kind: manifest.Needs, If: "b", Fields: []string{"z"}},
		{Kind: manifest.Needs, If: "c", Fields: []string{"y"}, About: "Same."},
		{Kind: manifest.Needs, If: "d", Fields: []string{"y"}, About: "Same."},
		{Kind: manifest.NeedsOne, If: "e", Fields: []string{"z"}},
		{Kind: manifest.NeedsOne, If: "f", Fields: []string{"z"}},
		{Kind: manifest.Needs, If: "g", Is: "x", Fields: []string{"z"}},
		{Kind: manifest.Needs, If: "g", Is: "y", Fields: []string{"z"}},
		{Kind: manifest.Needs, If: "h", Is: "y", Fields: []string{"z"}},
	})
	if want := []string{"When a or b is given, z is required.", "Same.", "When e or f is given, exactly one z is required.", "When g is x or y, z is required.", "When h is y, z is required."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLookups(t *testing.T) {
	api := embedded(t)
	tool := api.Tool("close_lead_get")
	if tool == nil || tool.Resource.Name != "leads" || tool.Pos.File != "crm/leads.yaml" || tool.Pos.Line == 0 {
		t.Fatalf("close_lead_get: %+v", tool)
	}
	if p := tool.Param("lead_id"); p == nil || p.In != manifest.InPath || !p.Required {
		t.Errorf("lead_id: %+v", p)
	}
	if f := tool.Returns.Object.Field("display_name"); f == nil || !f.Always {
		t.Errorf("display_name: %+v", f)
	}
	if api.Tool("close_led_get") != nil || tool.Param("id") != nil || tool.Returns.Object.Field("nome") != nil {
		t.Error("found what is not there")
	}
}

func TestSelect(t *testing.T) {
	api := embedded(t)
	all := len(api.Tools())
	sub, unused := api.Select([]string{"close_lead_[cgudm]*e", "close_lead_get", "close_task_create", "close_led_*", "["})
	if want := []string{"close_led_*", "["}; !slices.Equal(unused, want) {
		t.Errorf("unused %v, want %v", unused, want)
	}
	var names []string
	for _, tool := range sub.Tools() {
		names = append(names, tool.Name)
	}
	want := []string{"close_lead_create", "close_lead_get", "close_lead_update", "close_lead_delete", "close_lead_merge", "close_task_create"}
	if !slices.Equal(names, want) {
		t.Errorf("tools %v, want %v", names, want)
	}
	types := map[string]bool{}
	for _, r := range sub.Resources {
		for _, o := range r.Types {
			types[o.Name] = true
		}
	}
	for name, want := range map[string]bool{"Lead": true, "Contact": true, "Task": true, "Address": true, "Webhook": false, "Me": false} {
		if types[name] != want {
			t.Errorf("type %s kept: %v, want %v", name, types[name], want)
		}
	}
	closed(t, sub)
	if len(api.Tools()) != all {
		t.Error("selecting changed the manifest")
	}
	if len(sub.IDs) != len(api.IDs) {
		t.Error("selecting dropped kinds of ids, which tell foreign ids apart")
	}
}

// closed checks that everything that a tool refers to is there.
func closed(t *testing.T, api *manifest.API) {
	t.Helper()
	objects, enums := map[*manifest.Object]bool{}, map[*manifest.Enum]bool{}
	for _, r := range api.Resources {
		for _, o := range r.Types {
			objects[o] = true
		}
		for _, e := range r.Enums {
			enums[e] = true
		}
	}
	var see func(where string, t *manifest.Type)
	see = func(where string, typ *manifest.Type) {
		if typ == nil {
			return
		}
		if typ.Enum != nil && !enums[typ.Enum] {
			t.Errorf("%s needs the enum %s, which was not kept", where, typ.Enum.Name)
		}
		if typ.Object != nil && !objects[typ.Object] {
			t.Errorf("%s needs the type %s, which was not kept", where, typ.Object.Name)
		}
		see(where, typ.Elem)
	}
	for o := range objects {
		if o.Include != nil && !objects[o.Include] {
			t.Errorf("%s needs %s, which it includes", o.Name, o.Include.Name)
		}
		for _, f := range o.Fields {
			see(o.Name, f.Type)
		}
		for _, v := range o.Variants {
			if !objects[v.Object] {
				t.Errorf("%s needs its variant %s", o.Name, v.Object.Name)
			}
		}
	}
	for _, tool := range api.Tools() {
		see(tool.Name, tool.Returns)
		for _, p := range tool.Params {
			see(tool.Name, p.Type)
		}
	}
}

// FuzzSelect checks that any patterns select what path.Match says, and that
// nothing is missing in what is selected.
func FuzzSelect(f *testing.F) {
	api := embedded(f)
	for _, seed := range []string{"close_lead_*", "*", "close_*_list,close_me_get", "[", "close_[a-m]*", "", ",,", "close_lead_\\*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, patterns string) {
		list := strings.Split(patterns, ",")
		sub, unused := api.Select(list)
		kept := map[string]bool{}
		for _, tool := range sub.Tools() {
			kept[tool.Name] = true
		}
		used := map[string]bool{}
		for _, tool := range api.Tools() {
			want := false
			for _, p := range list {
				if ok, err := path.Match(p, tool.Name); ok && err == nil {
					want, used[p] = true, true
				}
			}
			if kept[tool.Name] != want {
				t.Errorf("%q keeps %s: %v, want %v", patterns, tool.Name, kept[tool.Name], want)
			}
		}
		for _, p := range list {
			if slices.Contains(unused, p) == used[p] {
				t.Errorf("%q: unused has %q: %v", patterns, p, !used[p])
			}
		}
		closed(t, sub)
	})
}

// FuzzLoad checks that no bytes make the loader panic or hang, and that what is
// wrong has a place in the file.
func FuzzLoad(f *testing.F) {
	// The files of the manifest would be seeds too large to change quickly; one
	// of the smallest and those of the archives stand for them.
	data, err := fs.ReadFile(manifest.Embedded(), "customfields/custom_fields.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, dir := range []string{"bad", "good"} {
		paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
		if err != nil || len(paths) == 0 {
			f.Fatalf("no archives in %s: %v", dir, err)
		}
		for _, path := range paths {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range ar.Files {
				if strings.HasSuffix(file.Name, ".yaml") {
					f.Add(file.Data)
				}
			}
		}
	}
	for _, seed := range []string{
		"", "\x00", "a: &a [*a]", "<<: {a: b}", "? [a]\n: b", "- - - -", "a: b\n---\nc: d", "\xff\xfe", "!!binary: x", "%YAML 1.2\n---\na: b",
		"resource: x\ntypes: {A: {about: x, include: A, fields: {a: {type: list A}}, variants: {by: a, of: {b: A}}}}",
		"resource: x\ntypes: {A: {about: x, fields: {a: {type: map A}, b: {type: A}}}}\ntools: {a_b: {http: PUT /a/{a}/, does: x, params: {a: {type: id}}, takes: A, returns: list A, totals: A}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"x.yaml", "close.yaml"} {
			files := fstest.MapFS{"close.yaml": {Data: []byte(closeYAML)}}
			files[name] = &fstest.MapFile{Data: data}
			api, err := check(files)
			if (api == nil) == (err == nil) {
				t.Fatalf("API %v, error %v", api != nil, err)
			}
			if err == nil {
				dump(api)
				continue
			}
			ps, ok := err.(manifest.Problems)
			if !ok || len(ps) == 0 {
				t.Fatalf("error %T %v", err, err)
			}
			lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 2
			for _, p := range ps {
				if p.Pos.File == "" || p.Msg == "" || p.Pos.Line > lines+100 && name == "x.yaml" {
					t.Errorf("problem without a place: %+v", p)
				}
			}
		}
	})
}
