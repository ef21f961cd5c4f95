package closekit

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// toolData is the part of a catalog's data file that describes one tool. There is
// one file per resource:
//
//	{"tools": {"close_lead_create": {"title": …, "input": {…}, "output": {…}}}, "$defs": {"Lead": {…}}}
//
// The schemas of responses refer to definitions, which may be in other files, as
// "contacts.json#/$defs/Contact".
type toolData struct {
	ToolInfo
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

type dataFile struct {
	Tools map[string]*toolData       `json:"tools"`
	Defs  map[string]json.RawMessage `json:"$defs"`
}

// dataCache caches the data files of one catalog.
type dataCache struct {
	mu    sync.Mutex
	files map[string]*dataFile
}

// file returns a data file. A missing or invalid file counts as empty; only an
// incompletely generated package has one.
func (c *Catalog) file(resource string) *dataFile {
	c.cache.mu.Lock()
	defer c.cache.mu.Unlock()
	if f, ok := c.cache.files[resource]; ok {
		return f
	}
	f := &dataFile{}
	if c.Data != nil {
		if b, err := fs.ReadFile(c.Data, "data/"+resource+".json"); err != nil || json.Unmarshal(b, f) != nil {
			f = &dataFile{}
		}
	}
	if c.cache.files == nil {
		c.cache.files = map[string]*dataFile{}
	}
	c.cache.files[resource] = f
	return f
}

func (c *Catalog) data(t *Tool) *toolData {
	if d := c.file(t.Resource).Tools[t.Name]; d != nil {
		return d
	}
	return &toolData{Input: json.RawMessage("{}"), Output: json.RawMessage("{}")}
}

const refPrefix = `"$ref":"`

// output returns the schema of a tool's responses with all definitions that it
// needs.
func (c *Catalog) output(t *Tool) json.RawMessage {
	a := assembly{c: c, defs: map[string]json.RawMessage{}}
	schema := compact(c.data(t).Output)
	// A schema that is only a reference is replaced by its definition, because
	// protocols require "type": "object" at the top level.
	if ref, ok := bytes.CutPrefix(schema, []byte("{"+refPrefix)); ok && bytes.Count(ref, []byte(`"`)) == 1 {
		name, _, _ := bytes.Cut(ref, []byte(`"`))
		file, def := a.split(t.Resource, string(name))
		schema = a.resolve(file, compact(c.file(file).Defs[def]))
	} else {
		schema = a.resolve(t.Resource, schema)
	}
	if len(a.names) == 0 {
		return schema
	}
	b := bytes.Clone(schema[:len(schema)-1])
	b = append(b, `,"$defs":{`...)
	slices.Sort(a.names)
	for i, name := range a.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '"'), name...)
		b = append(append(b, `":`...), a.defs[name]...)
	}
	return append(b, "}}"...)
}

// assembly collects the definitions that a schema needs.
type assembly struct {
	c     *Catalog
	names []string
	defs  map[string]json.RawMessage
}

// split resolves a reference in a file into the file and the name of the
// definition.
func (a *assembly) split(file, ref string) (string, string) {
	other, name, _ := strings.Cut(ref, "#/$defs/")
	if other != "" {
		file = strings.TrimSuffix(other, ".json")
	}
	return file, name
}

// resolve makes all references of a compact schema local, and collects their
// definitions.
func (a *assembly) resolve(file string, schema []byte) json.RawMessage {
	var out []byte
	for {
		i := bytes.Index(schema, []byte(refPrefix))
		if i < 0 {
			return append(out, schema...)
		}
		i += len(refPrefix)
		end := i + bytes.IndexByte(schema[i:], '"')
		home, name := a.split(file, string(schema[i:end]))
		out = append(out, schema[:i]...)
		out = append(append(out, "#/$defs/"...), name...)
		schema = schema[end:]
		if _, seen := a.defs[name]; !seen {
			a.names = append(a.names, name)
			a.defs[name] = nil // a type may contain itself
			a.defs[name] = a.resolve(home, compact(a.c.file(home).Defs[name]))
		}
	}
}

func compact(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return []byte("{}")
	}
	return b.Bytes()
}
