package closekit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// facts are what a client has learned about its organization. Clients of the same
// credential share it.
type facts struct {
	turn     chan struct{} // held while reading or writing the others
	known    bool
	currency string // empty if Close reports none, or several
}

func newFacts() *facts { return &facts{turn: make(chan struct{}, 1)} }

var opMe = Operation{Tool: "close_me_get", Method: "GET", Path: "/me/", Effect: Read, Idempotent: true}

// currency returns the currency of the client's organization, and reads it from
// Close once. It is empty if Close reports none, or several.
func (c *Client) currency(ctx context.Context) (string, error) {
	if c == nil || c.core == nil {
		return "", errNilClient
	}
	f := c.core.facts
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("wait for the organization's currency: %w", context.Cause(ctx))
	}
	if f.known {
		return f.currency, nil
	}
	var me struct {
		Organizations []struct {
			Currency string `json:"currency"`
		} `json:"organizations"`
	}
	if err := c.get(ctx, &opMe, "/me/", "_fields=organizations", &me); err != nil {
		return "", err
	}
	for i, o := range me.Organizations {
		if i > 0 && !strings.EqualFold(o.Currency, f.currency) {
			f.currency = ""
			break
		}
		f.currency = o.Currency
	}
	f.known = true
	return f.currency, nil
}

// get reads an object with encoding/json.
func (c *Client) get(ctx context.Context, op *Operation, path, query string, to any) error {
	return c.Do(ctx, Request{Operation: op, Path: path, Query: query}, func(r Response) error { return json.Unmarshal(r.Body, to) })
}
