package crm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/phone"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func telephonyResources() []*rest.Resource {
	return []*rest.Resource{
		{
			Name: "phone_numbers", Prefix: "phon", Model: "PhoneNumber", Event: "phone_number", Authors: rest.AuthorNone, Ascending: true,
			Fields: []rest.Field{
				{Name: "label", Kind: rest.Text},
				{Name: "participants", Kind: rest.Texts, NotNull: true},
				{Name: "phone_numbers", Kind: rest.Texts, NotNull: true},
				{Name: "forward_to", Kind: rest.Text},
				{Name: "forward_to_enabled", Kind: rest.Flag, NotNull: true},
				{Name: "press_1_to_accept", Kind: rest.Flag, NotNull: true},
				{Name: "inbound_ring_duration", Kind: rest.Whole, Bounded: true, Min: 15, Max: 90},
				{Name: "voicemail_greeting_url", Kind: rest.Text},
			},
			Filters: map[string]rest.Kind{"number": rest.Text, "user_id": rest.Text, "is_group_number": rest.Flag, "participant_user_id": rest.Text},
			Value: func(_ *rest.Call, rec *store.Record, name string) any {
				if name == "participant_user_id" {
					return rec.Data["participants"]
				}
				return rec.Data[name]
			},
			Change: changeNumber,
			Release: func(c *rest.Call, rec *store.Record) error {
				if c.May("manage_organization") || slices.Contains(value.List(rec.Data["participants"]), any(c.User)) {
					return nil
				}
				return c.Denied()
			},
			Actions: map[string]func(*rest.Call) (any, error){"rent": rentNumber},
		},
		{
			Name: "dialers", Prefix: "dial", Short: true, Model: "Dialer", Authors: rest.AuthorNone,
			Filters: map[string]rest.Kind{
				"user_id": rest.Text, "status": rest.Text, "source_type": rest.Text, "source_value": rest.Text, "organization_id": rest.Text,
			},
		},
		{
			Name: "blocked_phone_numbers", Prefix: "blkph", Short: true, Model: "BlockedPhoneNumber", Authors: rest.AuthorPlain,
			Fields: []rest.Field{
				{Name: "phone", Kind: rest.Text, Need: true, Access: rest.OnCreate},
				{Name: "reason", Kind: rest.Text, Need: true, NotNull: true},
			},
			Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
				n, ok := parsePhone(c, value.String(o["phone"]))
				if !ok {
					p.Add("phone", msgPhone)
					return
				}
				o["phone"] = n.E164
				if isBlocked(c, n.E164) {
					p.Add("phone", "This number is blocked already.")
				}
			},
			Actions: map[string]func(*rest.Call) (any, error){"settings": callSettings, "update_settings": setCallSettings},
		},
	}
}

// isBlocked reports whether a number can neither call nor be called.
func isBlocked(c *rest.Call, number string) bool {
	return slices.ContainsFunc(c.State.Table("blocked_phone_numbers").All(c.Organization), func(rec *store.Record) bool {
		return rec.Data["phone"] == number
	})
}

func callSettings(c *rest.Call) (any, error) {
	org := c.State.Organization(c.Organization)
	return object{"reject_anonymous_inbound_calls": org.RejectAnonymous}, nil
}

func setCallSettings(c *rest.Call) (any, error) {
	reject, ok := c.Body["reject_anonymous_inbound_calls"].(bool)
	if !ok {
		return nil, rest.FieldError("reject_anonymous_inbound_calls", rest.MsgRequired)
	}
	c.State.Organization(c.Organization).RejectAnonymous = reject
	return callSettings(c)
}

// AddNumber stores a phone number of the organization.
func AddNumber(c *rest.Call, n phone.Number, o object) *store.Record {
	full := object{
		"number": n.E164, "number_formatted": n.Formatted, "country": value.OrNull(n.Country), "type": "internal", "label": nil,
		"carrier": nil, "carrier_type": nil, "participants": []any{}, "phone_numbers": []any{},
		"forward_to": nil, "forward_to_enabled": false, "press_1_to_accept": false, "inbound_ring_duration": nil,
		"voicemail_greeting_url": nil, "sms_enabled": true, "mms_enabled": n.Country == "US" || n.Country == "CA",
		"supports_sms_to_countries": []any{value.OrNull(n.Country)}, "supports_mms_to_countries": []any{},
		"is_premium": false, "is_verified": false, "was_ported": false, "last_billed_price": nil, "next_billing_on": nil,
		"address_id": nil, "bundle_id": nil,
	}
	maps.Copy(full, o)
	derivedOfNumber(c, full)
	return c.Insert(c.Engine.Resources["phone_numbers"], full)
}

// derivedOfNumber sets what follows from other fields.
func derivedOfNumber(c *rest.Call, o object) {
	if list, ok := o["participants"].([]any); ok {
		o["is_group_number"], o["user_id"] = len(list) != 1, nil
		if len(list) == 1 {
			o["user_id"] = list[0]
		}
	}
	if list, ok := o["phone_numbers"].([]any); ok {
		formatted := []any{}
		for _, v := range list {
			n, _ := parsePhone(c, value.String(v))
			formatted = append(formatted, n.Formatted)
		}
		o["phone_numbers_formatted"] = formatted
	}
	if v, ok := o["forward_to"]; ok {
		o["forward_to_formatted"] = nil
		if n, ok := parsePhone(c, value.String(v)); ok {
			o["forward_to"], o["forward_to_formatted"] = n.E164, n.Formatted
		}
	}
}

func changeNumber(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
	if !c.May("manage_organization") && !slices.Contains(value.List(rec.Data["participants"]), any(c.User)) {
		c.Failure = c.Denied()
	}
	for _, id := range value.List(patch["participants"]) {
		if !c.State.Member(c.Organization, value.String(id)) && c.State.Find("groups", c.Organization, value.String(id)) == nil {
			p.Add("participants", rest.MsgNoObject)
		}
	}
	for _, n := range value.List(patch["phone_numbers"]) {
		if _, ok := parsePhone(c, value.String(n)); !ok {
			p.Add("phone_numbers", msgPhone)
		}
	}
	if s := value.String(patch["forward_to"]); s != "" {
		if _, ok := parsePhone(c, s); !ok {
			p.Add("forward_to", msgPhone)
		}
	}
	derivedOfNumber(c, patch)
}

// Words with which Close says why a number cannot be rented.
const (
	rentVoiceOnly = "has-voice-only"
	rentNeedsMore = "needs-more-info"
	rentBilling   = "billing-error"
	rentFailed    = "error"
)

func refuseRent(status, text string) error {
	return &rest.Error{Status: http.StatusBadRequest, Body: object{"error": text, "status": status}}
}

// rentable are the countries in which the emulator has numbers, with calling code,
// digits after it and what renting takes.
var rentable = map[string]struct {
	code, area, tail  string
	sms, needsAddress bool
}{
	"US": {"1", "650", "55501%02d", true, false},
	"CA": {"1", "604", "55501%02d", true, false},
	"GB": {"44", "20", "794600%02d", true, false},
	"FR": {"33", "1", "990001%02d", false, false},
	"DE": {"49", "30", "230010%02d", true, true},
}

// rentNumber rents a number, unless the organization cannot pay, nothing fits or
// the country demands a proof of address.
func rentNumber(c *rest.Call) (any, error) {
	country, ok := c.Body["country"].(string)
	if !ok || country == "" {
		return nil, rest.FieldError("country", rest.MsgRequired)
	}
	prefix := value.String(c.Body["prefix"])
	org := c.State.Organization(c.Organization)
	offer, ok := rentable[strings.ToUpper(country)]
	switch {
	case len(prefix) > 5 || strings.Trim(prefix, "0123456789") != "":
		return nil, rest.FieldError("prefix", "Not a valid area code.")
	case !ok:
		return nil, refuseRent(rentFailed, "There are no numbers in this country.")
	case org.Unpaid:
		return nil, refuseRent(rentBilling, "The payment failed. Check the billing settings.")
	case offer.needsAddress && c.Body["bundle_id"] == nil:
		return nil, refuseRent(rentNeedsMore, "Numbers in this country need a proof of address.")
	case !offer.sms && (value.Bool(c.Body["with_sms"]) || value.Bool(c.Body["with_mms"])):
		return nil, refuseRent(rentVoiceOnly, "Numbers in this country cannot send text messages.")
	}
	if prefix == "" {
		prefix = offer.area
	}
	for i := range 100 {
		n, ok := parsePhone(c, "+"+offer.code+prefix+fmt.Sprintf(offer.tail, i))
		if !ok || c.State.NumberTaken(n.E164) {
			continue
		}
		participants := []any{c.User}
		if c.Body["sharing"] == "group" {
			participants = []any{}
		}
		rec := AddNumber(c, phone.Number{E164: n.E164, Formatted: n.Formatted, Country: strings.ToUpper(country)}, object{
			"participants": participants, "sms_enabled": offer.sms, "carrier_type": c.Body["carrier_type"], "bundle_id": c.Body["bundle_id"],
			"next_billing_on": value.Stamp(c.Now.AddDate(0, 1, 0)),
		})
		o := c.Result(rec)
		for _, k := range []string{"date_created", "date_updated"} { // unlike a number that is read
			o[k] = value.Naive(c.Now)
		}
		return o, nil
	}
	return nil, refuseRent(rentFailed, "No number is available in this area.")
}
