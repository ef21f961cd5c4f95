package rest

import (
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Act runs an action of a resource.
func (c *Call) Act(action string) (any, error) {
	if f := c.Resource.Actions[action]; f != nil {
		return f(c)
	}
	switch action {
	case "list":
		return c.list()
	case "get":
		return c.get()
	case "create":
		return c.Create()
	case "update":
		return c.Update()
	case "delete":
		return c.Remove()
	}
	return nil, Refuse(http.StatusNotImplemented, "the emulator does not implement "+c.Resource.Name+" "+action)
}

// Target returns the object that the path names.
func (c *Call) Target() (*store.Record, error) {
	rec := c.State.Find(c.Resource.TableName(), c.Organization, c.ID)
	if rec == nil || c.Resource.Type != "" && rec.Data["_type"] != c.Resource.Type {
		return nil, Missing(c.Resource.Model)
	}
	return rec, nil
}

func (c *Call) get() (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	return c.Result(rec), nil
}

// Result renders a record with the fields that the client asked for.
func (c *Call) Result(rec *store.Record) value.Object {
	o := c.Render(c.Resource, rec)
	sel := c.Selection()
	if sel == nil {
		return o
	}
	var extra object
	if c.Resource.OnDemand != nil {
		extra = c.Resource.OnDemand(c, rec)
	}
	return sel.Pick(o, extra)
}

// Render returns a record as an API object with all its fields.
func (c *Call) Render(r *Resource, rec *store.Record) value.Object {
	o := value.Shallow(rec.Data)
	if r.Authors == AuthorNames {
		o["created_by_name"] = c.UserName(o["created_by"])
		o["updated_by_name"] = c.UserName(o["updated_by"])
	}
	if r.Render != nil {
		r.Render(c, rec, o)
	}
	if c.Engine.Options.ExtraFields {
		o["x_unknown"] = object{"list": []any{int64(1), nil, "two"}, "flag": true}
	}
	return o
}

// Create is the action create.
func (c *Call) Create() (any, error) {
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	rec, err := c.Add(c.Resource, c.Body)
	if err != nil {
		return nil, err
	}
	return c.Result(rec), nil
}

// Add validates a request body and stores the object it describes.
func (c *Call) Add(r *Resource, body object) (*store.Record, error) {
	var p Problems
	o := c.Accept(r, body, true, &p)
	if r.Custom != "" {
		c.Engine.CustomValues(c, r.Custom, nil, body, o, &p)
	}
	if r.Prepare != nil {
		r.Prepare(c, o, body, &p)
	}
	if c.Failure != nil {
		return nil, c.Failure
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := c.seedID(r, body, o); err != nil {
		return nil, err
	}
	rec := c.Insert(r, o)
	if r.Created != nil {
		r.Created(c, rec, body)
	}
	return rec, nil
}

// Insert stores a complete object and logs its creation.
func (c *Call) Insert(r *Resource, o object) *store.Record {
	rec := c.Store(r, o)
	c.Log(r, rec, "created", nil, c.Snapshot(r, rec))
	return rec
}

// Store stores a complete object without logging it. It sets id, organization,
// dates and authors.
func (c *Call) Store(r *Resource, o object) *store.Record {
	rec := &store.Record{Seq: c.State.NextSeq(), Organization: c.Organization, Data: o}
	if rec.ID = value.String(o["id"]); rec.ID == "" {
		if r.Short {
			rec.ID = c.State.IDs.Short(r.Prefix)
		} else {
			rec.ID = c.State.IDs.Long(r.Prefix)
		}
	}
	o["id"] = rec.ID
	o["organization_id"] = c.Organization
	now := value.Stamp(c.Now)
	if r.Naive {
		now = value.Naive(c.Now)
	}
	if value.String(o["date_created"]) == "" {
		o["date_created"] = now
	}
	o["date_updated"] = now
	switch r.Authors {
	case AuthorNames, AuthorPlain:
		if o["created_by"] == nil {
			o["created_by"] = value.OrNull(c.User)
		}
		o["updated_by"] = o["created_by"]
	case AuthorIDs:
		o["created_by_id"] = value.OrNull(c.User)
		o["updated_by_id"] = value.OrNull(c.User)
	}
	if r.Type != "" {
		o["_type"] = r.Type
	}
	rec.Lead = c.leadOf(r, o)
	if rec.Lead == "" && r.TableName() == "leads" {
		rec.Lead = rec.ID
	}
	c.State.Table(r.TableName()).Insert(rec)
	return rec
}

// Restore stores an object with the id and the dates that it has, without checking or
// logging it. A record with this id gets the object's members instead.
func (c *Call) Restore(r *Resource, o object) error {
	id := value.String(o["id"])
	if old := c.State.Table(r.TableName()).ByID[id]; old != nil {
		if old.Organization != c.Organization || old.Gone {
			return errTaken
		}
		maps.Copy(old.Data, o)
		old.Data["organization_id"] = c.Organization
		return nil
	}
	updated := o["date_updated"]
	rec := c.Store(r, o)
	if updated != nil {
		rec.Data["date_updated"] = updated
	}
	return nil
}

var errTaken = errors.New("the id is taken by an object of another organization, or by one that was deleted")

func (c *Call) leadOf(r *Resource, o object) string {
	if r.Lead != nil {
		return r.Lead(c, o)
	}
	return value.String(o["lead_id"])
}

// Snapshot returns the form of a record in the event log.
func (c *Call) Snapshot(r *Resource, rec *store.Record) value.Object {
	if r.Event == "" {
		return nil
	}
	if r.Snapshot != nil {
		return r.Snapshot(c, rec)
	}
	o := value.Shallow(rec.Data)
	if r.Authors == AuthorNames {
		o["created_by_name"] = c.UserName(o["created_by"])
		o["updated_by_name"] = c.UserName(o["updated_by"])
	}
	if r.Render != nil {
		r.Render(c, rec, o)
	}
	return o
}

// Update is the action update.
func (c *Call) Update() (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	if err := c.Modify(c.Resource, rec, c.Body); err != nil {
		return nil, err
	}
	return c.Result(rec), nil
}

// Modify validates a patch and applies it.
func (c *Call) Modify(r *Resource, rec *store.Record, body object) error {
	var p Problems
	patch := c.Accept(r, body, false, &p)
	if r.Custom != "" {
		c.Engine.CustomValues(c, r.Custom, rec, body, patch, &p)
	}
	if r.Change != nil {
		r.Change(c, rec, patch, body, &p)
	}
	if c.Failure != nil {
		return c.Failure
	}
	if err := p.Err(); err != nil {
		return err
	}
	c.Apply(r, rec, patch)
	return nil
}

// Apply stores a valid patch and logs what it changed. The value RemoveKey
// deletes the key.
func (c *Call) Apply(r *Resource, rec *store.Record, patch object) {
	before := rec.Data
	old := c.Snapshot(r, rec)
	data := value.Shallow(before)
	for k, v := range patch {
		if v == RemoveKey {
			delete(data, k)
			continue
		}
		data[k] = v
	}
	switch {
	case r.Naive:
		data["date_updated"] = value.Naive(c.Now)
	default:
		data["date_updated"] = value.Stamp(c.Now)
	}
	switch r.Authors {
	case AuthorNames, AuthorPlain:
		data["updated_by"] = value.OrNull(c.User)
	case AuthorIDs:
		data["updated_by_id"] = value.OrNull(c.User)
	}
	rec.Data = data
	if r.TableName() != "leads" {
		c.State.Table(r.TableName()).Move(rec, c.leadOf(r, data))
	}
	c.Log(r, rec, "updated", old, c.Snapshot(r, rec))
	if r.Changed != nil {
		r.Changed(c, rec, before)
	}
}

// RemoveKey in a patch deletes the key instead of storing null.
var RemoveKey = &struct{ _ byte }{}

// Remove is the action delete.
func (c *Call) Remove() (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	if c.Resource.Release != nil {
		if err := c.Resource.Release(c, rec); err != nil {
			return nil, err
		}
	}
	c.Drop(c.Resource, rec)
	return object{}, nil
}

// Drop deletes a record and logs the deletion.
func (c *Call) Drop(r *Resource, rec *store.Record) {
	if rec.Gone {
		return
	}
	if r.Cascade != nil {
		r.Cascade(c, rec)
	}
	old := c.Snapshot(r, rec)
	c.State.Table(r.TableName()).Remove(rec)
	c.Log(r, rec, "deleted", old, nil)
	if r.Removed != nil {
		r.Removed(c, rec)
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
func (c *Call) seedID(r *Resource, body, o object) error {
	raw, ok := body["id"]
	if !ok || !c.Seeding {
		return nil
	}
	id, ok := raw.(string)
	if !ok || id == "" {
		return FieldError("id", MsgType("basestring"))
	}
	if c.State.Table(r.TableName()).ByID[id] != nil {
		return FieldError("id", "An object with this id exists already.")
	}
	o["id"] = id
	return nil
}
