package chain

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// payload is what a log keeps of a record, in words that do not change with constants.
type payload struct {
	Salt         string          `json:"salt"` // the digest of erased content must not be guessed
	Phase        agent.Phase     `json:"phase"`
	ID           string          `json:"id"`
	Time         time.Time       `json:"time"`
	Account      string          `json:"account"`
	User         string          `json:"user,omitempty"`
	Organization string          `json:"organization,omitempty"`
	Run          string          `json:"run"`
	Tool         string          `json:"tool"`
	Input        json.RawMessage `json:"input,omitempty"`
	Effect       []string        `json:"effect"`
	Decision     string          `json:"decision"`
	Why          string          `json:"why,omitempty"`
	Approval     string          `json:"approval,omitempty"`
	Approver     string          `json:"approver,omitempty"`
	Result       string          `json:"result,omitempty"`
	Error        string          `json:"error,omitempty"`
	IDs          []string        `json:"ids,omitempty"`
	Microseconds int64           `json:"duration_us,omitempty"`
	Values       []byte          `json:"values_sealed,omitempty"`
	Omitted      int             `json:"before_omitted,omitempty"` // snapshots left out, for want of a vault
}

// values are what an undo needs. Digests of values are sealed too: short values can be
// guessed.
type values struct {
	Before []agent.Snapshot
	After  []agent.After
}

// effects are all single effects, by name.
var effects = map[string]closekit.Effect{
	"read": closekit.Read, "write": closekit.Write, "overwrite": closekit.Overwrite, "destructive": closekit.Destructive,
	"sends": closekit.Sends, "egress": closekit.Egress, "admin": closekit.Admin,
}

var actions = map[string]agent.Action{"allow": agent.Allow, "ask": agent.Ask, "deny": agent.Deny}

// Encode returns what a log keeps of a record, as one line of JSON. Snapshots are sealed
// with the vault; without one they are left out, and only counted.
func Encode(r *agent.Record, v agent.Vault) ([]byte, error) {
	p := payload{
		Salt: rand.Text(), Phase: r.Phase, ID: r.ID, Time: r.Time.UTC(), Account: Text(r.Account.Name), User: r.Account.UserID,
		Organization: r.Account.OrganizationID, Run: Text(r.Run), Tool: Text(r.Tool), Input: r.Input, Effect: r.Effect.Names(), Decision: r.Decision.String(), Why: r.Why,
		Approval: r.Approval, Approver: r.Approver, Result: r.Result, Error: r.Error, IDs: r.IDs, Microseconds: r.Duration.Microseconds(),
	}
	if len(r.Input) > 0 && !json.Valid(r.Input) {
		return nil, fmt.Errorf("the input in the record of %s is no JSON; see agent.Redact", r.ID)
	}
	if len(r.Before) > 0 && v == nil {
		p.Omitted = len(r.Before)
	}
	if len(r.Before)+len(r.After) > 0 && v != nil {
		plain, err := json.Marshal(values{r.Before, r.After})
		if err != nil {
			return nil, fmt.Errorf("writing the snapshots of %s: %w", r.ID, err)
		}
		if p.Values, _, err = v.Seal(plain, associated(&p)); err != nil {
			return nil, fmt.Errorf("sealing the snapshots of %s: %w", r.ID, err)
		}
	}
	b, err := json.Marshal(&p)
	if err != nil {
		return nil, fmt.Errorf("writing the record of %s: %w", r.ID, err)
	}
	return b, nil
}

// Text returns a name as JSON keeps it: bytes that are no text are replaced.
func Text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return string([]rune(name)) // as encoding/json does, byte by byte
}

func associated(p *payload) []byte {
	b := []byte("closekit agent audit")
	for _, part := range []string{string(p.Phase), p.ID, p.Account, p.Run, p.Tool} {
		b = fmt.Appendf(b, ",%d:%s", len(part), part)
	}
	return b
}

// Decode reads a record. Without a vault its snapshots are left out.
func Decode(b []byte, v agent.Vault) (agent.Record, error) {
	var p payload
	if err := json.Unmarshal(b, &p); err != nil {
		return agent.Record{}, fmt.Errorf("reading a record: %w", err)
	}
	r := agent.Record{
		Phase: p.Phase, ID: p.ID, Time: p.Time, Account: agent.Account{Name: p.Account, UserID: p.User, OrganizationID: p.Organization},
		Run: p.Run, Tool: p.Tool, Input: p.Input, Decision: actions[p.Decision], Why: p.Why, Approval: p.Approval, Approver: p.Approver,
		Result: p.Result, Error: p.Error, IDs: p.IDs, Duration: time.Duration(p.Microseconds) * time.Microsecond,
	}
	for _, name := range p.Effect {
		e, ok := effects[name]
		if !ok {
			return r, fmt.Errorf("the record of %s has the effect %q, which this release does not know", p.ID, name)
		}
		r.Effect |= e
	}
	if len(p.Values) > 0 && v != nil {
		plain, err := v.Open(p.Values, associated(&p))
		if err != nil {
			return r, fmt.Errorf("opening the snapshots of %s: %w", p.ID, err)
		}
		var x values
		if err := json.Unmarshal(plain, &x); err != nil {
			return r, fmt.Errorf("reading the snapshots of %s: %w", p.ID, err)
		}
		r.Before, r.After = x.Before, x.After
	}
	return r, nil
}
