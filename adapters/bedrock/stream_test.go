package closebedrock_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/closekit/closekit"
	closebedrock "github.com/closekit/closekit/adapters/bedrock"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/modeltest"
)

// offline returns a session whose Close cannot be reached.
func offline(t *testing.T) *agent.Session {
	t.Helper()
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL("http://127.0.0.1:1"), closekit.MaxRetries(0))))
	if err != nil {
		t.Fatal(err)
	}
	return a.Session(closekit.APIKey("k"))
}

func start(index int32, tool string) types.ConverseStreamOutput {
	return &types.ConverseStreamOutputMemberContentBlockStart{Value: types.ContentBlockStartEvent{
		ContentBlockIndex: &index, Start: &types.ContentBlockStartMemberToolUse{Value: types.ToolUseBlockStart{Name: &tool, ToolUseId: aws.String("call")}},
	}}
}

func delta(index int32, d types.ContentBlockDelta) types.ConverseStreamOutput {
	return &types.ConverseStreamOutputMemberContentBlockDelta{Value: types.ContentBlockDeltaEvent{ContentBlockIndex: &index, Delta: d}}
}

func input(index int32, text string) types.ConverseStreamOutput {
	return delta(index, &types.ContentBlockDeltaMemberToolUse{Value: types.ToolUseBlockDelta{Input: &text}})
}

func end() types.ConverseStreamOutput {
	return &types.ConverseStreamOutputMemberMessageStop{Value: types.MessageStopEvent{StopReason: types.StopReasonToolUse}}
}

func thought(d types.ReasoningContentBlockDelta) types.ConverseStreamOutput {
	return delta(0, &types.ContentBlockDeltaMemberReasoningContent{Value: d})
}

// TestCutOff has calls whose input the model did not finish, or did not begin. The
// first is refused with a text, and goes back as an object.
func TestCutOff(t *testing.T) {
	for text, want := range map[string]string{`{"name":"Ac`: "JSON", `["a"]`: "object", "": "name"} {
		var r closebedrock.Reply
		for _, e := range []types.ConverseStreamOutput{start(0, "close_lead_create"), input(0, text), end()} {
			r.Add(e)
		}
		next, results := closebedrock.Results(t.Context(), offline(t), r.Output())
		if len(next) != 2 || len(results) != 1 || !results[0].IsError || !strings.Contains(results[0].Text, want) {
			t.Fatalf("%q: %+v", text, results)
		}
		if text == "" && len(results[0].Repairs) > 0 {
			t.Errorf("an input without text is read as %+v", results[0].Repairs)
		}
		call := next[0].Content[0].(*types.ContentBlockMemberToolUse).Value
		if sent, err := call.Input.MarshalSmithyDocument(); err != nil || string(sent) != "{}" {
			t.Errorf("%q goes back as %s: %v", text, sent, err)
		}
	}
}

// TestReasoning wants reasoning back as it came, before the call, and no blank texts.
func TestReasoning(t *testing.T) {
	var r closebedrock.Reply
	var shown strings.Builder
	for _, e := range []types.ConverseStreamOutput{
		&types.ConverseStreamOutputMemberMessageStart{},
		thought(&types.ReasoningContentBlockDeltaMemberText{Value: "I thi"}),
		thought(&types.ReasoningContentBlockDeltaMemberText{Value: "nk."}),
		thought(&types.ReasoningContentBlockDeltaMemberSignature{Value: "mark"}),
		delta(1, &types.ContentBlockDeltaMemberText{Value: "\n"}),
		delta(1, &types.ContentBlockDeltaMemberText{Value: "\n"}),
		delta(2, &types.ContentBlockDeltaMemberText{Value: "I look."}),
		start(3, "close_lead_get"),
		input(3, `{"lead_id":`), input(3, `"lead_1"}`),
		end(),
	} {
		shown.WriteString(r.Add(e))
	}
	next, results := closebedrock.Results(t.Context(), offline(t), r.Output())
	if shown.String() != "\n\nI look." || len(results) != 1 || len(next) != 2 || len(next[0].Content) != 3 {
		t.Fatalf("%q %+v %+v", shown.String(), next, results)
	}
	reason := next[0].Content[0].(*types.ContentBlockMemberReasoningContent).Value.(*types.ReasoningContentBlockMemberReasoningText).Value
	if *reason.Text != "I think." || *reason.Signature != "mark" {
		t.Errorf("reasoning: %q %q", *reason.Text, *reason.Signature)
	}
	var in map[string]string
	call := next[0].Content[2].(*types.ContentBlockMemberToolUse).Value
	if err := call.Input.UnmarshalSmithyDocument(&in); err != nil || in["lead_id"] != "lead_1" {
		t.Errorf("the host reads %v: %v", in, err)
	}
	var hidden closebedrock.Reply
	hidden.Add(thought(&types.ReasoningContentBlockDeltaMemberRedactedContent{Value: []byte("??")}))
	next, _ = closebedrock.Results(t.Context(), offline(t), hidden.Output())
	if b := next[0].Content[0].(*types.ContentBlockMemberReasoningContent).Value.(*types.ReasoningContentBlockMemberRedactedContent); string(b.Value) != "??" {
		t.Errorf("redacted reasoning: %q", b.Value)
	}
}

// TestNothing has a model that says nothing, which does not go back, and of which only
// a message that ends is no error.
func TestNothing(t *testing.T) {
	var none, ended closebedrock.Reply
	ended.Add(end())
	for _, said := range []*bedrockruntime.ConverseOutput{nil, {}, none.Output(), ended.Output()} {
		next, more := closebedrock.Answer(t.Context(), nil, said)
		text, err := closebedrock.Text(said)
		whole := said != nil && said.StopReason != ""
		if more || len(next) != 0 || text != "" || (err == nil) != whole {
			t.Errorf("%v: %v %q %v", said, next, text, err)
		}
	}
}

// TestSchemas wants the schemas on the wire as the session writes them.
func TestSchemas(t *testing.T) {
	s := offline(t)
	m := modeltest.Start(t, modeltest.Step{Text: "Done."})
	if _, err := assist(t.Context(), client(m.URL()), s, "Do it."); err != nil {
		t.Fatal(err)
	}
	list, err := s.Definitions(agent.Bedrock)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range list {
		var d struct {
			ToolSpec struct{ InputSchema json.RawMessage }
		}
		if err := json.Unmarshal(raw, &d); err != nil || !bytes.Contains(m.Requests()[0].Body, d.ToolSpec.InputSchema) {
			t.Errorf("not on the wire: %s %v", d.ToolSpec.InputSchema, err)
		}
	}
}
