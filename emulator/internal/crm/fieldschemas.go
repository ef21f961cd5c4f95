package crm

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// fieldOrders is the table of the orders that clients gave to the custom fields of homes.
const fieldOrders = "custom_field_orders"

func orderID(c *rest.Call, h home) string { return c.Organization + " " + h.path() }

// sortFields puts the custom fields of a home into the order that a client gave them;
// further ones follow in the order in which they were made.
func sortFields(c *rest.Call, h home, defs []definition) {
	var order []any
	if rec := c.State.Find(fieldOrders, c.Organization, orderID(c, h)); rec != nil {
		order = value.List(rec.Data["ids"])
	}
	place := func(d definition) int {
		if at := slices.Index(order, any(d.ID)); at >= 0 {
			return at
		}
		return len(order)
	}
	slices.SortStableFunc(defs, func(a, b definition) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), store.BySeq(a.Record, b.Record))
	})
}

// orderFields stores the order in which a request lists the custom fields of a home.
func orderFields(c *rest.Call, h home, raw any, p *rest.Problems) {
	refs, ok := raw.([]any)
	if !ok {
		p.Add("fields", rest.MsgType("list"))
		return
	}
	defs, ids, wrong := definitionsOf(c, h), []any{}, object{}
	for i, e := range refs {
		ref, _ := e.(object)
		if id := value.String(ref["id"]); slices.ContainsFunc(defs, func(d definition) bool { return d.ID == id }) {
			ids = append(ids, id)
		} else {
			wrong[strconv.Itoa(i)] = object{"id": rest.MsgNoObject}
		}
	}
	if len(wrong) > 0 {
		p.Add("fields", object{"errors": wrong})
		return
	}
	if rec := c.State.Find(fieldOrders, c.Organization, orderID(c, h)); rec != nil {
		rec.Data = object{"ids": ids}
		return
	}
	c.State.Table(fieldOrders).Insert(&store.Record{
		Seq: c.State.NextSeq(), Organization: c.Organization, ID: orderID(c, h), Data: object{"ids": ids},
	})
}

// schemaHome returns the home that the path of a schema names, and the name of it.
func schemaHome(c *rest.Call) (home, any, error) {
	owner, id, typed := strings.Cut(c.ID, "/")
	kind, ok := fieldOwners[owner]
	if !ok || typed != (kind.types != "") {
		return home{}, nil, rest.Missing("CustomFieldSchema")
	}
	if !typed {
		return home{owner: owner}, camel(owner), nil
	}
	rec := c.State.Find(kind.types, c.Organization, id)
	if rec == nil {
		return home{}, nil, rest.Missing("CustomFieldSchema")
	}
	return home{owner, id}, rec.Data["name"], nil
}

func getCustomFieldSchema(c *rest.Call) (any, error) {
	h, name, err := schemaHome(c)
	if err != nil {
		return nil, err
	}
	fields := []any{}
	for _, def := range definitionsOf(c, h) {
		table := CustomTable(h.owner)
		if def.Data["associations"] != nil {
			table = sharedFields
		}
		fields = append(fields, c.Render(c.Engine.Resources[table], def.Record))
	}
	return object{"object_type": c.ID, "name": name, "fields": fields, "organization_id": c.Organization}, nil
}

func updateCustomFieldSchema(c *rest.Call) (any, error) {
	h, _, err := schemaHome(c)
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	var p rest.Problems
	orderFields(c, h, c.Body["fields"], &p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return getCustomFieldSchema(c)
}
