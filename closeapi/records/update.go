package records

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// Updated is the outcome of an update that was carried out.
type Updated[T any] struct {
	Record *T // Close's response
	// Others lists the members that differ from the record as it was read although
	// the update did not set them, sorted: what Close derives, such as status_label
	// of status_id, and what others changed at the same time.
	Others []string
}

// UpdateLead performs [closeapi.LeadUpdate] with p if the lead is still as in read.
// See [Update]. p.LeadID may be left out.
func UpdateLead(ctx context.Context, c *closekit.Client, read *closeapi.Lead, p closeapi.LeadUpdateParams, opts ...closekit.CallOption) (*Updated[closeapi.Lead], error) {
	if err := sameID(&p.LeadID, read.ID); err != nil {
		return nil, err
	}
	return Update(read, p, func() (*closeapi.Lead, error) {
		return closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: p.LeadID}, opts...)
	}, func() (*closeapi.Lead, error) { return closeapi.LeadUpdate(ctx, c, p, opts...) })
}

// UpdateContact performs [closeapi.ContactUpdate] with p if the contact is still as
// in read. See [Update]. p.ContactID may be left out.
func UpdateContact(ctx context.Context, c *closekit.Client, read *closeapi.Contact, p closeapi.ContactUpdateParams, opts ...closekit.CallOption) (*Updated[closeapi.Contact], error) {
	if err := sameID(&p.ContactID, read.ID); err != nil {
		return nil, err
	}
	return Update(read, p, func() (*closeapi.Contact, error) {
		return closeapi.ContactGet(ctx, c, closeapi.ContactGetParams{ContactID: p.ContactID}, opts...)
	}, func() (*closeapi.Contact, error) { return closeapi.ContactUpdate(ctx, c, p, opts...) })
}

// UpdateOpportunity performs [closeapi.OpportunityUpdate] with p if the opportunity
// is still as in read. See [Update]. p.OpportunityID may be left out.
func UpdateOpportunity(ctx context.Context, c *closekit.Client, read *closeapi.Opportunity, p closeapi.OpportunityUpdateParams, opts ...closekit.CallOption) (*Updated[closeapi.Opportunity], error) {
	if err := sameID(&p.OpportunityID, read.ID); err != nil {
		return nil, err
	}
	return Update(read, p, func() (*closeapi.Opportunity, error) {
		return closeapi.OpportunityGet(ctx, c, closeapi.OpportunityGetParams{OpportunityID: p.OpportunityID}, opts...)
	}, func() (*closeapi.Opportunity, error) { return closeapi.OpportunityUpdate(ctx, c, p, opts...) })
}

// sameID fills an id that was left out and refuses another one.
func sameID[ID ~string](given *ID, read ID) error {
	if *given == "" {
		*given = read
	}
	if *given != read || read == "" {
		return fmt.Errorf("the update is for %q, but the record read is %q", *given, read)
	}
	return nil
}

// Update carries out an update only if the record is still as it was read: get
// fetches the record, and put updates it. params are the parameters of put, a struct
// with the names that Close uses in its tags; the report leaves out what they set.
// The functions for leads, contacts and opportunities call Update; call it for
// records of other kinds.
//
// Every member of read is compared, except a lead's local time; read a record with
// only some fields to compare only those. If one differs, nothing is sent, and the
// error is a [*ChangedError].
//
// What remains: Close has no conditional writes. A change by others between the
// comparison and the write is not prevented. If it concerns members that the update
// does not set, it survives and is listed in Others; if it concerns members that the
// update sets, it is overwritten, and only Close's event log has it. A read may also
// lag behind writes, so that a change of the last minute may go unnoticed.
func Update[T any](read *T, params any, get, put func() (*T, error)) (*Updated[T], error) {
	before, err := members(read)
	if err != nil {
		return nil, err
	}
	now, err := get()
	if err != nil {
		return nil, err
	}
	current, err := members(now)
	if err != nil {
		return nil, err
	}
	if names := differences(before, current); len(names) > 0 {
		return nil, &ChangedError{Fields: names, Record: now}
	}
	record, err := put()
	if err != nil {
		return nil, err
	}
	after, err := members(record)
	if err != nil {
		return nil, err
	}
	set := settings(params)
	others := slices.DeleteFunc(differences(current, after), func(name string) bool { return set[name] || slices.Contains(stamps, name) })
	return &Updated[T]{Record: record, Others: others}, nil
}

// stamps are members that every update changes.
var stamps = []string{"date_updated", "updated_by", "updated_by_name"}

// members returns the members of a record, without the one that passes with time.
func members(record any) (map[string]any, error) {
	b, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	delete(m, "localtime")
	return m, nil
}

// differences returns the names of the members of a whose values in b differ.
func differences(a, b map[string]any) []string {
	var names []string
	for name, v := range a {
		if other, ok := b[name]; !ok || !reflect.DeepEqual(v, other) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// settings returns the names of the members that parameters set.
func settings(params any) map[string]bool {
	set := map[string]bool{}
	v := reflect.Indirect(reflect.ValueOf(params))
	if v.Kind() != reflect.Struct {
		return set
	}
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		if !f.IsExported() || value.IsZero() {
			continue
		}
		if fields, ok := reflect.TypeAssert[closekit.CustomFields](value); ok {
			for _, c := range fields {
				id, _, _ := strings.Cut(c.Key, ".") // without .add or .remove
				set["custom."+id] = true
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		set[name] = true
	}
	return set
}
