package modeltest_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/modeltest"
)

const schema = `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}`

// wire is a protocol with the bodies of a conversation: the first request, and the one
// that answers the call c1 of the model. TOOL is a definition, CALL the call, and
// RESULT its result.
type wire struct {
	name, path, stream, tool, first, call, result, next string
}

var wires = []wire{
	{
		"anthropic", "/v1/messages", "/v1/messages",
		`{"name":"a","input_schema":` + schema + `}`,
		`{"model":"m","max_tokens":9,"tools":[TOOL],"messages":[{"role":"user","content":"hi"}]}`,
		`{"type":"tool_use","id":"call_1_1","name":"a","input":{"name":"x"}}`,
		`{"type":"tool_result","tool_use_id":"call_1_1","content":"done","is_error":true}`,
		`{"model":"m","max_tokens":9,"tools":[TOOL],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[CALL]},{"role":"user","content":[RESULT]}]}`,
	},
	{
		"chat", "/v1/chat/completions", "/v1/chat/completions",
		`{"type":"function","function":{"name":"a","parameters":` + schema + `}}`,
		`{"model":"m","tools":[TOOL],"messages":[{"role":"user","content":"hi"}]}`,
		`{"id":"call_1_1","type":"function","function":{"name":"a","arguments":"{\"name\":\"x\"}"}}`,
		`{"role":"tool","tool_call_id":"call_1_1","content":"done"}`,
		`{"model":"m","tools":[TOOL],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[CALL]},RESULT]}`,
	},
	{
		"responses", "/v1/responses", "/v1/responses",
		`{"type":"function","name":"a","strict":false,"parameters":` + schema + `}`,
		`{"model":"m","tools":[TOOL],"input":"hi"}`,
		`{"type":"function_call","call_id":"call_1_1","name":"a","arguments":"{\"name\":\"x\"}"}`,
		`{"type":"function_call_output","call_id":"call_1_1","output":"done"}`,
		`{"model":"m","tools":[TOOL],"input":[{"role":"user","content":"hi"},CALL,RESULT]}`,
	},
	{
		"gemini", "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse",
		`{"name":"a","description":"A.","parametersJsonSchema":` + schema + `}`,
		`{"tools":[{"functionDeclarations":[TOOL]}],"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
		`{"functionCall":{"id":"call_1_1","name":"a","args":{"name":"x"}},"thoughtSignature":"c2lnbmF0dXJl"}`,
		`{"functionResponse":{"id":"call_1_1","name":"a","response":{"error":"done"}}}`,
		`{"tools":[{"functionDeclarations":[TOOL]}],"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[CALL]},{"role":"user","parts":[RESULT]}]}`,
	},
	{
		"bedrock", "/model/m/converse", "/model/m/converse-stream",
		`{"toolSpec":{"name":"a","description":"A.","inputSchema":{"json":` + schema + `}}}`,
		`{"toolConfig":{"tools":[TOOL]},"messages":[{"role":"user","content":[{"text":"hi"}]}]}`,
		`{"toolUse":{"toolUseId":"call_1_1","name":"a","input":{"name":"x"}}}`,
		`{"toolResult":{"toolUseId":"call_1_1","content":[{"text":"done"}],"status":"error"}}`,
		`{"toolConfig":{"tools":[TOOL]},"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[CALL]},{"role":"user","content":[RESULT]}]}`,
	},
	{
		"compatible", "/v1beta/openai/chat/completions", "/v1beta/openai/chat/completions",
		`{"type":"function","function":{"name":"a","parameters":` + schema + `}}`,
		`{"model":"m","tools":[TOOL],"messages":[{"role":"user","content":"hi"}]}`,
		`{"id":"call_1_1","type":"function","function":{"name":"a","arguments":"{\"name\":\"x\"}"},"extra_content":{"google":{"thought_signature":"c2lnbmF0dXJl"}}}`,
		`{"role":"tool","tool_call_id":"call_1_1","content":"done"}`,
		`{"model":"m","tools":[TOOL],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[CALL]},RESULT]}`,
	},
}

func (w wire) fill(body string) string {
	return strings.NewReplacer("TOOL", w.tool, "CALL", w.call, "RESULT", w.result).Replace(body)
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"X-Api-Key", "Anthropic-Version", "X-Goog-Api-Key"} {
		r.Header.Set(h, "k")
	}
	r.Header.Set("Authorization", "Bearer k")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(out)
}

var script = []modeltest.Step{{Text: "Let me see.", Calls: []modeltest.Call{{Name: "a", Input: `{"name":"x"}`}}}, {Text: "All done."}}

// TestConversation plays a call and its result in every protocol.
func TestConversation(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			steps := slices.Clone(script)
			steps[1].Check = func(r modeltest.Request) error {
				if len(r.Results) != 1 || r.Results[0].Text != "done" || r.Results[0].Name != "a" || !slices.Equal(r.Tools, []string{"a"}) || string(r.Definitions[0].Schema) != schema {
					return fmt.Errorf("got %+v", r)
				}
				return nil
			}
			s := modeltest.Start(t, steps...)
			if code, out := post(t, s.URL()+w.path, w.fill(w.first)); code != 200 || !strings.Contains(out, "call_1_1") || !strings.Contains(out, "Let me see.") || !json.Valid([]byte(out)) {
				t.Errorf("%d %s", code, out)
			}
			if code, out := post(t, s.URL()+w.path, w.fill(w.next)); code != 200 || !strings.Contains(out, "All done.") {
				t.Errorf("%d %s", code, out)
			}
			marked := w.name == "anthropic" || w.name == "gemini" || w.name == "bedrock"
			if r := s.Requests(); len(r) != 2 || r[1].Results[0].IsError != marked {
				t.Errorf("requests: %+v", r)
			}
		})
	}
}

// TestEnds wants the provider's word for each end, whole and streamed, and none in a
// stream that breaks. A call that was cut off may come back with any input.
func TestEnds(t *testing.T) {
	words := map[string][]string{ // Limit, Refused, Nothing, Malformed
		"anthropic":  {"max_tokens", "refusal", "refusal", ""},
		"chat":       {"length", "content_filter", "", ""},
		"compatible": {"length", "content_filter", "", ""},
		"responses":  {"max_output_tokens", "content_filter", "server_error", ""},
		"gemini":     {"MAX_TOKENS", "SAFETY", "PROHIBITED_CONTENT", "MALFORMED_FUNCTION_CALL"},
		"bedrock":    {"max_tokens", "content_filtered", "guardrail_intervened", "malformed_tool_use"},
	}
	for _, w := range wires {
		first := w.fill(w.first)
		streamed := first
		if w.stream == w.path {
			streamed = `{"stream":true,` + first[1:]
		}
		for i, end := range []modeltest.End{modeltest.Limit, modeltest.Refused, modeltest.Nothing, modeltest.Malformed} {
			s := modeltest.New(modeltest.Step{End: end}, modeltest.Step{End: end})
			code, out := post(t, s.URL()+w.path, first)
			_, again := post(t, s.URL()+w.stream, streamed)
			known := end != modeltest.Malformed || words[w.name][i] != ""
			if (code == 200) != known || (s.Left() == 0) != known || known && (!strings.Contains(out, words[w.name][i]) || !strings.Contains(again, words[w.name][i])) {
				t.Errorf("%s, end %d: %d %s %s", w.name, end, code, out, again)
			}
			s.Close()
		}
		s := modeltest.New(modeltest.Step{Text: "I begin.", End: modeltest.Broken, Calls: []modeltest.Call{{Name: "a", Input: `{"na`}}})
		if code, _ := post(t, s.URL()+w.path, first); code == 200 {
			t.Errorf("%s: a message that is whole ends as a broken stream does", w.name)
		}
		code, out := post(t, s.URL()+w.stream, streamed)
		for _, word := range []string{"message_stop", "messageStop", "[DONE]", "response.completed", "STOP", `"tool_calls"}`} {
			if code != 200 || strings.Contains(out, word) {
				t.Errorf("%s: %d, and the broken stream has %s: %s", w.name, code, word, out)
			}
		}
		s.Close()
	}
	w := wires[0]
	s := modeltest.Start(t, modeltest.Step{End: modeltest.Limit, Calls: []modeltest.Call{{Name: "a", Input: `{"na`}}}, modeltest.Step{})
	post(t, s.URL()+w.path, w.fill(w.first))
	if s.Word() != "max_tokens" {
		t.Errorf("the word is %q", s.Word())
	}
	if code, out := post(t, s.URL()+w.path, w.fill(w.next)); code != 200 {
		t.Error(out)
	}
}

// TestStream wants text and input in several events.
func TestStream(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			s := modeltest.Start(t, script[0])
			body := w.fill(w.first)
			if w.stream == w.path {
				body = `{"stream":true,` + body[1:]
			}
			code, out := post(t, s.URL()+w.stream, body)
			if w.name == "bedrock" {
				out = unframed(t, out)
			}
			if code != 200 || strings.Count(out, "data: ") < 3 || !strings.Contains(out, `"Let me "`) || !strings.Contains(out, "call_1_1") || !s.Requests()[0].Stream {
				t.Errorf("%d %s", code, out)
			}
		})
	}
}

// unframed reads the events of a binary stream, checks their checksums, and returns the
// payloads as lines that begin with "data: ".
func unframed(t *testing.T, stream string) string {
	t.Helper()
	var out strings.Builder
	for b := []byte(stream); len(b) > 0; {
		if len(b) < 16 || len(b) < int(binary.BigEndian.Uint32(b)) {
			t.Fatalf("%d bytes are left: %q", len(b), b)
		}
		f := b[:binary.BigEndian.Uint32(b)]
		b = b[len(f):]
		end := len(f) - 4
		if crc32.ChecksumIEEE(f[:8]) != binary.BigEndian.Uint32(f[8:]) || crc32.ChecksumIEEE(f[:end]) != binary.BigEndian.Uint32(f[end:]) {
			t.Fatalf("a checksum is wrong: %q", f)
		}
		headers := 12 + binary.BigEndian.Uint32(f[4:])
		if h := string(f[12:headers]); !strings.Contains(h, "\x0b:event-type\x07\x00") || !strings.Contains(h, "\x0d:message-type\x07\x00\x05event") {
			t.Fatalf("headers: %q", h)
		}
		fmt.Fprintf(&out, "data: %s\n", f[headers:end])
	}
	return out.String()
}

// violations are edits of a conversation, by protocol ("" for each one), and what the
// server must say. Edits of the first request have first.
var violations = []struct {
	wire, from, to, want string
	first                bool
}{
	{"", `"name":"a"`, `"name":"a.b!"`, "is not allowed", true},
	{"", `"type":"object",`, `"type":"object","anyOf":[],`, "anyOf is not allowed at the top", true},
	{"", `{"name":{"type":"string"}}`, `{"name":{"type":"array"}}`, "an array lacks items", true},
	{"", `"properties":{"name":{"type":"string"}},"required":["name"],`, ``, "lacks properties", true},
	{"", `{"name":{"type":"string"}}`, `{"na me":{"type":"string"}},"required":[]`, "the key \"required\" occurs twice", true},
	{"", `"name":"a",`, `"name":"a","color":"red",`, "unknown member color", true},
	{"", "TOOL", "TOOL,TOOL", "a: occurs twice", true},
	{"", "RESULT", "RESULT,RESULT", "two results", false},
	{"anthropic", `"tool_use_id":"call_1_1"`, `"tool_use_id":"call_9"`, "call_1_1 has no result", false},
	{"anthropic", `"content":"done",`, ``, "an error must have content", false},
	{"anthropic", `RESULT`, `{"type":"text","text":"so"},RESULT`, "results must come before", false},
	{"anthropic", `RESULT`, `RESULT,{"type":"text","text":""}`, "text must not be empty", false},
	{"anthropic", `"tools":[TOOL],`, ``, "must define tools", false},
	{"anthropic", `"max_tokens":9,`, ``, "lacks max_tokens", true},
	{"anthropic", `"input":{"name":"x"}`, `"input":{"name":"y"}`, "is not the one that the model asked for", false},
	{"anthropic", `"name":"a","input":{`, `"name":"b","input":{`, "is not the one that the model asked for", false},
	{"anthropic", `"input":{"name":"x"}`, `"input":"{}"`, "the input must be an object", false},
	{"anthropic", `,{"role":"user","content":[RESULT]}`, ``, "call_1_1 has no result", false},
	{"anthropic", `{"role":"assistant","content":[CALL]},`, ``, "answers no call", false},
	{"chat", `"tool_call_id":"call_1_1"`, `"tool_call_id":"call_9"`, `"call_9" answers no call`, false},
	{"chat", `"arguments":"{\"name\":\"x\"}"`, `"arguments":{"name":"x"}`, "must be a string", false},
	{"chat", `[TOOL]`, `[]`, "tools: must not be empty", true},
	{"chat", `,RESULT`, `,{"role":"user","content":"so"},RESULT`, "has no result directly after it", false},
	{"chat", `"content":null,"tool_calls":[CALL]`, `"content":null`, "content is required", false},
	{"responses", `,RESULT`, ``, "call_1_1 has no result", false},
	{"responses", `"input":[`, `"previous_response_id":"resp_9","input":[`, `there is no response "resp_9"`, false},
	{"responses", `"call_id":"call_1_1","output"`, `"call_id":"call_9","output"`, `"call_9" answers no call`, false},
	{"responses", `"strict":false,`, ``, "lacks strict", true},
	{"gemini", `,"thoughtSignature":"c2lnbmF0dXJl"`, ``, "thought signature", false},
	{"compatible", `"thought_signature":"c2lnbmF0dXJl"`, `"thought_signature":"x"`, "thought signature", false},
	{"compatible", `,"extra_content":{"google":{"thought_signature":"c2lnbmF0dXJl"}}`, ``, "lacks extra_content", false},
	{"gemini", `{"error":"done"}`, `"done"`, "must be an object", false},
	{"gemini", `{"error":"done"}`, `{"text":"done"}`, "unknown member text", false},
	{"gemini", `"parametersJsonSchema"`, `"parameters"`, "unknown member parameters", true},
	{"gemini", `"id":"call_1_1","name":"a","response"`, `"name":"b","response"`, "result 1 is of b", false},
	{"bedrock", `"role":"user"`, `"role":"assistant"`, "must start with a user message", true},
	{"bedrock", `"role":"user"`, `"role":"system"`, `the role "system" is not known`, true},
	{"bedrock", `{"role":"assistant"`, `{"role":"user","content":[{"text":"and"}]},{"role":"assistant"`, "must alternate", false},
	{"bedrock", `[{"text":"hi"}]`, `[]`, "the content is empty", true},
	{"bedrock", `[{"text":"hi"}]`, `"hi"`, "must be a list", true},
	{"bedrock", `{"text":"hi"}`, `{"text":" "}`, "the text is blank", true},
	{"bedrock", `{"text":"hi"}`, `{"type":"text","text":"hi"}`, "unknown member type", true},
	{"bedrock", `{"text":"hi"}`, `{"text":"hi","cachePoint":{"type":"default"}}`, "must have one member, not 2", true},
	{"bedrock", `{"text":"hi"}`, `{"text":"hi"},{"cachePoint":{"type":"forever"}}`, `the type "forever" of a cache point`, true},
	{"bedrock", `[TOOL]`, `[]`, "must have at least one tool", true},
	{"bedrock", `[TOOL]`, `[TOOL],"toolChoice":{"auto":{},"any":{}}`, "toolConfig.toolChoice: must have one member", true},
	{"bedrock", `"description":"A."`, `"description":""`, "must not be empty", true},
	{"bedrock", `"name":"a"`, `"name":"` + strings.Repeat("a", 65) + `"`, "is not allowed", true},
	{"bedrock", `{"json":` + schema + `}`, schema, "lacks json", true},
	{"bedrock", `"toolConfig":{"tools":[TOOL]},`, ``, "toolConfig must be defined", false},
	{"bedrock", `CALL`, `{"text":"so"}`, `"call_1_1" answers no call`, false},
	{"bedrock", `,{"role":"user","content":[RESULT]}`, ``, "call_1_1 has no result", false},
	{"bedrock", `[RESULT]`, `[{"text":"so"}]`, "call_1_1 has no result directly after it", false},
	{"bedrock", `[RESULT]`, `[RESULT,CALL]`, "toolUse is not allowed here", false},
	{"bedrock", `"toolUseId":"call_1_1","content"`, `"toolUseId":"call_9","content"`, `"call_9" answers no call`, false},
	{"bedrock", `"toolUseId":"call_1_1","content"`, `"toolUseId":"call 9","content"`, `the toolUseId "call 9" is not allowed`, false},
	{"bedrock", `"status":"error"`, `"status":"failed"`, `the status "failed" is not known`, false},
	{"bedrock", `[{"text":"done"}]`, `[]`, "an error must have content", false},
	{"bedrock", `[{"text":"done"}]`, `[{"json":[1]}]`, "content[0].json: must be an object", false},
	{"bedrock", `"input":{"name":"x"}`, `"input":"{}"`, "the input must be an object", false},
	{"bedrock", `"input":{"name":"x"}`, `"input":{"name":"y"}`, "is not the one that the model asked for", false},
}

// TestViolations plants each violation, and wants it refused in the provider's form.
func TestViolations(t *testing.T) {
	for _, v := range violations {
		for _, w := range wires {
			if v.wire != "" && v.wire != w.name {
				continue
			}
			t.Run(w.name+" "+v.want, func(t *testing.T) {
				s := modeltest.New(script...)
				defer s.Close()
				body := w.first
				if !v.first {
					if code, out := post(t, s.URL()+w.path, w.fill(body)); code != 200 {
						t.Fatal(out)
					}
					body = w.next
				}
				planted := strings.Replace(body, v.from, v.to, 1)
				if planted == body { // it is in what is filled in
					body = w.fill(body)
					planted = strings.Replace(body, v.from, v.to, 1)
				}
				if planted == body {
					t.Fatal("the violation was not planted")
				}
				code, out := post(t, s.URL()+w.path, w.fill(planted))
				var form struct {
					Error   struct{ Message string }
					Message string // Bedrock
				}
				if err := json.Unmarshal([]byte(out), &form); err != nil || code != 400 || !strings.Contains(form.Error.Message+form.Message, v.want) {
					t.Errorf("%d %s, want %q", code, out, v.want)
				}
				if p := s.Problems(); len(p) != 1 || !strings.Contains(p[0], v.want) {
					t.Errorf("problems: %q", p)
				}
			})
		}
	}
}

// TestTolerate lets OpenAI Chat take a keyword and a changed call, and nothing else that
// it refuses.
func TestTolerate(t *testing.T) {
	w := wires[slices.IndexFunc(wires, func(w wire) bool { return w.name == "chat" })]
	change := strings.NewReplacer(`"name":{"type":"string"}`, `"name":{"type":"string","title":"Name"}`, `{\"name\":\"x\"}`, "x")
	for _, tolerant := range []bool{false, true} {
		s := modeltest.New(script...)
		defer s.Close()
		if tolerant {
			s.Tolerate()
		} else if code, out := post(t, s.URL()+w.path, change.Replace(w.fill(w.first))); code != 400 || !strings.Contains(out, "title is not allowed") {
			t.Errorf("%d %s", code, out)
		}
		titled := w.fill(w.first)
		if tolerant {
			titled = change.Replace(titled)
		}
		if code, out := post(t, s.URL()+w.path, titled); code != 200 {
			t.Fatalf("%d %s", code, out)
		}
		want := map[bool]int{false: 400, true: 200}[tolerant]
		if code, out := post(t, s.URL()+w.path, change.Replace(w.fill(w.next))); code != want {
			t.Errorf("tolerant %t: %d %s", tolerant, code, out)
		}
		other := strings.Replace(w.fill(w.next), "call_1_1", "call_9_9", 1)
		if code, out := post(t, s.URL()+w.path, other); code != 400 {
			t.Errorf("a call that the model did not make: %d %s", code, out)
		}
	}
}

// TestTooManyTools has 129 tools, one more than OpenAI takes.
func TestTooManyTools(t *testing.T) {
	for _, w := range wires[1:3] {
		s := modeltest.New(script...)
		var list []string
		for i := range 129 {
			list = append(list, strings.Replace(w.tool, `"name":"a"`, fmt.Sprintf(`"name":"a%d"`, i), 1))
		}
		code, out := post(t, s.URL()+w.path, strings.Replace(w.first, "TOOL", strings.Join(list, ","), 1))
		if code != 400 || !strings.Contains(out, "129 tools, at most 128") {
			t.Errorf("%s: %d %s", w.name, code, out)
		}
		code, out = post(t, s.URL()+w.path, strings.Replace(w.first, "TOOL", strings.Join(list[1:], ","), 1))
		if code != 200 {
			t.Errorf("%s: 128 tools: %d %s", w.name, code, out)
		}
		s.Close()
	}
}

// TestScript has problems of the script itself.
func TestScript(t *testing.T) {
	w := wires[0]
	for want, step := range map[string][]modeltest.Step{
		"the script has ended":  nil,
		"step 1: not like this": {{Check: func(modeltest.Request) error { return errors.New("not like this") }}},
		"not an object":         {{Calls: []modeltest.Call{{Name: "a", Input: `{"name":`}}}},
	} {
		s := modeltest.New(step...)
		if code, out := post(t, s.URL()+w.path, w.fill(w.first)); code != 400 || !strings.Contains(out, want) {
			t.Errorf("%d %s, want %q", code, out, want)
		}
		if s.Left() != len(step) || len(s.Requests()) != 0 {
			t.Errorf("%s: a step was played", want)
		}
		s.Close()
	}
	s := modeltest.New(modeltest.Step{Calls: []modeltest.Call{{Name: "a", Input: `{"name":`}}})
	defer s.Close()
	if code, out := post(t, s.URL()+wires[1].path, wires[1].fill(wires[1].first)); code != 200 {
		t.Errorf("broken input of OpenAI: %d %s", code, out)
	}
	if code, _ := post(t, s.URL()+"/v2/x", "{}"); code != 404 || len(s.Problems()) != 1 {
		t.Errorf("another address: %d", code)
	}
}
