// Package webhooks receives the events of Close for many tenants: a handler that
// verifies deliveries, remembers which events were handled, and reads what was missed
// from Close's event log.
//
//	store, err := sqlitestore.Open("webhooks.db")
//	keys := webhooks.NewKeys(store, vault)
//	once := webhooks.Leased(store, 0, func(ctx context.Context, d *webhooks.Delivery) error {
//		if lead, ok := d.Event.AsLead(); ok && d.Event.Changed("status_id") {
//			log.Print(lead.Before.StatusID, lead.After.StatusID)
//		}
//		…
//	})
//	receiver, err := webhooks.NewReceiver(webhooks.Config{Keys: keys.Lookup, Once: once})
//	http.Handle("/close/events", receiver)
//	_, err = webhooks.Ensure(ctx, client, keys, webhooks.Want{Tenant: "acme", URL: "https://app.example/close/events", Kinds: kinds}, once)
//
// # What is handled once
//
// Close delivers an event again until a delivery succeeds, sends several updates that
// it merged with the id of the first and a later date, and promises no order. A [Once]
// decides by [Mark], the tenant with id and date of the event, and there are three kinds:
//
//   - [Leased] works with every [Store], also with [NewMemory]. A process that is killed
//     between the end of the function and the mark makes one repetition; it never loses an
//     event. The function may take its time.
//   - Transactional of the packages sqlitestore and pgstore hands the function the
//     transaction that has the mark. What is written through it and the mark are committed
//     together: nothing is lost and nothing is done twice, wherever the process is killed.
//     Effects outside of the transaction may still be repeated.
//   - The module adapters/jetstream publishes verified events to NATS JetStream.
//
// Marks are kept for [Retention], which is longer than Close repeats a delivery.
//
// # Order
//
// Compare [Delivery.Newer] with what you stored for the object, or store [Delivery.Order] and
// write only if it is greater. Two events of one object may be handled at the same time.
//
// # What deliveries miss
//
// Close drops deliveries after three days, and whenever a subscription is paused.
// [CatchUp] reads the event log from its last checkpoint through the same Once. Run it on
// a timer, hourly for example: it finds what was lost, and a program without a public
// address needs nothing else.
package webhooks
