// Package closejetstream hands the events of Close to NATS JetStream, for hosts whose
// handlers run on several machines: a receiver publishes each verified event once, and
// durable consumers work through them at their own pace.
//
//	stream, err := closejetstream.Open(ctx, js, closejetstream.Config{})
//	receiver, err := webhooks.NewReceiver(webhooks.Config{Keys: keys.Lookup, Once: stream.Once()})
//
// and in the workers:
//
//	err := stream.Consume(ctx, "crm-sync", "", store.Transactional(0, handle))
//
// Close gets its response when JetStream has stored the event. The id of the message is
// made of the tenant, the id and the date of the event, so that the stream drops repetitions
// for as long as Close makes them. A consumer gets every message at least once: give it a
// [webhooks.Once] with a store to handle each once.
//
// The server's max_payload is 1 MB unless it is configured; events can be larger. Set it to
// 8 MB.
package closejetstream
