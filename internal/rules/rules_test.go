package rules_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/rules"
)

// forms are legal definitions, with SCHEMA for the schema of the input.
var forms = map[string]string{
	"openai-chat":      `{"type":"function","function":{"name":"close_x","description":"Do it.","parameters":SCHEMA,"strict":false}}`,
	"openai-chat-any":  `{"type":"function","function":{"name":"close_x","parameters":SCHEMA}}`,
	"openai-strict":    `{"type":"function","function":{"name":"close_x","description":"Do it.","parameters":SCHEMA,"strict":true}}`,
	"mistral":          `{"type":"function","function":{"name":"close_x","description":"Do it.","parameters":SCHEMA}}`,
	"cohere":           `{"type":"function","function":{"name":"close_x","description":"Do it.","parameters":SCHEMA}}`,
	"openai-responses": `{"type":"function","name":"close_x","description":"Do it.","parameters":SCHEMA,"strict":false}`,
	"anthropic":        `{"name":"close_x","description":"Do it.","input_schema":SCHEMA}`,
	"gemini":           `{"name":"close_x","description":"Do it.","parametersJsonSchema":SCHEMA}`,
	"gemini-openapi":   `{"name":"close_x","description":"Do it.","parameters":SCHEMA}`,
	"bedrock":          `{"toolSpec":{"name":"close_x","description":"Do it.","inputSchema":{"json":SCHEMA}}}`,
	"mcp":              `{"name":"close_x","title":"X","description":"Do it.","inputSchema":SCHEMA,"annotations":{"readOnlyHint":false,"destructiveHint":false,"idempotentHint":false,"openWorldHint":true}}`,
	"openapi": `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/tools/close_x":{"post":{"operationId":"close_x","summary":"Do it.",` +
		`"x-openai-isConsequential":true,"requestBody":{"required":true,"content":{"application/json":{"schema":SCHEMA}}},"responses":{}}}}}`,
}

const (
	legal = `{"type":"object","properties":{"lead_id":{"type":"string","description":"A lead.","enum":["a","b"]},"tags":{"type":"array","items":{"type":"string"}}},"required":["lead_id","tags"],"additionalProperties":false}`
	open  = `{"type":"object","properties":{"lead_id":{"type":"string","description":"A lead.","enum":["a","b"]},"tags":{"type":"array","items":{"type":"string"}}},"required":["lead_id","tags"]}`
)

func form(target string) string {
	schema := legal
	if target == "gemini-openapi" {
		schema = open
	}
	return strings.Replace(forms[target], "SCHEMA", schema, 1)
}

func TestLegal(t *testing.T) {
	t.Parallel()
	for target := range forms {
		if p := rules.Request(target, []json.RawMessage{json.RawMessage(form(target))}); len(p) > 0 {
			t.Errorf("%s: %q", target, p)
		}
	}
}

// TestPlanted plants violations in legal definitions: every rule must be able to fail.
func TestPlanted(t *testing.T) {
	t.Parallel()
	forty := `"v0"`
	for i := 1; i <= 40; i++ {
		forty += fmt.Sprintf(`,"v%d"`, i)
	}
	deep := `{"type":"string"}`
	for range 11 {
		deep = `{"type":"object","properties":{"a":` + deep + `},"required":["a"],"additionalProperties":false}`
	}
	every := []string{"openai-chat", "openai-strict", "mistral", "cohere", "openai-responses", "anthropic", "gemini", "gemini-openapi", "bedrock", "mcp", "openapi"}
	loose := []string{"openai-chat", "mistral", "cohere", "openai-responses", "anthropic", "gemini", "bedrock", "mcp", "openapi"}
	for _, c := range []struct {
		targets  []string
		old, new string
		want     string
	}{
		{every, `"type":"string","description":"A lead."`, `"type":"text","description":"A lead."`, `unknown type "text"`},
		{every, `"type":"string","description":"A lead.",`, `"description":"A lead.",`, "has no type"},
		{every, `,"items":{"type":"string"}`, ``, "an array lacks items"},
		{every, `"enum":["a","b"]`, `"enum":["a","A"]`, "differ only in case"},
		{every, `"enum":["a","b"]`, `"enum":[]`, "0 enum values"},
		{every, `"enum":["a","b"]`, `"enum":[1,2]`, "an enum value that is no string"},
		{every, `"required":["lead_id","tags"]`, `"required":["lead_id","tags","gone"]`, "requires gone, which is no property"},
		{every, `"description":"A lead."`, `"description":"A lead.","uniqueItems":true`, "the keyword uniqueItems is not allowed"},
		{every, `"description":"A lead."`, `"description":"A lead.","format":"uri"`, "the format uri is not allowed"},
		{every, `"tags":{"type":"array","items":{"type":"string"}}`, `"tags":[]`, "a schema must be an object"},
		{every, `{"type":"object","properties":{"lead_id"`, `{"type":"object","anyOf":[],"properties":{"lead_id"`, "anyOf is not allowed at the top"},
		{every, `{"type":"object","properties":{"lead_id"`, `{"type":"array","items":{"type":"string"},"properties":{"lead_id"`, "the type must be object"},
		{every, `"A lead."`, `"A \u003clead."`, "HTML is escaped"},
		{every, `"lead_id":{"type":"string"`, `"tags":{"type":"string"},"lead_id":{"type":"string"`, `the key "tags" occurs twice`},
		{every, `"items":{"type":"string"}`, `"items":` + deep, "is deeper than"},
		{append(loose, "gemini-openapi"), `"enum":["a","b"]`, `"enum":[` + forty + `]`, "41 enum values"},
		{append(loose, "gemini-openapi"), `"type":"string","description":"A lead."`, `"type":["string","null"],"description":"A lead."`, "a list of types is not allowed"},
		{append(loose, "gemini-openapi"), `"type":"string","description":"A lead."`, `"type":"null","description":"A lead."`, "the type null is not allowed"},
		{[]string{"openai-chat-any"}, `"description":"A lead."`, `"description":"A lead.","default":"a"`, "the keyword default is not allowed"},
		{loose, `"description":"A lead."`, `"description":"A lead.","title":"Lead"`, "the keyword title is not allowed"},
		{loose, `"description":"A lead."`, `"description":"A lead.","pattern":"^a$"`, "the keyword pattern is not allowed"},
		{loose, `"items":{"type":"string"}`, `"items":{"type":"object","additionalProperties":{"type":"string"}}`, "additionalProperties must not be a schema"},
		{loose, `"lead_id":{`, `"lead id":{`, "the name is not allowed"},
		{[]string{"gemini", "gemini-openapi"}, `"lead_id":{`, `"lead.id":{`, "the name is not allowed"},
		{[]string{"gemini-openapi"}, `"items":{"type":"string"}`, `"items":{"type":"object","properties":{}}`, "an object without properties"},
		{[]string{"gemini-openapi"}, `"description":"A lead."`, `"description":"A lead.","format":"date"`, "the format date is not allowed"},
		{[]string{"gemini-openapi"}, `"required":["lead_id","tags"]`, `"required":["lead_id","tags"],"additionalProperties":false`, "the keyword additionalProperties"},
		{[]string{"openai-strict"}, `"required":["lead_id","tags"]`, `"required":["lead_id"]`, "tags: must be required in strict mode"},
		{[]string{"openai-strict"}, `,"additionalProperties":false`, ``, "additionalProperties must be false"},
		{[]string{"openai-strict"}, `"items":{"type":"string"}`, `"items":{"type":"object","additionalProperties":false}`, "an object without properties"},
		{[]string{"openai-strict"}, `"description":"A lead."`, `"description":"A lead.","default":"a"`, "the keyword default is not allowed"},
		{[]string{"openai-strict"}, `"a","b"`, `"a","` + strings.Repeat("b", 120_001) + `"`, "is too large"},
		{[]string{"openai-chat", "openai-strict", "mistral", "cohere", "bedrock", "anthropic", "openai-responses", "mcp", "gemini"}, `"name":"close_x"`, `"name":"close x"`, "is not allowed"},
		{[]string{"openai-chat", "bedrock"}, `"name":"close_x"`, `"name":"` + strings.Repeat("x", 65) + `"`, "is not allowed"},
		{[]string{"anthropic", "mcp", "openai-responses"}, `"name":"close_x"`, `"name":"` + strings.Repeat("x", 129) + `"`, "is not allowed"},
		{[]string{"gemini"}, `"name":"close_x"`, `"name":"1close"`, "is not allowed"},
		{[]string{"openai-chat", "anthropic", "gemini", "bedrock", "mcp"}, `"description":"Do it."`, `"description":""`, "must not be empty"},
		{[]string{"openai-chat", "anthropic", "mcp"}, `"Do it."`, `"Do\u200b it."`, "invisible characters"},
		{[]string{"openai-chat", "mistral"}, `{"type":"function",`, `{"type":"tool",`, "must be function"},
		{[]string{"openai-chat"}, `"parameters"`, `"params"`, "lacks parameters"},
		{[]string{"cohere"}, `"name":"close_x"`, `"name":"close_x","strict":false`, "unknown member strict"},
		{[]string{"mistral"}, `"name":"close_x"`, `"name":"close_x","strict":false`, "unknown member strict"},
		{[]string{"openai-responses"}, `,"strict":false`, ``, "lacks strict"},
		{[]string{"openai-chat", "openai-responses"}, `"required":["lead_id","tags"],"additionalProperties":false}`, `"required":["lead_id","tags"]}`, "additionalProperties must be false in strict mode"},
		{[]string{"anthropic"}, `"input_schema"`, `"inputSchema"`, "unknown member inputSchema"},
		{[]string{"gemini"}, `"parametersJsonSchema"`, `"parameters"`, "unknown member parameters"},
		{[]string{"bedrock"}, `"json":`, `"schema":`, "lacks json"},
		{[]string{"bedrock"}, `{"toolSpec":`, `{"spec":`, "lacks toolSpec"},
		{[]string{"mcp"}, `,"openWorldHint":true`, ``, "lacks openWorldHint"},
		{[]string{"mcp"}, `"readOnlyHint":false,"destructiveHint":false`, `"readOnlyHint":true,"destructiveHint":true`, "cannot be destructive"},
		{[]string{"mcp"}, `"idempotentHint":false`, `"idempotentHint":"no"`, "must be true or false"},
		{[]string{"openapi"}, `"3.1.0"`, `"3.0.0"`, "must be 3.1.0"},
		{[]string{"openapi"}, `"/tools/close_x"`, `"tools/close_x"`, "a path begins with /"},
		{[]string{"openapi"}, `"operationId":"close_x"`, `"operationId":"close x"`, "operationId"},
		{[]string{"openapi"}, `"summary":"Do it."`, `"summary":""`, "the summary is empty"},
		{[]string{"openapi"}, `"title":"t",`, ``, "lacks title"},
		{[]string{"openapi"}, `"requestBody"`, `"body"`, "lacks requestBody"},
	} {
		for _, target := range c.targets {
			from := form(target)
			if strings.HasSuffix(c.want, "in strict mode") { // the one strict tool of a loose list
				from = strings.Replace(from, `"strict":false`, `"strict":true`, 1)
			}
			planted := strings.Replace(from, c.old, c.new, 1)
			if planted == from {
				if target != "gemini-openapi" || !strings.Contains(legal, c.old) {
					t.Errorf("%s: %s does not occur", target, c.old)
				}
				continue
			}
			if got := rules.Definition(target, json.RawMessage(planted)); !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("%s with %s: got %q, want %q", target, c.new, got, c.want)
			}
		}
	}
	if got := rules.Definition("gpt", json.RawMessage(`{}`)); len(got) == 0 {
		t.Error("an unknown target is legal")
	}
	if got := rules.Definition("mcp", json.RawMessage(form("mcp")+"{}")); len(got) == 0 {
		t.Error("two definitions are one")
	}
}

// TestPlantedInRequests plants violations in lists.
func TestPlantedInRequests(t *testing.T) {
	t.Parallel()
	named := func(target, name, more string) json.RawMessage {
		return json.RawMessage(strings.Replace(form(target), `"name":"close_x"`, `"name":"`+name+`"`+more, 1))
	}
	var many []json.RawMessage
	for i := range 129 {
		many = append(many, named("openai-chat", fmt.Sprintf("close_%d", i), ""))
	}
	var ten []string
	for i := range 10 {
		ten = append(ten, string(named("openai-responses", fmt.Sprintf("close_%d", i), `,"defer_loading":true`)))
	}
	later := `,"defer_loading":true`
	search := json.RawMessage(`{"type":"tool_search_tool_bm25_20251119","name":"tool_search_tool_bm25"}`)
	for _, c := range []struct {
		target string
		list   []json.RawMessage
		want   string
	}{
		{"openai-chat", many, "129 tools, at most 128"},
		{"openai-chat", []json.RawMessage{named("openai-chat", "close_a", ""), named("openai-chat", "close_a", "")}, "close_a: occurs twice"},
		{"anthropic", []json.RawMessage{named("anthropic", "close_a", later), search}, "every tool is deferred"},
		{"anthropic", []json.RawMessage{named("anthropic", "close_a", later), named("anthropic", "close_b", "")}, "there is no search tool"},
		{"openai-responses", []json.RawMessage{json.RawMessage(`{"type":"namespace","name":"close_n","description":"N.","tools":[` + strings.Join(ten, ",") + `]}`), json.RawMessage(`{"type":"tool_search"}`)}, "10 functions in a namespace"},
	} {
		if got := rules.Request(c.target, c.list); !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: got %q, want %q", c.target, got, c.want)
		}
	}
	if got := rules.Request("anthropic", []json.RawMessage{named("anthropic", "close_a", later), named("anthropic", "close_b", ""), search}); len(got) > 0 {
		t.Errorf("a legal list: %q", got)
	}
}
