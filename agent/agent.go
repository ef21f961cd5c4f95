package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/search"
	"github.com/closekit/closekit/agent/internal/shape"
	"github.com/closekit/closekit/agent/internal/tool"
)

// Agent is what sessions share. It is safe for concurrent use; make one per program,
// with [New].
type Agent struct {
	config
	tools []*tool.Tool // sorted by name
	byTag map[string]*tool.Tool
	all   map[string]*tool.Tool // of the whole catalog, for previews and the guard
	paths routing
	gets  func() map[string][]*tool.Tool // tools that read a record, by the prefix of its id
	metas []*tool.Tool
	sets  map[string][]string // toolsets, by the name of a tool
	whole map[string]string   // the offered tool that reads a whole record, by resource
	finds func() *search.Index

	mu      sync.Mutex
	defs    map[string][]json.RawMessage
	defMaps map[*json.RawMessage][]map[string]any // by the first of the definitions
}

type config struct {
	catalog  *closekit.Catalog
	selects  []func(*closekit.Tool) bool // one of which must hold
	only     []func(*closekit.Tool) bool // all of which must hold
	own      []*tool.Tool
	policy   Policy
	store    Store
	hasStore bool
	vault    Vault
	sinks    []Sink
	lenient  bool // writes go on although a sink fails
	notify   func(context.Context, []*Approval)
	base     *closekit.Client
	now      func() time.Time
	validity time.Duration
	budget   int
	meta     bool
	namesFor time.Duration // how long a session keeps names; zero if models give ids only
	errs     []error
}

// Option configures an agent. The zero value has no effect.
type Option struct{ apply func(*config) }

func option(f func(*config)) Option { return Option{f} }

// WithPolicy sets the policy. Default: [Default].
func WithPolicy(p Policy) Option { return option(func(c *config) { c.policy = p }) }

// WithApprovals sets the store of approvals and counters. Default: a store in memory,
// which is not shared and ends with the process. A durable store needs [WithVault].
func WithApprovals(s Store) Option {
	return option(func(c *config) { c.store, c.hasStore = s, s != nil })
}

// WithVault seals what the store keeps: approvals hold messages and data of
// customers.
func WithVault(v Vault) Option { return option(func(c *config) { c.vault = v }) }

// WithAudit adds a sink for the records of calls. If one fails, calls that write are
// refused, unless [AuditBestEffort] is an option too.
func WithAudit(s Sink) Option {
	return option(func(c *config) {
		if s != nil {
			c.sinks = append(c.sinks, s)
		}
	})
}

// AuditBestEffort lets calls go on whose record cannot be kept, but for bulk edits and
// deletions, whose records are the only undo.
func AuditBestEffort() Option { return option(func(c *config) { c.lenient = true }) }

// WithNotify sets a function that is told of calls that wait for a person: all of one
// turn together, after they are stored. It must return quickly.
func WithNotify(f func(context.Context, []*Approval)) Option {
	return option(func(c *config) { c.notify = f })
}

// WithClient sets the client whose connections and options sessions share, such as
// [closekit.BaseURL]. Its own source is not used.
func WithClient(client *closekit.Client) Option { return option(func(c *config) { c.base = client }) }

// Toolset selects the tools of the named sets of the manifest; see
// [closekit.Catalog.Toolsets]. Several selections add up. Default: all tools.
func Toolset(names ...string) Option {
	return option(func(c *config) {
		for _, n := range names {
			set, err := toolset(c.catalog, n)
			if err != nil {
				c.errs = append(c.errs, err)
				continue
			}
			c.selects = append(c.selects, func(t *closekit.Tool) bool { return slices.Contains(set, t.Name) })
		}
	})
}

// Tools selects the tools that match one of the patterns, such as close_lead_*; see
// [path.Match]. Several selections add up.
func Tools(patterns ...string) Option {
	return option(func(c *config) {
		for _, p := range patterns {
			m := Named(p)
			selects := func(t *closekit.Tool) bool { return m.matches(&Call{Tool: t.Name}) }
			if !slices.ContainsFunc(c.catalog.Tools(), selects) {
				c.errs = append(c.errs, fmt.Errorf("no tool matches %q; \"closekit tools\" lists them", p))
			}
			c.selects = append(c.selects, selects)
		}
	})
}

// OnlyEffects leaves only tools of the catalog that do nothing but the named effects, by the
// strongest effect of each: with [closekit.Read] and [closekit.Write], no tool that may
// send or overwrite something.
func OnlyEffects(effects ...closekit.Effect) Option {
	return option(func(c *config) {
		var all closekit.Effect
		for _, e := range effects {
			all |= e
		}
		c.only = append(c.only, func(t *closekit.Tool) bool { return all.Has(t.Effect) })
	})
}

// OnlyResources leaves only tools of the catalog for the resources, such as leads.
func OnlyResources(names ...string) Option {
	return option(func(c *config) {
		for _, n := range names {
			if !slices.ContainsFunc(c.catalog.Tools(), func(t *closekit.Tool) bool { return t.Resource == n }) {
				c.errs = append(c.errs, fmt.Errorf("no tool is of the resource %q; \"closekit tools --json\" lists them", n))
			}
		}
		c.only = append(c.only, func(t *closekit.Tool) bool { return slices.Contains(names, t.Resource) })
	})
}

// Validity sets how long an approval can be decided and carried out. Default: 15
// minutes.
func Validity(d time.Duration) Option { return option(func(c *config) { c.validity = d }) }

// AnswerBudget sets the number of tokens that an answer for the model has at most,
// estimated by its bytes. Default: 4,000; at least 400.
func AnswerBudget(tokens int) Option { return option(func(c *config) { c.budget = tokens }) }

// Clock sets the source of the time, for tests.
func Clock(now func() time.Time) Option { return option(func(c *config) { c.now = now }) }

// New returns an agent with tools of the catalog.
func New(catalog *closekit.Catalog, opts ...Option) (*Agent, error) {
	a := &Agent{config: config{catalog: catalog, policy: Default(), now: time.Now, validity: 15 * time.Minute, budget: 4000}}
	if catalog == nil {
		return nil, errors.New("agent: the catalog is nil; pass tools.Catalog()")
	}
	for _, o := range opts {
		if o.apply != nil {
			o.apply(&a.config)
		}
	}
	if a.store == nil {
		a.store = NewMemoryStore()
	}
	if a.base == nil {
		a.base = closekit.NewClient(nil, closekit.HTTPClient(&http.Client{}))
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := a.index(); err != nil {
		return nil, err
	}
	if err := a.checkNames(); err != nil {
		return nil, err
	}
	return a, nil
}

// checkNames refuses a policy with a name that stands for no tool: a rule with a typing
// error would protect nothing, without a word.
func (a *Agent) checkNames() error {
	var errs []error
	for _, n := range namesOf(a.policy) {
		if _, err := path.Match(n.text, ""); n.kind == byPattern && err != nil {
			errs = append(errs, fmt.Errorf("agent: the policy has the pattern %q, which is not valid", n.text))
			continue
		}
		m := map[string]func(...string) Match{byPattern: Named, byToolset: InToolset, byResource: Resources}[n.kind](n.text)
		found := false
		for _, t := range a.all {
			found = found || m.matches(a.callOf(t))
		}
		switch {
		case found:
		case n.kind == byPattern:
			errs = append(errs, fmt.Errorf("agent: the policy names %q, which matches no tool; \"closekit tools\" lists them", n.text))
		case n.kind == byToolset:
			_, err := toolset(a.catalog, n.text)
			errs = append(errs, fmt.Errorf("agent: the policy: %w", cmp.Or(err, errors.New("the toolset has no tool"))))
		default:
			errs = append(errs, fmt.Errorf("agent: the policy names the resource %q, which no tool has; \"closekit tools --json\" lists them", n.text))
		}
	}
	return errors.Join(errs...)
}

// callOf returns a call of a tool, for a policy.
func (a *Agent) callOf(t *tool.Tool) *Call {
	if t == nil {
		return &Call{}
	}
	return &Call{Tool: t.Name, Resource: t.Resource, Toolsets: a.sets[t.Name]}
}

func (a *Agent) check() error {
	errs := a.errs
	switch {
	case a.policy == nil:
		errs = append(errs, errors.New("the policy is nil; leave the option out for the default"))
	case a.store.Durable() && a.vault == nil:
		errs = append(errs, errors.New("a durable store needs WithVault, because approvals hold messages and data of customers"))
	}
	for _, l := range limitsOf(a.policy) {
		switch {
		case l.Per == Day && !a.hasStore:
			errs = append(errs, fmt.Errorf("the limit of %s needs WithApprovals: without a store that survives, it would start anew with every process", l))
		case l.Per != Day && l.Per != Run || l.Most < 0 || !slices.Contains([]Quantity{Calls, Writes, Sends, Money}, l.What):
			errs = append(errs, fmt.Errorf("the limit of %d %q per %q is not valid: it counts calls, writes, sends or money per run or day, from zero up", l.Most, l.What, l.Per))
		}
	}
	if a.budget < shape.Least {
		errs = append(errs, fmt.Errorf("the budget of an answer must be at least %d tokens", shape.Least))
	}
	if a.validity <= 0 {
		errs = append(errs, errors.New("the validity of approvals must be positive"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	return nil
}

// index collects the tools.
func (a *Agent) index() error {
	a.byTag, a.all, a.whole = map[string]*tool.Tool{}, map[string]*tool.Tool{}, map[string]string{}
	add := func(t *tool.Tool) error {
		if a.all[t.Name] != nil && a.byTag[t.Name] != nil {
			return fmt.Errorf("agent: there are two tools with the name %s", t.Name)
		}
		a.all[t.Name], a.byTag[t.Name] = t, t
		a.tools = append(a.tools, t)
		return nil
	}
	a.sets = map[string][]string{}
	for _, s := range a.catalog.Toolsets() {
		for _, name := range s.Tools {
			a.sets[name] = append(a.sets[name], s.Name)
		}
	}
	for _, t := range a.catalog.Tools() {
		holds := func(f func(*closekit.Tool) bool) bool { return f(t) }
		fails := func(f func(*closekit.Tool) bool) bool { return !f(t) }
		if len(a.selects) > 0 && !slices.ContainsFunc(a.selects, holds) || slices.ContainsFunc(a.only, fails) {
			a.all[t.Name] = tool.OfCatalog(t)
			continue
		}
		if err := add(tool.OfCatalog(t)); err != nil {
			return err
		}
	}
	var err error
	if a.metas, err = makeMetas(); err != nil {
		return err
	}
	for _, t := range a.own {
		if a.all[t.Name] != nil || slices.ContainsFunc(a.metas, func(m *tool.Tool) bool { return m.Name == t.Name }) {
			return fmt.Errorf("agent: there are two tools with the name %s", t.Name)
		}
		if err := add(t); err != nil {
			return err
		}
	}
	if len(a.tools) == 0 {
		return errors.New("agent: no tool matches the selection")
	}
	slices.SortFunc(a.tools, func(x, y *tool.Tool) int { return strings.Compare(x.Name, y.Name) })
	for _, t := range a.tools {
		if _, known := a.whole[t.Resource]; !known && t.Method == http.MethodGet && strings.HasSuffix(t.Template, "}/") && strings.HasSuffix(t.Name, "_get") {
			a.whole[t.Resource] = t.Name
		}
	}
	a.paths = routes(a.all)
	a.gets = sync.OnceValue(a.readers)
	a.finds = sync.OnceValue(func() *search.Index { return search.New(a.tools, a.catalog.Lexicon()) })
	return nil
}

// definitions returns the definitions of the tools, made once.
func (a *Agent) definitions(f Format, d definitions) ([]json.RawMessage, error) {
	key := fmt.Sprintf("%s %s %t %q %t %q", f, d.profile, d.options.Defer, d.options.Keep, d.options.Namespaces, d.options.Strict)
	a.mu.Lock()
	defer a.mu.Unlock()
	if list, ok := a.defs[key]; ok {
		return list, nil
	}
	tools := a.tools
	if a.meta {
		tools = a.metas
	}
	list, err := fit(tools, f, d.profile, d.options)
	if err != nil {
		return nil, err
	}
	if a.defs == nil {
		a.defs = map[string][]json.RawMessage{}
	}
	a.defs[key] = list
	return list, nil
}

// Catalog returns the catalog that the agent was made with.
func (a *Agent) Catalog() *closekit.Catalog { return a.catalog }

// Offers reports whether sessions may call the tool of that name.
func (a *Agent) Offers(tool string) bool { return a.byTag[tool] != nil }

// toolset returns the names of the tools in a set of the manifest.
func toolset(c *closekit.Catalog, name string) ([]string, error) {
	var known []string
	for _, t := range c.Toolsets() {
		if t.Name == name {
			return t.Tools, nil
		}
		known = append(known, t.Name)
	}
	return nil, fmt.Errorf("there is no toolset %q; the catalog has %s", name, strings.Join(known, ", "))
}
