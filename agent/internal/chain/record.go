package chain

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
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
	Values       string          `json:"values_digest,omitempty"`  // of what is sealed
	Omitted      int             `json:"before_omitted,omitempty"` // snapshots left out, for want of a vault
}

// values are what an undo needs. Digests of values are sealed too: short values can be
// guessed.
type values struct {
	Salt   string // the digest tells nothing about short values
	Before []agent.Snapshot
	After  []agent.After
}

// effects are all single effects, by name.
var effects = map[string]closekit.Effect{
	"read": closekit.Read, "write": closekit.Write, "overwrite": closekit.Overwrite, "destructive": closekit.Destructive,
	"sends": closekit.Sends, "egress": closekit.Egress, "admin": closekit.Admin,
}

var actions = map[string]agent.Action{"allow": agent.Allow, "ask": agent.Ask, "deny": agent.Deny}

// Sealed is what a vault has sealed. The zero value is nothing.
type Sealed struct {
	Key  uint32 // id of the key
	Blob []byte
}

// Encode returns what a log keeps of a record: one line of JSON, and the snapshots, which
// are sealed with the vault. Without one they are left out, and only counted.
func Encode(r *agent.Record, v agent.Vault) (line []byte, sealed Sealed, err error) {
	p := payload{
		Salt: rand.Text(), Phase: r.Phase, ID: r.ID, Time: r.Time.UTC(), Account: Text(r.Account.Name), User: r.Account.UserID,
		Organization: r.Account.OrganizationID, Run: Text(r.Run), Tool: Text(r.Tool), Input: r.Input, Effect: r.Effect.Names(), Decision: r.Decision.String(), Why: r.Why,
		Approval: r.Approval, Approver: r.Approver, Result: r.Result, Error: r.Error, IDs: r.IDs, Microseconds: r.Duration.Microseconds(),
	}
	if len(r.Input) > 0 && !json.Valid(r.Input) {
		return nil, sealed, fmt.Errorf("the input in the record of %s is no JSON; see agent.Redact", r.ID)
	}
	if len(r.Before) > 0 && v == nil {
		p.Omitted = len(r.Before)
	}
	if len(r.Before)+len(r.After) > 0 && v != nil {
		plain, err := json.Marshal(values{rand.Text(), r.Before, r.After})
		if err != nil {
			return nil, sealed, fmt.Errorf("writing the snapshots of %s: %w", r.ID, err)
		}
		p.Values = digest(plain)
		if sealed.Blob, sealed.Key, err = v.Seal(plain, associated(&p)); err != nil {
			return nil, sealed, fmt.Errorf("sealing the snapshots of %s: %w", r.ID, err)
		}
	}
	if line, err = json.Marshal(&p); err != nil {
		return nil, sealed, fmt.Errorf("writing the record of %s: %w", r.ID, err)
	}
	return line, sealed, nil
}

func digest(plain []byte) string {
	h := sha256.Sum256(plain)
	return hex.EncodeToString(h[:])
}

// open returns what is sealed, and checks that it is what was written.
func (s Sealed) open(p *payload, v agent.Vault) ([]byte, error) {
	plain, err := v.Open(s.Blob, associated(p))
	switch {
	case err != nil:
		return nil, fmt.Errorf("opening the snapshots of %s: %w", p.ID, err)
	case digest(plain) != p.Values:
		return nil, fmt.Errorf("the snapshots of %s are not those that were written", p.ID)
	}
	return plain, nil
}

// Reseal seals anew, with the primary key of the vault, what is sealed in an entry.
func (e *Entry) Reseal(v agent.Vault) error {
	var p payload
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return fmt.Errorf("reading a record: %w", err)
	}
	plain, err := e.open(&p, v)
	if err != nil {
		return err
	}
	e.Blob, e.Key, err = v.Seal(plain, associated(&p))
	return err
}

// checkSealed returns why what is sealed in an entry is not what was written, or "".
func (e *Entry) checkSealed(v agent.Vault) string {
	var p payload
	switch {
	case e.Payload == nil && e.Blob != nil:
		return "its content was erased, but not its snapshots"
	case e.Payload == nil:
		return ""
	case json.Unmarshal(e.Payload, &p) != nil:
		return "it is no record"
	case (p.Values == "") != (len(e.Blob) == 0):
		return "its snapshots were removed or added"
	case v == nil || p.Values == "":
		return ""
	}
	if _, err := e.open(&p, v); err != nil {
		return "its snapshots cannot be opened: they were changed, or their key is missing"
	}
	return ""
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
func Decode(b []byte, sealed Sealed, v agent.Vault) (agent.Record, error) {
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
	if p.Values != "" && v != nil {
		plain, err := sealed.open(&p, v)
		if err != nil {
			return r, err
		}
		var x values
		if err := json.Unmarshal(plain, &x); err != nil {
			return r, fmt.Errorf("reading the snapshots of %s: %w", p.ID, err)
		}
		r.Before, r.After = x.Before, x.After
	}
	return r, nil
}
