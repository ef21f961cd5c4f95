package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"

	"github.com/closekit/closekit/manifest"
)

// TestSchemaTakesTheManifest checks the embedded files against the schema that
// editors use, by way of another decoder than the loader's.
func TestSchemaTakesTheManifest(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	if err := c.AddResource("schema.json", strings.NewReader(string(manifest.Schema()))); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(manifest.Embedded(), "*/*.yaml")
	names = append(names, "close.yaml")
	if err != nil || len(names) < 17 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(manifest.Embedded(), name)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if v.(map[string]any)["each"] != nil {
			continue // the loader applies the schema to the files that it stands for
		}
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal(asJSON, &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaKeys checks that the reader knows every key of the schema, at every
// level, and that docs/manifest.md explains it.
func TestSchemaKeys(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(manifest.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../docs/manifest.md")
	if err != nil {
		t.Fatal(err)
	}
	const tool = "tools: {close_thing_get: {http: GET /a/, does: Fetch it., returns: nothing, "
	for path, file := range map[string]string{
		"api":                        "KEYS",
		"resource":                   "KEYS",
		"id":                         "ids: {thing: KEYS}",
		"enums/additionalProperties": "enums: {Size: KEYS}",
		"types/additionalProperties": "types: {Thing: KEYS}",
		"types/additionalProperties/properties/variants": "types: {Thing: {about: x, fields: {a: {type: string}}, variants: KEYS}}",
		"field": "types: {Thing: {about: x, fields: {a: KEYS}}}",
		"tool":  "tools: {close_thing_get: KEYS}",
		"tool/properties/aliases/additionalProperties": tool + "aliases: {other: KEYS}}}",
		"tool/properties/rules/items":                  tool + "rules: [KEYS]}}",
		"tool/properties/effects/items":                tool + "effects: [KEYS]}}",
		"tool/properties/examples/items":               tool + "examples: [KEYS]}}",
	} {
		level := schema["$defs"].(map[string]any)
		for step := range strings.SplitSeq(path, "/") {
			level = level[step].(map[string]any)
		}
		keys := slices.Sorted(maps.Keys(level["properties"].(map[string]any)))
		for _, key := range keys {
			if !regexp.MustCompile("`.*\\b" + key + "\\b.*`").Match(docs) {
				t.Errorf("docs/manifest.md does not explain the key %s of %s", key, path)
			}
		}
		text := strings.Replace(file, "KEYS", "{"+strings.Join(keys, ": null, ")+": null}", 1)
		name, base := "x.yaml", fstest.MapFS{"close.yaml": {Data: []byte(closeYAML)}}
		if path == "api" || path == "id" {
			name = "close.yaml"
		}
		base[name] = &fstest.MapFile{Data: []byte(text)}
		if _, err := check(base); err == nil || strings.Contains(err.Error(), "has no key") {
			t.Errorf("%s: the reader does not know all keys of the schema: %v", path, err)
		}
	}
}

// TestEmbeddedWording checks what models and people read.
func TestEmbeddedWording(t *testing.T) {
	api := embedded(t)
	for _, tool := range api.Tools() {
		if tool.Result == "" || len(tool.Synonyms) == 0 || len(tool.Examples) == 0 || tool.Doc == "" {
			t.Errorf("%s lacks result, synonyms, examples or doc", tool.Name)
		}
		if o := result(tool); o != nil && len(o.Fields) > 5 && len(tool.Show) == 0 {
			t.Errorf("%s shows nothing", tool.Name)
		}
		for _, name := range regexp.MustCompile(`close_[a-z_]+`).FindAllString(tool.Does+tool.Use+tool.Result, -1) {
			if api.Tool(name) == nil {
				t.Errorf("%s speaks of %s, which is no tool", tool.Name, name)
			}
		}
		if (tool.Method == "DELETE" || strings.HasSuffix(tool.Name, "_delete")) && tool.Effect&manifest.Destroys != manifest.Destroys {
			t.Errorf("%s has the effect %s", tool.Name, tool.Effect)
		}
	}
}

// TestEmbeddedTypes checks that every about reads well after "Lead is".
func TestEmbeddedTypes(t *testing.T) {
	article := regexp.MustCompile(`^(A|An|The|One) `)
	for _, r := range embedded(t).Resources {
		for _, o := range r.Types {
			if !article.MatchString(o.About) {
				t.Errorf("the about of type %s does not begin with an article: %s", o.Name, o.About)
			}
			for _, f := range o.Fields {
				if f.Min != nil && f.Max != nil && strings.Contains(f.About, fmt.Sprintf("%d to %d", *f.Min, *f.Max)) {
					t.Errorf("the about of %s.%s repeats the bounds", o.Name, f.Name)
				}
			}
		}
		for _, e := range r.Enums {
			if !article.MatchString(e.About) {
				t.Errorf("the about of enum %s does not begin with an article: %s", e.Name, e.About)
			}
		}
	}
}

// result returns the type that a tool returns, or lists.
func result(tool *manifest.Tool) *manifest.Object {
	switch t := tool.Returns; {
	case t == nil:
		return nil
	case t.Kind == manifest.List:
		return t.Elem.Object
	default:
		return t.Object
	}
}

func TestLoadFails(t *testing.T) {
	boom := errors.New("boom")
	for name, fsys := range map[string]fs.FS{
		"folder": brokenFS{FS: fstest.MapFS{}, dir: boom},
		"open":   brokenFS{FS: fstest.MapFS{"x.yaml": {Data: []byte("a: b")}}, open: boom},
		"read":   brokenFS{FS: fstest.MapFS{"x.yaml": {Data: []byte("a: b")}}, read: boom},
	} {
		_, err := manifest.Load(fsys)
		var ps manifest.Problems
		if !errors.Is(err, boom) || errors.As(err, &ps) {
			t.Errorf("%s: got %v, want an error that wraps the cause and is no Problems", name, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "read manifest: ") {
			t.Errorf("%s: %v does not say what was done", name, err)
		}
	}
}

// brokenFS fails where it is told to.
type brokenFS struct {
	fs.FS
	dir, open, read error
}

func (b brokenFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if b.dir != nil {
		return nil, b.dir
	}
	return fs.ReadDir(b.FS, name)
}

func (b brokenFS) Open(name string) (fs.File, error) {
	if b.open != nil {
		return nil, b.open
	}
	f, err := b.FS.Open(name)
	if err != nil || b.read == nil {
		return f, err
	}
	return brokenFile{f, b.read}, nil
}

type brokenFile struct {
	fs.File
	err error
}

func (b brokenFile) Read([]byte) (int, error) { return 0, b.err }
