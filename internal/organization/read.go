package organization

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit"
)

// Kinds of records whose custom fields every organization has.
const (
	OfLead        = "lead"
	OfContact     = "contact"
	OfOpportunity = "opportunity"
)

// OfActivity and OfObject name the records of a type.
func OfActivity(id string) string { return "activity/" + id }

// OfObject names the objects of a type.
func OfObject(id string) string { return "custom_object/" + id }

const (
	pageSize  = 100
	mostPages = 500
)

// list reads all records of a list of settings. Some lists of Close are not paged, and
// return everything whatever is asked for.
func list[T any](ctx context.Context, c *closekit.Client, path string) (all []T, err error) {
	for page := range mostPages {
		var out struct {
			Data    []T  `json:"data"`
			HasMore bool `json:"has_more"`
		}
		if err := c.Get(ctx, fmt.Sprintf("%s?_limit=%d&_skip=%d", path, pageSize, page*pageSize), &out); err != nil {
			return nil, err
		}
		all = append(all, out.Data...)
		if !out.HasMore || len(out.Data) == 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("the list %s does not end", path)
}

// labeled is a status as Close returns it.
type labeled struct {
	ID           string `json:"id"`
	Label        string `json:"label"`
	Type         string `json:"type"`
	Organization string `json:"organization_id"`
}

// LeadStatuses reads the statuses of leads, and the id of the organization that they
// are of.
func LeadStatuses(ctx context.Context, c *closekit.Client) (statuses []Named, organization string, err error) {
	all, err := list[labeled](ctx, c, "/status/lead/")
	for _, s := range all {
		statuses = append(statuses, Named{ID: s.ID, Name: s.Label})
		organization = s.Organization
	}
	return statuses, organization, wrap("statuses of leads", err)
}

// Pipelines reads the pipelines with their statuses.
func Pipelines(ctx context.Context, c *closekit.Client) (pipelines []Pipeline, err error) {
	all, err := list[struct {
		ID       string    `json:"id"`
		Name     string    `json:"name"`
		Statuses []labeled `json:"statuses"`
	}](ctx, c, "/pipeline/")
	for _, p := range all {
		out := Pipeline{Named: Named{ID: p.ID, Name: p.Name}, Statuses: []Status{}}
		for _, s := range p.Statuses {
			out.Statuses = append(out.Statuses, Status{Named{ID: s.ID, Name: s.Label}, s.Type})
		}
		pipelines = append(pipelines, out)
	}
	return pipelines, wrap("pipelines", err)
}

// User is a user of the organization.
type User struct {
	Named
	First, Last, Email string
}

// Users reads the users of the organization.
func Users(ctx context.Context, c *closekit.Client) (users []User, err error) {
	all, err := list[struct {
		ID    string `json:"id"`
		First string `json:"first_name"`
		Last  string `json:"last_name"`
		Email string `json:"email"`
	}](ctx, c, "/user/")
	for _, u := range all {
		users = append(users, User{Named{ID: u.ID, Name: strings.TrimSpace(u.First + " " + u.Last)}, u.First, u.Last, u.Email})
	}
	return users, wrap("users", err)
}

// definition is a custom field as Close returns it.
type definition struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Type         string        `json:"type"`
	Description  string        `json:"description"`
	Choices      []string      `json:"choices"`
	Several      bool          `json:"accepts_multiple_values"`
	Shared       bool          `json:"is_shared"`
	Refers       string        `json:"referenced_custom_type_id"`
	ActivityType string        `json:"custom_activity_type_id"`
	Associations []association `json:"associations"` // of a shared field, in the list of these
}

// association is a kind of record that has a shared field.
type association struct {
	ObjectType string `json:"object_type"`
}

func (d *definition) field(of string) Field {
	return Field{
		Of: of, Named: Named{ID: d.ID, Name: d.Name}, Type: d.Type, Several: d.Several, Shared: d.Shared,
		Description: d.Description, Choices: d.Choices, Refers: d.Refers,
	}
}

// Fields reads the custom fields of a kind of records, the shared ones too, which the
// lists of definitions leave out.
func Fields(ctx context.Context, c *closekit.Client, of string) (fields []Field, err error) {
	var out struct {
		Fields []definition `json:"fields"`
	}
	err = c.Get(ctx, "/custom_field_schema/"+of+"/", &out)
	for i := range out.Fields {
		fields = append(fields, out.Fields[i].field(of))
	}
	return fields, wrap("custom fields of "+of, err)
}

// ActivityFields reads the custom fields of all types of custom activities at once. A shared
// field is there once, whichever types have it, and is of no type.
func ActivityFields(ctx context.Context, c *closekit.Client) (fields []Field, err error) {
	own, err := list[definition](ctx, c, "/custom_field/activity/")
	if err != nil {
		return nil, wrap("custom fields of activities", err)
	}
	for i := range own {
		fields = append(fields, own[i].field(OfActivity(own[i].ActivityType)))
	}
	shared, err := list[definition](ctx, c, "/custom_field/shared/")
	for i := range shared {
		if d := &shared[i]; slices.Contains(d.Associations, association{"custom_activity_type"}) {
			f := d.field("activity")
			f.Shared = true
			fields = append(fields, f)
		}
	}
	return fields, wrap("shared custom fields", err)
}

// types reads custom activity or object types. Organizations without the feature, and
// users without the right, have none to show: unread is true then.
func types(ctx context.Context, c *closekit.Client, path string) (types []Named, unread bool, err error) {
	types, err = list[Named](ctx, c, path)
	var refused *closekit.Error
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusNotImplemented:
			return nil, true, nil
		}
	}
	return types, false, wrap(path, err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading %s: %w", what, err)
}

// Read reads all that an organization has set up.
func Read(ctx context.Context, c *closekit.Client) (*Schema, error) {
	s := &Schema{Version: Version}
	var err error
	if s.LeadStatuses, s.Organization.ID, err = LeadStatuses(ctx, c); err != nil {
		return nil, err
	}
	if s.Organization, err = organizationOf(ctx, c, s.Organization.ID); err != nil {
		return nil, err
	}
	if s.Pipelines, err = Pipelines(ctx, c); err != nil {
		return nil, err
	}
	users, err := Users(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		s.Users = append(s.Users, u.Named)
	}
	kinds := []string{OfLead, OfContact, OfOpportunity}
	for _, x := range []struct {
		unread, path string
		of           func(id string) string
		types        *[]Named
	}{
		{"custom_activity_types", "/custom_activity/", OfActivity, &s.ActivityTypes},
		{"custom_object_types", "/custom_object_type/", OfObject, &s.ObjectTypes},
	} {
		var unread bool
		if *x.types, unread, err = types(ctx, c, x.path); err != nil {
			return nil, err
		}
		if unread {
			s.Unread = append(s.Unread, x.unread)
		}
		for _, t := range *x.types {
			kinds = append(kinds, x.of(t.ID))
		}
	}
	for _, of := range kinds {
		fields, err := Fields(ctx, c, of)
		if err != nil {
			return nil, err
		}
		s.CustomFields = append(s.CustomFields, fields...)
	}
	s.sort()
	return s, nil
}

// organizationOf returns the organization of a credential. Close does not tell which one
// of a user's it is; its statuses do.
func organizationOf(ctx context.Context, c *closekit.Client, id string) (Named, error) {
	var me struct {
		Organizations []Named `json:"organizations"`
	}
	if err := c.Get(ctx, "/me/?_fields=organizations", &me); err != nil {
		return Named{}, wrap("the organization", err)
	}
	for _, o := range me.Organizations {
		if o.ID == id || id == "" && len(me.Organizations) == 1 {
			return Named{ID: o.ID, Name: o.Name}, nil
		}
	}
	return Named{}, errors.New("the organization of the credential is not known: Close lists others for the user")
}
