package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/closekit/closekit"
)

// State is the state of an approval.
//
//	pending → approved → executing → done, failed or unclear
//	pending, approved → denied
//	pending, approved → expired or stale
type State string

// States.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Denied    State = "denied"    // final
	Expired   State = "expired"   // final: not decided, or not carried out, in time
	Stale     State = "stale"     // final: what it refers to has changed, or the policy
	Executing State = "executing" // a process is carrying it out
	Done      State = "done"      // final
	Failed    State = "failed"    // final: nothing was changed
	Unclear   State = "unclear"   // final: it may have been carried out; look in Close
)

// Final reports whether the state never changes again.
func (s State) Final() bool {
	switch s {
	case Pending, Approved, Executing:
		return false
	case Denied, Expired, Stale, Done, Failed, Unclear:
		return true
	}
	return false
}

// Digest identifies what a person was shown.
type Digest [32]byte

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText returns the digest in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses what MarshalText returns.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}

// ParseDigest parses what String returns.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(d) {
		return d, errors.New("agent: a digest has 64 hexadecimal digits")
	}
	copy(d[:], b)
	return d, nil
}

// Approval is one call that waits for a person, or waited. It is bound to the tool
// (by its route, schema and effect), the input, the account with its organization,
// the run, and the data that the preview shows. It is used at most once.
type Approval struct {
	ID       string // apr_…
	Question string // calls that a person is asked about together
	Account  Account
	Run      string
	Tool     string
	ToolHash string
	Input    json.RawMessage // what will be sent: repaired and completed
	Effect   closekit.Effect
	Why      string // why a person must decide
	Preview  Preview
	// Shown is the digest of everything above. Decide wants it back, so that a
	// decision is one on what the person saw.
	Shown Digest

	State    State
	Created  time.Time
	Expires  time.Time
	Decided  time.Time
	Approver string
	Outcome  string // of the call, for people

	undo bool // the call is one of an undo
}

func (p *Approval) shown() Digest {
	h := sha256.New()
	call := callDigest(p.Account, p.Run, p.Tool, p.ToolHash, p.Input)
	h.Write(call[:])
	fmt.Fprintf(h, "%q,%s,%s,%s,%s,", p.Account.Title, p.ID, p.Effect, p.Why, p.Expires.UTC().Format(time.RFC3339Nano))
	_ = json.NewEncoder(h).Encode(p.Preview)
	return Digest(h.Sum(nil))
}

// Verdict is what a person decides.
type Verdict bool

// Verdicts.
const (
	Approve Verdict = true
	Reject  Verdict = false
)

// StateError reports an approval that is in another state than the request needs.
type StateError struct {
	ID    string
	State State
}

// Error says which state it is, and what that means.
func (e *StateError) Error() string {
	what := map[State]string{
		Pending:   "no person has decided on it yet",
		Approved:  "it has been approved already; it can be withdrawn until it is carried out",
		Denied:    "a person has denied it",
		Expired:   "it was not decided or carried out in time; the call must be asked for again",
		Stale:     "what it refers to has changed since; the call must be asked for again",
		Executing: "it is being carried out",
		Done:      "it has been carried out already; an approval is used once",
		Failed:    "it was carried out without success; the call must be asked for again",
		Unclear:   "it may have been carried out; look in Close before asking for it again",
	}[e.State]
	return fmt.Sprintf("approval %s is %s: %s", e.ID, e.State, what)
}

// ErrNotShown means that a decision was made on something else than the approval
// contains.
var ErrNotShown = errors.New("agent: the decision is not on what the approval shows; look at it again")

// ErrOtherAccount means that an approval is of another account or run.
var ErrOtherAccount = errors.New("agent: the approval is of another account, organization or run; resume it in a session of its account with WithRun")

// Decide records the decision of a person on an approval. The approver is the name of
// a person whom the host has authenticated; shown is [Approval.Shown] of what that
// person saw. A decision is made once: a second one is a [*StateError].
//
// Nothing is carried out; see [Session.Resume].
func (a *Agent) Decide(ctx context.Context, id, approver string, v Verdict, shown Digest) error {
	if approver == "" {
		return errors.New("agent: an approver is needed: the name of a person whom the host has authenticated")
	}
	return a.change(ctx, id, Pending, func(p *Approval) error {
		if p.Shown != shown {
			return ErrNotShown
		}
		p.State, p.Approver, p.Decided = Denied, approver, a.now()
		if v == Approve {
			p.State = Approved
		}
		return nil
	})
}

// Withdraw takes an approval back whose call has not begun: it is denied then, and the
// same call is refused in its run. The approver is the name of a person whom the host
// has authenticated, not necessarily the one who approved. A call that has begun, or an
// approval that no person has given, is a [*StateError].
func (a *Agent) Withdraw(ctx context.Context, id, approver string) error {
	if approver == "" {
		return errors.New("agent: withdrawing needs the name of a person whom the host has authenticated")
	}
	return a.change(ctx, id, Approved, func(p *Approval) error {
		p.Outcome = "withdrawn before it was carried out; approved by " + p.Approver
		p.State, p.Approver, p.Decided = Denied, approver, a.now()
		return nil
	})
}

// Expire ends an approval that no person could be asked about, before its time: nothing
// was denied, and the same call is asked about anew. One that a person has decided on is
// a [*StateError].
func (a *Agent) Expire(ctx context.Context, id string) error {
	return a.change(ctx, id, Pending, func(p *Approval) error {
		p.State, p.Outcome = Expired, "no person could be asked"
		return nil
	})
}

// change stores a change of an approval that is in a state. If it is in another one, also
// because a person or a session was faster, that is a [*StateError].
func (a *Agent) change(ctx context.Context, id string, from State, set func(*Approval) error) error {
	row, p, err := a.load(ctx, id)
	switch {
	case err != nil:
		return err
	case p.State != from:
		return &StateError{id, p.State}
	}
	if err := set(p); err != nil {
		return err
	}
	err = a.swap(ctx, row, p)
	if errors.Is(err, ErrConflict) {
		return a.overtaken(ctx, id, from, err)
	}
	return err
}

// overtaken returns the state that an approval has after another one has changed it.
func (a *Agent) overtaken(ctx context.Context, id string, from State, conflict error) error {
	_, p, err := a.load(ctx, id)
	switch {
	case err != nil:
		return err
	case p.State == from: // changed, and changed back: stores do not do that
		return conflict
	}
	return &StateError{id, p.State}
}

// Approval returns an approval.
func (a *Agent) Approval(ctx context.Context, id string) (*Approval, error) {
	_, p, err := a.load(ctx, id)
	return p, err
}

// Approvals lists approvals, the newest first. Those that have expired have that
// state.
func (a *Agent) Approvals(ctx context.Context, q Query) ([]*Approval, error) {
	rows, err := a.store.List(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]*Approval, 0, len(rows))
	for _, r := range rows {
		p, err := a.open(r)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// Prune deletes approvals that were last changed more than age ago.
func (a *Agent) Prune(ctx context.Context, age time.Duration) (int, error) {
	return a.store.Prune(ctx, a.now().Add(-age))
}

// Erase deletes what the store keeps of an account.
func (a *Agent) Erase(ctx context.Context, account string) (int, error) {
	return a.store.Erase(ctx, account)
}

// sealed is what a row's body contains.
type sealedApproval struct {
	Account  Account
	Tool     string
	ToolHash string
	Input    json.RawMessage
	Effect   closekit.Effect
	Why      string
	Preview  Preview
	Decided  time.Time
	Approver string
	Outcome  string
	Undo     bool `json:",omitempty"`
}

// associated is what the body of a row is bound to: everything that the store keeps
// beside it, so that a body in another row, and a row of which anything was altered,
// do not open. An older version of the very same row, put back by a program that can
// write to the store, does.
func associated(r *Row) []byte {
	b := []byte("closekit agent approval")
	for _, part := range []string{r.ID, r.Account, r.Run, r.Question, string(r.State)} {
		b = fmt.Appendf(b, ",%d:%s", len(part), part)
	}
	return fmt.Appendf(b, ",%x,%d,%d,%d", r.Digest, r.Created.UnixMicro(), r.Expires.UnixMicro(), r.Changed.UnixMicro())
}

// row returns the row of an approval.
func (a *Agent) row(p *Approval, revision int64) (Row, error) {
	r := Row{
		ID: p.ID, Account: p.Account.Name, Run: p.Run, Question: p.Question, State: p.State,
		Digest:  callDigest(p.Account, p.Run, p.Tool, p.ToolHash, p.Input),
		Created: p.Created, Expires: p.Expires, Changed: a.now().UTC().Truncate(time.Microsecond), Revision: revision,
	}
	body, err := json.Marshal(sealedApproval{p.Account, p.Tool, p.ToolHash, p.Input, p.Effect, p.Why, p.Preview, p.Decided, p.Approver, p.Outcome, p.undo})
	if err != nil {
		return r, err
	}
	if a.vault != nil {
		if body, r.Key, err = a.vault.Seal(body, associated(&r)); err != nil {
			return r, fmt.Errorf("sealing approval %s: %w", p.ID, err)
		}
	}
	r.Body = body
	return r, nil
}

// open returns the approval of a row, and checks that it is the one that was stored.
func (a *Agent) open(r Row) (*Approval, error) {
	body := r.Body
	if a.vault != nil {
		var err error
		if body, err = a.vault.Open(body, associated(&r)); err != nil {
			return nil, fmt.Errorf("opening approval %s: %w", r.ID, err)
		}
	}
	var s sealedApproval
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("approval %s is damaged: %w", r.ID, err)
	}
	p := &Approval{
		ID: r.ID, Question: r.Question, Account: s.Account, Run: r.Run, Tool: s.Tool, ToolHash: s.ToolHash, Input: s.Input,
		Effect: s.Effect, Why: s.Why, Preview: s.Preview, Created: r.Created.UTC(), Expires: r.Expires.UTC(),
		Decided: s.Decided, Approver: s.Approver, Outcome: s.Outcome, undo: s.Undo,
	}
	p.Shown = p.shown()
	p.State = r.stateAt(a.now())
	return p, nil
}

// stateAt returns the state at a time: an approval that is not used in time is
// expired, also if a clock was set back to before it was made; and the outcome of a
// call whose process is gone is unclear.
func (r *Row) stateAt(now time.Time) State {
	switch r.State {
	case Pending, Approved:
		if !now.Before(r.Expires) || now.Before(r.Created.Add(-maxSkew)) {
			return Expired
		}
	case Executing:
		if now.Sub(r.Changed) > longestCall {
			return Unclear
		}
	case Denied, Expired, Stale, Done, Failed, Unclear:
	}
	return r.State
}

const (
	maxSkew     = time.Minute      // between the clocks of replicas
	longestCall = 10 * time.Minute // from the claim of an approval to its outcome
)

func (a *Agent) load(ctx context.Context, id string) (Row, *Approval, error) {
	r, err := a.store.Load(ctx, id)
	if err != nil {
		return r, nil, err
	}
	p, err := a.open(r)
	return r, p, err
}

// swap stores a new state of an approval that was loaded as row.
func (a *Agent) swap(ctx context.Context, row Row, p *Approval) error {
	r, err := a.row(p, row.Revision)
	if err != nil {
		return err
	}
	return a.store.Swap(ctx, r)
}
