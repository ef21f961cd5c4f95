package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/approvalways"
	"github.com/closekit/closekit/internal/cli"
)

type (
	stage  = approvalways.Scene
	target = approvalways.Target
)

// scene is a scene whose agents have the meta-tools.
type scene struct{ *approvalways.Scene }

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{approvalways.New(t, metaTools...)}
}

var metaTools = []agent.Option{agent.MetaTools()}

// The routes to Close.
var routes = []approvalways.Route{
	{Name: "call", Call: func(sc *stage, x target) string {
		return approvalways.Of(sc.S.Call(sc.Context(), x.Tool, []byte(x.Input)))
	}},
	{Name: "typed", Call: func(sc *stage, x target) string { return byError(typed(sc.Context(), sc.S.Client(), x)) }},
	{Name: "with", Call: func(sc *stage, x target) string {
		return byError(typed(sc.Context(), sc.S.Client().With(closekit.APIKey(sc.Close.APIKey())), x))
	}},
	{Name: "lookup", Call: func(sc *stage, x target) string {
		t, err := tools.Lookup(x.Tool)
		if err == nil {
			_, err = t.Call(sc.Context(), sc.S.Client(), json.RawMessage(x.Input))
		}
		return byError(err)
	}},
	{Name: "batch", Call: func(sc *stage, x target) string {
		rs := sc.S.CallAll(sc.Context(), []agent.Invocation{{Name: "close_me_get"}, {Name: x.Tool, Input: []byte(x.Input)}, {Name: "close_me_get"}})
		return approvalways.Of(rs[1])
	}},
	{Name: "meta", Call: func(sc *stage, x target) string {
		return approvalways.Of(sc.S.Call(sc.Context(), "close_execute_tool", fmt.Appendf(nil, `{"name":%q,"input":%s}`, x.Tool, x.Input)))
	}},
	{Name: "own", Call: func(sc *stage, x target) string {
		in, err := json.Marshal(approvalways.Relay(x))
		if err != nil {
			sc.Fatal(err)
		}
		return approvalways.Of(sc.S.Call(sc.Context(), "relay", in))
	}},
	{Name: "cli", Call: func(sc *stage, x target) string {
		env := map[string]string{
			"CLOSE_API_KEY": sc.Close.APIKey(), "CLOSE_BASE_URL": sc.Close.URL(),
			"CLOSEKIT_POLICY": "overwrite=deny,destructive=deny,sends=deny,egress=deny,admin=deny",
		}
		code := cli.Program{}.Run(sc.Context(), []string{"call", "--yes", x.Tool, x.Input}, strings.NewReader(""), io.Discard, io.Discard, func(k string) string { return env[k] })
		if code == 0 {
			return approvalways.Done
		}
		return approvalways.Refused
	}},
}

func byError(err error) string {
	if err != nil {
		return approvalways.Refused
	}
	return approvalways.Done
}

// typed calls the typed function of a tool.
func typed(ctx context.Context, c *closekit.Client, x target) error {
	t, err := tools.Lookup(x.Tool)
	if err != nil {
		return err
	}
	params, err := t.Parse(json.RawMessage(x.Input))
	if err != nil {
		return err
	}
	switch p := params.(type) {
	case *closeapi.LeadDeleteParams:
		return closeapi.LeadDelete(ctx, c, *p)
	case *closeapi.OpportunityUpdateParams:
		_, err = closeapi.OpportunityUpdate(ctx, c, *p)
	case *closeapi.ContactUpdateParams:
		_, err = closeapi.ContactUpdate(ctx, c, *p)
	case *closeapi.LeadUpdateParams:
		_, err = closeapi.LeadUpdate(ctx, c, *p)
	case *closeapi.EmailUpdateParams:
		_, err = closeapi.EmailUpdate(ctx, c, *p)
	case *closeapi.EmailCreateParams:
		_, err = closeapi.EmailCreate(ctx, c, *p)
	case *closeapi.SMSCreateParams:
		_, err = closeapi.SMSCreate(ctx, c, *p)
	case *closeapi.SequenceSubscriptionCreateParams:
		_, err = closeapi.SequenceSubscriptionCreate(ctx, c, *p)
	case *closeapi.SequenceSubscriptionUpdateParams:
		_, err = closeapi.SequenceSubscriptionUpdate(ctx, c, *p)
	case *closeapi.WebhookCreateParams:
		_, err = closeapi.WebhookCreate(ctx, c, *p)
	case *closeapi.CustomFieldLeadUpdateParams:
		_, err = closeapi.CustomFieldLeadUpdate(ctx, c, *p)
	case *closeapi.LeadMergeParams:
		_, err = closeapi.LeadMerge(ctx, c, *p)
	case *closeapi.TasksBulkUpdateParams:
		_, err = closeapi.TasksBulkUpdate(ctx, c, *p)
	case *closeapi.NoteCreateParams:
		_, err = closeapi.NoteCreate(ctx, c, *p)
	case *closeapi.ExportLeadCreateParams:
		_, err = closeapi.ExportLeadCreate(ctx, c, *p)
	case *closeapi.UnsubscribedEmailDeleteParams:
		_, err = closeapi.UnsubscribedEmailDelete(ctx, c, *p)
	default:
		return fmt.Errorf("the test has no typed call for %T", p)
	}
	return err
}

// TestWays tries every way on every route. Run it with -v to see the table.
func TestWays(t *testing.T) {
	t.Parallel()
	list := slices.Clone(routes)
	for i := range list {
		list[i].Options = metaTools
	}
	approvalways.Run(t, list[0], list)
}
