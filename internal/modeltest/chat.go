package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// chat is the protocol of OpenAI's POST /v1/chat/completions.
var chat = provider{target: "openai-chat", ends: chatEnds, read: readChat, write: writeChat, refuse: refuseOpenAI}

// compatible is Gemini behind that protocol. Calls have no index, and a signature that
// must come back.
var compatible = provider{
	target: "openai-chat", ends: chatEnds, objects: true, refuse: refuseOpenAI,
	read:  func(q *reader, r *http.Request) { q.signed = true; readChat(q, r) },
	write: func(w http.ResponseWriter, r *reply) { r.signed = true; writeChat(w, r) },
}

var chatEnds = map[End]string{Limit: "length", Refused: "content_filter", Nothing: "content_filter"}

// extra is what a call of Gemini has there.
var extra = object{"google": object{"thought_signature": signature}}

func refuseOpenAI(message string) any {
	return object{"error": object{"type": "invalid_request_error", "message": message, "param": nil, "code": nil}}
}

func needsBearer(q *reader, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		q.say("a bearer token is required")
	}
}

// most is how many calls a message of OpenAI has at most.
const most = 128

func readChat(q *reader, r *http.Request) {
	needsBearer(q, r)
	top := q.object("request", q.Body, "model messages", "tools tool_choice stream stream_options temperature top_p max_completion_tokens max_tokens parallel_tool_calls store metadata reasoning_effort")
	q.Stream = q.flag("stream", top["stream"])
	q.definitions = q.list("tools", top["tools"])
	if top["tools"] != nil && len(q.definitions) == 0 {
		q.say("tools: must not be empty")
	}
	for i, raw := range q.list("messages", top["messages"]) {
		at := fmt.Sprintf("messages[%d]", i)
		var kind struct{ Role string }
		_ = json.Unmarshal(raw, &kind) // told below
		switch kind.Role {
		case "system", "developer", "user":
			m := q.object(at, raw, "role content", "name")
			q.parts(at+".content", m["content"], "text")
			q.turns = append(q.turns, turn{})
		case "assistant":
			q.readAssistant(at, raw)
		case "tool":
			m := q.object(at, raw, "role content tool_call_id", "")
			one := result{id: q.text(at+".tool_call_id", m["tool_call_id"])}
			one.Text = q.parts(at+".content", m["content"], "text")
			q.addResult(one)
		default:
			q.say("%s: the role %q is not known", at, kind.Role)
		}
	}
}

func (q *reader) readAssistant(at string, raw json.RawMessage) {
	m := q.object(at, raw, "role", "content refusal name tool_calls annotations")
	t := turn{model: true}
	calls := q.list(at+".tool_calls", m["tool_calls"])
	switch content := m["content"]; {
	case m["tool_calls"] != nil && len(calls) == 0:
		q.say("%s: tool_calls must not be empty", at)
	case len(calls) > most:
		q.say("%s: %d calls, at most %d", at, len(calls), most)
	case content != nil && string(content) != "null":
		q.parts(at+".content", content, "text")
	case len(calls) == 0:
		q.say("%s: content is required if there are no calls", at)
	}
	for j, raw := range calls {
		here := fmt.Sprintf("%s.tool_calls[%d]", at, j)
		must := "id type function"
		if q.signed {
			must += " extra_content"
		}
		c := q.object(here, raw, must, "index") // some clients send back what they were streamed
		if q.signed && !sameInput(string(c["extra_content"]), string(encode(extra))) {
			q.say("%s: the thought signature of the call is missing or changed", here)
		}
		f := q.object(here+".function", c["function"], "name arguments", "")
		t.calls = append(t.calls, call{id: q.text(here+".id", c["id"]), name: q.text(here+".name", f["name"]), input: q.text(here+".arguments", f["arguments"])})
	}
	q.turns = append(q.turns, t)
}

// addResult adds a result to those that follow the same turn of the model.
func (q *reader) addResult(one result) {
	if n := len(q.turns); n > 0 && len(q.turns[n-1].results) > 0 {
		q.turns[n-1].results = append(q.turns[n-1].results, one)
		return
	}
	q.turns = append(q.turns, turn{results: []result{one}})
}

func writeChat(w http.ResponseWriter, r *reply) {
	stop := r.stop("stop", "tool_calls")
	made := func(kind string, choice object) object {
		choice["index"] = 0
		choices := []any{choice}
		if r.end == Nothing {
			choices = []any{}
		}
		return object{"id": r.id, "object": kind, "created": 1, "model": "model", "choices": choices}
	}
	function := func(c call, arguments string) object {
		o := object{"id": c.id, "type": "function", "function": object{"name": c.name, "arguments": arguments}}
		if r.signed {
			o["extra_content"] = extra
		}
		return o
	}
	if !r.stream {
		message := object{"role": "assistant", "content": nil, "refusal": nil}
		if r.text != "" {
			message["content"] = r.text
		}
		var calls []any
		for _, c := range r.calls {
			calls = append(calls, function(c, c.input))
		}
		if calls != nil {
			message["tool_calls"] = calls
		}
		_, _ = w.Write(encode(made("chat.completion", object{"message": message, "finish_reason": stop})))
		return
	}
	delta := func(d object, finish any) {
		send(w, "", made("chat.completion.chunk", object{"delta": d, "finish_reason": finish}))
	}
	delta(object{"role": "assistant", "content": ""}, nil)
	for _, p := range pieces(r.text) {
		delta(object{"content": p}, nil)
	}
	for i, c := range r.calls {
		if r.signed { // whole, and without an index
			delta(object{"tool_calls": []any{function(c, c.input)}}, nil)
			continue
		}
		first := function(c, "")
		first["index"] = i
		delta(object{"tool_calls": []any{first}}, nil)
		for _, p := range pieces(c.input) {
			delta(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": p}}}}, nil)
		}
	}
	if r.end == Broken {
		return
	}
	delta(object{}, stop)
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}
