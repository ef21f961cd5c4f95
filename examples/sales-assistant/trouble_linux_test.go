package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/modeltest"
)

// TestProviderSays shows what the server has said, and gives advice that fits it.
func TestProviderSays(t *testing.T) {
	t.Parallel()
	o := open(t)
	const half = `data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"Well,"},"finish_reason":null}]}` + "\n\n"
	const halfOfClaude = "event: message_start\n" + `data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}` + "\n\n"
	for name, c := range map[string]struct {
		provider, body string
		status         int
		want           []string
	}{
		"no tools":        {"openai", `{"error":{"message":"registry.ollama.ai/library/gemma does not support tools","type":"api_error"}}`, 400, []string{"400 Bad Request: registry.ollama.ai/library/gemma does not support tools\n", "choose another one with -model"}},
		"no model":        {"openai", `{"error":{"message":"model \"qwen3\" not found, try pulling it first"}}`, 404, []string{`404 Not Found: model "qwen3" not found, try pulling it first`, "Check -model"}},
		"a text":          {"openai", `{"error":"it is \u001b[2J\u202e\nbusy"}`, 400, []string{"400 Bad Request: it is [2J busy\n", "Check -model"}},
		"no JSON":         {"openai", "404 page not found\n", 404, []string{"404 page not found", "Check -model"}},
		"a page":          {"openai", "<html><body>nginx</body></html>", 502, []string{"502 Bad Gateway\n", "has a problem"}},
		"Google":          {"openai", `[{"error":{"code":400,"message":"API key not valid."}}]`, 400, []string{"400 Bad Request: API key not valid.", "Check -model"}},
		"Claude's page":   {"anthropic", "<html>nginx</html>", 404, []string{"404 Not Found\n", "Check -model"}},
		"Claude's text":   {"anthropic", "no such path\n", 404, []string{"404 Not Found: no such path\n", "Check -model"}},
		"detail":          {"openai", `{"detail":"no such route"}`, 404, []string{"404 Not Found: no such route"}},
		"long":            {"openai", `{"error":{"message":"` + strings.Repeat("la ", 1000) + `"}}`, 400, []string{strings.Repeat("la ", 100) + "…"}},
		"context":         {"openai", `{"error":{"message":"maximum context length is 4096 tokens"}}`, 400, []string{"maximum context length", "The tools of this program are already too much"}},
		"half way":        {"openai", half, 200, []string{"broke off half way", "/retry"}},
		"an error midway": {"openai", half + `data: {"error":{"message":"out of memory"}}` + "\n\n", 200, []string{"did not answer: out of memory\n", "has a problem"}},
		"half of Claude":  {"anthropic", halfOfClaude, 200, []string{"broke off half way", "/retry"}},
		"Claude midway":   {"anthropic", halfOfClaude + "event: error\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n", 200, []string{"did not answer: Overloaded\n", "has a problem"}},
		"Claude's words":  {"anthropic", `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}`, 400, []string{"400 Bad Request: Your credit balance is too low\n"}},
		"filtered":        {"openai", `data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}` + "\n\n", 200, []string{"content_filter"}},
		"empty":           {"openai", `data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n", 200, []string{"the answer is empty", "in other words"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if c.status == http.StatusOK {
					w.Header().Set("Content-Type", "text/event-stream")
				}
				w.Header().Set("X-Should-Retry", "false")
				w.WriteHeader(c.status)
				_, _ = fmt.Fprint(w, c.body) // a client that is gone
			}))
			t.Cleanup(srv.Close)
			cmd := program(t, t.TempDir(), o.env, "-provider", c.provider, "-base-url", srv.URL, "-model", "m")
			cmd.Stdin = strings.NewReader("hello\n")
			out, err := cmd.CombinedOutput()
			if err != nil || strings.Contains(string(out), "/new begins another") || strings.ContainsAny(string(out), "\x1b\u202e") {
				t.Errorf("%v:\n%s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestTooLong advises a new conversation once there is one.
func TestTooLong(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"prompt is too long: 210000 tokens > 200000 maximum": "/new begins another one",
		"temperature is not supported":                       "Check -model and -base-url",
	} {
		m := modeltest.New(modeltest.Step{Text: "Hello."}, modeltest.Step{Check: func(modeltest.Request) error { return fmt.Errorf("%s", message) }})
		t.Cleanup(m.Close)
		env, args := fakes["anthropic"](m)
		cmd := program(t, t.TempDir(), append(env, open(t).env...), args...)
		cmd.Stdin = strings.NewReader("hello\nhello again\n")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), message) || !strings.Contains(string(out), want) || strings.Count(string(out), "/new") != strings.Count(want, "/new") {
			t.Errorf("%v, no %q:\n%s", err, want, out)
		}
	}
}

// TestWithoutAWord ends a turn with an empty answer after calls, and goes on.
func TestWithoutAWord(t *testing.T) {
	t.Parallel()
	for name, flags := range fakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			m := modeltest.Start(t, modeltest.Step{Calls: []modeltest.Call{task("lead_acme00000000")}}, modeltest.Step{}, modeltest.Step{Text: "Gladly."})
			env, args := flags(m)
			cmd := program(t, t.TempDir(), append(env, o.env...), args...)
			cmd.Stdin = strings.NewReader("a task\nthank you\n")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "ended without a word") || strings.Contains(string(out), "did not answer") || !strings.Contains(string(out), "Gladly.") {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// TestAgain ends a turn in which a model makes the same refused call again and again,
// and not one in which it tries something else.
func TestAgain(t *testing.T) {
	t.Parallel()
	o := open(t)
	wrong := func(ids ...string) (step modeltest.Step) {
		for _, id := range ids {
			step.Calls = append(step.Calls, modeltest.Call{Name: "close_lead_get", Input: fmt.Sprintf(`{"id":%q}`, id)})
		}
		return step
	}
	var steps []modeltest.Step
	for n := range 4 {
		steps = append(steps, wrong(fmt.Sprintf("lead_other%07d", n)))
	}
	steps = append(steps, wrong("lead_gone00000000", "lead_gone00000000", "lead_gone00000000"), wrong("lead_gone00000000"), wrong("lead_gone00000000"))
	m := modeltest.Start(t, slices.Concat(steps, []modeltest.Step{{Text: "I give up."}})...)
	env, args := fakes["openai"](m)
	cmd := program(t, t.TempDir(), append(env, o.env...), args...)
	cmd.Stdin = strings.NewReader("look\n/retry\n")
	out, err := cmd.CombinedOutput()
	before, after, found := strings.Cut(string(out), "the same call of close_lead_get again and again, and it was refused 3 times: ")
	if err != nil || !found || strings.Count(before, "✗ lead_get lead_gone") != 5 || !strings.Contains(after, "I give up.") {
		t.Errorf("%v:\n%s", err, out)
	}
}
