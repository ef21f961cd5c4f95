package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/closekit/closekit"
)

// The requests of this package to Close. They use the client directly: an event is kept as
// it came, of a subscription only what is compared is read, and unlike the generated
// functions they accept every kind of event and every response that has that.

var (
	opList   = closekit.Operation{Tool: "close_webhooks_list", Method: http.MethodGet, Path: "/webhook/", Effect: closekit.Read, Idempotent: true}
	opGet    = closekit.Operation{Tool: "close_webhook_get", Method: http.MethodGet, Path: "/webhook/{webhook_id}/", Effect: closekit.Read, Idempotent: true}
	opCreate = closekit.Operation{Tool: "close_webhook_create", Method: http.MethodPost, Path: "/webhook/", Effect: closekit.Egress | closekit.Admin}
	opUpdate = closekit.Operation{
		Tool: "close_webhook_update", Method: http.MethodPut, Path: "/webhook/{webhook_id}/", Effect: closekit.Overwrite | closekit.Egress | closekit.Admin,
		Idempotent: true,
	}
	opDelete = closekit.Operation{Tool: "close_webhook_delete", Method: http.MethodDelete, Path: "/webhook/{webhook_id}/", Effect: closekit.Destructive | closekit.Admin}
	opEvents = closekit.Operation{Tool: "close_events_list", Method: http.MethodGet, Path: "/event/", Effect: closekit.Read, Idempotent: true}
)

// remote is a subscription in Close.
type remote struct {
	ID           string            `json:"id"`
	URL          string            `json:"url"`
	Events       []remoteKind      `json:"events"`
	Status       string            `json:"status"`
	VerifySSL    *bool             `json:"verify_ssl"`
	SignatureKey closekit.Secret   `json:"signature_key"`
	DateCreated  closekit.DateTime `json:"date_created"`
}

type remoteKind struct {
	ObjectType  string          `json:"object_type"`
	Action      string          `json:"action"`
	ExtraFilter json.RawMessage `json:"extra_filter,omitempty"`
}

func into(out any) func(closekit.Response) error {
	return func(r closekit.Response) error { return json.Unmarshal(r.Body, out) }
}

func webhookPath(id string) string { return "/webhook/" + url.PathEscape(id) + "/" }

// listWebhooks returns all subscriptions that the caller sees.
func listWebhooks(ctx context.Context, c *closekit.Client) (all []remote, err error) {
	const limit = 100
	for {
		var page struct {
			Data    []remote `json:"data"`
			HasMore bool     `json:"has_more"`
		}
		query := url.Values{"_limit": {strconv.Itoa(limit)}, "_skip": {strconv.Itoa(len(all))}}
		if err := c.Do(ctx, closekit.Request{Operation: &opList, Path: opList.Path, Query: query.Encode()}, into(&page)); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if !page.HasMore || len(page.Data) == 0 {
			return all, nil
		}
	}
}

func getWebhook(ctx context.Context, c *closekit.Client, id string) (r remote, err error) {
	err = c.Do(ctx, closekit.Request{Operation: &opGet, Path: webhookPath(id)}, into(&r))
	return r, err
}

func createWebhook(ctx context.Context, c *closekit.Client, body []byte) (r remote, err error) {
	err = c.Do(ctx, closekit.Request{Operation: &opCreate, Path: opCreate.Path, Body: body}, into(&r))
	return r, err
}

func updateWebhook(ctx context.Context, c *closekit.Client, id string, body []byte) error {
	return c.Do(ctx, closekit.Request{Operation: &opUpdate, Path: webhookPath(id), Body: body}, nil)
}

// deleteWebhook deletes a subscription. One that is gone is as good.
func deleteWebhook(ctx context.Context, c *closekit.Client, id string) error {
	err := c.Do(ctx, closekit.Request{Operation: &opDelete, Path: webhookPath(id)}, nil)
	if closekit.IsNotFound(err) {
		return nil
	}
	return err
}

// eventPage is a page of the event log, newest first.
type eventPage struct {
	Data []json.RawMessage `json:"data"`
	Next *string           `json:"cursor_next"`
}

// maxEventPage is the largest page of the event log.
const maxEventPage = 50

// listEvents reads a page of the log: the first one with bounds, the next ones with the
// cursor, which stands for the bounds. A zero bound is none.
func listEvents(ctx context.Context, c *closekit.Client, k Kind, from, to time.Time, cursor string) (page eventPage, err error) {
	query := url.Values{"object_type": {k.ObjectType}, "action": {k.Action}, "_limit": {strconv.Itoa(maxEventPage)}}
	switch {
	case cursor != "":
		query.Set("_cursor", cursor)
	default:
		query.Set("date_updated__gte", string(closekit.DateTimeOf(from.UTC())))
		if !to.IsZero() {
			query.Set("date_updated__lte", string(closekit.DateTimeOf(to.UTC())))
		}
	}
	err = c.Do(ctx, closekit.Request{Operation: &opEvents, Path: opEvents.Path, Query: query.Encode()}, into(&page))
	if err == nil && page.Next != nil && *page.Next != "" && *page.Next == cursor {
		err = errors.New("webhooks: the event log repeats a page")
	}
	if err != nil {
		return page, fmt.Errorf("webhooks: read the events %s: %w", k, err)
	}
	return page, nil
}
