package emulator

import (
	"net/url"
	"strconv"
)

// maxSubscriptions is the largest number of subscriptions of an organization.
const maxSubscriptions = 40

func webhookResources() []*resource {
	return []*resource{{
		name: "webhooks", prefix: "whsub", short: true, model: "WebhookSubscription", naive: true, authors: authorPlain, ascending: true,
		fields: []field{
			{name: "url", kind: text, need: true, notNull: true},
			{name: "events", kind: objects, need: true, notNull: true},
			{name: "verify_ssl", kind: flag, notNull: true},
		},
		prepare: prepareWebhook, change: changeWebhook, render: renderWebhook, release: releaseWebhook,
		narrow: func(c *call) (func(*record) bool, error) {
			return func(rec *record) bool { return c.ownsWebhook(rec) }, nil
		},
		removed: func(c *call, rec *record) { c.e.hooks.forget(rec.id) },
		actions: map[string]func(*call) (any, error){
			"create": func(c *call) (any, error) {
				rec, err := c.add(c.r, c.body)
				if err != nil {
					return nil, err
				}
				o := c.result(rec)
				o["signature_key"] = rec.data["signature_key"]
				return o, nil
			},
			"get": func(c *call) (any, error) {
				rec, err := c.target()
				if err != nil || !c.ownsWebhook(rec) {
					return nil, missing(c.r.model)
				}
				return c.result(rec), nil
			},
			"update": func(c *call) (any, error) {
				rec, err := c.target()
				if err != nil || !c.ownsWebhook(rec) {
					return nil, missing(c.r.model)
				}
				if err := c.modify(c.r, rec, c.body); err != nil {
					return nil, err
				}
				return c.result(rec), nil
			},
		},
	}}
}

// ownsWebhook reports whether the caller sees a subscription: administrators
// see all, others their own.
func (c *call) ownsWebhook(rec *record) bool {
	return rec.data["created_by"] == c.user || c.user == "" || c.may("manage_organization")
}

func releaseWebhook(c *call, rec *record) error {
	if !c.ownsWebhook(rec) {
		return missing(c.r.model)
	}
	return nil
}

func prepareWebhook(c *call, o, _ object, p *problems) {
	checkWebhook(o, p)
	if len(c.st.table("webhooks").all(c.org)) >= maxSubscriptions {
		c.failure = wrongList("The organization has as many webhook subscriptions as it may have.")
	}
	setDefaults(o, object{"verify_ssl": true})
	o["status"], o["health_status"], o["latest_error"], o["pause_reason"] = "active", nil, nil, nil
	o["signature_key"] = c.st.ids.hex(32)
	o["counters"], o["recent_consecutive_fail_buckets_cnt"] = object{}, int64(0)
	o["history"] = object{"errors": []any{}, "successes": []any{}}
}

func changeWebhook(_ *call, rec *record, patch, body object, p *problems) {
	checkWebhook(patch, p)
	raw, ok := body["status"]
	if !ok || raw == nil {
		return
	}
	switch status, _ := raw.(string); {
	case status != "active" && status != "paused":
		p.add("status", "Value must be one of active, paused.")
	case status != rec.data["status"]:
		patch["status"], patch["pause_reason"] = status, nil
		if status == "paused" {
			patch["pause_reason"] = "api"
		}
	}
}

// checkWebhook checks the URL and the events of a subscription.
func checkWebhook(o object, p *problems) {
	if raw, ok := o["url"]; ok {
		u, err := url.Parse(str(raw))
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.add("url", "Not a valid URL.")
		}
	}
	raw, ok := o["events"]
	if !ok {
		return
	}
	out, wrong := []any{}, object{}
	for i, e := range list(raw) {
		in, _ := e.(object)
		item := object{"extra_filter": nil}
		for _, k := range []string{"object_type", "action"} {
			s, ok := in[k].(string)
			if !ok || s == "" {
				wrong[strconv.Itoa(i)] = object{k: errRequired}
			}
			item[k] = s
		}
		if f := in["extra_filter"]; f != nil {
			if !validFilter(f, 0) {
				wrong[strconv.Itoa(i)] = object{"extra_filter": "Not a valid filter."}
			}
			item["extra_filter"] = f
		}
		out = append(out, item)
	}
	if len(out) == 0 {
		p.add("events", errRequired)
	}
	if len(wrong) > 0 {
		p.add("events", object{"errors": wrong})
	}
	o["events"] = out
}

func renderWebhook(_ *call, _ *record, o object) {
	delete(o, "signature_key")
	delete(o, "organization_id")
}
