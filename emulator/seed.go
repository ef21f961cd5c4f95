package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/crm"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
	"github.com/closekit/closekit/internal/bom"
)

const maxSeed = 64 << 20

// Seed fills the first organization from a JSON file:
//
//	{
//	  "users": [{"first_name": "Cleo", "last_name": "Test", "email": "cleo@example.com", "role": "user"}],
//	  "lead_statuses": [{"label": "On hold"}],
//	  "pipelines": [{"name": "Renewals", "statuses": [{"label": "Renewed", "type": "won"}]}],
//	  "sequences": [{"name": "Onboarding", "steps": [{"step_type": "email", "delay": 0}]}],
//	  "custom_activity_types": [{"id": "actitype_visit", "name": "Site visit"}], "custom_object_types": [],
//	  "custom_fields": {
//	    "lead": [{"name": "Industry", "type": "choices", "choices": ["Software", "Steel"]}],
//	    "activity": [{"name": "Findings", "type": "textarea", "custom_activity_type_id": "actitype_visit"}]
//	  },
//	  "leads": [{
//	    "name": "Acme", "status": "Qualified", "custom": {"Industry": "Steel"},
//	    "contacts": [{"name": "Bob", "emails": [{"email": "bob@acme.example"}]}],
//	    "opportunities": [{"status": "Proposal Sent", "value": 1200000, "value_period": "annual", "contact": "Bob"}],
//	    "tasks": [{"text": "Call back", "date": "2026-12-01", "assigned_to": "cleo@example.com"}],
//	    "notes": [{"note": "Met at the fair"}],
//	    "calls": [], "emails": [], "sms": [], "custom_objects": [],
//	    "custom_activities": [{"custom_activity_type_id": "actitype_visit", "custom": {"Findings": "The roof leaks."}}]
//	  }]
//	}
//
// Leads can have whatsapp_messages, meetings, form_submissions and import_updates too, and
// there are outcomes and forms. The API cannot create meetings, forms, submissions and
// imports, so a seed is the way to have some.
//
// Every part is optional. Objects have the form in which the API creates them,
// with these additions: an "id" is stored, statuses may be named by label, users
// by email address, custom fields by name, and "contact" names a contact of the
// same lead. Objects belong to the first user unless they name another one.
// Errors name the place, such as leads[0].tasks[2]; objects before it remain.
func (s *Server) Seed(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxSeed+1))
	if err != nil {
		return fmt.Errorf("read the seed: %w", err)
	}
	if len(data) > maxSeed {
		return errors.New("the seed is larger than 64 MiB")
	}
	if data, err = bom.Text(data); err != nil {
		return fmt.Errorf("the seed is not a JSON object: %w", err)
	}
	seed, err := value.DecodeObject(data)
	if err != nil {
		return fmt.Errorf("the seed is not a JSON object: %w", seedPosition(data, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.system(s.st.Organizations[0].ID)
	c.User, c.Seeding = s.st.Users[0].ID, true
	defer s.settle()
	return (&seeder{c, s}).seed(seed)
}

// seeder adds the objects of a seed.
type seeder struct {
	*rest.Call
	s *Server
}

// seedPosition adds the line to a syntax error.
func seedPosition(data []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	end := min(int(syntax.Offset), len(data))
	line := 1 + strings.Count(string(data[:end]), "\n")
	return fmt.Errorf("line %d: %w", line, err)
}

// seedParts are the keys of a seed in the order in which they are read.
var seedParts = []string{
	"users", "lead_statuses", "pipelines", "sequences", "custom_activity_types", "custom_object_types", "custom_fields", "outcomes", "forms",
	"leads",
}

func (c *seeder) seed(seed object) error {
	for key := range seed {
		if !slices.Contains(seedParts, key) {
			return fmt.Errorf("%s: unknown key, expected one of %s", key, strings.Join(seedParts, ", "))
		}
	}
	for _, part := range seedParts {
		raw, ok := seed[part]
		if !ok {
			continue
		}
		var err error
		switch part {
		case "users":
			err = each(part, raw, c.seedUser)
		case "custom_fields":
			err = c.seedDefinitions(raw)
		case "leads":
			err = each(part, raw, c.seedLead)
		case "pipelines":
			err = each(part, raw, func(place string, o object) error { return c.seedObject(place, part, o, "statuses") })
		case "sequences":
			err = each(part, raw, func(place string, o object) error { return c.seedObject(place, part, o, "steps") })
		default:
			err = each(part, raw, func(place string, o object) error { return c.seedObject(place, part, o) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f for each object of a list.
func each(place string, raw any, f func(place string, o object) error) error {
	rows, ok := raw.([]any)
	if !ok {
		return fmt.Errorf("%s: expected a list", place)
	}
	for i, e := range rows {
		at := fmt.Sprintf("%s[%d]", place, i)
		o, ok := e.(object)
		if !ok {
			return fmt.Errorf("%s: expected an object", at)
		}
		if err := f(at, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *seeder) seedUser(place string, o object) error {
	u := User{ID: value.String(o["id"]), FirstName: value.String(o["first_name"]), LastName: value.String(o["last_name"]), Email: value.String(o["email"]), Role: value.String(o["role"])}
	for key, v := range o {
		if !slices.Contains([]string{"id", "first_name", "last_name", "email", "role"}, key) {
			return fmt.Errorf("%s: unknown key %q", place, key)
		}
		if _, ok := v.(string); !ok {
			return fmt.Errorf("%s.%s: expected text", place, key)
		}
	}
	if u.ID != "" && c.State.User(u.ID) != nil {
		return fmt.Errorf("%s: the id %q is taken", place, u.ID)
	}
	u.Organizations = []string{c.Organization}
	c.s.addKey(c.s.addUser(u).ID, c.Organization)
	return nil
}

func (c *seeder) seedDefinitions(raw any) error {
	owners, ok := raw.(object)
	if !ok {
		return errors.New("custom_fields: expected an object")
	}
	for _, owner := range slices.Sorted(maps.Keys(owners)) {
		place := "custom_fields." + owner
		if !slices.Contains(crm.CustomOwners, owner) {
			return fmt.Errorf("%s: expected one of %s", place, strings.Join(crm.CustomOwners, ", "))
		}
		err := each(place, owners[owner], func(place string, o object) error { return c.seedObject(place, crm.CustomTable(owner), o) })
		if err != nil {
			return err
		}
	}
	return nil
}

// seedChildren are the parts of a lead in the order in which they are read.
var seedChildren = []string{
	"contacts", "opportunities", "tasks", "notes", "calls", "emails", "sms", "custom_activities", "custom_objects",
	"whatsapp_messages", "meetings", "form_submissions", "import_updates",
}

func (c *seeder) seedLead(place string, o object) error {
	lead := value.Shallow(o)
	for _, part := range seedChildren {
		delete(lead, part)
	}
	rec, err := c.seedRecord(place, "leads", lead, "status")
	if err != nil {
		return err
	}
	for _, part := range seedChildren {
		raw, ok := o[part]
		if !ok {
			continue
		}
		err := each(place+"."+part, raw, func(place string, child object) error {
			child = value.Shallow(child)
			child["lead_id"] = rec.ID
			if err := c.seedContact(place, rec.ID, child); err != nil {
				return err
			}
			return c.seedObject(place, part, child, "status", "_type", "contact", "send_in")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seedContact resolves the contact that an object names.
func (c *seeder) seedContact(place, lead string, o object) error {
	name, ok := o["contact"]
	if !ok {
		return nil
	}
	for _, contact := range c.State.Table("contacts").Of(lead) {
		if contact.Data["name"] == name {
			o["contact_id"] = contact.ID
			return nil
		}
	}
	return fmt.Errorf("%s.contact: the lead has no contact %q", place, fmt.Sprint(name))
}

func (c *seeder) seedObject(place, resource string, o object, more ...string) error {
	_, err := c.seedRecord(place, resource, o, more...)
	return err
}

// seedRecord adds one object. more are the keys that it may have besides the
// fields of its resource.
func (c *seeder) seedRecord(place, name string, o object, more ...string) (*store.Record, error) {
	r := c.Engine.Resources[name]
	o = value.Shallow(o)
	for key, v := range o {
		known := key == "id" || strings.HasPrefix(key, "custom.") || key == "custom" && r.Custom != "" || slices.Contains(more, key)
		for _, f := range r.Fields {
			if f.Name != key {
				continue
			}
			known = true
			if address, ok := v.(string); ok && f.Table == "users" && strings.Contains(address, "@") {
				for _, u := range c.Colleagues() {
					if u.Email == address {
						o[key] = u.ID
					}
				}
			}
		}
		if !known {
			return nil, fmt.Errorf("%s: unknown key %q", place, key)
		}
	}
	rec, err := c.Add(r, o)
	if err != nil {
		c.Failure, c.Nested = nil, nil
		return nil, fmt.Errorf("%s: %s", place, sentence(err))
	}
	return rec, nil
}

// sentence formats an error response in one line.
func sentence(err error) string {
	var e *rest.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	body, _ := e.Body.(object)
	fields, _ := body["field-errors"].(object)
	var out []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, key+": "+strings.TrimSuffix(value.Text(fields[key]), "."))
	}
	for _, v := range value.List(body["errors"]) {
		out = append(out, strings.TrimSuffix(value.Text(v), "."))
	}
	if text := value.String(body["error"]); text != "" {
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}
