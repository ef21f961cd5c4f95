package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

const (
	task = "Find all open opportunities over $10k, summarize them, create a follow-up task for each due tomorrow."

	deals    = 20 // open ones
	big      = 12 // over $10k
	mostTask = 18_500
)

// way is one way to let a model work.
type way struct {
	name  string
	defs  string
	calls func(ctx context.Context, name string, input []byte) (text string, raw json.RawMessage, err error)
}

// measureTask prints the input tokens of the whole task, three turns of a model, of the
// agent layer and of the raw way: all tools as they are, and Close's responses.
func measureTask(out io.Writer, codec tokenizer.Codec) error {
	fmt.Fprintf(out, "\n| whole task, %d open deals, %d over $10k | definitions | turn 1 | turn 2 | turn 3 | input tokens in all | demand |\n|---|---|---|---|---|---|---|\n", deals, big)
	missed := 0
	for i, open := range []func(*emulator.Server, *closekit.Client) (way, error){layer, rawWay} {
		srv := emulator.New(emulator.Options{Seed: 1})
		if err := srv.Listen("127.0.0.1:0"); err != nil {
			return err
		}
		total, err := playTask(out, codec, srv, open)
		if err := srv.Close(); err != nil {
			return err
		}
		switch {
		case err != nil:
			return err
		case i == 0 && total > mostTask:
			missed = total
		}
	}
	if missed > 0 {
		return fmt.Errorf("the whole task takes %d tokens, more than %d", missed, mostTask)
	}
	return nil
}

func playTask(out io.Writer, codec tokenizer.Codec, srv *emulator.Server, open func(*emulator.Server, *closekit.Client) (way, error)) (int, error) {
	if err := srv.Seed(strings.NewReader(pipeline())); err != nil {
		return 0, err
	}
	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	w, err := open(srv, client)
	if err != nil {
		return 0, err
	}
	count := func(text string) int {
		n, err2 := codec.Count(text)
		if err2 != nil {
			err = err2
		}
		return n
	}
	ctx := context.Background()
	defs := count(w.defs)
	conversation := count(task)
	turns := []int{defs + conversation}
	say := func(name string, input []byte) (json.RawMessage, error) {
		text, raw, err := w.calls(ctx, name, input)
		conversation += count(name) + count(string(input)) + count(text)
		return raw, err
	}
	raw, err := say("close_opportunities_list", []byte(`{"status_type":"active","_order_by":"-value"}`))
	if err != nil {
		return 0, err
	}
	turns = append(turns, defs+conversation)
	var page struct {
		Data []struct {
			LeadID, LeadName string
			Value            int64
		}
	}
	if err := json.Unmarshal([]byte(strings.NewReplacer(`"lead_id"`, `"LeadID"`, `"lead_name"`, `"LeadName"`).Replace(string(raw))), &page); err != nil {
		return 0, err
	}
	followed := 0
	for _, o := range page.Data {
		if o.Value <= 10_000_00 {
			continue
		}
		followed++
		input := fmt.Appendf(nil, `{"lead_id":%q,"text":"Follow up on the open opportunity of %s","date":"2026-12-01"}`, o.LeadID, o.LeadName)
		if _, err := say("close_task_create", input); err != nil {
			return 0, err
		}
	}
	turns = append(turns, defs+conversation)
	if got := len(srv.Objects("tasks")); err != nil || len(page.Data) != deals || followed != big || got != big {
		return 0, fmt.Errorf("%d deals, %d followed, %d tasks: %w", len(page.Data), followed, got, err)
	}
	total := turns[0] + turns[1] + turns[2]
	demand := ""
	if w.name != rawName {
		demand = fmt.Sprintf("≤ %d", mostTask)
	}
	fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %d | %s |\n", w.name, defs, turns[0], turns[1], turns[2], total, demand)
	return total, nil
}

// layer is the agent layer with a rep's tools.
func layer(srv *emulator.Server, client *closekit.Client) (way, error) {
	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"), agent.WithClient(client), agent.WithPolicy(agent.Default().Trusted("close_task_create")))
	if err != nil {
		return way{}, err
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	defs, err := s.Definitions(agent.OpenAIChat)
	if err != nil {
		return way{}, err
	}
	return way{"agent layer, a rep's tools", array(defs), func(ctx context.Context, name string, input []byte) (string, json.RawMessage, error) {
		r := s.Call(ctx, name, input)
		if r.Err != nil {
			return "", nil, r.Err
		}
		return r.Text, r.JSON, nil
	}}, nil
}

const rawName = "raw: all tools as they are, Close's responses"

// rawWay is what a program without the agent layer does.
func rawWay(_ *emulator.Server, client *closekit.Client) (way, error) {
	var defs []json.RawMessage
	for _, t := range tools.All() {
		d, err := json.Marshal(map[string]any{"type": "function", "function": map[string]any{"name": t.Name, "description": t.Info().Description, "parameters": t.InputSchema()}})
		if err != nil {
			return way{}, err
		}
		defs = append(defs, d)
	}
	return way{rawName, array(defs), func(ctx context.Context, name string, input []byte) (string, json.RawMessage, error) {
		t, err := tools.Lookup(name)
		if err != nil {
			return "", nil, err
		}
		out, err := t.Call(ctx, client, input)
		return string(out), out, err
	}}, nil
}

// pipeline is the seed: deals of different companies, twelve of them big.
func pipeline() string {
	var leads []string
	for i := range deals {
		value := 400_000 + 20_000*i
		if i < big {
			value = 1_200_000 + 350_000*i
		}
		leads = append(leads, fmt.Sprintf(`{"name": "Company %c%02d", "contacts": [{"name": "Contact %d", "title": "Head of Purchasing",
			"emails": [{"type": "office", "email": "contact%d@company.example"}]}],
			"opportunities": [{"status": "Proposal Sent", "value": %d, "value_period": "annual", "confidence": %d, "note": "Asked for a quote."}]}`,
			'A'+i, i, i, i, value, 20+3*i))
	}
	return `{"leads": [` + strings.Join(leads, ",") + `]}`
}
