package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"
)

// shape checks every file against the JSON Schema of the manifest: unknown
// keys, values of the wrong kind, keys that are missing. It marks the nodes it
// reports, and readers pass over marked nodes, so each problem is reported once.
func shape(doc *Document, ps *Problems) (marked map[*yaml.Node]bool) {
	marked = map[*yaml.Node]bool{}
	schemas, err := compileSchemas()
	if err != nil {
		ps.add(Pos{File: "schema.json"}, "", "the schema of the manifest is broken: %v", err)
		return marked
	}
	for layer, files := range doc.layers {
		for _, f := range files {
			def := "resource"
			if layer == 0 && f.name == apiFile {
				def = "api"
			}
			var invalid *jsonschema.ValidationError
			if errors.As(schemas.compiled[def].Validate(plainValue(f.root)), &invalid) {
				s := shapeReport{file: f, schema: schemas.raw, def: def, ps: ps, marked: marked}
				s.report(invalid)
			}
		}
	}
	return marked
}

type schemas struct {
	raw      map[string]any
	compiled map[string]*jsonschema.Schema // by definition: api, resource
}

// shapeURL has a scheme, because a name alone is looked up in the working directory,
// which may have vanished.
const shapeURL = "closekit:///manifest.json"

var compileSchemas = sync.OnceValues(func() (s schemas, err error) {
	if err := json.Unmarshal(schemaJSON, &s.raw); err != nil {
		return s, err
	}
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	if err := c.AddResource(shapeURL, strings.NewReader(string(schemaJSON))); err != nil {
		return s, err
	}
	s.compiled = map[string]*jsonschema.Schema{}
	for _, def := range []string{"api", "resource"} {
		if s.compiled[def], err = c.Compile(shapeURL + "#/$defs/" + def); err != nil {
			return s, err
		}
	}
	return s, nil
})

// plainValue is a node as encoding/json would decode it. A number that is not
// one in JSON stays a text.
func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for _, kv := range pairs(n) {
			m[kv[0].Value] = plainValue(kv[1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = plainValue(c)
		}
		return list
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return isTrue(n)
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
	}
	return n.Value
}

// shapeReport reports what the schema finds in one file.
type shapeReport struct {
	file   file
	schema map[string]any
	def    string
	ps     *Problems
	marked map[*yaml.Node]bool
}

// report reports the errors that have no more specific cause.
func (s *shapeReport) report(e *jsonschema.ValidationError) {
	for _, c := range e.Causes {
		s.report(c)
	}
	if len(e.Causes) > 0 {
		return
	}
	rule, keyword, hint := s.rule(e.KeywordLocation)
	path := pointer(e.InstanceLocation)
	key, n := find(s.file.root, path)
	what := name(rule, path)
	switch keyword {
	case "additionalProperties":
		s.unknownKeys(rule, what, n)
		return
	case "required":
		s.missingKeys(rule, what, key, n)
		return
	}
	if s.marked[n] {
		return
	}
	s.marked[n] = true
	switch pos := s.pos(n); {
	case keyword == "enum":
		s.ps.add(pos, hint, "%s must be %s, not %s", what, orList(texts(rule["enum"]), "or"), kindName(n))
	case keyword == "pattern" && rule["pattern"] == `\S`:
		s.ps.add(pos, "leave the key out", "%s is empty", what)
	case keyword == "pattern":
		s.ps.add(pos, example(rule), "%s must be %s, not %q", what, hint, n.Value)
	default:
		kind := kindOf(rule)
		if rule["pattern"] != nil && rule["pattern"] != `\S` {
			hint = example(rule) // the description is that of the pattern
		}
		if kind == "a text" && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
			hint = "put it in quotes"
		}
		s.ps.add(pos, hint, "%s must be %s, not %s", what, kind, kindName(n))
	}
}

func (s *shapeReport) pos(n *yaml.Node) Pos { return Pos{s.file.name, n.Line, n.Column} }

func (s *shapeReport) unknownKeys(rule map[string]any, what string, n *yaml.Node) {
	known, _ := rule["properties"].(map[string]any)
	for _, kv := range pairs(n) {
		if _, ok := known[kv[0].Value]; !ok {
			s.marked[kv[0]] = true
			s.ps.add(s.pos(kv[0]), knownHint(kv[0].Value, slices.Sorted(maps.Keys(known))), "%s has no key %q", what, kv[0].Value)
		}
	}
}

func (s *shapeReport) missingKeys(rule map[string]any, what string, key, n *yaml.Node) {
	properties, _ := rule["properties"].(map[string]any)
	given := map[string]bool{}
	for _, kv := range pairs(n) {
		given[kv[0].Value] = true
	}
	for _, k := range texts(rule["required"]) {
		if !given[k] {
			property, _ := properties[k].(map[string]any)
			hint := example(property)
			if hint != "" {
				hint = strings.Replace(hint, "for example ", "for example "+k+": ", 1)
			} else if about, ok := property["description"].(string); ok {
				hint = about
			}
			s.ps.add(s.pos(key), hint, "%s lacks the key %s", what, k)
		}
	}
}

// rule finds the part of the schema that a keyword location names, the keyword,
// and the description that is nearest to it.
func (s *shapeReport) rule(location string) (rule map[string]any, keyword, hint string) {
	definitions, _ := s.schema["$defs"].(map[string]any)
	rule, _ = definitions[s.def].(map[string]any)
	title := rule["title"]
	describe := func() {
		if d, ok := rule["description"].(string); ok {
			hint = d
		}
		if t, ok := rule["title"]; ok {
			title = t
		}
	}
	path := pointer(location)
	inProperties := false
	for _, step := range path[:len(path)-1] {
		switch {
		case step == "$ref" && !inProperties:
			ref, _ := rule["$ref"].(string)
			rule, _ = definitions[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		case step == "properties" && !inProperties:
			rule, _ = rule[step].(map[string]any)
			inProperties = true
			continue
		default:
			rule, _ = rule[step].(map[string]any)
			inProperties, hint, title = false, "", nil
		}
		describe()
	}
	rule = maps.Clone(rule)
	rule["title"] = title
	return rule, path[len(path)-1], hint
}

// name names a value in problems: by the title of its rule and its key.
func name(rule map[string]any, path []string) string {
	title, _ := rule["title"].(string)
	if len(path) == 0 {
		return title
	}
	last := path[len(path)-1]
	_, err := strconv.Atoi(last)
	switch {
	case err == nil && title != "":
		return title
	case err == nil:
		return "an entry of " + path[len(path)-2]
	case title != "":
		return title + " " + last
	}
	return last
}

// kindOf describes the values that a rule takes.
func kindOf(rule map[string]any) string {
	kinds := texts(rule["type"])
	if one, ok := rule["type"].(string); ok {
		kinds = []string{one}
	}
	least, bounded := rule["minimum"].(float64)
	most, both := rule["maximum"].(float64)
	switch {
	case slices.Contains(kinds, "string") && slices.Contains(kinds, "object"):
		return "a text or a mapping"
	case slices.Contains(kinds, "string") && slices.Contains(kinds, "array"):
		return "a text or a list"
	case slices.Contains(kinds, "string"):
		return "a text"
	case slices.Contains(kinds, "boolean"):
		return "true or false"
	case slices.Contains(kinds, "array"):
		return "a list"
	case slices.Contains(kinds, "object"):
		return "a mapping"
	case both && most < 1<<53:
		return fmt.Sprintf("an integer from %.0f to %.0f", least, most)
	case bounded && !both:
		return fmt.Sprintf("an integer of %.0f or more", least)
	}
	return "an integer"
}

// example suggests the example of a rule, if it has one.
func example(rule map[string]any) string {
	if list := texts(rule["examples"]); len(list) > 0 {
		return "for example " + list[0]
	}
	return ""
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// pointer splits a JSON pointer, whose parts the validator escapes as in URLs.
func pointer(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(text, "/"), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

// find returns the node at a path, and the node of its key or, for what has
// none, itself.
func find(n *yaml.Node, path []string) (key, value *yaml.Node) {
	key = n
	for _, part := range path {
		switch n.Kind {
		case yaml.MappingNode:
			for _, kv := range pairs(n) {
				if kv[0].Value == part {
					key, n = kv[0], kv[1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(n.Content) {
				n = n.Content[i]
				key = n
			}
		case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
		}
	}
	return key, n
}
