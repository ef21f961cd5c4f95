package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// gemini is the protocol of POST /v1beta/models/{model}:generateContent, and of
// :streamGenerateContent.
var gemini = provider{
	ends:   map[End]string{Limit: "MAX_TOKENS", Refused: "SAFETY", Nothing: "PROHIBITED_CONTENT", Malformed: "MALFORMED_FUNCTION_CALL"},
	target: "gemini", objects: true, read: readGemini, write: writeGemini,
	refuse: func(message string) any {
		return object{"error": object{"code": http.StatusBadRequest, "status": "INVALID_ARGUMENT", "message": message}}
	},
}

func readGemini(q *reader, r *http.Request) {
	if r.Header.Get("X-Goog-Api-Key") == "" && r.URL.Query().Get("key") == "" {
		q.say("an API key is required")
	}
	switch _, method, _ := strings.Cut(r.PathValue("call"), ":"); method {
	case "generateContent":
	case "streamGenerateContent":
		q.Stream = true
		if r.URL.Query().Get("alt") != "sse" {
			q.say("a stream is asked for without alt=sse")
		}
	default:
		q.say("the method %q is not known", method)
	}
	top := q.object("request", q.Body, "contents", "tools toolConfig systemInstruction generationConfig safetySettings")
	for i, raw := range q.list("tools", top["tools"]) {
		t := q.object(fmt.Sprintf("tools[%d]", i), raw, "functionDeclarations", "")
		q.definitions = append(q.definitions, q.list("functionDeclarations", t["functionDeclarations"])...)
	}
	for i, raw := range q.list("contents", top["contents"]) {
		at := fmt.Sprintf("contents[%d]", i)
		c := q.object(at, raw, "role parts", "")
		role := q.text(at+".role", c["role"])
		if role != "user" && role != "model" {
			q.say("%s: the role %q is not known", at, role)
		}
		t := turn{model: role == "model"}
		parts := q.list(at+".parts", c["parts"])
		if len(parts) == 0 {
			q.say("%s: parts must not be empty", at)
		}
		for j, raw := range parts {
			q.readPart(&t, fmt.Sprintf("%s.parts[%d]", at, j), raw)
		}
		q.turns = append(q.turns, t)
	}
}

func (q *reader) readPart(t *turn, at string, raw json.RawMessage) {
	p := q.object(at, raw, "", "text functionCall functionResponse thoughtSignature thought")
	switch {
	case p["functionCall"] != nil && t.model:
		f := q.object(at+".functionCall", p["functionCall"], "id name", "args")
		c := call{id: q.text(at+".id", f["id"]), name: q.text(at+".name", f["name"]), input: string(f["args"])}
		if c.input == "" {
			c.input = "{}"
		}
		if p["thoughtSignature"] == nil || q.text(at+".thoughtSignature", p["thoughtSignature"]) != signature {
			q.say("%s: the thought signature of the call is missing or changed", at)
		}
		t.calls = append(t.calls, c)
	case p["functionResponse"] != nil && !t.model:
		f := q.object(at+".functionResponse", p["functionResponse"], "name response", "id")
		one := result{Result: Result{Name: q.text(at+".name", f["name"])}}
		if f["id"] != nil {
			one.id = q.text(at+".id", f["id"])
		}
		response := q.object(at+".response", f["response"], "", "output error")
		if len(response) != 1 {
			q.say("%s: the response must have output or error", at)
		}
		for key, v := range response {
			one.IsError, one.Text = key == "error", q.text(at+".response", v)
		}
		t.results = append(t.results, one)
	case p["text"] != nil:
		q.text(at+".text", p["text"])
	default:
		q.say("%s: the part is empty or not allowed here", at)
	}
}

// signature is the thought signature of every call, in base64.
const signature = "c2lnbmF0dXJl"

func writeGemini(w http.ResponseWriter, r *reply) {
	answer := func(parts []any, finish string) object {
		content := object{"role": "model"}
		if len(parts) > 0 {
			content["parts"] = parts
		}
		candidate := object{"index": 0, "content": content}
		if r.end == Malformed && finish != "" {
			candidate["finishMessage"] = "Malformed function call: close_lead_create(name=Acme"
			if len(parts) == 0 {
				delete(candidate, "content")
			}
		}
		if finish != "" {
			candidate["finishReason"] = finish
		}
		return object{"candidates": []any{candidate}, "responseId": r.id, "modelVersion": "model"}
	}
	var calls []any
	for _, c := range r.calls {
		calls = append(calls, object{"functionCall": object{"id": c.id, "name": c.name, "args": c.object()}, "thoughtSignature": signature})
	}
	if r.end == Nothing {
		blocked := object{"promptFeedback": object{"blockReason": r.word}, "responseId": r.id, "modelVersion": "model"}
		if r.stream {
			send(w, "", blocked)
			return
		}
		_, _ = w.Write(encode(blocked))
		return
	}
	if r.stream {
		for _, p := range pieces(r.text) {
			send(w, "", answer([]any{object{"text": p}}, ""))
		}
		if len(calls) > 0 {
			send(w, "", answer(calls, ""))
		}
		if r.end != Broken {
			send(w, "", answer([]any{object{"text": ""}}, r.stop("STOP", "STOP"))) // so ends many a stream
		}
		return
	}
	if r.text != "" {
		calls = append([]any{object{"text": r.text}}, calls...)
	}
	_, _ = w.Write(encode(answer(calls, r.stop("STOP", "STOP"))))
}
