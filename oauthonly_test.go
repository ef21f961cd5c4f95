package closekit_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// own is a source of a program, which may return a credential of any kind.
type own struct{ first, renewed closekit.Credential }

func (s *own) Credential(context.Context) (closekit.Credential, error) { return s.first, nil }

func (s *own) Renew(context.Context, closekit.Credential) (closekit.Credential, error) {
	s.first = s.renewed
	return s.renewed, nil
}

// TestOAuthOnly makes calls that Close refuses to API keys: with a key nothing is sent,
// whichever source it comes from.
func TestOAuthOnly(t *testing.T) {
	t.Parallel()
	op := closekit.Operation{Tool: "close_item_link", Method: "POST", Path: "/item/link/", Effect: closekit.Write, OAuthOnly: true}
	open := op
	open.OAuthOnly = false
	key, token := closekit.BasicCredential("api_x"), closekit.BearerCredential("token")
	for name, c := range map[string]struct {
		op      *closekit.Operation
		source  closekit.Source
		steps   []step
		refused bool
	}{
		"API key":                       {&op, closekit.APIKey("api_x"), nil, true},
		"API key of a source":           {&op, &own{first: key}, nil, true},
		"token":                         {&op, closekit.Bearer("token"), []step{respond(200, `{}`)}, false},
		"token of a source":             {&op, &own{first: token}, []step{respond(200, `{}`)}, false},
		"API key instead of a token":    {&op, &own{token, key}, []step{respond(401, `{}`)}, true},
		"an operation that takes a key": {&open, closekit.APIKey("api_x"), []step{respond(200, `{}`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl, sent := client(c.steps...)
			cl = cl.With(c.source)
			err := cl.Do(t.Context(), closekit.Request{Operation: c.op, Path: "/item/link/"}, nil)
			if sent.count() != len(c.steps) {
				t.Errorf("%d requests were sent, want %d", sent.count(), len(c.steps))
			}
			if !c.refused {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := as[*closekit.AuthorizationError](t, err)
			const want = "close_item_link: authorization needed: the credential is an API key, which Close refuses here: connect an account by OAuth and call as that account"
			if !errors.Is(err, closekit.ErrNeedsOAuth) || e.Tool != "close_item_link" || closekit.MaybeDone(err) || err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}

// TestCheckCredential tells before a call what its credential lacks, and sends nothing.
func TestCheckCredential(t *testing.T) {
	t.Parallel()
	op := &closekit.Operation{Tool: "close_item_link", Method: "POST", Path: "/item/link/", Effect: closekit.Write, OAuthOnly: true}
	for name, c := range map[string]struct {
		client *closekit.Client
		want   string // in the error; empty for none
	}{
		"token":     {closekit.NewClient(closekit.Bearer("token")), ""},
		"API key":   {closekit.NewClient(closekit.APIKey("api_x")), "the credential is an API key"},
		"no key":    {closekit.NewClient(closekit.APIKey("")), "no API key is given"},
		"nothing":   {closekit.NewClient(&own{}), "returned no credential"},
		"no client": {nil, "the client is nil"},
	} {
		err := c.client.CheckCredential(t.Context(), op)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestRight tells which right the user lacks, if the operation needs a certain one.
func TestRight(t *testing.T) {
	t.Parallel()
	op := &closekit.Operation{Tool: "close_group_create", Method: "POST", Path: "/group/", Effect: closekit.Admin, Right: "the right to administer the organization"}
	for status, hint := range map[int]string{
		403: "the user lacks the right to administer the organization",
		404: "it does not exist, or the user may not see it",
	} {
		cl, _ := client(respond(status, `{}`))
		err := cl.Do(t.Context(), closekit.Request{Operation: op, Path: "/group/"}, nil)
		if e := as[*closekit.Error](t, err); e.Hint != hint || e.Right != op.Right {
			t.Errorf("%d: %q, %q", status, e.Hint, e.Right)
		}
	}
	cl, _ := client(respond(403, `<html>`, "Content-Type", "text/html"))
	err := cl.Do(t.Context(), closekit.Request{Operation: op, Path: "/group/"}, nil)
	if e := as[*closekit.Error](t, err); !strings.Contains(e.Hint, "did not come from Close") {
		t.Errorf("a proxy: %q", e.Hint)
	}
}
