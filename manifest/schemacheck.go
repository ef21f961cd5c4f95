package manifest

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"
)

// schemaProblems checks every file against the manifest's JSON Schema, and
// notes which lines it objects to. It runs before the checks with hints; the
// later sorting keeps both, so what follows drops what the other checks say
// better: only objections at places with no other problem are reported.
func schemaProblems(doc *Document, ps *Problems) {
	schemas, err := compileSchema()
	if err != nil {
		ps.add(Pos{File: "schema.json"}, "", "the schema of the manifest is broken: %v", err)
		return
	}
	for layer, files := range doc.layers {
		for _, f := range files {
			schema := schemas[layer == 0 && f.name == apiFile]
			r := newReader(f.name, &Problems{})
			var v any
			if err := json.Unmarshal(r.appendJSON(nil, f.root), &v); err != nil {
				continue // appendJSON reports it again later, with its place
			}
			err := schema.Validate(v)
			var ve *jsonschema.ValidationError
			if !errors.As(err, &ve) {
				continue
			}
			for _, leaf := range leaves(ve) {
				n := at(f.root, leaf.InstanceLocation)
				*ps = append(*ps, Problem{Pos{f.name, n.Line, n.Column}, fromSchema + leaf.InstanceLocation + ": " + leaf.Message, "see manifest/schema.json"})
			}
		}
	}
}

const fromSchema = "schema: "

// compileSchema gives the schemas of close.yaml (true) and of resource files.
var compileSchema = sync.OnceValues(func() (map[bool]*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	if err := c.AddResource("manifest.json", strings.NewReader(string(schemaJSON))); err != nil {
		return nil, err
	}
	api, err := c.Compile("manifest.json#/$defs/api")
	if err != nil {
		return nil, err
	}
	resource, err := c.Compile("manifest.json#/$defs/resource")
	return map[bool]*jsonschema.Schema{true: api, false: resource}, err
})

// leaves are the errors that have no more specific cause.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var list []*jsonschema.ValidationError
	for _, c := range e.Causes {
		list = append(list, leaves(c)...)
	}
	return list
}

// at finds the node that a JSON pointer names, or the last one on the way.
func at(n *yaml.Node, pointer string) *yaml.Node {
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = strings.NewReplacer("~1", "/", "~0", "~").Replace(plain)
		}
		switch n.Kind {
		case yaml.MappingNode:
			for _, kv := range pairs(n) {
				if kv[0].Value == part {
					n = kv[1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(n.Content) {
				n = n.Content[i]
			}
		case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
		}
	}
	return n
}

// withoutEchoes drops what the schema says about a line that another check
// speaks of too: the other check names the mend.
func (ps Problems) withoutEchoes() Problems {
	better := map[string]bool{}
	for _, p := range ps {
		if !strings.HasPrefix(p.Msg, fromSchema) {
			better[p.Pos.File] = true
		}
	}
	var kept Problems
	for _, p := range ps {
		if !strings.HasPrefix(p.Msg, fromSchema) || !better[p.Pos.File] {
			kept = append(kept, p)
		}
	}
	return kept
}
