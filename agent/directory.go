package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/closekit/closekit/internal/organization"
	"github.com/closekit/closekit/internal/words"
)

// thing is something that has a name in an organization.
type thing struct {
	id     string
	labels []string // names that stand for it, the first one to be shown
	parts  []string // that stand for it if no thing has them as a label
	of     string   // the pipeline of a status: its id, and its name below
	within string
	field  *organization.Field
}

// show returns a thing for a message.
func (t *thing) show() string {
	text := words.Quote(t.labels[0])
	if t.within != "" {
		text += " of " + words.Quote(t.within)
	}
	if t.id != t.labels[0] {
		text += " (" + words.Name(t.id) + ")"
	}
	return text
}

// choices returns the choices of a custom field.
func (t *thing) choices() (list []thing) {
	for _, c := range t.field.Choices {
		list = append(list, thing{id: c, labels: []string{c}})
	}
	return list
}

// find returns the only thing with a name. Upper and lower case, spaces and invisible
// characters make no difference, so that two things whose names look the same are
// never told apart by a guess.
func find(list []thing, what, name, path string) (*thing, error) {
	var found []thing
	n := plainName(name)
	for _, labels := range []func(*thing) []string{func(t *thing) []string { return t.labels }, func(t *thing) []string { return t.parts }} {
		for i := range list {
			if n != "" && slices.ContainsFunc(labels(&list[i]), func(l string) bool { return plainName(l) == n }) {
				found = append(found, list[i])
			}
		}
		if len(found) > 0 {
			break
		}
	}
	if len(found) == 1 {
		return &found[0], nil
	}
	e := &NameError{Path: path, Kind: what, Name: name, Several: len(found) > 1}
	if !e.Several {
		found = near(list, n)
	}
	for i := range found {
		if i == mostCandidates {
			e.More = len(found) - i
			break
		}
		e.Candidates = append(e.Candidates, found[i].show())
	}
	return nil, e
}

// near returns the things with names like n before the others.
func near(list []thing, n string) []thing {
	labels := make([]string, len(list))
	for i := range list {
		labels[i] = plainName(list[i].labels[0])
	}
	nearest := words.Nearest(n, labels)
	rank := func(t thing) int {
		switch l := plainName(t.labels[0]); {
		case nearest != "" && l == nearest:
			return 0
		case n != "" && (strings.Contains(l, n) || strings.Contains(n, l)):
			return 1
		}
		return 2
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b thing) int { return rank(a) - rank(b) })
	return list
}

// plainName reduces a name to what people see and hear of it.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.C, r) || unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return -1
		}
		return unicode.ToLower(r)
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// directory reads what an organization has for one call. What a session has read it
// keeps for a while; no two sessions share it, because Close does not tell which
// organization a credential is for.
type directory struct {
	session *Session
	fresh   bool // nothing that was kept is used
	own     map[string][]thing
	kept    bool // something that was kept was used
}

// keptThings is what a session has read of one kind.
type keptThings struct {
	at   time.Time
	list []thing
}

func (d *directory) get(ctx context.Context, kind string, read func() ([]thing, error)) ([]thing, error) {
	if list, ok := d.own[kind]; ok {
		return list, nil
	}
	s := d.session
	now := s.agent.now()
	s.mu.Lock()
	k, ok := s.things[kind]
	s.mu.Unlock()
	if ok && !d.fresh && now.Sub(k.at) < s.agent.namesFor && !now.Before(k.at) {
		d.kept = true
		return k.list, nil
	}
	list, err := read()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.things == nil {
		s.things = map[string]keptThings{}
	}
	s.things[kind] = keptThings{now, list}
	s.mu.Unlock()
	if d.own == nil {
		d.own = map[string][]thing{}
	}
	d.own[kind] = list
	return list, nil
}

func (d *directory) leadStatuses(ctx context.Context) ([]thing, error) {
	return d.get(ctx, "statuses of leads", func() (list []thing, err error) {
		all, _, err := organization.LeadStatuses(ctx, d.session.bare)
		for _, s := range all {
			list = append(list, thing{id: s.ID, labels: []string{s.Name}})
		}
		return list, err
	})
}

// dealStatuses returns the statuses of opportunities, of one pipeline or of all.
func (d *directory) dealStatuses(ctx context.Context, pipeline string) ([]thing, error) {
	pipelines, err := d.readPipelines(ctx)
	var list []thing
	for _, t := range pipelines {
		if t.of != "" && (pipeline == "" || t.of == pipeline) {
			list = append(list, t)
		}
	}
	return list, err
}

func (d *directory) pipelines(ctx context.Context) ([]thing, error) {
	all, err := d.readPipelines(ctx)
	var list []thing
	for _, t := range all {
		if t.of == "" {
			list = append(list, t)
		}
	}
	return list, err
}

// readPipelines returns pipelines, and statuses with their pipelines in of.
func (d *directory) readPipelines(ctx context.Context) ([]thing, error) {
	return d.get(ctx, "pipelines", func() (list []thing, err error) {
		all, err := organization.Pipelines(ctx, d.session.bare)
		for _, p := range all {
			list = append(list, thing{id: p.ID, labels: []string{p.Name}})
			for _, s := range p.Statuses {
				list = append(list, thing{id: s.ID, labels: []string{s.Name}, of: p.ID, within: p.Name})
			}
		}
		return list, err
	})
}

func (d *directory) users(ctx context.Context) ([]thing, error) {
	return d.get(ctx, "users", func() (list []thing, err error) {
		all, err := organization.Users(ctx, d.session.bare)
		for _, u := range all {
			list = append(list, thing{id: u.ID, labels: []string{u.Name, u.Email}, parts: []string{u.First, u.Last}})
		}
		return list, err
	})
}

// fields returns the custom fields of a kind of records.
func (d *directory) fields(ctx context.Context, owner string) ([]thing, error) {
	return d.get(ctx, "custom fields of "+owner, func() (list []thing, err error) {
		all, err := organization.Fields(ctx, d.session.bare, owner)
		for i := range all {
			list = append(list, thing{id: all[i].ID, labels: []string{all[i].Name}, field: &all[i]})
		}
		return list, err
	})
}

// typeOf reads the type of a record, whose member names it. It never changes, but a
// session could see any number of records, so it is not kept.
func (d *directory) typeOf(ctx context.Context, member, path string) (string, error) {
	var record map[string]any
	if err := d.session.bare.Get(ctx, path, &record); err != nil {
		return "", fmt.Errorf("reading the type of the record: %w", err)
	}
	id, _ := record[member].(string)
	return id, nil
}
