package generator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v5"
	gofumpt "mvdan.cc/gofumpt/format"

	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/manifest"
)

var acme = generator.Options{Package: "acme", ImportPath: "zone.example/acme", Users: true}

func acmeLock(t *testing.T) []byte {
	t.Helper()
	lock, err := os.ReadFile("testdata/organization/acme.lock.json")
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

// TestOrganizationGolden compares all files that are made of a lock file, and what is said
// about its names.
func TestOrganizationGolden(t *testing.T) {
	t.Parallel()
	files, notes, err := generator.Organization("acme.lock.json", acmeLock(t), acme)
	if err != nil {
		t.Fatal(err)
	}
	got := txtar.Archive{Files: []txtar.File{{Name: "notes", Data: []byte(notes.Error() + "\n")}}}
	for _, f := range files {
		got.Files = append(got.Files, txtar.File{Name: f.Path, Data: f.Data})
		if filepath.Ext(f.Path) != ".go" {
			continue
		}
		if formatted, err := gofumpt.Source(f.Data, gofumpt.Options{}); err != nil || !bytes.Equal(formatted, f.Data) {
			t.Errorf("%s is not formatted: %v", f.Path, err)
		}
	}
	name := "testdata/organization/acme.txtar"
	if *update {
		if err := os.WriteFile(name, txtar.Format(&got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(txtar.Format(&got), want) {
		t.Errorf("%s is not what is generated; run the test with -update and read the difference", name)
	}
}

// TestOrganizationOrder wants the same names in whatever order Close lists things.
func TestOrganizationOrder(t *testing.T) {
	t.Parallel()
	lock := acmeLock(t)
	files, _, err := generator.Organization("x", lock, acme)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(lock, &all); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"lead_statuses", "pipelines", "custom_fields", "users"} {
		list, _ := all[member].([]any)
		for i := range len(list) / 2 {
			list[i], list[len(list)-1-i] = list[len(list)-1-i], list[i]
		}
	}
	turned, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := generator.Organization("x", turned, acme)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if filepath.Ext(f.Path) == ".go" && f.Path != "constants.go" && !bytes.Equal(f.Data, again[i].Data) {
			t.Errorf("%s depends on the order:\n%s\n%s", f.Path, f.Data, again[i].Data)
		}
		if f.Path == "constants.go" && strings.Count(string(f.Data), "") != strings.Count(string(again[i].Data), "") {
			t.Errorf("%s depends on the order", f.Path)
		}
	}
}

// TestOrganizationSchema checks values with the schema for models.
func TestOrganizationSchema(t *testing.T) {
	t.Parallel()
	files, _, err := generator.Organization("x", acmeLock(t), acme)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Path != "lead.schema.json" {
			continue
		}
		if strings.Contains(string(f.Data), "\u202e") {
			t.Error("a label with invisible characters reaches models")
		}
		s, err := jsonschema.CompileString("lead.json", string(f.Data))
		if err != nil {
			t.Fatal(err)
		}
		for input, ok := range map[string]bool{
			`{"cf_text1":"North","cf_number1":2.5,"cf_choice1":"50+","cf_choices1":["Pro"],"cf_user1":"user_ann1","cf_date1":null}`: true,
			`{"cf_choices1.add":"Basic"}`: true,
			`{"cf_choices1.add":"Gold"}`:  false,
			`{"cf_choice1":"Coal"}`:       false,
			`{"cf_choice1":null}`:         true,
			`{"cf_choices1":"Pro"}`:       false,
			`{"cf_number1":"many"}`:       false,
			`{"cf_user1":"Ann"}`:          false,
			`{"cf_future1":{"a":1}}`:      false,
			`{"cf_future1":["a"]}`:        true,
			`{"Industry":"Software"}`:     false,
		} {
			var v any
			if err := json.Unmarshal([]byte(input), &v); err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); (err == nil) != ok {
				t.Errorf("%s: %v", input, err)
			}
		}
		return
	}
	t.Error("there is no schema of leads")
}

// TestOrganizationMistakes names the place of what is wrong with a lock file.
func TestOrganizationMistakes(t *testing.T) {
	t.Parallel()
	head := "{\"version\": 1, \"organization\": {\"id\": \"orga_1\", \"name\": \"x\"},\n"
	for text, want := range map[string]string{
		head + `"lead_statuses": [{"id": "stat_1", "name": "a", "go": "b"}]}`:                                                      `f:2:19: "b" is not an exported name`,
		head + `"lead_statuses": [{"id": "stat_1", "name": "a", "go": "B"},` + "\n" + `{"id": "stat_2", "name": "c", "go": "B"}]}`: `f:3:1: status of leads "c": the name B is taken`,
		head + `"lead_statuses": [{"name": "a"}]}`:                                                                                 "f:2:19: this has no id",
		head + `"users": {}}`: "f:2:",
		head + `"users": []`:  "f:2:11: unexpected EOF",
		`{"version": 2}`:      "f:1:1: the version",
		``:                    "f:1:",
	} {
		_, _, err := generator.Organization("f", []byte(text), acme)
		var problems manifest.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", text, err, want)
		}
	}
}
