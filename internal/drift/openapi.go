package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/manifest"
)

// Bounds of a specification: its size, the depth of schemas, and the number of
// members after all references are resolved.
const (
	maxSpec    = 64 << 20
	maxDepth   = 48
	maxMembers = 200_000
)

// OpenAPI compares a manifest with a specification in OpenAPI 3.0 or 3.1, as JSON or
// YAML. References must stay within the document; nothing is fetched.
func OpenAPI(api *manifest.API, r io.Reader) (*Report, error) {
	doc, err := readSpec(r)
	if err != nil {
		return nil, err
	}
	s := &spec{doc: doc, prefix: api.Prefix}
	list, err := s.endpoints()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("the specification has no operations; is it the document with the key paths?")
	}
	return compareEndpoints(api, list), nil
}

type object = map[string]any

func readSpec(r io.Reader) (object, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSpec+1))
	if err != nil {
		return nil, fmt.Errorf("read the specification: %w", err)
	}
	if len(data) > maxSpec {
		return nil, errors.New("the specification is larger than 64 MiB")
	}
	if data, err = bom.Text(data); err != nil {
		return nil, fmt.Errorf("read the specification: %w", err)
	}
	var doc object
	if text := bytes.TrimSpace(data); len(text) > 0 && text[0] == '{' { // JSON with tabs is no YAML
		err = json.Unmarshal(text, &doc)
	} else {
		var raw any
		if err = yaml.Unmarshal(data, &raw); err == nil {
			doc, _ = plain(raw).(object)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the specification is neither JSON nor YAML with an object at its top: %w", err)
	}
	version, _ := doc["openapi"].(string)
	if !strings.HasPrefix(version, "3.0") && !strings.HasPrefix(version, "3.1") {
		if doc["swagger"] != nil {
			return nil, errors.New("the specification is in Swagger 2.0; convert it to OpenAPI 3.0 or 3.1 first")
		}
		return nil, fmt.Errorf("the key openapi of the specification is %q, want 3.0 or 3.1", version)
	}
	return doc, nil
}

// plain turns the mappings of YAML into objects, whose keys are texts: those of
// responses are often numbers.
func plain(v any) any {
	switch v := v.(type) {
	case map[any]any:
		o := object{}
		for k, e := range v {
			o[fmt.Sprint(k)] = plain(e)
		}
		return o
	case object:
		for k, e := range v {
			v[k] = plain(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plain(e)
		}
	}
	return v
}

// spec reads a specification.
type spec struct {
	doc     object
	prefix  string // of paths, which the specification may have in its servers instead
	members int
}

var methods = []string{"get", "post", "put", "patch", "delete", "head", "options", "trace"}

func (s *spec) endpoints() (list []*endpoint, err error) {
	paths, _ := s.doc["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, err := s.resolve(paths[path], path)
		if err != nil {
			return nil, err
		}
		for _, method := range methods {
			op, ok := item[method].(object)
			if !ok {
				continue
			}
			e, err := s.endpoint(strings.ToUpper(method), path, item, op)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", strings.ToUpper(method), path, err)
			}
			list = append(list, e)
		}
	}
	return list, nil
}

func (s *spec) endpoint(method, path string, item, op object) (*endpoint, error) {
	e := &endpoint{method: method, path: path, query: shape{"": {}}}
	if rest, ok := strings.CutPrefix(path, s.prefix); ok && strings.HasPrefix(rest, "/") {
		e.path = rest
	}
	for _, raw := range slices.Concat(items(item["parameters"]), items(op["parameters"])) {
		p, err := s.resolve(raw, "a parameter")
		if err != nil {
			return nil, err
		}
		name, _ := p["name"].(string)
		if p["in"] != "query" || name == "" {
			continue
		}
		delete(e.query, name) // one of the operation wins over one of the path
		schema := p["schema"]
		if schema == nil {
			schema, _ = s.media(p["content"])
		}
		w := &walk{spec: s, shape: e.query}
		if err := w.schema(name, schema, nil, 0); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		e.query[name].required = p["required"] == true
	}
	body, err := s.resolve(op["requestBody"], "the body")
	if err != nil {
		return nil, err
	}
	if e.body, err = s.content(body["content"]); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	responses, _ := op["responses"].(object)
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		response, err := s.resolve(responses[status], "a response")
		if err != nil {
			return nil, err
		}
		if e.response, err = s.content(response["content"]); err != nil {
			return nil, fmt.Errorf("response %s: %w", status, err)
		}
		if e.response != nil {
			break
		}
	}
	return e, nil
}

// media returns the schema and the example of the media type JSON, or of the only one.
func (s *spec) media(raw any) (schema any, example any) {
	content, _ := raw.(object)
	names := slices.Sorted(maps.Keys(content))
	i := slices.IndexFunc(names, func(n string) bool { return strings.Contains(n, "json") })
	if i < 0 && len(names) == 1 {
		i = 0
	}
	if i < 0 {
		return nil, nil
	}
	m, _ := content[names[i]].(object)
	example = m["example"]
	if list, ok := m["examples"].(object); ok && example == nil {
		var all []any
		for _, name := range slices.Sorted(maps.Keys(list)) {
			if e, err := s.resolve(list[name], "an example"); err == nil && e["value"] != nil {
				all = append(all, e["value"])
			}
		}
		example = several(all)
	}
	return m["schema"], example
}

// several are examples of one thing.
type several []any

// content returns the shape of a body; nil if the specification says nothing about it.
func (s *spec) content(raw any) (shape, error) {
	schema, example := s.media(raw)
	w := &walk{spec: s, shape: shape{}}
	if err := w.schema("", schema, nil, 0); err != nil {
		return nil, err
	}
	if w.typed() {
		return w.shape, nil
	}
	// Without a schema that names members, examples are all there is. A member that an
	// example lacks may exist all the same.
	w = &walk{spec: s, shape: shape{}}
	list, ok := example.(several)
	if !ok && example != nil {
		list = several{example}
	}
	if m, ok := schema.(object); ok && len(list) == 0 {
		if m, err := s.resolve(m, "a schema"); err == nil {
			list = items(m["examples"])
			if m["example"] != nil {
				list = append(list, m["example"])
			}
		}
	}
	for _, e := range list {
		if err := w.example("", e, 0); err != nil {
			return nil, err
		}
	}
	if !w.typed() {
		return nil, nil
	}
	return w.shape, nil
}

// resolve follows the references of an object within the document. where says what it
// is, in errors.
func (s *spec) resolve(raw any, where string) (object, error) {
	var seen []string
	for {
		o, _ := raw.(object)
		ref, ok := o["$ref"].(string)
		if !ok {
			return o, nil
		}
		if slices.Contains(seen, ref) {
			return nil, fmt.Errorf("the reference %q leads back to itself", ref)
		}
		seen = append(seen, ref)
		var err error
		if raw, err = s.pointer(ref); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
	}
}

// pointer returns what a reference names.
func (s *spec) pointer(ref string) (any, error) {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("the reference %q leaves the document, and nothing is fetched; bundle the specification into one file first", ref)
	}
	var at any = s.doc
	for step := range strings.SplitSeq(path, "/") {
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		o, _ := at.(object)
		if at = o[step]; at == nil {
			return nil, fmt.Errorf("the reference %q leads nowhere", ref)
		}
	}
	return at, nil
}

func items(v any) []any {
	list, _ := v.([]any)
	return list
}
