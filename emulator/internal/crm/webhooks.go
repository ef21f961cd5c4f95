package crm

import (
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/closekit/closekit/emulator/internal/hooks"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// maxSubscriptions is the largest number of subscriptions of an organization.
const maxSubscriptions = 40

func webhookResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "webhooks", Prefix: "whsub", Short: true, Model: "WebhookSubscription", Authors: rest.AuthorPlain, Ascending: true,
		Fields: []rest.Field{
			{Name: "url", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "events", Kind: rest.Objects, Need: true, NotNull: true},
			{Name: "verify_ssl", Kind: rest.Flag, NotNull: true},
		},
		Prepare: prepareWebhook, Change: changeWebhook, Render: renderWebhook, Release: releaseWebhook,
		Narrow: func(c *rest.Call) (func(*store.Record) bool, error) {
			return func(rec *store.Record) bool { return ownsWebhook(c, rec) }, nil
		},
		Removed: func(c *rest.Call, rec *store.Record) { c.Engine.Hooks.Forget(rec.ID) },
		Actions: map[string]func(*rest.Call) (any, error){
			"create": func(c *rest.Call) (any, error) {
				rec, err := c.Add(c.Resource, c.Body)
				if err != nil {
					return nil, err
				}
				o := c.Result(rec)
				o["signature_key"] = rec.Data["signature_key"]
				return o, nil
			},
			"get": func(c *rest.Call) (any, error) {
				rec, err := c.Target()
				if err != nil || !ownsWebhook(c, rec) {
					return nil, rest.Missing(c.Resource.Model)
				}
				return c.Result(rec), nil
			},
			"update": func(c *rest.Call) (any, error) {
				rec, err := c.Target()
				if err != nil || !ownsWebhook(c, rec) {
					return nil, rest.Missing(c.Resource.Model)
				}
				if err := c.Modify(c.Resource, rec, c.Body); err != nil {
					return nil, err
				}
				return c.Result(rec), nil
			},
		},
	}}
}

// ownsWebhook reports whether the caller sees a subscription: administrators
// see all, others their own.
func ownsWebhook(c *rest.Call, rec *store.Record) bool {
	return rec.Data["created_by"] == c.User || c.User == "" || c.May("manage_organization")
}

func releaseWebhook(c *rest.Call, rec *store.Record) error {
	if !ownsWebhook(c, rec) {
		return rest.Missing(c.Resource.Model)
	}
	return nil
}

func prepareWebhook(c *rest.Call, o, _ object, p *rest.Problems) {
	checkWebhook(c, o, p)
	refuseTwin(c, nil, o)
	if len(c.State.Table("webhooks").All(c.Organization)) >= maxSubscriptions {
		c.Failure = rest.WrongList("The organization has as many webhook subscriptions as it may have.")
	}
	setDefaults(o, object{"verify_ssl": true})
	o["status"], o["health_status"], o["latest_error"], o["pause_reason"] = "active", nil, nil, nil
	o["signature_key"] = c.State.IDs.Hex(32)
	o["counters"], o["recent_consecutive_fail_buckets_cnt"] = object{}, int64(0)
	o["history"] = object{"errors": []any{}, "successes": []any{}}
}

func changeWebhook(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	checkWebhook(c, patch, p)
	changeStatus(rec, patch, body, p)
	now := value.Shallow(rec.Data)
	maps.Copy(now, patch)
	if now["status"] == "active" {
		refuseTwin(c, rec, now)
	}
}

// changeStatus pauses a subscription or makes it active again.
func changeStatus(rec *store.Record, patch, body object, p *rest.Problems) {
	raw, ok := body["status"]
	if !ok || raw == nil {
		return
	}
	switch status, _ := raw.(string); {
	case status != "active" && status != "paused":
		p.Add("status", "Value must be one of active, paused.")
	case status != rec.Data["status"]:
		patch["status"], patch["pause_reason"] = status, nil
		if status == "paused" {
			patch["pause_reason"] = "api"
		}
	}
}

// refuseTwin refuses a subscription with the URL and the events of another one
// that is active.
func refuseTwin(c *rest.Call, self *store.Record, o object) {
	for _, rec := range c.State.Table("webhooks").All(c.Organization) {
		if rec != self && rec.Data["status"] == "active" && rec.Data["url"] == o["url"] && sameEvents(rec.Data["events"], o["events"]) {
			c.Failure = rest.WrongList("There is already an active webhook subscription with this URL and these events: " + rec.ID + ".")
			return
		}
	}
}

// sameEvents reports whether two lists have the same events, in any order.
func sameEvents(a, b any) bool {
	set := func(v any) []string {
		var out []string
		for _, e := range value.List(v) {
			out = append(out, string(value.Encode(e)))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(set(a), set(b))
}

// checkWebhook checks the URL and the events of a subscription.
func checkWebhook(c *rest.Call, o object, p *rest.Problems) {
	if raw, ok := o["url"]; ok {
		u, err := url.Parse(value.String(raw))
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.Add("url", "Not a valid URL.")
		} else if !c.Engine.Options.LinkLocalWebhooks && hooks.LinkLocal(u.Hostname()) {
			p.Add("url", "Link-local addresses are not allowed.")
		}
	}
	raw, ok := o["events"]
	if !ok {
		return
	}
	out, wrong := []any{}, object{}
	for i, e := range value.List(raw) {
		in, _ := e.(object)
		item := object{"extra_filter": nil}
		for _, k := range []string{"object_type", "action"} {
			s, ok := in[k].(string)
			if !ok || s == "" {
				wrong[strconv.Itoa(i)] = object{k: rest.MsgRequired}
			}
			item[k] = s
		}
		if f := in["extra_filter"]; f != nil {
			if !hooks.ValidFilter(f, 0) {
				wrong[strconv.Itoa(i)] = object{"extra_filter": "Not a valid filter."}
			}
			item["extra_filter"] = f
		}
		out = append(out, item)
	}
	if len(out) == 0 {
		p.Add("events", rest.MsgRequired)
	}
	if len(wrong) > 0 {
		p.Add("events", object{"errors": wrong})
	}
	o["events"] = out
}

func renderWebhook(_ *rest.Call, _ *store.Record, o object) {
	delete(o, "signature_key")
	delete(o, "organization_id")
}
