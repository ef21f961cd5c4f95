package agent

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/closekit/closekit"
)

// Action is what a policy does with a call.
type Action int

// Actions, from the most lenient to the strictest.
const (
	Allow Action = iota
	Ask          // a person must approve the call
	Deny
)

// String returns allow, ask or deny.
func (a Action) String() string {
	switch a {
	case Allow:
		return "allow"
	case Ask:
		return "ask"
	case Deny:
		return "deny"
	}
	return fmt.Sprintf("action %d", int(a))
}

// Decision is what a policy decides on a call. The zero value allows it.
type Decision struct {
	Action Action
	Why    string // for people and the model: "it sends", "the host allows reads only"
}

// Call is a call that a policy decides on. The input is repaired, completed and
// valid.
type Call struct {
	Tool     string // empty for a request to an endpoint that no tool has
	Resource string
	Toolsets []string // the sets of the catalog that have the tool
	Input    json.RawMessage
	Effect   closekit.Effect // of this call with this input
	Account  Account
	Run      string
	// Outside is true after a result of this run contained text that people outside
	// the organization may have written.
	Outside bool
	// Repeat is true if the run has made this very call before, with this input, and
	// the tool creates something: once more would make it twice.
	Repeat bool
}

// Argument returns the JSON value of a top-level argument, or nil.
func (c *Call) Argument(name string) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(c.Input, &m) != nil {
		return nil
	}
	return m[name]
}

// Policy decides on calls. Decide is pure: it depends on nothing but the call, must
// not modify it, and is safe for concurrent use. It is asked again right before an
// approved call is carried out; then only Deny counts.
type Policy interface {
	Decide(*Call) Decision
}

// PolicyFunc is a function that is a policy.
type PolicyFunc func(*Call) Decision

// Decide calls f.
func (f PolicyFunc) Decide(c *Call) Decision { return f(c) }

// Strictest returns a policy that decides like the strictest of policies; of equally
// strict ones, like the first. Limits of all of them apply.
// Without policies it is [Default].
func Strictest(policies ...Policy) Policy {
	if len(policies) == 0 {
		return Default()
	}
	return strictest(slices.Clone(policies))
}

type strictest []Policy

func (s strictest) Decide(c *Call) Decision {
	var d Decision
	for i, p := range s {
		if e := p.Decide(c); i == 0 || e.Action > d.Action {
			d = e
		}
	}
	return d
}

func (s strictest) named() (list []name) {
	for _, p := range s {
		list = append(list, namesOf(p)...)
	}
	return list
}

// name is what a rule calls tools by: a pattern of their names, or a toolset or resource
// that has them.
type name struct{ kind, text string }

// namesOf returns the names in a policy of this package.
func namesOf(p Policy) []name {
	if n, ok := p.(interface{ named() []name }); ok {
		return n.named()
	}
	return nil
}

func (s strictest) Limits() []Limit {
	var list []Limit
	for _, p := range s {
		list = append(list, limitsOf(p)...)
	}
	return list
}

// Match selects calls, for [Rules]. The zero value selects none.
type Match struct {
	of    func(*Call) bool
	names []name
}

const (
	byPattern  = "pattern"
	byToolset  = "toolset"
	byResource = "resource"
)

// naming returns a match that finds tools by names of a kind.
func naming(kind string, texts []string, of func(*Call) bool) Match {
	m := Match{of: of}
	for _, t := range texts {
		m.names = append(m.names, name{kind, t})
	}
	return m
}

// MatchFunc returns a match that selects the calls for which f returns true.
func MatchFunc(f func(*Call) bool) Match { return Match{of: f} }

func (m Match) matches(c *Call) bool { return m.of != nil && m.of(c) }

// Named matches tools by patterns of [path.Match], such as close_pipeline_*. In a policy,
// a pattern that is not valid or matches no tool of the catalog or the host is an
// error of [New]: the rule would protect nothing, without a word.
func Named(patterns ...string) Match {
	return naming(byPattern, patterns, func(c *Call) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, c.Tool); return ok })
	})
}

// InToolset matches the tools of named sets of the catalog, such as outreach; see
// [closekit.Catalog.Toolsets]. In a policy, a set that does not exist is an error of [New].
func InToolset(names ...string) Match {
	return naming(byToolset, names, func(c *Call) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(c.Toolsets, n) })
	})
}

// Effects matches calls that have one of the effects.
func Effects(effects ...closekit.Effect) Match {
	return MatchFunc(func(c *Call) bool {
		return slices.ContainsFunc(effects, func(e closekit.Effect) bool {
			return c.Effect.Has(e) && (e != closekit.Read || c.Effect == closekit.Read)
		})
	})
}

// Resources matches tools of resources, such as leads. In a policy, a resource that no
// tool has is an error of [New].
func Resources(names ...string) Match {
	return naming(byResource, names, func(c *Call) bool { return slices.Contains(names, c.Resource) })
}

// Argument matches calls that give one of the values, as text, to a top-level
// argument; without values, calls that give it at all.
func Argument(name string, values ...string) Match {
	return MatchFunc(func(c *Call) bool {
		raw := c.Argument(name)
		if raw == nil {
			return false
		}
		text := string(raw)
		var s string
		if json.Unmarshal(raw, &s) == nil {
			text = s
		}
		return len(values) == 0 || slices.Contains(values, text)
	})
}

// All matches calls that all of matches match.
func All(matches ...Match) Match {
	all := MatchFunc(func(c *Call) bool {
		return !slices.ContainsFunc(matches, func(m Match) bool { return !m.matches(c) })
	})
	for _, m := range matches {
		all.names = append(all.names, m.names...)
	}
	return all
}

// Rules is a policy made of rules. It is a value: every method returns new rules and
// leaves the old ones as they are. The zero value allows everything.
//
// A call that a Deny rule matches is denied, whatever else matches. Otherwise the
// last matching rule decides.
type Rules struct {
	rules  []rule
	limits []Limit
	names  []name
}

type rule struct {
	match  Match
	action Action
	why    string
}

// Default returns the policy that agents have without another one. Reads, and writes
// that create records or set plain fields, are allowed. A person decides on calls that
// overwrite, destroy, send, let data out of Close or change the set-up of the
// organization, on requests that no tool describes unless they read, on a create that
// the run has made before with the same input, and on every write after a result that
// contained text of outsiders (see [Rules.Trusted]).
func Default() Rules {
	return Rules{}.
		ask("no tool describes it", MatchFunc(func(c *Call) bool { return c.Tool == "" && c.Effect != closekit.Read })).
		ask("the run has read text of outsiders, which may have asked for it", MatchFunc(func(c *Call) bool { return c.Outside && c.Effect != closekit.Read })).
		ask("this run has done exactly the same already", MatchFunc(func(c *Call) bool { return c.Repeat })).
		ask("it replaces what is there", Effects(closekit.Overwrite)).
		ask("it changes the set-up of the organization", Effects(closekit.Admin)).
		ask("it lets data out of Close", Effects(closekit.Egress)).
		ask("a customer may receive something", Effects(closekit.Sends)).
		ask("what it deletes cannot be restored", Effects(closekit.Destructive))
}

func (r Rules) add(action Action, why string, m Match) Rules {
	r.names = append(slices.Clip(r.names), m.names...)
	r.rules = append(slices.Clip(r.rules), rule{m, action, why})
	return r
}

func (r Rules) ask(why string, m Match) Rules { return r.add(Ask, why, m) }

// Ask adds a rule: a person decides on calls that match.
func (r Rules) Ask(m Match) Rules { return r.add(Ask, "the host wants a person to decide", m) }

// Allow adds a rule: calls that match are allowed.
func (r Rules) Allow(m Match) Rules { return r.add(Allow, "", m) }

// Deny adds a rule: calls that match are denied. No other rule changes that.
func (r Rules) Deny(m Match) Rules { return r.add(Deny, "the host does not allow it", m) }

// ReadOnly denies everything but reads.
func (r Rules) ReadOnly() Rules {
	return r.add(Deny, "the host allows reads only", MatchFunc(func(c *Call) bool { return c.Effect != closekit.Read }))
}

// Trusted allows writes with the named tools (patterns) after the run has read text
// of outsiders, if they do nothing but create records or set plain fields.
func (r Rules) Trusted(patterns ...string) Rules {
	return r.Allow(All(Named(patterns...), MatchFunc(func(c *Call) bool { return c.Outside && !c.Repeat && c.Effect == closekit.Write })))
}

// Limit adds a limit. Calls beyond it are denied.
func (r Rules) Limit(l Limit) Rules {
	r.limits = append(slices.Clip(r.limits), l)
	return r
}

func (r Rules) named() []name { return r.names }

// Limits returns the limits.
func (r Rules) Limits() []Limit { return slices.Clone(r.limits) }

// Decide implements [Policy].
func (r Rules) Decide(c *Call) Decision {
	var d Decision
	for _, x := range r.rules {
		switch {
		case !x.match.matches(c):
		case x.action == Deny:
			return Decision{Deny, x.why}
		default:
			d = Decision{x.action, x.why}
		}
	}
	return d
}

// Limit is an upper bound of what a session may do. The counts are kept in the
// approval store, so that they hold for all replicas, and after a restart.
type Limit struct {
	What Quantity
	Per  Period
	Most int64 // in cents for Money
}

// String returns the limit as in "20 sends per day".
func (l Limit) String() string {
	if l.What == Money {
		return fmt.Sprintf("changes of opportunity values by %d.%02d per %s", l.Most/100, l.Most%100, l.Per)
	}
	return fmt.Sprintf("%d %s per %s", l.Most, l.What, l.Per)
}

// Quantity is what a limit counts.
type Quantity string

// Quantities.
const (
	Calls  Quantity = "calls"  // of all tools
	Writes Quantity = "writes" // calls with any effect but reading; a bulk action is one for each record
	Sends  Quantity = "sends"  // calls that send; a bulk action is one for each record
	Money  Quantity = "money"  // the absolute change of opportunity values, in cents
)

// Period is the time that a limit is for.
type Period string

// Periods.
const (
	Run Period = "run"
	Day Period = "day" // of an account, by UTC
)

// Limiter is implemented by policies with limits.
type Limiter interface {
	Limits() []Limit
}

func limitsOf(p Policy) []Limit {
	if l, ok := p.(Limiter); ok {
		return l.Limits()
	}
	return nil
}

// LimitError reports a call beyond a limit. Nothing was sent.
type LimitError struct {
	Limit Limit
}

// Error says which limit, and that only the host can change it.
func (e *LimitError) Error() string {
	when := "in this run"
	if e.Limit.Per == Day {
		when = "until tomorrow (UTC)"
	}
	return fmt.Sprintf("the limit of %s is reached; no further call of this kind is possible %s", e.Limit, when)
}

// PolicyError reports a call that the policy does not allow. Nothing was sent.
type PolicyError struct {
	Tool     string
	Effect   closekit.Effect
	Decision Decision
}

// Error includes the reason.
func (e *PolicyError) Error() string {
	var b strings.Builder
	name := e.Tool
	if name == "" {
		name = "this request"
	}
	if e.Decision.Action == Ask {
		fmt.Fprintf(&b, "%s needs the approval of a person", name)
	} else {
		fmt.Fprintf(&b, "%s is not allowed here", name)
	}
	if e.Decision.Why != "" {
		b.WriteString(": " + e.Decision.Why)
	}
	return b.String()
}
