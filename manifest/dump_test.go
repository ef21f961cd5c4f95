package manifest_test

import (
	"fmt"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// dump writes a checked manifest in a form that is easy to compare and read.
func dump(api *manifest.API) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	text := func(name, value string) {
		if value != "" {
			line("  %s: %s", name, value)
		}
	}
	list := func(name string, values []string) { text(name, strings.Join(values, ", ")) }
	line("%s %s%s", api.Name, api.BaseURL, api.Prefix)
	for _, id := range api.IDs {
		line("id %s %v %v from %q", id.Name, id.Prefixes, id.Literals, id.From)
	}
	for _, a := range api.Areas {
		line("area %s %q", a.Name, a.Title)
	}
	for _, r := range api.Resources {
		line("resource %s %q in %s", r.Name, r.Title, r.File)
		for _, e := range r.Enums {
			line(" enum %s open=%v %v", e.Name, e.Open, e.Strings())
		}
		for _, o := range r.Types {
			line(" type %s", o.Name)
			for _, f := range o.Fields {
				line("  %s", field(f))
			}
			for _, v := range o.Variants {
				line("  as %s when %s=%s has=%s", v.Object.Name, v.By, strings.Join(v.Is, "|"), v.Has)
			}
		}
		for _, t := range r.Tools {
			line(" tool %s %s %s %s action=%s status=%d paging=%v idempotent=%v", t.Name, t.Method, t.Path, t.Effect, t.Action, t.Status, t.Paging, t.Idempotent)
			text("title", t.Title)
			text("does", t.Does)
			text("use", t.Use)
			text("result", t.Result)
			for _, p := range t.Params {
				line("  %s in %s", field(p), p.In)
			}
			for _, a := range t.Aliases {
				line("  alias %s for %s %v", a.Name, a.For, a.Map)
			}
			for _, s := range manifest.Sentences(t.Rules) {
				text("rule", s)
			}
			text("cases", t.Cases.Sentence("parameters"))
			for _, e := range t.Effects {
				line("  effect %s when %v", e.Effect, e.When)
			}
			returns := "nothing"
			if t.Returns != nil {
				returns = typ(t.Returns)
			}
			text("returns", returns)
			if t.Totals != nil {
				text("totals", t.Totals.Name)
			}
			if len(t.Show) > 0 {
				text("show", strings.Trim(shown(t.Show), "[]"))
			}
			for _, p := range t.Preview {
				line("  preview %s %v %s%s", p.Tool, p.With, shown(p.Show), p.Count)
			}
			text("brief", t.Brief)
			list("more", t.More)
			list("hidden", t.Hidden)
			list("synonyms", t.Synonyms)
			for _, e := range t.Examples {
				line("  example %q %s", e.About, e.Input)
			}
			text("doc", t.Doc)
		}
	}
	return b.String()
}

func field(f *manifest.Field) string {
	s := f.Name + " " + typ(f.Type) + " "
	for _, flag := range []struct {
		on   bool
		name string
	}{
		{f.Read, "r"},
		{f.Create, "c"},
		{f.Update, "u"},
		{f.Always, " always"},
		{f.Required, " required"},
		{f.Nullable, " nullable"},
		{f.OnRequest, " on_request"},
	} {
		if flag.on {
			s += flag.name
		}
	}
	for i, v := range []*int64{f.Min, f.Max} {
		if v != nil {
			s += fmt.Sprintf(" %s=%d", []string{"min", "max"}[i], *v)
		}
	}
	if f.Preset != nil {
		s += " preset=" + string(f.Preset)
	}
	if f.Brief != nil {
		s += fmt.Sprintf(" brief=%q", *f.Brief)
	}
	if f.About != "" {
		s += " " + f.About
	}
	return s
}

func typ(t *manifest.Type) string {
	switch t.Kind {
	case manifest.List:
		return "list " + typ(t.Elem)
	case manifest.Map:
		return "map " + typ(t.Elem)
	case manifest.ID:
		if t.ID == nil {
			return "id"
		}
		return "id " + t.ID.Name
	case manifest.EnumType:
		return "enum " + t.Enum.Name
	case manifest.ObjectType:
		return t.Object.Name
	default:
		return fmt.Sprint("kind", int(t.Kind))
	}
}

// shown prints fields as in [id, contacts[name]*3].
func shown(list []manifest.ShowField) string {
	var items []string
	for _, f := range list {
		s := f.Name
		if len(f.Show) > 0 {
			s += shown(f.Show)
		}
		if f.Max > 0 {
			s += fmt.Sprintf("*%d", f.Max)
		}
		items = append(items, s)
	}
	return "[" + strings.Join(items, ", ") + "]"
}
