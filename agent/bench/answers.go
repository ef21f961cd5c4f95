package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/internal/crowd"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

const mostAnswer = 4000 // tokens of any answer, the default budget

// measureAnswers prints the tokens of answers about 25 records, beside those of Close's
// responses. The demand is for leads with two contacts, all of whose records were made
// at once. The harder case is shown beside it, without a demand: one contact for each
// lead, and for each record its own time. Two ids and a time, which nothing can
// shorten, are more than a quarter of a note there.
func measureAnswers(out io.Writer, codec tokenizer.Codec) error {
	fmt.Fprint(out, "\n| list of 25 | tokens | raw | share | demand |\n|---|---|---|---|---|\n")
	missed := ""
	for _, hard := range []bool{false, true} {
		err := withSession(hard, func(call func(tool, input string) (agent.Result, error)) error {
			for _, l := range crowd.Lists {
				name, demand := l.Tool, fmt.Sprintf("≤ %d %%", l.Most)
				if hard {
					name, demand = name+", the harder case", ""
				}
				raw, err := call(l.Tool, crowd.Raw)
				if err != nil {
					return err
				}
				r, err := call(l.Tool, crowd.Input)
				if err != nil {
					return err
				}
				all, err := codec.Count(string(raw.JSON))
				if err != nil {
					return err
				}
				n, err := codec.Count(r.Text)
				if err != nil {
					return err
				}
				share := 100 * float64(n) / float64(all)
				fmt.Fprintf(out, "| %s | %d | %d | %.1f %% | %s |\n", name, n, all, share, demand)
				if demand != "" && share > float64(l.Most) || n > mostAnswer {
					missed = l.Tool
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if missed != "" {
		return fmt.Errorf("the demand of %s is missed", missed)
	}
	return nil
}

// withSession calls do with a session at an emulated Close that has records.
func withSession(hard bool, do func(func(tool, input string) (agent.Result, error)) error) (err error) {
	people, step := 2, time.Duration(0)
	if hard {
		people, step = 1, 7*time.Minute+13*time.Second
	}
	var mu sync.Mutex
	now := time.Date(2026, 6, 19, 12, 5, 28, 327_000_000, time.UTC)
	srv := emulator.New(emulator.Options{Seed: 1, Clock: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(step)
		return now
	}})
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	defer func() {
		if err2 := srv.Close(); err == nil {
			err = err2
		}
	}()
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.WithPolicy(agent.Rules{}))
	if err != nil {
		return err
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	call := func(tool, input string) (agent.Result, error) {
		r := s.Call(context.Background(), tool, []byte(input))
		return r, r.Err
	}
	err = crowd.Fill(people, func(tool, input string) (json.RawMessage, error) {
		r, err := call(tool, input)
		return r.JSON, err
	})
	if err != nil {
		return err
	}
	return do(call)
}
