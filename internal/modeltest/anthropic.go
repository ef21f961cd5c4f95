package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// anthropic is the protocol of POST /v1/messages.
var anthropic = provider{
	target: "anthropic", ends: map[End]string{Limit: "max_tokens", Refused: "refusal", Nothing: "refusal"}, objects: true, read: readAnthropic, write: writeAnthropic,
	refuse: func(message string) any {
		return object{"type": "error", "error": object{"type": "invalid_request_error", "message": message}}
	},
}

func readAnthropic(q *reader, r *http.Request) {
	if r.Header.Get("X-Api-Key") == "" || r.Header.Get("Anthropic-Version") == "" {
		q.say("x-api-key and anthropic-version are required")
	}
	top := q.object("request", q.Body, "model max_tokens messages", "system tools tool_choice stream temperature top_p top_k stop_sequences metadata thinking cache_control")
	q.Stream = q.flag("stream", top["stream"])
	q.definitions = q.list("tools", top["tools"])
	for i, raw := range q.list("messages", top["messages"]) {
		at := fmt.Sprintf("messages[%d]", i)
		m := q.object(at, raw, "role content", "")
		role := q.text(at+".role", m["role"])
		if role != "user" && role != "assistant" || i == 0 && role != "user" {
			q.say("%s: the role %q is not allowed here", at, role)
		}
		t := turn{model: role == "assistant"}
		q.readBlocks(&t, at+".content", m["content"])
		if len(t.calls)+len(t.results) > 0 && len(q.definitions) == 0 {
			q.say("%s: requests with calls or results must define tools", at)
		}
		q.turns = append(q.turns, t)
	}
}

func (q *reader) readBlocks(t *turn, at string, raw json.RawMessage) {
	if len(raw) > 0 && raw[0] == '"' {
		if q.text(at, raw) == "" {
			q.say("%s: must not be empty", at)
		}
		return
	}
	blocks := q.list(at, raw)
	if len(blocks) == 0 {
		q.say("%s: must not be empty", at)
	}
	other := false // a block that is no result
	for i, block := range blocks {
		here := fmt.Sprintf("%s[%d]", at, i)
		var kind struct{ Type string }
		_ = json.Unmarshal(block, &kind) // told below
		switch {
		case kind.Type == "text":
			b := q.object(here, block, "type text", "cache_control citations")
			if q.text(here+".text", b["text"]) == "" {
				q.say("%s: text must not be empty", here)
			}
			other = true
		case kind.Type == "tool_use" && t.model:
			b := q.object(here, block, "type id name input", "cache_control caller")
			if !isObject(string(b["input"])) {
				q.say("%s: the input must be an object", here)
			}
			t.calls = append(t.calls, call{id: q.text(here+".id", b["id"]), name: q.text(here+".name", b["name"]), input: string(b["input"])})
		case kind.Type == "tool_result" && !t.model:
			b := q.object(here, block, "type tool_use_id", "content is_error cache_control")
			one := result{id: q.text(here+".tool_use_id", b["tool_use_id"])}
			one.Text, one.IsError = q.parts(here+".content", b["content"], "text"), q.flag(here+".is_error", b["is_error"])
			if one.IsError && one.Text == "" {
				q.say("%s: an error must have content", here)
			}
			if other {
				q.say("%s: results must come before other content", here)
			}
			t.results = append(t.results, one)
		default:
			q.say("%s: the type %q is not allowed here", here, kind.Type)
		}
	}
}

func writeAnthropic(w http.ResponseWriter, r *reply) {
	stop := r.stop("end_turn", "tool_use")
	message := object{
		"id": r.id, "type": "message", "role": "assistant", "model": "model", "stop_reason": stop, "stop_sequence": nil,
		"usage": object{"input_tokens": 1, "output_tokens": 1},
	}
	content := []any{}
	if r.text != "" {
		content = append(content, object{"type": "text", "text": r.text})
	}
	for _, c := range r.calls {
		content = append(content, object{"type": "tool_use", "id": c.id, "name": c.name, "input": c.object()})
	}
	if !r.stream {
		message["content"] = content
		_, _ = w.Write(encode(message))
		return
	}
	message["content"], message["stop_reason"] = []any{}, nil
	send(w, "message_start", object{"type": "message_start", "message": message})
	send(w, "ping", object{"type": "ping"})
	index := 0
	block := func(start, kind, field, text string, c call) {
		b := object{"type": start}
		if start == "text" {
			b["text"] = ""
		} else {
			b["id"], b["name"], b["input"] = c.id, c.name, object{}
		}
		send(w, "content_block_start", object{"type": "content_block_start", "index": index, "content_block": b})
		for _, p := range pieces(text) {
			send(w, "content_block_delta", object{"type": "content_block_delta", "index": index, "delta": object{"type": kind, field: p}})
		}
		if !c.cut || r.end != Broken {
			send(w, "content_block_stop", object{"type": "content_block_stop", "index": index})
		}
		index++
	}
	if r.text != "" {
		block("text", "text_delta", "text", r.text, call{})
	}
	for _, c := range r.calls {
		block("tool_use", "input_json_delta", "partial_json", c.input, c)
	}
	if r.end == Broken {
		return
	}
	send(w, "message_delta", object{"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": object{"output_tokens": 1}})
	send(w, "message_stop", object{"type": "message_stop"})
}
