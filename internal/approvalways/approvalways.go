// Package approvalways has ways round an approval, each to be tried on every route to
// Close. A way prepares what an attacker can prepare, and names a call that no person
// has approved. Whatever a route answers, Close must not receive that call.
package approvalways

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit/agent"
)

// Target is a call that must not be carried out.
type Target struct{ Tool, Input string }

// Route is a route to Close.
type Route struct {
	Name string
	// Options are added to those of agents.
	Options []agent.Option
	// Call makes a call, and returns what became of it: Asked, Refused or Done.
	Call func(*Scene, Target) string
	// Connect stands for Call if a route has connections: it connects the user of the
	// scene to its agent, and returns the run in which the calls of the connection are.
	Connect func(*Scene) (run string, call func(Target) string)
}

// What becomes of a call.
const (
	Asked   = "asked" // a person was
	Refused = "refused"
	Done    = "done"
)

// Of returns what became of a call.
func Of(r agent.Result) string {
	switch {
	case r.Pending != nil:
		return Asked
	case r.IsError:
		return Refused
	}
	return Done
}

// way is a way round an approval.
type way struct {
	n    int // of the list of forty; higher ones are our own
	name string
	// attack prepares, and returns the call. It may fail the test itself.
	attack func(*Scene) Target
	// unreadable is true if the call is refused without a policy too, for the way it is
	// written. All others must be carried out then, or the test would try nothing.
	unreadable bool
	// only are the routes that the way is about, if not all; but are those that it is
	// not about. why says what is true of the others.
	only, but []string
	why       string
}

func (w way) on(route string) bool {
	return (len(w.only) == 0 || slices.Contains(w.only, route)) && !slices.Contains(w.but, route)
}

// Run tries every way on every route, and without a policy by the control, which is a
// route too. Run it with -v to see the table.
func Run(t *testing.T, control Route, routes []Route) {
	t.Helper()
	var mu sync.Mutex
	cells := map[string]string{}
	t.Run("all", func(t *testing.T) {
		for i, w := range ways {
			if w.attack == nil || !slices.ContainsFunc(routes, func(r Route) bool { return w.on(r.Name) }) {
				continue
			}
			if !slices.Contains(w.but, control.Name) {
				t.Run(fmt.Sprintf("%d/control", i), func(t *testing.T) {
					t.Parallel()
					sc := control.Open(t)
					x := w.attack(sc)
					sc.Agent = sc.newAgent(agent.WithPolicy(agent.Rules{}))
					sc.Enter(User{sc.Close.APIKey(), "free"}, "")
					if got := control.Try(sc, x); got != Done && !w.unreadable || got != Refused && w.unreadable {
						t.Errorf("%s: without a policy: %s", w.name, got)
					}
				})
			}
			for _, r := range routes {
				if !w.on(r.Name) {
					continue
				}
				t.Run(fmt.Sprintf("%d/%s", i, r.Name), func(t *testing.T) {
					t.Parallel()
					sc := r.Open(t)
					x := w.attack(sc)
					if x.Tool == "" {
						t.Fatal("the way has no call")
					}
					before, sent := len(sc.Writes()), len(sc.Close.Outbox())
					got := r.Try(sc, x)
					if after := sc.Writes()[before:]; len(after) > 0 || len(sc.Close.Outbox()) != sent || got != Asked && got != Refused {
						t.Errorf("%s: %s, Close received %q: %s %s", w.name, got, after, x.Tool, x.Input)
					}
					mu.Lock()
					defer mu.Unlock()
					cells[fmt.Sprintf("%d %s", i, r.Name)] = got
				})
			}
		}
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%-66s", "")
	for _, r := range routes {
		fmt.Fprintf(&b, "%-9s", r.Name)
	}
	for i, w := range ways {
		fmt.Fprintf(&b, "\n%-66s", fmt.Sprintf("%2d %s", w.n, w.name))
		empty := false
		for _, r := range routes {
			cell, ok := cells[fmt.Sprintf("%d %s", i, r.Name)]
			if !ok {
				cell, empty = "-", true
			}
			fmt.Fprintf(&b, "%-9s", cell)
		}
		if empty {
			fmt.Fprintf(&b, " -: %s", w.why)
		}
		if (len(w.only) > 0 || len(w.but) > 0) && w.why == "" {
			t.Errorf("way %d has empty cells without a reason", w.n)
		}
	}
	t.Log("\n" + b.String())
}

// Open returns a scene whose sessions are those of the route.
func (r Route) Open(t *testing.T) *Scene {
	t.Helper()
	return newScene(t, r.Options, r.Connect)
}

// Try makes a call in a scene of the route.
func (r Route) Try(sc *Scene, x Target) string {
	if r.Connect != nil {
		return sc.call(x)
	}
	return r.Call(sc, x)
}

// Of MCP, whose routes are in its own module.
const (
	mcpSession = "mcp"      // a run is a session
	mcpDay     = "mcp day"  // a run is a user on a day
	mcpMeta    = "mcp meta" // by way of the tool that calls others
	mcpOwn     = "mcp own"  // by way of a tool of the host
)
