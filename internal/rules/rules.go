// Package rules proves offline that providers accept definitions of tools. One illegal
// definition fails a whole request, so every definition is checked against the published
// rules of its target, and a list of definitions against those of a request.
package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Definition returns the rules of a target that a definition breaks, each with the
// place. Targets are the formats of package lower.
func Definition(target string, raw json.RawMessage) []string {
	r, ok := targets[target]
	if !ok {
		return []string{"target " + target + " is unknown"}
	}
	c := &checker{rules: r}
	v, err := parse(raw)
	if err != nil {
		return []string{err.Error()}
	}
	r.envelope(c, v)
	return c.problems
}

// Request returns the rules that the definitions of one request break, each of them and
// together.
func Request(target string, list []json.RawMessage) []string {
	var problems []string
	names := map[string]bool{}
	loaded := 0
	for i, raw := range list {
		for _, p := range Definition(target, raw) {
			problems = append(problems, fmt.Sprintf("%d: %s", i, p))
		}
		v, err := parse(raw)
		if err != nil {
			continue
		}
		for _, name := range namesOf(v) {
			if names[name] {
				problems = append(problems, name+": occurs twice")
			}
			names[name] = true
		}
		if v.get("defer_loading") == nil && v.text("type") != "namespace" && !isSearch(v) {
			loaded++
		}
	}
	r, ok := targets[target]
	if !ok {
		return problems
	}
	switch {
	case r.maxTools > 0 && loaded > r.maxTools:
		problems = append(problems, fmt.Sprintf("%d tools, at most %d", loaded, r.maxTools))
	case slices.ContainsFunc(list, deferred) && target == "anthropic" && loaded == 0:
		problems = append(problems, "every tool is deferred; one must stay loaded")
	}
	if slices.ContainsFunc(list, deferred) {
		search := func(raw json.RawMessage) bool { v, err := parse(raw); return err == nil && isSearch(v) }
		if !slices.ContainsFunc(list, search) {
			problems = append(problems, "tools are deferred and there is no search tool")
		}
	}
	return problems
}

func deferred(raw json.RawMessage) bool { return bytes.Contains(raw, []byte(`"defer_loading":true`)) }

func isSearch(v *value) bool {
	t := v.text("type")
	return t == "tool_search" || strings.HasPrefix(t, "tool_search_tool_")
}

func namesOf(v *value) []string {
	for _, key := range []string{"function", "toolSpec"} {
		if in := v.get(key); in != nil {
			v = in
		}
	}
	var names []string
	if tools := v.get("tools"); tools != nil {
		for _, t := range tools.list {
			names = append(names, t.text("name"))
		}
	}
	return append(names, v.text("name"))
}

// target is what a provider demands.
type target struct {
	mode
	envelope func(*checker, *value)
	name     *regexp.Regexp // of a tool
	key      *regexp.Regexp // of a parameter at the top level
	anyKey   bool           // key holds for nested parameters too
	maxTools int
	typed    bool // an object must have properties
}

// mode is what schemas may have.
type mode struct {
	keywords []string
	formats  []string // nil for any
	maxDepth int
	maxEnum  int
	lists    bool // types may be lists
	strict   bool
}

// Keywords that the safe subset has, and those that targets add to it.
var (
	subset      = []string{"type", "description", "enum", "items", "properties", "required", "additionalProperties", "minimum", "maximum", "minItems", "maxItems", "format"}
	openAIKeys  = append([]string{"anyOf", "pattern", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "$defs", "$ref", "const", "title"}, subset...)
	geminiKeys  = []string{"type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties", "required", "minimum", "maximum", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default"}
	strictTypes = []string{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
	plain       = []string{"date", "date-time", "email"}

	name64  = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	name128 = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	letter  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	keyName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
)

// The modes: that of the safe subset, and that of OpenAI which is enforced.
var (
	loose    = mode{keywords: subset, formats: plain, maxEnum: 40}
	enforced = mode{keywords: openAIKeys, formats: strictTypes, maxDepth: 10, maxEnum: 1000, lists: true, strict: true}
)

var targets = map[string]target{
	"openai-chat": {envelope: chat, name: name64, key: keyName, mode: loose, maxTools: 128},
	// What OpenAI takes of other programs; closekit keeps to openai-chat.
	"openai-chat-any":  {envelope: chatLike, name: name64, key: keyName, maxTools: 128, mode: mode{keywords: openAIKeys, maxEnum: 1000}},
	"mistral":          {envelope: chatLike, name: name64, key: keyName, mode: loose},
	"cohere":           {envelope: chatLike, name: name64, key: keyName, mode: loose},
	"openai-responses": {envelope: responses, name: name128, key: keyName, mode: loose, maxTools: 128},
	"openai-strict":    {envelope: chat, name: name64, key: keyName, mode: enforced, maxTools: 128},
	"anthropic":        {envelope: anthropic, name: name128, key: keyName, mode: loose},
	"bedrock":          {envelope: bedrock, name: name64, key: keyName, mode: loose},
	"gemini":           {envelope: gemini("parametersJsonSchema"), name: letter, key: letter, anyKey: true, mode: loose, maxTools: 512},
	"gemini-openapi": {
		envelope: gemini("parameters"), name: letter, key: letter, anyKey: true, maxTools: 512, typed: true,
		mode: mode{keywords: geminiKeys, formats: []string{"date-time", "enum"}, maxEnum: 40},
	},
	"mcp":     {envelope: mcp, name: name128, key: keyName, mode: loose},
	"openapi": {envelope: openAPI, name: name64, key: keyName, mode: loose},
}

type checker struct {
	rules    target
	problems []string
	size     int // of all names and enum values, in characters
	props    int
	enums    int
}

func (c *checker) say(path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	c.problems = append(c.problems, path+fmt.Sprintf(format, args...))
}

// members reports members that an object must not have or lacks.
func (c *checker) members(path string, v *value, must, may []string) {
	if v == nil || v.kind != '{' {
		c.say(path, "must be an object")
		return
	}
	for _, m := range v.members {
		if !slices.Contains(must, m.name) && !slices.Contains(may, m.name) {
			c.say(path, "unknown member %s", m.name)
		}
	}
	for _, name := range must {
		if v.get(name) == nil {
			c.say(path, "lacks %s", name)
		}
	}
}

// tool checks name and description.
func (c *checker) tool(v *value) {
	if name := v.text("name"); !c.rules.name.MatchString(name) {
		c.say("name", "%q is not allowed", name)
	}
	if d := v.get("description"); d != nil && (d.kind != '"' || d.str == "") {
		c.say("description", "must not be empty")
	}
	if d := v.text("description"); strings.ContainsFunc(d, func(r rune) bool {
		return r < ' ' || r == utf8.RuneError || r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E
	}) {
		c.say("description", "has invisible characters")
	}
}

func chat(c *checker, v *value) {
	c.members("", v, []string{"type", "function"}, nil)
	f := v.get("function")
	c.members("function", f, []string{"name", "parameters"}, []string{"description", "strict"})
	if f == nil {
		return
	}
	if v.text("type") != "function" {
		c.say("type", "must be function")
	}
	c.tool(f)
	c.strictness(f)
	c.root(f.get("parameters"))
}

// strictness checks a tool by the rules of the mode that it asks for: a strict one is legal
// in a loose list, and a loose one in a strict list, as each would be alone.
func (c *checker) strictness(v *value) {
	c.rules.mode = loose
	if v.isTrue("strict") {
		c.rules.mode = enforced
	}
}

// chatLike is the form of OpenAI Chat without strict, which others took over.
func chatLike(c *checker, v *value) {
	c.members("", v, []string{"type", "function"}, nil)
	f := v.get("function")
	c.members("function", f, []string{"name", "parameters"}, []string{"description"})
	if f == nil {
		return
	}
	if v.text("type") != "function" {
		c.say("type", "must be function")
	}
	c.tool(f)
	c.root(f.get("parameters"))
}

func responses(c *checker, v *value) {
	switch v.text("type") {
	case "tool_search":
		c.members("", v, []string{"type"}, nil)
		return
	case "namespace":
		c.members("", v, []string{"type", "name", "description", "tools"}, nil)
		c.tool(v)
		if t := v.get("tools"); t != nil {
			if len(t.list) >= 10 {
				c.say("tools", "%d functions in a namespace, fewer than 10 are recommended", len(t.list))
			}
			for _, one := range t.list {
				responses(c, one)
			}
		}
		return
	}
	c.members("", v, []string{"type", "name", "parameters", "strict"}, []string{"description", "defer_loading"}) // without strict, Responses tries to be strict
	c.tool(v)
	c.strictness(v)
	c.root(v.get("parameters"))
}

func anthropic(c *checker, v *value) {
	if t := v.text("type"); strings.HasPrefix(t, "tool_search_tool_") {
		c.members("", v, []string{"type", "name"}, nil)
		return
	}
	c.members("", v, []string{"name", "input_schema"}, []string{"description", "defer_loading"})
	c.tool(v)
	c.root(v.get("input_schema"))
}

func bedrock(c *checker, v *value) {
	c.members("", v, []string{"toolSpec"}, nil)
	spec := v.get("toolSpec")
	c.members("toolSpec", spec, []string{"name", "inputSchema"}, []string{"description"})
	if spec == nil {
		return
	}
	c.tool(spec)
	c.members("inputSchema", spec.get("inputSchema"), []string{"json"}, nil)
	if in := spec.get("inputSchema"); in != nil {
		c.root(in.get("json"))
	}
}

func gemini(parameters string) func(*checker, *value) {
	return func(c *checker, v *value) {
		c.members("", v, []string{"name", "description"}, []string{parameters})
		c.tool(v)
		if p := v.get(parameters); p != nil {
			c.root(p)
		}
	}
}

func mcp(c *checker, v *value) {
	c.members("", v, []string{"name", "inputSchema", "annotations"}, []string{"title", "description"})
	c.tool(v)
	c.root(v.get("inputSchema"))
	a := v.get("annotations")
	hints := []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
	c.members("annotations", a, hints, nil)
	if a == nil {
		return
	}
	for _, m := range a.members {
		if m.kind != 't' {
			c.say("annotations."+m.name, "must be true or false")
		}
	}
	if a.isTrue("readOnlyHint") && a.isTrue("destructiveHint") {
		c.say("annotations", "a tool that only reads cannot be destructive")
	}
}

func openAPI(c *checker, v *value) {
	c.members("", v, []string{"openapi", "info", "paths"}, nil)
	if v.text("openapi") != "3.1.0" {
		c.say("openapi", "must be 3.1.0")
	}
	c.members("info", v.get("info"), []string{"title", "version"}, nil)
	paths := v.get("paths")
	if paths == nil {
		return
	}
	ids := map[string]bool{}
	for _, p := range paths.members {
		if !strings.HasPrefix(p.name, "/") {
			c.say(p.name, "a path begins with /")
		}
		post := p.get("post")
		c.members(p.name, post, []string{"operationId", "summary", "requestBody", "responses", "x-openai-isConsequential"}, []string{"description"})
		if post == nil {
			continue
		}
		id := post.text("operationId")
		if !c.rules.name.MatchString(id) || ids[id] {
			c.say(p.name, "operationId %q is not allowed or occurs twice", id)
		}
		ids[id] = true
		if s := post.text("summary"); s == "" || len(s) > 300 {
			c.say(p.name, "the summary is empty or longer than 300 characters")
		}
		c.root(post.at("requestBody", "content", "application/json", "schema"))
	}
}

// root checks the schema of the input.
func (c *checker) root(s *value) {
	if s == nil || s.kind != '{' {
		c.say("schema", "is missing")
		return
	}
	if s.text("type") != "object" {
		c.say("schema", "the type must be object")
	}
	if s.get("properties") == nil {
		c.say("schema", "lacks properties")
	}
	for _, m := range s.members {
		if slices.Contains([]string{"oneOf", "anyOf", "allOf", "enum", "not"}, m.name) {
			c.say("schema", "%s is not allowed at the top", m.name)
		}
	}
	c.schema("", s, 0)
	if c.rules.strict && (c.props > 5000 || c.size > 120_000 || c.enums > 1000) {
		c.say("schema", "is too large: %d properties, %d characters, %d enum values", c.props, c.size, c.enums)
	}
}

func (c *checker) schema(path string, s *value, depth int) {
	if s.kind != '{' {
		c.say(path, "a schema must be an object")
		return
	}
	for _, m := range s.members {
		if !slices.Contains(c.rules.keywords, m.name) {
			c.say(path, "the keyword %s is not allowed", m.name)
		}
	}
	if limit := levels(c.rules.maxDepth); depth > limit {
		c.say(path, "is deeper than %d levels", limit)
	}
	c.types(path, s)
	c.enum(path, s)
	if f := s.text("format"); f != "" && !slices.Contains(c.rules.formats, f) {
		c.say(path, "the format %s is not allowed", f)
	}
	for _, name := range s.strings("required") {
		if s.at("properties", name) == nil {
			c.say(path, "requires %s, which is no property", name)
		}
	}
	if items := s.get("items"); items != nil {
		c.schema(path+"[]", items, depth+1)
	}
	if either := s.get("anyOf"); either != nil {
		for _, a := range either.list {
			c.schema(path+"|", a, depth)
		}
	}
	props := s.get("properties")
	if props == nil {
		return
	}
	for _, p := range props.members {
		at := strings.TrimPrefix(path+"."+p.name, ".")
		if (path == "" || c.rules.anyKey) && !c.rules.key.MatchString(p.name) {
			c.say(at, "the name is not allowed")
		}
		if c.rules.strict && !slices.Contains(s.strings("required"), p.name) {
			c.say(at, "must be required in strict mode")
		}
		c.props++
		c.size += len(p.name)
		c.schema(at, p.value, depth+1)
	}
}

// levels returns how deep a schema may be: by default that of the safe subset, five
// levels of objects and lists with values in them.
func levels(n int) int {
	if n == 0 {
		return 6
	}
	return n
}

// types checks the type and what goes with it.
func (c *checker) types(path string, s *value) {
	t := s.get("type")
	var list []string
	switch {
	case t == nil && s.get("anyOf") != nil:
		return
	case t == nil:
		c.say(path, "has no type")
		return
	case t.kind == '[':
		if !c.rules.lists {
			c.say(path, "a list of types is not allowed")
		}
		list = s.strings("type")
	default:
		list = []string{t.str}
	}
	for _, one := range list {
		if !slices.Contains([]string{"string", "integer", "number", "boolean", "array", "object", "null"}, one) {
			c.say(path, "unknown type %q", one)
		}
		if one == "null" && len(list) == 1 && path != "" && !c.rules.strict {
			c.say(path, "the type null is not allowed")
		}
	}
	if slices.Contains(list, "array") && s.get("items") == nil {
		c.say(path, "an array lacks items")
	}
	if !slices.Contains(list, "object") {
		return
	}
	extra := s.get("additionalProperties")
	switch {
	case c.rules.strict && (extra == nil || extra.str != "false"):
		c.say(path, "additionalProperties must be false in strict mode")
	case extra != nil && extra.kind == '{':
		c.say(path, "additionalProperties must not be a schema")
	}
	props := s.get("properties")
	if (c.rules.strict || c.rules.typed) && (props == nil || c.rules.typed && len(props.members) == 0) {
		c.say(path, "an object without properties is not allowed")
	}
}

func (c *checker) enum(path string, s *value) {
	e := s.get("enum")
	if e == nil {
		return
	}
	seen := map[string]bool{}
	for _, v := range e.list {
		switch {
		case v.kind == 'n' && c.rules.strict:
			continue
		case v.kind != '"':
			c.say(path, "an enum value that is no string is not allowed")
			continue
		case seen[strings.ToLower(v.str)]:
			c.say(path, "enum values differ only in case: %s", v.str)
		}
		seen[strings.ToLower(v.str)] = true
		c.size += len(v.str)
		c.enums++
	}
	if len(e.list) > c.rules.maxEnum || len(e.list) == 0 {
		c.say(path, "%d enum values, allowed are 1 to %d", len(e.list), c.rules.maxEnum)
	}
}
