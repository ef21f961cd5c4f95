package manifest

import (
	"net/http"
	"slices"

	"gopkg.in/yaml.v3"
)

// accepts reads the inputs that a tool accepts and never sends, what it fills in, and
// its brake.
func (c *checker) accepts(d *toolDecl) {
	t := d.tool
	if n := d.given["accepts"]; n != nil {
		d.each(n, func(k, v *yaml.Node) {
			f := c.readFieldAs(d.reader, k, v, nil, true)
			c.finish(f)
			if f.Type != nil && f.Type.Kind != String {
				d.bad(v, "type: string", "input %q of %s is compared as text, so it must be a string", k.Value, t.Name)
			}
			d.accept(f, Use(f.check))
		})
	}
	if d.project {
		switch {
		case t.Returns == nil:
			d.bad(d.at("project"), "leave project out", "tool %q returns nothing to select from", t.Name)
		case t.Param("_fields") != nil:
			t.Accepts = append(t.Accepts, &Accepted{Field: t.Param("_fields"), Use: Project, Sent: true})
		default:
			d.accept(&fieldDecl{typeText: "list string", Field: &Field{
				Name: "_fields", Pos: d.pos(d.at("project")), Type: &Type{Kind: List, Elem: &Type{Kind: String}}, Aliases: []string{"fields"},
				About: "Names of the fields to return; all fields when left out. The fields are selected after the response has come.",
			}}, Project)
		}
	}
	if d.brake {
		for _, name := range []string{"s_query", "results_limit", "sort"} {
			if p := t.Param(name); p == nil || p.In != InBody {
				d.bad(d.at("brake"), "", "brake needs the parameter %q in the body", name)
			}
		}
		brief := "Number the user agreed to; count first."
		d.accept(&fieldDecl{typeText: "integer", Field: &Field{
			Name: "confirm_count", Pos: d.pos(d.at("brake")), Type: &Type{Kind: Integer}, Min: new(int64), Required: true,
			About: "Number of records that the user agreed to; count with close_search. Any other count is refused.",
			Brief: &brief,
		}}, ConfirmCount)
		d.accept(&fieldDecl{typeText: "boolean", Field: &Field{
			Name: "confirm_everything", Pos: d.pos(d.at("brake")), Type: &Type{Kind: Boolean}, Shown: More,
			About: "Whether the user agreed to all records of the kind.",
		}}, ConfirmEverything)
	}
	if t.Fill = Fill(d.fill); t.Fill == FillSender {
		for _, name := range senderParams {
			if p := t.Param(name); p == nil || p.In != InBody || p.Type == nil || !p.Type.isText() {
				d.bad(d.at("fill"), "", "fill: sender needs the parameter %q in the body, a text", name)
			}
		}
	}
}

// accept adds an input that is not sent.
func (d *toolDecl) accept(f *fieldDecl, use Use) {
	t, a := d.tool, &Accepted{Field: f.Field, Use: use}
	isSame := func(o *Accepted) bool { return o.Name == a.Name }
	if t.Param(a.Name) != nil || slices.ContainsFunc(t.Accepts, isSame) {
		d.ps.add(a.Pos, "leave it out", "tool %q accepts %q, which is a parameter already", t.Name, a.Name)
		return
	}
	a.In = InQuery
	if t.Method == http.MethodPost || t.Method == http.MethodPut {
		a.In = InBody
	}
	t.Accepts, d.accepted = append(t.Accepts, a), append(d.accepted, f)
	for _, alias := range a.Aliases {
		t.Aliases = append(t.Aliases, Alias{Name: alias, For: a.Name})
	}
}
