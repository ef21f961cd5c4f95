package crm

import (
	"net/http"
	"slices"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func groupResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "groups", Prefix: "group", Short: true, Model: "Group", Event: "group", Authors: rest.AuthorNone,
		Right: "manage_organization", Ascending: true,
		Fields: []rest.Field{{Name: "name", Kind: rest.Text, Need: true, NotNull: true}},
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			o["members"] = []any{}
			checkGroupName(c, nil, o, p)
		},
		Change: func(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
			checkGroupName(c, rec, patch, p)
		},
		// Name and members come only when _fields names them, members never in lists.
		Render: func(_ *rest.Call, _ *store.Record, o object) {
			delete(o, "name")
			delete(o, "members")
			dropDates(o)
		},
		OnDemand: func(c *rest.Call, rec *store.Record) object {
			if c.ID == "" && c.Method == http.MethodGet {
				return object{"name": rec.Data["name"]}
			}
			return object{"name": rec.Data["name"], "members": rec.Data["members"]}
		},
		Snapshot: func(_ *rest.Call, rec *store.Record) object { return value.Shallow(rec.Data) },
		Actions:  map[string]func(*rest.Call) (any, error){"add_member": addMember, "remove_member": removeMember},
	}}
}

// checkGroupName reports the name of another group.
func checkGroupName(c *rest.Call, rec *store.Record, o object, p *rest.Problems) {
	for _, other := range c.State.Table("groups").All(c.Organization) {
		if name, ok := o["name"]; ok && other != rec && other.Data["name"] == name {
			p.Add("name", "A group with this name exists already.")
		}
	}
}

// addMember adds a user to a group, unless it is a member.
func addMember(c *rest.Call) (any, error) {
	return editMembers(c, value.String(c.Body["user_id"]), func(members []any, member object) []any {
		if slices.ContainsFunc(members, isMember(member)) {
			return members
		}
		return append(slices.Clone(members), member)
	})
}

// removeMember takes a user out of a group.
func removeMember(c *rest.Call) (any, error) {
	return editMembers(c, c.IDs[1], func(members []any, member object) []any {
		return slices.DeleteFunc(slices.Clone(members), isMember(member))
	})
}

func isMember(member object) func(any) bool {
	return func(m any) bool { o, ok := m.(object); return ok && o["user_id"] == member["user_id"] }
}

func editMembers(c *rest.Call, user string, edit func([]any, object) []any) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	if !c.State.Member(c.Organization, user) {
		return nil, rest.FieldError("user_id", "Object does not exist.")
	}
	member := object{"user_id": user}
	members := value.List(rec.Data["members"])
	if edited := edit(members, member); len(edited) != len(members) {
		c.Apply(c.Resource, rec, object{"members": edited})
	}
	return member, nil
}
