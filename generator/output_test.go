package generator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/manifest"
)

var closeOptions = generator.Options{Package: "closeapi", ImportPath: "github.com/closekit/closekit/closeapi"}

func embedded(tb testing.TB) *manifest.API {
	tb.Helper()
	return load(tb, manifest.Embedded())
}

// TestStale compares what is committed with what is generated, in memory.
func TestStale(t *testing.T) {
	api := embedded(t)
	code, err := generator.Generate(api, closeOptions)
	if err != nil {
		t.Fatal(err)
	}
	pages := generator.Reference(api)
	routes := generator.Routes(api)
	for dir, files := range map[string][]generator.File{
		"../closeapi": code, "../docs/reference": pages, "../emulator": {{Path: "routes.go", Data: routes}},
	} {
		diff, err := generator.Diff(filepath.FromSlash(dir), files)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range diff {
			t.Errorf("%s/%s: run go generate ./... and commit the result", dir, d)
		}
	}
}

// TestSameBytes generates several times, with one processor and with many.
func TestSameBytes(t *testing.T) {
	first := everything(t, embedded(t), closeOptions)
	again := everything(t, embedded(t), closeOptions)
	same(t, "a second run", first, again)
	old := runtime.GOMAXPROCS(1)
	one := everything(t, embedded(t), closeOptions)
	runtime.GOMAXPROCS(8)
	many := everything(t, embedded(t), closeOptions)
	runtime.GOMAXPROCS(old)
	same(t, "one processor", first, one)
	same(t, "eight processors", first, many)
	paths := make([]string, len(first))
	for i, f := range first {
		paths[i] = f.Path
	}
	if code := paths[:len(paths)-1]; len(slices.Compact(slices.Sorted(slices.Values(code)))) != len(code) {
		t.Error("a path is generated twice")
	}
}

func same(t *testing.T, what string, a, b []generator.File) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: %d files, then %d", what, len(a), len(b))
	}
	for i := range a {
		if a[i].Path != b[i].Path || !bytes.Equal(a[i].Data, b[i].Data) {
			t.Errorf("%s: %s differs from %s", what, b[i].Path, a[i].Path)
		}
	}
}

// TestLayers checks that an addition adds files and descriptions and leaves the
// rest as it is.
func TestLayers(t *testing.T) {
	base := everything(t, embedded(t), closeOptions)
	mine := fstest.MapFS{"mine.yaml": {Data: []byte(`resource: mine
types:
  Gadget: {about: A gadget., fields: {lead: {type: Lead}}}
tools:
  close_gadget_get: {http: GET /gadget/, does: Fetch a gadget., returns: Gadget}
  close_me_get: {does: Say who you are.}
`)}}
	layered := map[string]string{}
	for _, f := range everything(t, load(t, manifest.Embedded(), mine), closeOptions) {
		layered[f.Path] = string(f.Data)
	}
	var changed []string
	for _, f := range base {
		if layered[f.Path] != string(f.Data) {
			changed = append(changed, f.Path)
		}
		delete(layered, f.Path)
	}
	added := slices.Sorted(maps.Keys(layered))
	if want := []string{"closeapi/doc.go", "closeapi/operations.go", "closeapi/plans_test.go", "closeapi/tools/data/users.json", "closeapi/tools/tools.go", "closeapi/users.go", "emulator/routes.go", "reference/README.md", "reference/users.md"}; !slices.Equal(slices.Sorted(slices.Values(changed)), want) {
		t.Errorf("changed %v, want %v", changed, want)
	}
	if want := []string{"closeapi/mine.go", "closeapi/tools/data/mine.json", "reference/mine.md"}; !slices.Equal(added, want) {
		t.Errorf("added %v, want %v", added, want)
	}
}

// TestWholeManifestIsSound checks the committed package as the goldens are
// checked; compiling it is the work of go vet.
func TestWholeManifestIsSound(t *testing.T) {
	files, err := generator.Generate(embedded(t), closeOptions)
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i].Path = "things/" + files[i].Path
		files[i].Data = bytes.ReplaceAll(files[i].Data, []byte(`"github.com/closekit/closekit/closeapi"`), []byte(`"zone.example/things"`))
	}
	if testing.Short() {
		t.Skip("-short: gofumpt over everything takes a second")
	}
	sound(t, files)
}

// TestLineBudget keeps generated code from growing: so many lines for each
// operation, all in all.
func TestLineBudget(t *testing.T) {
	const budget = 70
	api := embedded(t)
	files, err := generator.Generate(api, closeOptions)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, f := range files {
		if path.Ext(f.Path) == ".go" {
			lines += bytes.Count(f.Data, []byte("\n"))
		}
	}
	if per := lines / len(api.Tools()); per > budget {
		t.Errorf("%d lines for each operation, more than %d", per, budget)
	} else {
		t.Logf("%d lines for each of %d operations", per, len(api.Tools()))
	}
}

// dataFile is what the tests read of a data file.
type dataFile struct {
	Tools map[string]struct{ Input, Output json.RawMessage }
	Defs  map[string]json.RawMessage `json:"$defs"`
}

// dataFiles returns the generated data files by name, and their text.
func dataFiles(t *testing.T, api *manifest.API) (files map[string]dataFile, text map[string][]byte) {
	t.Helper()
	all, err := generator.Generate(api, closeOptions)
	if err != nil {
		t.Fatal(err)
	}
	files, text = map[string]dataFile{}, map[string][]byte{}
	for _, f := range all {
		if name, ok := strings.CutPrefix(f.Path, "tools/data/"); ok {
			var d dataFile
			if err := json.Unmarshal(f.Data, &d); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			files[name], text[name] = d, f.Data
		}
	}
	return files, text
}

// schemas returns the generated schemas: inputs, outputs and definitions.
func schemas(t *testing.T, api *manifest.API) map[string][]byte {
	t.Helper()
	list := map[string][]byte{}
	files, _ := dataFiles(t, api)
	for _, f := range files {
		for name, tool := range f.Tools {
			list[name+".input.json"], list[name+".output.json"] = tool.Input, tool.Output
		}
		for name, def := range f.Defs {
			list[name] = def
		}
	}
	return list
}

func compile(t *testing.T, name string, data []byte) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	if err := c.AddResource(name, bytes.NewReader(data)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// TestExamples validates every example of every tool, and every example and
// default in a schema, against the schemas.
func TestExamples(t *testing.T) {
	api := embedded(t)
	files, text := dataFiles(t, api)
	outputs := jsonschema.NewCompiler()
	outputs.Draft = jsonschema.Draft2020
	for name, data := range text {
		if err := outputs.AddResource(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range api.Tools() {
		file := tool.Resource.Name + ".json"
		s := compile(t, tool.Name+".input.json", files[file].Tools[tool.Name].Input)
		if _, err := outputs.Compile(file + "#/tools/" + tool.Name + "/output"); err != nil {
			t.Errorf("%s: %v", tool.Name, err)
		}
		for _, e := range tool.Examples {
			if err := s.Validate(parse(t, e.Input)); err != nil {
				t.Errorf("%s: the example %s is not valid: %v", tool.Name, e.Input, err)
			}
		}
		if len(tool.Params) > 0 && s.Validate(map[string]any{"no_such_parameter": 1}) == nil {
			t.Errorf("%s takes a parameter that it has not", tool.Name)
		}
	}
}

func parse(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// allowed are the keywords of the schemas for models.
var allowed = strings.Fields(`type description enum properties required additionalProperties patternProperties items minimum maximum
	minItems maxItems minLength maxLength pattern format default examples`)

// formats are those of JSON Schema that all models know, and our own, which the
// exporters leave out.
var formats = strings.Fields("date date-time email uri cents html phone timezone address date-or-date-time")

// references are what schemas of responses have besides.
var references = []string{"$ref", "anyOf"}

// TestSchemaKeywords checks that schemas use only what the exporters can lower
// for every model.
func TestSchemaKeywords(t *testing.T) {
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	for file, data := range schemas(t, embedded(t)) {
		input := strings.HasSuffix(file, ".input.json")
		root, ok := parse(t, data).(map[string]any)
		if _, refers := root["$ref"]; !ok || root["type"] != "object" && (!refers || input) {
			t.Errorf("%s: the root is no object", file)
		}
		if _, ok := root["properties"]; input && !ok {
			t.Errorf("%s: the root has no properties", file)
		}
		var see func(where string, v any)
		see = func(where string, v any) {
			s, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%s: %s is no schema", file, where)
			}
			bad := func(format string, args ...any) {
				t.Errorf("%s: %s: %s", file, where, fmt.Sprintf(format, args...))
			}
			for key := range s {
				if !slices.Contains(allowed, key) && (input || !slices.Contains(references, key)) {
					bad("the keyword %s is not allowed", key)
				}
			}
			var kinds []string
			switch k := s["type"].(type) {
			case string:
				kinds = []string{k}
			case []any:
				for _, one := range k {
					kinds = append(kinds, fmt.Sprint(one))
				}
			}
			props, _ := s["properties"].(map[string]any)
			switch {
			case len(kinds) == 0 && (input || s["$ref"] == nil && s["anyOf"] == nil):
				bad("no type")
			case len(kinds) == 1 && kinds[0] == "array" && s["items"] == nil:
				bad("an array without items")
			case len(kinds) == 2 && kinds[1] != "null":
				bad("two types, and the second is not null")
			}
			if f, ok := s["format"]; ok && !slices.Contains(formats, fmt.Sprint(f)) {
				bad("the format %v is not allowed", f)
			}
			if p, ok := s["pattern"].(string); ok {
				anchored(t, file+": "+where, p)
			}
			if words, ok := s["enum"].([]any); ok {
				folded := map[string]bool{}
				for _, w := range words {
					f := strings.ToLower(fmt.Sprint(w))
					if folded[f] {
						bad("the enum has values that differ by case only: %v", w)
					}
					folded[f] = true
				}
			}
			if input {
				for key, schema := range map[string]any{"default": s["default"], "examples": s["examples"]} {
					if schema == nil {
						continue
					}
					values := []any{schema}
					if key == "examples" {
						values, _ = schema.([]any)
					}
					raw, err := json.Marshal(s)
					if err != nil {
						t.Fatal(err)
					}
					for _, value := range values {
						if err := compile(t, "part.json", raw).Validate(value); err != nil {
							bad("%s %v is not valid: %v", key, value, err)
						}
					}
				}
				said, _ := s["description"].(string) // a brief object says the rest in words
				if props != nil && s["additionalProperties"] != false && !strings.Contains(said, ": {") {
					bad("an object that is sent allows more")
				}
			}
			required, _ := s["required"].([]any)
			for _, r := range required {
				if props[fmt.Sprint(r)] == nil {
					bad("requires %v, which it has not", r)
				}
			}
			for key, p := range props {
				if !name.MatchString(key) {
					bad("the property %s has no portable name", key)
				}
				see(where+"/"+key, p)
			}
			patterns, _ := s["patternProperties"].(map[string]any)
			for key, p := range patterns {
				anchored(t, file+": "+where, key)
				see(where+"/"+key, p)
			}
			if items := s["items"]; items != nil {
				see(where+"/[]", items)
			}
			if more := s["additionalProperties"]; more != nil && more != false {
				see(where+"/*", more)
			}
		}
		see("", root)
	}
}

func anchored(t *testing.T, where, pattern string) {
	t.Helper()
	if !strings.HasPrefix(pattern, "^") || !strings.HasSuffix(pattern, "$") {
		t.Errorf("%s: the pattern %s is not anchored", where, pattern)
	}
	if _, err := syntax.Parse(pattern, syntax.Perl); err != nil || strings.Contains(pattern, `\b`) {
		t.Errorf("%s: the pattern %s is not portable: %v", where, pattern, err)
	}
}

// TestGenerateFails checks mistakes that only the generator sees.
func TestGenerateFails(t *testing.T) {
	const head = "api: Close\nbase_url: https://api.close.com\nids:\n  thing: {prefix: thing}\n"
	var bits, laughs, wide strings.Builder
	bits.WriteString("resource: things\ntypes:\n  Thing:\n    about: A thing.\n    fields:\n")
	for i := range 64 {
		fmt.Fprintf(&bits, "      f%d: {type: string, always: true}\n", i)
	}
	const get = "tools:\n  close_it_get: {http: GET /it/, does: Fetch it., returns: Thing}\n"
	bits.WriteString(get)
	laughs.WriteString("resource: things\ntypes:\n  Thing: {about: A thing., fields: {a: {type: T0}, b: {type: T0}}}\n")
	for i := range 30 {
		fmt.Fprintf(&laughs, "  T%d: {about: x, fields: {a: {type: T%d}, b: {type: list T%d}}}\n", i, i+1, i+1)
	}
	laughs.WriteString("  T30: {about: x, fields: {a: {type: string}}}\n")
	wide.WriteString(laughs.String()) // in responses they are no trouble: definitions hold each once
	wide.WriteString("tools:\n  close_it_create: {http: POST /it/, does: Make it., takes: Thing, returns: nothing}\n")
	for name, c := range map[string]struct{ files, want string }{
		"no tools":       {"resource: things\n", "the manifest has no tools"},
		"bits":           {bits.String(), "type Thing has more than 63 fields that are always there, lists or objects"},
		"request laughs": {wide.String(), "schema of close_it_create: it would hold more than 2000 objects; make the type of a nested field json"},
		"id and type": {
			"resource: things\ntypes:\n  ThingID: {about: A thing., fields: {id: {type: id thing}}}\ntools:\n  close_it_get: {http: GET /it/, does: Fetch it., returns: ThingID}\n",
			"things.yaml:3:3: id kind thing and type ThingID would both be ThingID in Go (the first is at close.yaml:4:3; rename one)",
		},
		"iterator and tool": {
			"resource: things\ntypes:\n  Thing: {about: A thing., fields: {id: {type: string}}}\ntools:\n" +
				"  close_its_list: {http: GET /it/, does: List., params: {_skip: {type: integer}}, returns: list Thing, totals: Thing}\n" +
				"  close_its_all: {http: GET /all/, does: List., returns: Thing}\n  close_its_totals: {http: GET /totals/, does: Count., returns: Thing}\n",
			"things.yaml:6:3: the iterator of close_its_list and tool close_its_all would both be ItsAll in Go (the first is at things.yaml:5:3; rename one)\n" +
				"things.yaml:7:3: the totals of close_its_list and tool close_its_totals would both be ItsTotals in Go (the first is at things.yaml:5:3; rename one)",
		},
		"constant and type": {
			"resource: things\nenums:\n  Size: {about: How large., values: {big: \"\"}}\ntypes:\n  SizeBig: {about: A thing., fields: {size: {type: enum Size}}}\ntools:\n  close_it_get: {http: GET /it/, does: Fetch it., returns: SizeBig}\n",
			"things.yaml:5:3: value big of Size and type SizeBig would both be SizeBig in Go (the first is at things.yaml:3:38; rename one)",
		},
		"members": {
			"resource: things\ntypes:\n  Base: {about: A base., fields: {id: {type: string, access: read}}}\n" +
				"  Thing: {about: A thing., include: Base, fields: {base: {type: string, access: read}, as_base: {type: string, access: read}, object: {type: string, access: read}, object_value: {type: string, access: read}}, variants: {has: {id: Base}}}\n" + get,
			"things.yaml:4:3: field as_base and variant Base of Thing would both be AsBase in Go (the first is at things.yaml:4:88; rename one)\n" +
				"things.yaml:4:52: included type Base and field base of Thing would both be Base in Go (the first is at things.yaml:4:3; rename one)\n" +
				"things.yaml:4:165: field object and field object_value of Thing would both be ObjectValue in Go (the first is at things.yaml:4:127; rename one)",
		},
		"money": {
			"resource: things\ntypes:\n  Cents: {about: A thing., fields: {price: {type: cents}}}\ntools:\n  close_it_get: {http: GET /it/, does: Fetch it., returns: Cents}\n  close_operations: {http: GET /op/, does: Fetch it., returns: Cents}\n",
			"things.yaml:3:3: the type cents and type Cents would both be Cents in Go (rename it)\n" +
				"things.yaml:6:3: the list of operations and tool close_operations would both be Operations in Go (rename it)",
		},
		"spellings": {
			"resource: things\nenums:\n  Size: {about: How large., values: {in-progress: \"\", in_progress: \"\"}}\ntypes:\n  Thing: {about: A thing., fields: {date_won: {type: enum Size}, date__won: {type: string}}}\ntools:\n" +
				"  close_it_url_get: {http: GET /it/, does: Fetch it., returns: Thing, params: {ab: {type: string}, _ab: {type: string}}}\n  my_it_url_get: {http: GET /my/, does: Fetch it., returns: Thing}\n",
			"things.yaml:3:55: value in-progress of Size and value in_progress of Size would both be SizeInProgress in Go (the first is at things.yaml:3:38; rename one)\n" +
				"things.yaml:5:66: field date_won and field date__won of Thing would both be DateWon in Go (the first is at things.yaml:5:37; rename one)\n" +
				"things.yaml:7:100: parameter ab and parameter _ab of close_it_url_get would both be Ab in Go (the first is at things.yaml:7:80; rename one)\n" +
				"things.yaml:8:3: tool close_it_url_get and tool my_it_url_get would both be ItURLGet in Go (the first is at things.yaml:7:3; rename one)",
		},
	} {
		api := load(t, fstest.MapFS{"close.yaml": {Data: []byte(head)}, "things.yaml": {Data: []byte(c.files)}})
		files, err := generator.Generate(api, options)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if files != nil {
			t.Errorf("%s: got files beside the error", name)
		}
	}
}

// TestSubset checks that a selection of tools makes a sound package.
func TestSubset(t *testing.T) {
	for _, patterns := range [][]string{{"close_me_get"}, {"close_lead_delete"}, {"close_activities_list"}, {"close_*_list"}, {"close_opportunity_create", "close_pipelines_list"}} {
		sub, unused := embedded(t).Select(patterns)
		if len(unused) > 0 {
			t.Fatalf("%v matches nothing", unused)
		}
		sound(t, everything(t, sub, options))
	}
}

func TestReferenceNamesEveryTool(t *testing.T) {
	api := embedded(t)
	files := generator.Reference(api)
	pages := map[string]string{}
	for _, f := range files {
		pages[f.Path] = string(f.Data)
	}
	for _, tool := range api.Tools() {
		page := pages[tool.Resource.Name+".md"]
		if !strings.Contains(page, "\n## "+tool.Name+"\n") || !strings.Contains(pages["README.md"], "["+"`"+tool.Name+"`]("+tool.Resource.Name+".md#"+tool.Name+")") {
			t.Errorf("%s has no section or no entry in the index", tool.Name)
		}
		for _, p := range tool.Params {
			if !strings.Contains(page, "`"+p.Name+"`") {
				t.Errorf("the page of %s does not name %s", tool.Name, p.Name)
			}
		}
	}
	// The index has the areas in their order, each with its sentence and its resources.
	rest := pages["README.md"]
	for i, a := range api.Areas {
		_, after, ok := strings.Cut(rest, "\n## "+a.Title+"\n\n"+a.About+"\n")
		if !ok || a.About == "" {
			t.Fatalf("area %d, %s, is not in its place in the index, with its sentence", i, a.Name)
		}
		rest = after
		own, _, _ := strings.Cut(rest, "\n## ")
		for _, r := range api.Resources {
			if got := strings.Contains(own, "]("+r.Name+".md)\n"); got != (r.Area == a.Name && len(r.Tools) > 0) {
				t.Errorf("%s is in the area %s of the index: %v", r.Name, a.Name, got)
			}
		}
	}
	// The map of the package and the pages name every function.
	doc, err := os.ReadFile("../closeapi/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	functions := 0
	for _, tool := range api.Tools() {
		code, err := os.ReadFile("../closeapi/" + tool.Resource.Name + ".go")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func ([A-Z]\w*)\(`).FindAllStringSubmatch(string(code), -1) {
			functions++
			iterator := strings.HasSuffix(m[1], "All")
			if !strings.Contains(pages[tool.Resource.Name+".md"], "`"+m[1]+"`") || !iterator && !strings.Contains(string(doc), "["+m[1]+"]") {
				t.Errorf("%s is not on its page, or not in the map of the package", m[1])
			}
		}
	}
	if functions == 0 {
		t.Error("no function was found")
	}
	for name, page := range pages {
		for i, line := range strings.Split(page, "\n") {
			if strings.HasPrefix(line, "| ") && !regexp.MustCompile(`^\|.*\|$`).MatchString(line) {
				t.Errorf("%s:%d: a row of a table is broken: %s", name, i+1, line)
			}
		}
	}
	if _, err := os.Stat("../docs/reference/README.md"); err != nil {
		t.Error(err)
	}
}
