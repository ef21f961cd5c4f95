package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// fieldsWorld is an organization with more custom fields than a page has, and with shared
// ones.
type fieldsWorld struct {
	t   *testing.T
	srv *emulator.Server
	c   *closekit.Client
	dir string
}

func (w *fieldsWorld) post(path string, body map[string]any) string {
	w.t.Helper()
	var out struct {
		ID string `json:"id"`
	}
	if err := w.c.Post(w.t.Context(), path, body, &out); err != nil {
		w.t.Fatal(err)
	}
	return out.ID
}

// shared creates a shared field of kinds of records.
func (w *fieldsWorld) shared(name string, kinds ...string) string {
	w.t.Helper()
	id := w.post("/custom_field/shared/", map[string]any{"name": name, "type": "text"})
	for _, kind := range kinds {
		w.post("/custom_field/shared/"+id+"/association/", map[string]any{"object_type": kind})
	}
	return id
}

func (w *fieldsWorld) run(args ...string) (int, string) {
	w.t.Helper()
	return run(w.t, "", append(args, "--base-url", w.srv.URL(), "--api-key", w.srv.APIKey())...)
}

// rows exports a list to CSV and returns its rows by column.
func (w *fieldsWorld) rows(list string, args ...string) (header []string, rows []map[string]string) {
	w.t.Helper()
	file := filepath.Join(w.dir, list+".csv")
	if code, out := w.run(append([]string{"export", list, "--out", file, "--overwrite"}, args...)...); code != 0 {
		w.t.Fatalf("exit code %d: %s", code, out)
	}
	f, err := os.Open(file)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return all[0], rows
}

func newFieldsWorld(t *testing.T) *fieldsWorld {
	t.Helper()
	srv := emulator.Start(t)
	return &fieldsWorld{t, srv, closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL())), t.TempDir()}
}

// TestExportCustomFields writes every value of a custom field to CSV: of fields beyond the
// first page, of shared fields, of custom activities, and of calls.
func TestExportCustomFields(t *testing.T) {
	t.Parallel()
	w := newFieldsWorld(t)
	visit := w.post("/custom_activity/", map[string]any{"name": "Visit"})
	region := w.shared("Region", "lead", "opportunity", "custom_activity_type/"+visit)
	stray := w.shared("Stray", "contact")
	var last, finding string
	for i := range 103 {
		last = w.post("/custom_field/lead/", map[string]any{"name": fmt.Sprint("Field ", i), "type": "text"})
		finding = w.post("/custom_field/activity/", map[string]any{"name": fmt.Sprint("Finding ", i), "type": "text", "custom_activity_type_id": visit})
	}
	lead := w.post("/lead/", map[string]any{"name": "Acme", "custom." + last: "late", "custom." + region: "North"})
	w.post("/opportunity/", map[string]any{"lead_id": lead, "custom." + region: "South"})
	w.post("/activity/custom/", map[string]any{"lead_id": lead, "custom_activity_type_id": visit, "custom." + finding: "leak", "custom." + region: "West"})
	w.post("/activity/call/", map[string]any{"lead_id": lead, "custom.cf_ofCalls": "loud"})

	for _, c := range []struct {
		list    string
		args    []string
		fields  int // columns of custom fields
		columns []string
		want    map[string]string
	}{
		{"leads", nil, 104, []string{"id", "name"}, map[string]string{"name": "Acme", "custom." + last: "late", "custom." + region: "North", customRest: ""}},
		{"leads", []string{"--fields", "custom,name"}, 104, nil, map[string]string{"name": "Acme", "custom." + last: "late", "custom." + region: "North"}},
		{"leads", []string{"--fields", "name,custom." + region}, 1, nil, map[string]string{"name": "Acme", "custom." + region: "North"}},
		{"opportunities", nil, 1, nil, map[string]string{"custom." + region: "South"}},
		{"custom_activities", nil, 104, nil, map[string]string{"custom_activity_type_id": visit, "custom." + finding: "leak", "custom." + region: "West"}},
		{"activities", nil, 104, nil, map[string]string{"custom." + finding: "leak", "custom." + region: "West"}},
		{"activities", nil, 104, nil, map[string]string{customRest: `{"cf_ofCalls":"loud"}`}},
		{"calls", nil, 0, nil, map[string]string{customRest: `{"cf_ofCalls":"loud"}`}},
	} {
		header, rows := w.rows(c.list, c.args...)
		n := 0
		for _, name := range header {
			if strings.HasPrefix(name, "custom.") {
				n++
			}
		}
		found := slices.ContainsFunc(rows, func(row map[string]string) bool {
			for name, v := range c.want {
				if got, ok := row[name]; !ok || got != v {
					return false
				}
			}
			return true
		})
		if n != c.fields || !found || slices.Contains(header, "custom") || slices.Contains(header, "custom."+stray) {
			t.Errorf("%s %q: %d columns of custom fields, want %d; %v is there: %t\n%q", c.list, c.args, n, c.fields, c.want, found, header)
		}
	}
	if header, _ := w.rows("custom_fields_activity"); !slices.Contains(header, "custom_activity_type_id") {
		t.Errorf("the columns of definitions are %q", header)
	}
}

// TestCustomOwners has an entry for every list whose records take custom fields.
func TestCustomOwners(t *testing.T) {
	t.Parallel()
	p := &program{catalog: tools.Catalog()}
	takes := map[string]bool{"activities": true} // calls and custom activities are among them
	for _, tool := range p.catalog.Tools() {
		if in, err := inputOf(tool); err == nil && in.property("custom_fields") != nil {
			takes[tool.Resource] = true
		}
	}
	for list, tool := range p.exportTools() {
		if _, ok := customOwners[list]; ok != takes[tool.Resource] {
			t.Errorf("%s: it has custom fields: %t, an entry: %t", list, takes[tool.Resource], ok)
		}
	}
}

// TestImportSharedFields takes shared fields by name and by id.
func TestImportSharedFields(t *testing.T) {
	t.Parallel()
	w := newFieldsWorld(t)
	region := w.shared("Region", "lead", "contact")
	for name, text := range map[string]string{
		"name.csv":   "Company,custom.Region,Contact,contact.custom.region\nOne,North,Ann,East\n",
		"id.csv":     "Company,custom." + region + ",Contact,contact.custom." + region + "\nTwo,North,Ann,East\n",
		"name.jsonl": `{"name":"Three","custom.Region":"North","contacts":[{"name":"Ann","custom.Region":"East"}]}` + "\n",
	} {
		file := filepath.Join(w.dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := w.run("import", "leads", file, "--yes"); code != 0 {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
	}
	for _, table := range []string{"leads", "contacts"} {
		want := map[string]string{"leads": "North", "contacts": "East"}[table]
		list := w.srv.Objects(table)
		for _, o := range list {
			if o["custom."+region] != want {
				t.Errorf("%s: got %v", table, o)
			}
		}
		if len(list) != 3 {
			t.Errorf("%d %s", len(list), table)
		}
	}
}

// TestImportExported reads the values back that an export wrote, also those of a field
// with several choices.
func TestImportExported(t *testing.T) {
	t.Parallel()
	w := newFieldsWorld(t)
	id := w.post("/custom_field/lead/", map[string]any{"name": "Branches", "type": "choices", "choices": []string{"Steel", "Food; Drinks"}, "accepts_multiple_values": true})
	lead := w.post("/lead/", map[string]any{"name": "Acme", "custom." + id: []string{"Steel", "Food; Drinks"}})
	none := w.post("/custom_field/lead/", map[string]any{"name": "None", "type": "choices", "choices": []string{"A"}, "accepts_multiple_values": true})
	if err := w.c.Put(t.Context(), "/lead/"+lead+"/", map[string]any{"custom." + none: []string{}}, nil); err != nil {
		t.Fatal(err)
	}
	w.rows("leads", "--fields", "name,custom."+id+",custom."+none)
	if err := w.c.Delete(t.Context(), "/lead/"+lead+"/", nil); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("import", "leads", filepath.Join(w.dir, "leads.csv"), "--yes"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	got := w.srv.Objects("leads")
	if len(got) != 1 {
		t.Fatalf("%d leads", len(got))
	}
	if text, _ := json.Marshal(got[0]["custom."+id]); string(text) != `["Steel","Food; Drinks"]` {
		t.Errorf("got %s", text)
	}
	// An empty list is one, and null, which export writes as an empty cell, is no choice.
	for cell, want := range map[string]string{"[]": "would create 1 leads", "null": `"null" is not a choice`, `"[null]"`: "is not a choice"} {
		file := filepath.Join(w.dir, "cell.csv")
		if err := os.WriteFile(file, []byte("name,custom."+id+"\nOther,"+cell+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, out := w.run("import", "leads", file); !strings.Contains(out, want) {
			t.Errorf("%s: %s", cell, out)
		}
	}
}
