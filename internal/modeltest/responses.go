package modeltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// responses is the protocol of OpenAI's POST /v1/responses.
var responses = provider{target: "openai-responses", ends: map[End]string{Limit: "max_output_tokens", Refused: "content_filter", Nothing: "server_error"}, read: readResponses, write: writeResponses, refuse: refuseOpenAI}

func readResponses(q *reader, r *http.Request) {
	needsBearer(q, r)
	top := q.object("request", q.Body, "model input", "tools tool_choice stream previous_response_id instructions temperature top_p max_output_tokens parallel_tool_calls store include reasoning metadata truncation")
	q.Stream = q.flag("stream", top["stream"])
	q.definitions = q.list("tools", top["tools"])
	if raw := top["previous_response_id"]; raw != nil {
		id := q.text("previous_response_id", raw)
		before, ok := q.stored[id]
		if !ok {
			q.say("previous_response_id: there is no response %q", id)
		}
		q.turns = slices.Clone(before)
	}
	input := top["input"]
	if len(input) > 0 && input[0] == '"' {
		q.text("input", input)
		q.turns = append(q.turns, turn{})
		return
	}
	items := q.list("input", input)
	if len(items) == 0 {
		q.say("input: must not be empty")
	}
	for i, raw := range items {
		q.readItem(fmt.Sprintf("input[%d]", i), raw)
	}
}

func (q *reader) readItem(at string, raw json.RawMessage) {
	var kind struct{ Type, Role string }
	_ = json.Unmarshal(raw, &kind) // told below
	switch kind.Type {
	case "", "message":
		m := q.object(at, raw, "role content", "type id status phase")
		q.parts(at+".content", m["content"], "input_text", "output_text")
		if !slices.Contains([]string{"user", "assistant", "system", "developer"}, kind.Role) {
			q.say("%s: the role %q is not known", at, kind.Role)
		}
		q.turns = append(q.turns, turn{model: kind.Role == "assistant"})
	case "function_call":
		c := q.object(at, raw, "type call_id name arguments", "id status namespace")
		one := call{id: q.text(at+".call_id", c["call_id"]), name: q.text(at+".name", c["name"]), input: q.text(at+".arguments", c["arguments"])}
		if n := len(q.turns); n > 0 && q.turns[n-1].model {
			q.turns[n-1].calls = append(slices.Clip(q.turns[n-1].calls), one)
			return
		}
		q.turns = append(q.turns, turn{model: true, calls: []call{one}})
	case "function_call_output":
		c := q.object(at, raw, "type call_id output", "id status")
		one := result{id: q.text(at+".call_id", c["call_id"])}
		one.Text = q.parts(at+".output", c["output"], "input_text")
		q.addResult(one)
	default:
		q.say("%s: the type %q is not known", at, kind.Type)
	}
}

func writeResponses(w http.ResponseWriter, r *reply) {
	output := []object{}
	if r.text != "" {
		output = append(output, object{
			"type": "message", "id": r.id + "_text", "role": "assistant", "status": "completed",
			"content": []any{object{"type": "output_text", "text": r.text, "annotations": []any{}}},
		})
	}
	for _, c := range r.calls {
		output = append(output, object{"type": "function_call", "id": "fc_" + c.id, "call_id": c.id, "name": c.name, "arguments": c.input, "status": "completed"})
	}
	whole := func(status string, items any) object {
		o := object{
			"id": r.id, "object": "response", "created_at": 1, "status": status, "model": "model", "output": items,
			"usage": object{"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
		}
		switch status {
		case "incomplete":
			o["incomplete_details"] = object{"reason": r.word}
		case "failed":
			o["error"] = object{"code": r.word, "message": "The server had an error."}
		}
		return o
	}
	status := map[End]string{Whole: "completed", Limit: "incomplete", Refused: "incomplete", Nothing: "failed"}[r.end]
	if n := len(output); n > 0 && status == "incomplete" {
		output[n-1]["status"] = status
	}
	if !r.stream {
		_, _ = w.Write(encode(whole(status, output)))
		return
	}
	n := 0
	event := func(kind string, o object) {
		o["type"], o["sequence_number"] = kind, n
		n++
		send(w, kind, o)
	}
	event("response.created", object{"response": whole("in_progress", []any{})})
	for i, item := range output {
		begun := maps.Clone(item)
		begun["status"] = "in_progress"
		at := func(o object) object {
			o["item_id"], o["output_index"] = item["id"], i
			return o
		}
		if item["type"] == "message" {
			begun["content"] = []any{}
			event("response.output_item.added", object{"output_index": i, "item": begun})
			event("response.content_part.added", at(object{"content_index": 0, "part": object{"type": "output_text", "text": "", "annotations": []any{}}}))
			for _, p := range pieces(r.text) {
				event("response.output_text.delta", at(object{"content_index": 0, "delta": p}))
			}
			event("response.output_text.done", at(object{"content_index": 0, "text": r.text}))
			event("response.content_part.done", at(object{"content_index": 0, "part": object{"type": "output_text", "text": r.text, "annotations": []any{}}}))
		} else {
			input := r.calls[i-(len(output)-len(r.calls))].input
			begun["arguments"] = ""
			event("response.output_item.added", object{"output_index": i, "item": begun})
			for _, p := range pieces(input) {
				event("response.function_call_arguments.delta", at(object{"delta": p}))
			}
			event("response.function_call_arguments.done", at(object{"name": item["name"], "arguments": input}))
		}
		event("response.output_item.done", object{"output_index": i, "item": item})
	}
	if r.end != Broken {
		event("response."+status, object{"response": whole(status, output)})
	}
}
