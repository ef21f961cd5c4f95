package ir

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/organization"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/manifest"
)

// Organization is a package with the names of one organization.
type Organization struct {
	Package, ImportPath string
	Doc                 []string
	Groups              []ConstGroup
	Kinds               []FieldKind
}

// ConstGroup is a group of constants of ids.
type ConstGroup struct {
	Doc    string
	Type   string // of closeapi; empty for string
	Consts []Const
}

// Const is a constant with a comment.
type Const struct{ Name, Value, Doc string }

// FieldKind is a kind of records with custom fields.
type FieldKind struct {
	Name   string // Lead
	File   string // lead
	What   string // leads
	Record bool   // closeapi has a type Name with the field CustomFields
	ID     string // of the type, if it is one of the organization
	Fields []CustomField
	Schema []byte // JSON Schema of the custom fields
}

// CustomField is a custom field with its accessors.
type CustomField struct {
	Go, ID, Doc string
	Form        FieldForm
	Several     bool
	Type        string // of the choices
	Choices     []Const
}

// FieldForm is how the values of a field look in Go.
type FieldForm int

// Forms of fields.
const (
	AnyForm FieldForm = iota // a type that this version does not know
	TextForm
	NumberForm
	DateForm
	DateTimeForm
	ChoiceForm
	UserForm
	ContactForm
)

var fieldForms = map[string]FieldForm{
	"text": TextForm, "textarea": TextForm, "hidden": TextForm, "number": NumberForm, "date": DateForm, "datetime": DateTimeForm,
	"choices": ChoiceForm, "user": UserForm, "contact": ContactForm, "custom_object": TextForm,
}

// named is something that gets a name in Go.
type named struct {
	label, what string // “Industry”, custom field of lead
	pos         manifest.Pos
	token       string // makes the name unique
	chosen      string // by a person
	base, name  string
	choice      bool                       // of a custom field; it has no member "go"
	claims      func(name string) []string // the identifiers that the name takes
}

// suffix returns the beginning of the token as a word.
func (x *named) suffix(size int) string {
	return strings.ToUpper(x.token[:1]) + x.token[1:min(size, len(x.token))]
}

// naming gives names, so that the same things get the same ones in whatever order they
// come: of things that want one identifier, all get a part of their ids.
type naming struct {
	taken    map[string]bool // by what has its name for good
	waiting  []*named
	problems manifest.Problems // errors
	notes    manifest.Problems
}

func (n *naming) add(x *named) *named {
	spelled, lost := latin(x.label)
	x.base = cutName(goName(spelled))
	switch {
	case x.chosen != "":
		if !exported(x.chosen) {
			n.problems = append(n.problems, manifest.Problem{Pos: x.pos, Msg: fmt.Sprintf("%q is not an exported name of ASCII letters and digits", x.chosen), Hint: `correct the member "go"`})
		}
		x.base = x.chosen
	case !strings.ContainsFunc(spelled, isWordRune):
		x.base = x.suffix(8)
		if x.base[0] >= '0' && x.base[0] <= '9' {
			x.base = "N" + x.base
		}
		n.note(x, "has no letters for a name in Go, and is called %s", x.base)
	case lost:
		n.note(x, "has letters that a name in Go leaves out, and is called %s", x.base)
	}
	x.name = x.base
	n.waiting = append(n.waiting, x)
	return x
}

func (n *naming) note(x *named, format string, args ...any) {
	p := manifest.Problem{Pos: x.pos, Msg: x.what + " " + words.Quote(x.label) + " " + fmt.Sprintf(format, args...)}
	if !x.choice {
		p.Hint = `set "go" beside its name to choose another`
	}
	n.notes = append(n.notes, p)
}

// settle decides on the names that wait.
func (n *naming) settle() {
	for _, size := range []int{4, 8, 100} {
		clashing := n.clashing()
		if len(clashing) == 0 {
			break
		}
		for _, x := range clashing {
			if x.chosen == "" {
				x.name = x.base + x.suffix(size)
			}
		}
	}
	for _, x := range n.clashing() {
		n.problems = append(n.problems, manifest.Problem{
			Pos: x.pos, Msg: fmt.Sprintf("%s %s: the name %s is taken", x.what, words.Quote(x.label), x.name), Hint: `choose names with "go"`,
		})
	}
	for _, x := range n.waiting {
		if x.name != x.base {
			n.note(x, "would share a name in Go, and is called %s", x.name)
		}
		for _, c := range x.claims(x.name) {
			n.taken[c] = true
		}
	}
	n.waiting = nil
}

// clashing returns what wants an identifier that is taken, or that another one wants.
func (n *naming) clashing() (list []*named) {
	wanted := map[string]int{}
	for _, x := range n.waiting {
		for _, c := range x.claims(x.name) {
			wanted[c]++
		}
	}
	for _, x := range n.waiting {
		if slices.ContainsFunc(x.claims(x.name), func(c string) bool { return n.taken[c] || wanted[c] > 1 }) {
			list = append(list, x)
		}
	}
	return list
}

const longestName = 40 // of a name that labels make

func cutName(s string) string { return s[:min(len(s), longestName)] }

func isWordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func exported(s string) bool {
	return s != "" && s[0] >= 'A' && s[0] <= 'Z' && !strings.ContainsFunc(s, func(r rune) bool { return !isWordRune(r) })
}

// tokenOf is the part of an id, or a hash of other text, that makes a name unique.
func tokenOf(id string) string {
	prefix, rest, ok := strings.Cut(id, "_")
	if ok && prefix != "" && rest != "" && !strings.ContainsFunc(rest, func(r rune) bool { return !isWordRune(r) }) {
		return rest
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return fmt.Sprintf("%016x", h.Sum64())
}

// orgBuilder makes the package of an organization.
type orgBuilder struct {
	lock *organization.Lock
	file string
	n    naming
}

func (b *orgBuilder) thing(what, key string, x organization.Named, claims func(string) []string) *named {
	at := b.lock.At(key)
	return b.n.add(&named{
		label: x.Name, what: what, pos: manifest.Pos{File: b.file, Line: at.Line, Col: at.Col}, token: tokenOf(x.ID), chosen: x.Go, claims: claims,
	})
}

// one claims a single identifier of the package.
func one(prefix string) func(string) []string {
	return func(name string) []string { return []string{prefix + name} }
}

// OrganizationOf decides what the package of an organization contains. Notes are about
// names that are not what a reader expects; the error is a [manifest.Problems].
func OrganizationOf(lock *organization.Lock, file, pkg, importPath string, users bool) (*Organization, manifest.Problems, error) {
	b := &orgBuilder{lock: lock, file: file, n: naming{taken: map[string]bool{}}}
	o := &Organization{Package: pkg, ImportPath: importPath}
	title := line(lock.Organization.Name)
	o.Doc = []string{
		fmt.Sprintf("Package %s has the custom fields, statuses and pipelines of the organization %s in Close as Go names.", pkg, title),
		"The names were generated from a lock file; ids never change, and names in Close do without notice. Run closekit org check to see whether they have.",
	}
	groups := b.constants(users)
	kinds := b.kinds()
	b.n.settle()
	for _, g := range groups {
		group := ConstGroup{Doc: g.doc, Type: g.typ}
		for i, x := range g.names {
			group.Consts = append(group.Consts, Const{g.prefix + x.name, g.ids[i], line(x.label) + "."})
		}
		if len(group.Consts) > 0 {
			slices.SortFunc(group.Consts, func(a, b Const) int { return cmp.Compare(a.Name, b.Name) })
			o.Groups = append(o.Groups, group)
		}
	}
	// Statuses are named after their pipelines, and fields after their records.
	o.Groups = append(o.Groups, b.statuses(groups[1].names)...)
	fields := make([][]*named, len(kinds))
	for i := range kinds {
		fields[i] = b.fields(&kinds[i])
	}
	b.n.settle()
	for i := range kinds {
		kind, err := b.kind(&kinds[i], fields[i], title)
		if err != nil {
			return nil, nil, err
		}
		o.Kinds = append(o.Kinds, kind)
	}
	if len(b.n.problems) > 0 {
		return nil, nil, b.n.problems.Sorted()
	}
	return o, b.n.notes.Sorted(), nil
}

// line makes text of others one printable line for a comment.
func line(s string) string { return words.Clean(strings.Join(strings.Fields(s), " "), 280) }

// idGroup is a group of constants whose names are not decided yet.
type idGroup struct {
	doc, typ string
	prefix   string
	ids      []string
	names    []*named
}

func (b *orgBuilder) constants(users bool) []idGroup {
	group := func(doc, typ, prefix, what string, things []organization.Named) idGroup {
		g := idGroup{doc: doc, typ: typ, prefix: prefix}
		for _, x := range things {
			g.ids = append(g.ids, x.ID)
			g.names = append(g.names, b.thing(what, x.ID, x, one(prefix)))
		}
		return g
	}
	var pipelines []organization.Named
	for i := range b.lock.Pipelines {
		pipelines = append(pipelines, b.lock.Pipelines[i].Named)
	}
	groups := []idGroup{
		group("Statuses of leads.", "LeadStatusID", "Status", "status of leads", b.lock.LeadStatuses),
		group("Pipelines.", "PipelineID", "Pipeline", "pipeline", pipelines),
	}
	if users {
		groups = append(groups, group("Users.", "UserID", "User", "user", b.lock.Users))
	}
	return groups
}

// statuses makes the constants of the statuses of pipelines.
func (b *orgBuilder) statuses(pipelines []*named) (groups []ConstGroup) {
	var names [][]*named
	for i := range b.lock.Pipelines {
		var list []*named
		for _, s := range b.lock.Pipelines[i].Statuses {
			list = append(list, b.thing("status of opportunities", s.ID, s.Named, one("Pipeline"+pipelines[i].name)))
		}
		names = append(names, list)
	}
	b.n.settle()
	for i := range b.lock.Pipelines {
		p := &b.lock.Pipelines[i]
		g := ConstGroup{Doc: "Statuses of the pipeline " + line(p.Name) + ", in their order.", Type: "OpportunityStatusID"}
		for j, s := range p.Statuses {
			g.Consts = append(g.Consts, Const{"Pipeline" + pipelines[i].name + names[i][j].name, s.ID, line(s.Name) + ": " + line(s.Type) + "."})
		}
		if len(g.Consts) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// recordKind is a kind of records before its name is decided.
type recordKind struct {
	of, file, what, id string
	name               string // of the record, if closeapi has it
	named              *named
}

// goName returns the name of a kind, once it is decided.
func (k *recordKind) goName() string {
	if k.named == nil {
		return k.name
	}
	if strings.HasPrefix(k.of, "activity/") {
		return "Activity" + k.named.name
	}
	return "Object" + k.named.name
}

// claimsOf are the identifiers of a kind of records.
func claimsOf(name string) []string {
	return []string{name, "Set" + name, name + "Fields", name + "Setter", name + "Schema", name + "Type"}
}

func (b *orgBuilder) kinds() []recordKind {
	list := []recordKind{
		{of: organization.OfLead, file: "lead", what: "leads", name: "Lead"},
		{of: organization.OfContact, file: "contact", what: "contacts", name: "Contact"},
		{of: organization.OfOpportunity, file: "opportunity", what: "opportunities", name: "Opportunity"},
	}
	for _, k := range list {
		for _, c := range claimsOf(k.name) {
			b.n.taken[c] = true
		}
	}
	add := func(prefix, what string, of func(string) string, types []organization.Named) {
		for _, t := range types {
			x := b.thing(what, t.ID, t, func(name string) []string { return claimsOf(prefix + name) })
			list = append(list, recordKind{of: of(t.ID), id: t.ID, what: "the type " + line(t.Name), named: x})
		}
	}
	add("Activity", "custom activity type", organization.OfActivity, b.lock.ActivityTypes)
	add("Object", "custom object type", organization.OfObject, b.lock.ObjectTypes)
	return list
}

// source returns the custom fields of a kind.
func (b *orgBuilder) source(k *recordKind) (fields []*organization.Field) {
	for i := range b.lock.CustomFields {
		if f := &b.lock.CustomFields[i]; f.Of == k.of {
			fields = append(fields, f)
		}
	}
	return fields
}

func (b *orgBuilder) fields(k *recordKind) (list []*named) {
	kind := k.goName()
	for _, f := range b.source(k) {
		list = append(list, b.thing("custom field of "+k.what, f.Of+" "+f.ID, f.Named, func(name string) []string {
			claims := []string{kind + "Fields." + name, kind + "Setter." + name, kind + "Setter.Clear" + name}
			if f.Several {
				claims = append(claims, kind+"Setter.Add"+name, kind+"Setter.Remove"+name)
			}
			if fieldForms[f.Type] == ChoiceForm {
				claims = append(claims, kind+name)
			}
			return claims
		}))
	}
	return list
}

func (b *orgBuilder) kind(k *recordKind, names []*named, title string) (FieldKind, error) {
	kind := FieldKind{Name: k.goName(), File: k.file, What: k.what, Record: k.named == nil, ID: k.id}
	if k.file == "" {
		kind.File = strings.ToLower(kind.Name)
	}
	fields := b.source(k)
	var choices [][]*named
	for i, f := range fields {
		var list []*named
		if fieldForms[f.Type] == ChoiceForm {
			for _, c := range f.Choices {
				list = append(list, b.n.add(&named{
					label: c, what: "choice of " + words.Quote(f.Name), pos: names[i].pos, token: tokenOf("choice " + c), choice: true, claims: one(kind.Name + names[i].name),
				}))
			}
		}
		choices = append(choices, list)
	}
	b.n.settle()
	for i, f := range fields {
		out := CustomField{Go: names[i].name, ID: f.ID, Form: fieldForms[f.Type], Several: f.Several, Doc: line(f.Name)}
		if f.Description != "" {
			out.Doc += ": " + strings.TrimSuffix(line(f.Description), ".")
		}
		if out.Form == ChoiceForm {
			out.Type = kind.Name + out.Go
		}
		for j, c := range f.Choices {
			if len(choices[i]) > 0 {
				out.Choices = append(out.Choices, Const{out.Type + choices[i][j].name, c, ""})
			}
		}
		kind.Fields = append(kind.Fields, out)
	}
	slices.SortFunc(kind.Fields, func(a, b CustomField) int { return cmp.Compare(a.Go, b.Go) })
	var err error
	kind.Schema, err = fieldSchema("Custom fields of "+k.what+" of "+title, fields)
	return kind, err
}

// latin writes letters of European languages with ASCII, and reports whether any other
// letter is lost.
func latin(s string) (ascii string, lost bool) {
	s = latinLetters().Replace(s)
	for _, r := range s {
		if r > 127 && isLetter(r) {
			lost = true
		}
	}
	return s, lost
}
