package agent_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
)

// TestCutOff has messages that end within their last call, whose input looks whole: it
// is not carried out, and the calls before it are.
func TestCutOff(t *testing.T) {
	for _, meta := range []bool{false, true} {
		last := agent.Invocation{Name: "close_lead_create", Input: []byte(`{"name":"Half"}`), CutOff: "max_tokens"}
		opt := agent.Toolset("sales")
		if meta {
			opt = agent.MetaTools()
			last = agent.Invocation{Name: "close_execute_tool", Input: []byte(`{"name":"close_lead_create","input":{"name":"Half"}}`), CutOff: "max_tokens"}
		}
		o := open(t, opt)
		before := len(o.srv.Objects("leads"))
		rs := o.s.CallAll(o.Context(), []agent.Invocation{{Name: "close_lead_create", Input: []byte(`{"name":"Whole"}`)}, last})
		if rs[0].IsError || len(o.srv.Objects("leads")) != before+1 {
			t.Errorf("the call before: %s", rs[0].Text)
		}
		var cut *agent.CutOffError
		if r := rs[1]; !r.IsError || !errors.As(r.Err, &cut) || cut.Reason != "max_tokens" || !strings.Contains(r.Text, "cut off") || !strings.Contains(r.Text, "max_tokens") {
			t.Errorf("the call that was cut off: %+v", r)
		}
	}
}

// TestCutsOff has the words of providers and frameworks.
func TestCutsOff(t *testing.T) {
	for _, word := range []string{"", "stop", "STOP", "end_turn", "tool_use", "tool_calls", "function_call", "stop_sequence", "pause_turn", "eos", "FinishReasonStop", "unknown", "COMPLETE"} {
		if agent.CutsOff(word) {
			t.Errorf("%q is taken for a word of a message that is cut off", word)
		}
	}
	for _, word := range []string{
		"length", "max_tokens", "MAX_TOKENS", "FinishReasonMaxTokens", "max_output_tokens", "model_context_window_exceeded", "model_length",
		"content_filter", "content_filtered", "guardrail_intervened", "refusal", "SAFETY", "BLOCKLIST", "blocked", "PROHIBITED_CONTENT",
		"RECITATION", "MALFORMED_FUNCTION_CALL", "malformed_tool_use", "TOO_MANY_TOOL_CALLS", "UNEXPECTED_TOOL_CALL", "aborted", "sensitive",
	} {
		if !agent.CutsOff(word) {
			t.Errorf("%q is taken for a word of a whole message", word)
		}
	}
}
