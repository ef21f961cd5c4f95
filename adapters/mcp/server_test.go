package closemcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit"
	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

var revisions = map[string]string{"requests of the server": oldest, "rounds": newest}

// TestListTools pages through the definitions, which all clients get alike.
func TestListTools(t *testing.T) {
	t.Parallel()
	o := open(t)
	s := o.connect(o.server(closemcp.Config{PageSize: 20}), client(nil), newest)
	seen, pages, cursor := map[string]bool{}, 0, ""
	for {
		page, err := s.ListTools(t.Context(), &mcp.ListToolsParams{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, tool := range page.Tools {
			if seen[tool.Name] {
				t.Errorf("%s is there twice", tool.Name)
			}
			seen[tool.Name] = true
			want, err := tools.Lookup(tool.Name)
			if err != nil {
				t.Fatal(err)
			}
			a := tool.Annotations
			if a == nil || a.DestructiveHint == nil || a.OpenWorldHint == nil || a.ReadOnlyHint != (want.Effect == closekit.Read) ||
				want.Effect.Has(closekit.Destructive) && !*a.DestructiveHint || tool.Title == "" || tool.OutputSchema != nil {
				t.Errorf("%s (%s): %+v", tool.Name, want.Effect, a)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(seen) != len(tools.Catalog().Tools()) || pages != (len(seen)+19)/20 {
		t.Errorf("%d tools on %d pages", len(seen), pages)
	}
}

// TestEveryTool calls every tool with its first example, which must reach Close.
func TestEveryTool(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t, agent.WithPolicy(agent.Rules{}))
			token, err := o.close.Grant(o.close.Users()[0].ID, o.close.Organizations()[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			ada := o.ada()
			ada.Account = closekit.Bearer(token.AccessToken) // some tools take no API key
			s := o.connect(o.server(closemcp.Config{Users: closemcp.One(ada)}), client(nil), version)
			for _, tool := range tools.Catalog().Tools() {
				input := json.RawMessage(`{}`)
				if e := tool.Info().Examples; len(e) > 0 {
					input = e[0].Input
				}
				before := len(o.close.Requests())
				r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool.Name, Arguments: input})
				switch {
				case err != nil:
					t.Errorf("%s: %v", tool.Name, err)
				case textOf(r) == "" || len(o.close.Requests()) == before:
					t.Errorf("%s did not reach Close: %s", tool.Name, textOf(r))
				}
			}
		})
	}
}

func TestMetaTools(t *testing.T) {
	t.Parallel()
	o := open(t, agent.MetaTools())
	s := o.connect(o.server(closemcp.Config{}), client(nil), oldest)
	list, err := s.ListTools(t.Context(), nil)
	if err != nil || len(list.Tools) != 3 {
		t.Fatalf("%v %v", list, err)
	}
	for _, tool := range list.Tools {
		if execute := tool.Name == "close_execute_tool"; tool.Annotations.ReadOnlyHint == execute || *tool.Annotations.DestructiveHint != execute {
			t.Errorf("%s: %+v", tool.Name, tool.Annotations)
		}
	}
	_, text := call(t, s, "close_execute_tool", args{"name": "close_lead_get", "input": args{"lead_id": o.lead}})
	has(t, text, "Acme")
	r, _ := call(t, s, "close_execute_tool", args{"name": "close_lead_delete", "input": args{"lead_id": o.lead}})
	if !r.IsError {
		t.Error("a deletion through the meta-tool was not refused")
	}
	o.leads(1)
}

// TestUnknownTool has names that no tool has, and one of a tool that is not offered: the
// model reads what to do, and nothing reaches Close.
func TestUnknownTool(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			s := o.connect(o.server(closemcp.Config{}), client(nil), version)
			sales := open(t, agent.Toolset("sales"))
			few := sales.connect(sales.server(closemcp.Config{}), client(nil), version)
			metas := open(t, agent.MetaTools())
			three := metas.connect(metas.server(closemcp.Config{}), client(nil), version)
			before := len(o.close.Requests()) + len(sales.close.Requests()) + len(metas.close.Requests())
			for _, test := range []struct {
				s    *mcp.ClientSession
				name string
				in   args
				says string
			}{
				{s, "close_nope", nil, `There is no tool "close_nope". Use close_`},
				{s, "close_lead_explode", nil, `There is no tool "close_lead_explode".`},
				{s, "", nil, `There is no tool "".`},
				{s, "close_execute_tool", args{"name": "close_lead_delete"}, `There is no tool "close_execute_tool".`},
				{few, "close_webhooks_list", nil, "close_webhooks_list is not available here"},
				{three, "close_lead_delete", args{"lead_id": metas.lead}, "Call close_execute_tool with its name and input"},
				{three, "close_nope", nil, `There is no tool "close_nope".`},
			} {
				r, text := call(t, test.s, test.name, test.in)
				if !r.IsError {
					t.Errorf("%q: no error: %s", test.name, text)
				}
				has(t, text, test.says)
				if b, err := json.Marshal(r); err != nil || strings.Contains(string(b), `"resultType":"complete"`) != (version == newest) {
					t.Errorf("%s %v", b, err)
				}
			}
			if n := len(o.close.Requests()) + len(sales.close.Requests()) + len(metas.close.Requests()); n != before {
				t.Errorf("%d requests reached Close", n-before)
			}
		})
	}
}

// TestCall has an answer, and mistakes that a model can correct.
func TestCall(t *testing.T) {
	t.Parallel()
	for name, version := range revisions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			s := o.connect(o.server(closemcp.Config{}), client(nil), version)
			r, text := call(t, s, "close_lead_get", args{"lead_id": o.lead})
			if r.IsError || r.StructuredContent != nil {
				t.Errorf("%+v", r)
			}
			has(t, text, "Acme", o.lead)
			r, text = call(t, s, "close_opportunity_create", args{"lead_id": 1, "value_period": "weekly", "color": "red"})
			if !r.IsError {
				t.Error("a call with three mistakes is no error")
			}
			has(t, text, "lead_id", "value_period", "color")
			r, _ = call(t, s, "close_lead_get", nil)
			if !r.IsError {
				t.Error("a call without arguments is no error")
			}
		})
	}
}

func TestStructuredContent(t *testing.T) {
	t.Parallel()
	o := open(t)
	s := o.connect(o.server(closemcp.Config{Structured: 8 << 10}), client(nil), oldest)
	r, _ := call(t, s, "close_lead_get", args{"lead_id": o.lead})
	if m, ok := r.StructuredContent.(map[string]any); !ok || m["id"] != o.lead {
		t.Errorf("%v", r.StructuredContent)
	}
	s = o.connect(o.server(closemcp.Config{Structured: 10}), client(nil), oldest)
	if r, _ = call(t, s, "close_lead_get", args{"lead_id": o.lead}); r.StructuredContent != nil {
		t.Error("an answer above the bound was sent as structured content")
	}
}

// hang holds requests back until their caller gives up.
type hang struct{ arrived, gone chan struct{} }

func (h hang) RoundTrip(r *http.Request) (*http.Response, error) {
	close(h.arrived)
	<-r.Context().Done()
	close(h.gone)
	return nil, r.Context().Err()
}

// TestCancel ends a call that hangs in Close.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, version := range revisions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hang{make(chan struct{}), make(chan struct{})}
			o := open(t, agent.WithClient(closekit.NewClient(nil, closekit.HTTPClient(&http.Client{Transport: h}))))
			s := o.connect(o.server(closemcp.Config{}), client(nil), version)
			{
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() {
					_, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "close_lead_get", Arguments: args{"lead_id": o.lead}})
					done <- err
				}()
				<-h.arrived
				cancel()
				if err := <-done; err == nil {
					t.Error("the canceled call succeeded")
				}
				<-h.gone // the request to Close ended too
				if _, err := s.ListPrompts(t.Context(), nil); err != nil {
					t.Errorf("the session ended with the call: %v", err)
				}
			}
		})
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	o := open(t, agent.Tools("close_lead_*"))
	s := o.connect(o.server(closemcp.Config{}), client(nil), newest)
	list, err := s.ListResourceTemplates(t.Context(), nil)
	if err != nil || len(list.ResourceTemplates) != 1 || list.ResourceTemplates[0].URITemplate != "close://lead/{id}" {
		t.Errorf("%+v %v", list, err)
	}
	whole := open(t)
	all, err := whole.connect(whole.server(closemcp.Config{}), client(nil), newest).ListResourceTemplates(t.Context(), nil)
	if err != nil || len(all.ResourceTemplates) != 3 {
		t.Errorf("%+v %v", all, err)
	}
	for _, kind := range all.ResourceTemplates {
		if regexp.MustCompile(`\b[Aa] [aeio]`).MatchString(kind.Description) || !strings.Contains(kind.Description, kind.Name) {
			t.Error(kind.Description)
		}
	}
	r, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "close://lead/" + o.lead})
	if err != nil || len(r.Contents) != 1 {
		t.Fatalf("%v %v", r, err)
	}
	has(t, r.Contents[0].Text, "Acme")
	if r.CacheScope != "private" || r.TTLMs != 0 {
		t.Errorf("a record may be kept: %+v", r.Cacheable)
	}
	for _, uri := range []string{"close://lead/lead_none", "close://lead/" + strings.Replace(o.lead, "lead_", "cont_", 1), "close://contact/cont_1", "close://lead/../me", "file:///etc/passwd"} {
		if _, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s was read", uri)
		}
	}
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	o := open(t)
	s := o.connect(o.server(closemcp.Config{}), client(nil), oldest)
	list, err := s.ListPrompts(t.Context(), nil)
	if err != nil || len(list.Prompts) < 4 {
		t.Fatalf("%v %v", list, err)
	}
	for _, p := range list.Prompts {
		given := map[string]string{}
		for _, a := range p.Arguments {
			given[a.Name] = "50 % of Acme"
		}
		r, err := s.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: p.Name, Arguments: given})
		if err != nil || len(r.Messages) != 1 {
			t.Fatalf("%s: %v %v", p.Name, r, err)
		}
		text := r.Messages[0].Content.(*mcp.TextContent).Text
		if strings.Contains(text, "%!") || len(p.Arguments) > 0 && !strings.Contains(text, "50 % of Acme") {
			t.Errorf("%s: %s", p.Name, text)
		}
		if _, err := s.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: p.Name}); (err == nil) != (len(p.Arguments) == 0) {
			t.Errorf("%s without arguments: %v", p.Name, err)
		}
	}
}

// TestToolNames tests that a tool of the host cannot take the name of one of Close, nor
// of a meta-tool.
func TestToolNames(t *testing.T) {
	t.Parallel()
	own := func(name string) agent.Option {
		return agent.WithTool(agent.OwnTool[struct{}]{Name: name, Description: "Takes over.", Call: func(context.Context, *closekit.Client, struct{}) (any, error) {
			return "stolen", nil
		}})
	}
	for _, opts := range [][]agent.Option{{own("close_lead_get")}, {agent.Tools("close_task_*"), own("close_lead_get")}, {own("mine"), own("mine")}, {own("close_execute_tool"), agent.MetaTools()}} {
		if _, err := agent.New(tools.Catalog(), opts...); err == nil {
			t.Error("two tools have one name")
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	o := open(t)
	users := closemcp.One(o.ada())
	for name, c := range map[string]closemcp.Config{
		"no users": {}, "short key": {Users: users, StateKey: []byte("short")}, "negative": {Users: users, PageSize: -1},
	} {
		if _, err := closemcp.New(o.agent, c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := closemcp.New(nil, closemcp.Config{Users: users}); err == nil {
		t.Error("no agent: accepted")
	}
}
