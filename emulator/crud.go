package emulator

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
)

// act runs an action of a resource.
func (c *call) act(action string) (any, error) {
	if f := c.r.actions[action]; f != nil {
		return f(c)
	}
	switch action {
	case "list":
		return c.list()
	case "get":
		return c.get()
	case "create":
		return c.create()
	case "update":
		return c.update()
	case "delete":
		return c.remove()
	}
	return nil, refuse(http.StatusNotImplemented, "the emulator does not implement "+c.r.name+" "+action)
}

// target returns the object that the path names.
func (c *call) target() (*record, error) {
	rec := c.st.find(c.r.tableName(), c.org, c.id)
	if rec == nil || c.r.typ != "" && rec.data["_type"] != c.r.typ {
		return nil, missing(c.r.model)
	}
	return rec, nil
}

func (c *call) get() (any, error) {
	rec, err := c.target()
	if err != nil {
		return nil, err
	}
	return c.result(rec), nil
}

// result renders a record with the fields that the client asked for.
func (c *call) result(rec *record) object {
	o := c.render(c.r, rec)
	sel := c.selection()
	if sel == nil {
		return o
	}
	var extra object
	if c.r.onDemand != nil {
		extra = c.r.onDemand(c, rec)
	}
	return sel.pick(o, extra)
}

// render returns a record as an API object with all its fields.
func (c *call) render(r *resource, rec *record) object {
	o := shallow(rec.data)
	if r.authors == authorNames {
		o["created_by_name"] = c.userName(o["created_by"])
		o["updated_by_name"] = c.userName(o["updated_by"])
	}
	if r.render != nil {
		r.render(c, rec, o)
	}
	if c.e.opts.extraFields {
		o["x_unknown"] = object{"list": []any{int64(1), nil, "two"}, "flag": true}
	}
	return o
}

func (c *call) create() (any, error) {
	if err := c.allowed(c.r.right); err != nil {
		return nil, err
	}
	rec, err := c.add(c.r, c.body)
	if err != nil {
		return nil, err
	}
	return c.result(rec), nil
}

// add validates a request body and stores the object it describes.
func (c *call) add(r *resource, body object) (*record, error) {
	var p problems
	o := c.accept(r, body, true, &p)
	if r.custom != "" {
		c.e.custom(c, r.custom, nil, body, o, &p)
	}
	if r.prepare != nil {
		r.prepare(c, o, body, &p)
	}
	if c.failure != nil {
		return nil, c.failure
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := c.seedID(r, body, o); err != nil {
		return nil, err
	}
	rec := c.insert(r, o)
	if r.created != nil {
		r.created(c, rec, body)
	}
	return rec, nil
}

// insert stores a complete object. It sets id, organization, dates and authors,
// and logs the creation.
func (c *call) insert(r *resource, o object) *record {
	rec := &record{seq: c.st.nextSeq(), org: c.org, data: o}
	if rec.id = str(o["id"]); rec.id == "" {
		if r.short {
			rec.id = c.st.ids.short(r.prefix)
		} else {
			rec.id = c.st.ids.long(r.prefix)
		}
	}
	o["id"] = rec.id
	o["organization_id"] = c.org
	now := stamp(c.now)
	if r.naive {
		now = naive(c.now)
	}
	if str(o["date_created"]) == "" {
		o["date_created"] = now
	}
	o["date_updated"] = now
	switch r.authors {
	case authorNames, authorPlain:
		if o["created_by"] == nil {
			o["created_by"] = orNull(c.user)
		}
		o["updated_by"] = o["created_by"]
	case authorIDs:
		o["created_by_id"] = orNull(c.user)
		o["updated_by_id"] = orNull(c.user)
	}
	if r.typ != "" {
		o["_type"] = r.typ
	}
	rec.lead = c.leadOf(r, o)
	if rec.lead == "" && r.tableName() == "leads" {
		rec.lead = rec.id
	}
	c.st.table(r.tableName()).insert(rec)
	c.log(r, rec, "created", nil, c.snapshot(r, rec))
	return rec
}

func (c *call) leadOf(r *resource, o object) string {
	if r.lead != nil {
		return r.lead(c, o)
	}
	return str(o["lead_id"])
}

// snapshot returns the form of a record in the event log.
func (c *call) snapshot(r *resource, rec *record) object {
	if r.event == "" {
		return nil
	}
	if r.snapshot != nil {
		return r.snapshot(c, rec)
	}
	o := shallow(rec.data)
	if r.authors == authorNames {
		o["created_by_name"] = c.userName(o["created_by"])
		o["updated_by_name"] = c.userName(o["updated_by"])
	}
	if r.render != nil {
		r.render(c, rec, o)
	}
	return o
}

func (c *call) update() (any, error) {
	rec, err := c.target()
	if err != nil {
		return nil, err
	}
	if err := c.allowed(c.r.right); err != nil {
		return nil, err
	}
	if err := c.modify(c.r, rec, c.body); err != nil {
		return nil, err
	}
	return c.result(rec), nil
}

// modify validates a patch and applies it.
func (c *call) modify(r *resource, rec *record, body object) error {
	var p problems
	patch := c.accept(r, body, false, &p)
	if r.custom != "" {
		c.e.custom(c, r.custom, rec, body, patch, &p)
	}
	if r.change != nil {
		r.change(c, rec, patch, body, &p)
	}
	if c.failure != nil {
		return c.failure
	}
	if err := p.err(); err != nil {
		return err
	}
	c.apply(r, rec, patch)
	return nil
}

// apply stores a valid patch and logs what it changed. The value removeKey
// deletes the key.
func (c *call) apply(r *resource, rec *record, patch object) {
	before := rec.data
	old := c.snapshot(r, rec)
	data := shallow(before)
	for k, v := range patch {
		if v == removeKey {
			delete(data, k)
			continue
		}
		data[k] = v
	}
	switch {
	case r.naive:
		data["date_updated"] = naive(c.now)
	default:
		data["date_updated"] = stamp(c.now)
	}
	switch r.authors {
	case authorNames, authorPlain:
		data["updated_by"] = orNull(c.user)
	case authorIDs:
		data["updated_by_id"] = orNull(c.user)
	}
	rec.data = data
	if r.tableName() != "leads" {
		c.st.table(r.tableName()).move(rec, c.leadOf(r, data))
	}
	c.log(r, rec, "updated", old, c.snapshot(r, rec))
	if r.changed != nil {
		r.changed(c, rec, before)
	}
}

// removeKey in a patch deletes the key instead of storing null.
var removeKey = &struct{ _ byte }{}

func (c *call) remove() (any, error) {
	rec, err := c.target()
	if err != nil {
		return nil, err
	}
	if err := c.allowed(c.r.right); err != nil {
		return nil, err
	}
	if c.r.release != nil {
		if err := c.r.release(c, rec); err != nil {
			return nil, err
		}
	}
	c.drop(c.r, rec)
	return object{}, nil
}

// drop deletes a record and logs the deletion.
func (c *call) drop(r *resource, rec *record) {
	if rec.gone {
		return
	}
	if r.cascade != nil {
		r.cascade(c, rec)
	}
	old := c.snapshot(r, rec)
	c.st.table(r.tableName()).remove(rec)
	c.log(r, rec, "deleted", old, nil)
	if r.removed != nil {
		r.removed(c, rec)
	}
}

// difference returns the keys whose values differ, sorted, and their old values.
func difference(old, now object) ([]any, object) {
	keys := map[string]bool{}
	for k := range old {
		keys[k] = true
	}
	for k := range now {
		keys[k] = true
	}
	changed, previous := []any{}, object{}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if !reflect.DeepEqual(old[k], now[k]) {
			changed = append(changed, k)
			previous[k] = old[k]
		}
	}
	return changed, previous
}

// seedID stores the id of a seeded object.
func (c *call) seedID(r *resource, body, o object) error {
	raw, ok := body["id"]
	if !ok || !c.seeding {
		return nil
	}
	id, ok := raw.(string)
	if !ok || id == "" {
		return fieldError("id", errType("basestring"))
	}
	if c.st.table(r.tableName()).byID[id] != nil {
		return fieldError("id", "An object with this id exists already.")
	}
	o["id"] = id
	return nil
}
