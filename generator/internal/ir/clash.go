package ir

import (
	"fmt"

	"github.com/closekit/closekit/manifest"
)

// clashes lists the declarations and members that would have one Go name, with
// their places in the manifest.
func (b *builder) clashes() manifest.Problems {
	n := names{what: "", first: map[string]declared{}}
	n.declare("Operations", "the list of operations", manifest.Pos{})
	n.declare("TestPlans", "the test of the package", manifest.Pos{})
	if apiOf(b.api) != nil {
		n.declare("API", "the function for clients of the API", manifest.Pos{})
	}
	if b.cents {
		n.declare("Cents", "the type cents", manifest.Pos{})
		n.declare("Dollars", "the type cents", manifest.Pos{})
	}
	for _, k := range b.api.IDs {
		if b.ids[k] {
			n.declare(idType(k), "id kind "+k.Name, k.Pos)
		}
	}
	for _, r := range b.api.Resources {
		for _, e := range r.Enums {
			n.declare(e.Name, "enum "+e.Name, e.Pos)
			for _, v := range e.Values {
				n.declare(enumConst(e, v), "value "+v.Value+" of "+e.Name, v.Pos)
			}
		}
		for _, o := range r.Types {
			if u := b.uses[o]; u.output || u.input {
				n.declare(o.Name, "type "+o.Name, o.Pos)
				n.problems = append(n.problems, b.memberClashes(o)...)
			}
		}
		for _, t := range r.Tools {
			fn := funcName(t.Name)
			if !n.declare(fn, "tool "+t.Name, t.Pos) {
				continue // what belongs to the function clashes too
			}
			n.declare(paramsName(fn), "the parameters of "+t.Name, t.Pos)
			if t.Paging {
				n.declare(allName(fn), "the iterator of "+t.Name, t.Pos)
			}
			if t.Waits != nil {
				n.declare(waitName(fn), "the wait of "+t.Name, t.Pos)
			}
			if t.Totals != nil {
				n.declare(totalsName(fn), "the totals of "+t.Name, t.Pos)
			}
			params := names{what: " of " + t.Name, first: map[string]declared{}}
			for _, p := range t.Params {
				params.declare(fieldName(p.Name), "parameter "+p.Name, p.Pos)
			}
			n.problems = append(n.problems, params.problems...)
		}
	}
	return n.problems.Sorted()
}

// memberClashes lists the members of a struct that would have one Go name.
func (b *builder) memberClashes(o *manifest.Object) manifest.Problems {
	n := names{what: " of " + o.Name, first: map[string]declared{}}
	fields := o.Fields
	if b.embeds(o) {
		n.declare(o.Include.Name, "included type "+o.Include.Name, o.Pos)
		fields = b.own(o)
	}
	for _, f := range fields {
		n.declare(fieldName(f.Name), "field "+f.Name, f.Pos)
	}
	for _, v := range o.Variants {
		n.declare(variantMethod(v), "variant "+v.Object.Name, o.Pos)
	}
	return n.problems
}

type declared struct {
	what string
	pos  manifest.Pos
}

// names are the Go names of one scope.
type names struct {
	what     string // the scope, as the end of a phrase
	first    map[string]declared
	problems manifest.Problems
}

// declare notes a name. It reports a second declaration as a problem, and false.
func (n *names) declare(name, what string, pos manifest.Pos) bool {
	first, ok := n.first[name]
	if !ok {
		n.first[name] = declared{what, pos}
		return true
	}
	hint := "rename it"
	if first.pos != (manifest.Pos{}) && first.pos != pos {
		hint = "the first is at " + first.pos.String() + "; rename one"
	}
	n.problems = append(n.problems, manifest.Problem{
		Pos: pos, Msg: fmt.Sprintf("%s and %s%s would both be %s in Go", first.what, what, n.what, name), Hint: hint,
	})
	return false
}
