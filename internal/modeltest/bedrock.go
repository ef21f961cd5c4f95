package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// bedrock is the protocol of POST /model/{model}/converse, and of converse-stream.
var bedrock = provider{
	ends:   map[End]string{Limit: "max_tokens", Refused: "content_filtered", Nothing: "guardrail_intervened", Malformed: "malformed_tool_use"},
	target: "bedrock", objects: true, read: readBedrock, write: writeBedrock,
	refuse:  func(message string) any { return object{"message": message} },
	refusal: http.Header{"X-Amzn-Errortype": {"ValidationException"}},
}

func readBedrock(q *reader, r *http.Request) {
	auth := r.Header.Get("Authorization")
	if !strings.HasPrefix(auth, "Bearer ") && (!strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") || !strings.Contains(auth, "/bedrock/aws4_request")) {
		q.say("a signature for the service bedrock, or a bearer token, is required")
	}
	q.Stream = strings.HasSuffix(r.URL.Path, "/converse-stream")
	top := q.object("request", q.Body, "messages", "system toolConfig inferenceConfig additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig performanceConfig promptVariables requestMetadata serviceTier outputConfig")
	for i, raw := range q.list("system", top["system"]) {
		q.readCachePoint(fmt.Sprintf("system[%d]", i), raw, "text")
	}
	if top["toolConfig"] != nil {
		q.readToolConfig(top["toolConfig"])
	}
	for i, raw := range q.list("messages", top["messages"]) {
		at := fmt.Sprintf("messages[%d]", i)
		m := q.object(at, raw, "role content", "")
		role := q.text(at+".role", m["role"])
		t := turn{model: role == "assistant"}
		switch {
		case role != "user" && role != "assistant":
			q.say("%s: the role %q is not known", at, role)
		case i == 0 && t.model:
			q.say("%s: a conversation must start with a user message", at)
		case i > 0 && q.turns[i-1].model == t.model:
			q.say("%s: a conversation must alternate between user and assistant roles", at)
		}
		blocks := q.list(at+".content", m["content"])
		if len(blocks) == 0 {
			q.say("%s: the content is empty", at)
		}
		for j, block := range blocks {
			q.readContentBlock(&t, fmt.Sprintf("%s.content[%d]", at, j), block)
		}
		if len(t.calls)+len(t.results) > 0 && top["toolConfig"] == nil {
			q.say("%s: toolConfig must be defined when using toolUse and toolResult blocks", at)
		}
		q.turns = append(q.turns, t)
	}
}

func (q *reader) readToolConfig(raw json.RawMessage) {
	c := q.object("toolConfig", raw, "tools", "toolChoice")
	for i, raw := range q.list("toolConfig.tools", c["tools"]) {
		if !q.readCachePoint(fmt.Sprintf("toolConfig.tools[%d]", i), raw, "toolSpec") {
			q.definitions = append(q.definitions, raw)
		}
	}
	if c != nil && len(q.definitions) == 0 {
		q.say("toolConfig.tools: must have at least one tool")
	}
	if c["toolChoice"] != nil {
		q.one("toolConfig.toolChoice", c["toolChoice"], "auto any tool")
	}
}

// one reads a union: an object with one of the members, whose names are separated by
// spaces.
func (q *reader) one(at string, raw json.RawMessage, members string) (name string, value json.RawMessage) {
	m := q.object(at, raw, "", members)
	if len(m) != 1 {
		q.say("%s: must have one member, not %d", at, len(m))
	}
	for k, v := range m {
		name, value = k, v
	}
	return name, value
}

// readCachePoint says whether an element of a list is a cache point, and else wants the
// other member.
func (q *reader) readCachePoint(at string, raw json.RawMessage, other string) bool {
	name, value := q.one(at, raw, other+" cachePoint")
	if name != "cachePoint" {
		return false
	}
	p := q.object(at+".cachePoint", value, "type", "ttl")
	if t := q.text(at+".cachePoint.type", p["type"]); t != "default" {
		q.say("%s: the type %q of a cache point is not known", at, t)
	}
	return true
}

var toolUseID = regexp.MustCompile(`^[a-zA-Z0-9_.:-]{1,64}$`)

func (q *reader) toolUseID(at string, raw json.RawMessage) string {
	id := q.text(at+".toolUseId", raw)
	if !toolUseID.MatchString(id) {
		q.say("%s: the toolUseId %q is not allowed", at, id)
	}
	return id
}

func (q *reader) readContentBlock(t *turn, at string, raw json.RawMessage) {
	switch name, value := q.one(at, raw, "text toolUse toolResult reasoningContent cachePoint"); {
	case name == "text":
		if strings.TrimSpace(q.text(at+".text", value)) == "" {
			q.say("%s: the text is blank", at)
		}
	case name == "toolUse" && t.model:
		b := q.object(at+".toolUse", value, "toolUseId name input", "")
		if !isObject(string(b["input"])) {
			q.say("%s: the input must be an object", at)
		}
		t.calls = append(t.calls, call{id: q.toolUseID(at, b["toolUseId"]), name: q.text(at+".name", b["name"]), input: string(b["input"])})
	case name == "toolResult" && !t.model:
		t.results = append(t.results, q.readToolResult(at+".toolResult", value))
	case name == "reasoningContent" && t.model:
		q.one(at+".reasoningContent", value, "reasoningText redactedContent")
	case name == "cachePoint":
		q.readCachePoint(at, raw, "text")
	case name != "":
		q.say("%s: %s is not allowed here", at, name)
	}
}

func (q *reader) readToolResult(at string, raw json.RawMessage) result {
	b := q.object(at, raw, "toolUseId content", "status")
	one := result{id: q.toolUseID(at, b["toolUseId"])}
	if b["status"] != nil {
		status := q.text(at+".status", b["status"])
		if !slices.Contains([]string{"success", "error"}, status) {
			q.say("%s: the status %q is not known", at, status)
		}
		one.IsError = status == "error"
	}
	var texts []string
	for i, part := range q.list(at+".content", b["content"]) {
		here := fmt.Sprintf("%s.content[%d]", at, i)
		switch name, value := q.one(here, part, "text json"); name {
		case "text":
			texts = append(texts, q.text(here+".text", value))
		case "json":
			q.object(here+".json", value, "", "")
			texts = append(texts, string(value))
		}
	}
	one.Text = strings.Join(texts, "\n")
	if one.IsError && strings.TrimSpace(one.Text) == "" {
		q.say("%s: an error must have content", at)
	}
	return one
}

func writeBedrock(w http.ResponseWriter, r *reply) {
	stop := r.stop("end_turn", "tool_use")
	metadata := object{"usage": object{"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": object{"latencyMs": 1}}
	if r.stream {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		streamBedrock(w, r, stop, metadata)
		return
	}
	content := []any{}
	if r.text != "" {
		content = append(content, object{"text": r.text})
	}
	for _, c := range r.calls {
		content = append(content, object{"toolUse": object{"toolUseId": c.id, "name": c.name, "input": c.object()}})
	}
	metadata["stopReason"], metadata["output"] = stop, object{"message": object{"role": "assistant", "content": content}}
	_, _ = w.Write(encode(metadata)) // a client that is gone
}

func streamBedrock(w http.ResponseWriter, r *reply, stop string, metadata object) {
	index := 0
	delta := func(d object) {
		sendFrame(w, "contentBlockDelta", object{"contentBlockIndex": index, "delta": d})
	}
	end := func(c call) {
		if !c.cut || r.end != Broken {
			sendFrame(w, "contentBlockStop", object{"contentBlockIndex": index})
		}
		index++
	}
	sendFrame(w, "messageStart", object{"role": "assistant"})
	if r.text != "" { // a text has no start
		for _, p := range pieces(r.text) {
			delta(object{"text": p})
		}
		end(call{})
	}
	for _, c := range r.calls {
		sendFrame(w, "contentBlockStart", object{"contentBlockIndex": index, "start": object{"toolUse": object{"toolUseId": c.id, "name": c.name}}})
		input := c.input
		if strings.TrimSpace(input) == "{}" {
			input = "" // a call without arguments has an input without text
		}
		delta(object{"toolUse": object{"input": ""}})
		for _, p := range pieces(input) {
			delta(object{"toolUse": object{"input": p}})
		}
		end(c)
	}
	if r.end == Broken {
		return
	}
	sendFrame(w, "messageStop", object{"stopReason": stop})
	sendFrame(w, "metadata", metadata)
}
