package manifest_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"

	"github.com/closekit/closekit/manifest"
)

// tools are the 81 tools that are promised.
var tools = strings.Fields(`
	close_lead_create close_lead_get close_lead_update close_lead_delete close_lead_merge close_leads_list
	close_contact_create close_contact_get close_contact_update close_contact_delete close_contacts_list
	close_opportunity_create close_opportunity_get close_opportunity_update close_opportunity_delete close_opportunities_list
	close_call_create close_call_get close_call_update close_call_delete close_calls_list
	close_email_create close_email_get close_email_update close_email_delete close_emails_list
	close_sms_create close_sms_get close_sms_update close_sms_delete close_sms_list
	close_note_create close_note_get close_note_update close_note_delete close_notes_list
	close_comment_create close_comment_get close_comment_update close_comment_delete close_comments_list
	close_task_create close_task_get close_task_update close_task_delete close_tasks_list
	close_sequences_list close_sequence_get
	close_sequence_subscription_create close_sequence_subscription_get close_sequence_subscription_update close_sequence_subscriptions_list
	close_pipeline_create close_pipeline_get close_pipeline_update close_pipeline_delete close_pipelines_list
	close_custom_field_lead_create close_custom_field_lead_get close_custom_field_lead_update close_custom_field_lead_delete close_custom_fields_lead_list
	close_custom_field_contact_create close_custom_field_contact_get close_custom_field_contact_update close_custom_field_contact_delete close_custom_fields_contact_list
	close_custom_field_opportunity_create close_custom_field_opportunity_get close_custom_field_opportunity_update close_custom_field_opportunity_delete close_custom_fields_opportunity_list
	close_me_get close_user_get close_users_list
	close_webhook_create close_webhook_get close_webhook_update close_webhook_delete close_webhooks_list
	close_activities_list`)

func TestTools(t *testing.T) {
	var got []string
	for _, tool := range embedded(t).Tools() {
		got = append(got, tool.Name)
	}
	want := slices.Clone(tools)
	slices.Sort(got)
	slices.Sort(want)
	if len(want) != 81 {
		t.Fatalf("the list in the test has %d names", len(want))
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("the manifest has no tool %s", name)
		}
	}
}

// TestSchemaTakesTheManifest checks the embedded files against the schema that
// editors use, by way of another reader than the loader's.
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
	if err != nil || len(names) < 19 {
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

// TestSchemaKeys compares the keys that the schema knows with those that the
// reader knows, at every level. The reader lists its keys when it meets one
// that is like none of them.
func TestSchemaKeys(t *testing.T) {
	type level struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var schema struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(manifest.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	// follow finds the keys below a path of members in the schema.
	follow := func(path ...string) []string {
		raw := schema.Defs[path[0]]
		for _, step := range path[1:] {
			var m map[string]json.RawMessage
			var list []json.RawMessage
			switch {
			case json.Unmarshal(raw, &m) == nil:
				raw = m[step]
			case json.Unmarshal(raw, &list) == nil:
				raw = list[len(list)-1]
			}
		}
		var l level
		if err := json.Unmarshal(raw, &l); err != nil || len(l.Properties) == 0 {
			t.Fatalf("the schema has no properties at %v: %v", path, err)
		}
		return slices.Sorted(maps.Keys(l.Properties))
	}
	want := map[string][]string{
		"close.yaml":           follow("api"),
		"a resource file":      follow("resource"),
		"id kind thing":        follow("id"),
		"enum Size":            follow("enums", "additionalProperties"),
		"type Thing":           follow("types", "additionalProperties"),
		"variants":             follow("types", "additionalProperties", "properties", "variants"),
		"field name":           follow("field"),
		"tool close_thing_get": follow("tool"),
		"alias other":          follow("tool", "properties", "aliases", "additionalProperties", "anyOf", "last"),
		"rule":                 follow("tool", "properties", "rules", "items"),
		"example":              follow("tool", "properties", "examples", "items"),
	}
	seen := map[string]bool{}
	line := regexp.MustCompile(`^[^ ]+: (.*) has no key "q+" \(known are (.*)\)$`)
	archives(t, "bad", func(t *testing.T, path string, ar *txtar.Archive) {
		t.Helper()
		if !strings.HasSuffix(path, "unknown_keys_far.txtar") {
			return
		}
		list, _ := layers(t, ar)
		_, err := check(list...)
		for l := range strings.Lines(err.Error()) {
			m := line.FindStringSubmatch(strings.TrimSpace(l))
			if m == nil {
				continue
			}
			seen[m[1]] = true
			if known := strings.Split(m[2], ", "); !slices.Equal(known, want[m[1]]) {
				t.Errorf("%s: the reader knows %v, the schema %v", m[1], known, want[m[1]])
			}
		}
	})
	for what := range want {
		if !seen[what] {
			t.Errorf("the archive unknown_keys_far has no unknown key in %s", what)
		}
	}
}

// TestSchemaIsTheLastResort checks that what only the schema objects to is
// reported, with its place and where to look.
func TestSchemaIsTheLastResort(t *testing.T) {
	_, err := check(fstest.MapFS{
		"close.yaml": {Data: []byte("api: Close\nbase_url: https://api.close.com\n")},
		"x.yaml": {Data: []byte(`resource: things
enums:
  Size/~1: {about: x, values: {a: 5}}
  Size: {about: How large., values: {a: 5}}
`)},
	})
	if err == nil || strings.Contains(err.Error(), "schema") {
		t.Errorf("the reader's own objection hides the schema's; got %v", err)
	}
	_, err = check(fstest.MapFS{
		"close.yaml": {Data: []byte("api: Close\nbase_url: https://api.close.com\n")},
		"x.yaml": {Data: []byte(`resource: things
enums:
  Size: {about: How large., values: {a: 5, b: ""}}
`)},
	})
	want := "x.yaml:3:41: schema: /enums/Size/values/a: expected string or null, but got number (see manifest/schema.json)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestEmbeddedWording checks what models and people read.
func TestEmbeddedWording(t *testing.T) {
	api := embedded(t)
	for _, tool := range api.Tools() {
		if tool.Gives == "" || len(tool.Synonyms) == 0 || len(tool.Examples) == 0 || tool.Doc == "" {
			t.Errorf("%s lacks gives, synonyms, examples or doc", tool.Name)
		}
		if o := result(tool); o != nil && len(o.Fields) > 5 && len(tool.Show) == 0 {
			t.Errorf("%s shows nothing", tool.Name)
		}
		for _, name := range regexp.MustCompile(`close_[a-z_]+`).FindAllString(tool.Does+tool.Use+tool.Gives, -1) {
			if api.Tool(name) == nil {
				t.Errorf("%s speaks of %s, which is no tool", tool.Name, name)
			}
		}
		if strings.Contains(tool.Name, "_delete") != (tool.Method == "DELETE") {
			t.Errorf("%s has the method %s", tool.Name, tool.Method)
		}
		if tool.Method == "DELETE" && tool.Effect != manifest.Destroys {
			t.Errorf("%s has the effect %s", tool.Name, tool.Effect)
		}
	}
}

// result gives the type that a tool answers with, or lists.
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
