package agent

import (
	"encoding/json"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/explain"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/repair"
	"github.com/closekit/closekit/agent/internal/tool"
)

// User is what the reading of inputs needs to know about the user of an account. A
// zero field is not known.
type User struct {
	ID       string         // of the user, for "me"
	Zone     *time.Location // for times without offset
	Currency string         // code of the organization's currency, such as USD
	Now      time.Time      // told to models that write "tomorrow"; the zero value is the current time
}

// Reading is how the input of a model is read.
type Reading struct {
	Verdict string          `json:"verdict"` // accepted, repaired or refused
	Input   json.RawMessage `json:"input"`   // what a call sends; nil if it is refused
	Repairs []Repair        `json:"repairs"`
	Text    string          `json:"text"` // for the model; empty if the input was accepted
	Err     error           `json:"-"`    // of a refused input, a [*closekit.ValidationError]
}

// Read reads the input of a model as a session does, without sending anything:
// mistakes with exactly one reading are repaired, and the rest is refused.
func Read(t *closekit.Tool, input []byte, u User) Reading {
	f := u.facts()
	view := tool.OfCatalog(t)
	var fixed json.RawMessage
	var repairs []repair.Repair
	plain, err := lower.Plain(view, input)
	if err == nil {
		fixed, repairs, err = repair.Input(view, plain, f)
	}
	r := Reading{Verdict: "accepted", Input: fixed, Repairs: []Repair{}, Text: explain.Repairs(repairs), Err: err}
	switch {
	case err != nil:
		r.Verdict, r.Input, r.Text = "refused", nil, explain.Error(err, f, explain.Options{})
	case len(repairs) > 0:
		r.Verdict = "repaired"
	}
	for _, x := range repairs {
		r.Repairs = append(r.Repairs, Repair(x))
	}
	return r
}

func (u User) facts() repair.Facts {
	f := repair.Facts{Now: time.Now}
	if !u.Now.IsZero() {
		f.Now = func() time.Time { return u.Now }
	}
	if u.Zone != nil {
		f.Zone = func() (*time.Location, error) { return u.Zone, nil }
	}
	if u.ID != "" {
		f.User = func() (string, error) { return u.ID, nil }
	}
	if u.Currency != "" {
		f.Currency = func() (string, string, error) { return u.Currency, repair.Symbol(u.Currency), nil }
	}
	return f
}
