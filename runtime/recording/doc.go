// Package recording writes down what a client and Close say to each other, in a form
// that can be attached to a report of a bug, and answers from it in tests.
//
//	f, err := os.Create("close.jsonl")
//	rec, err := recording.New(f)
//	c := closekit.NewClient(source, closekit.WithMiddleware(rec.Middleware))
//	...
//	err = rec.Close()
//
// # What is redacted
//
// Credentials are never seen: the client adds them after the middleware. In everything
// else, members and parameters named like secrets lose their value, as do the values
// given to [Hide], tokens, API keys, email addresses and phone numbers wherever they
// occur. The same value always becomes the same replacement within one recording, so
// that it can still be followed, and nothing leads back to it. Names of people and
// companies, and the text of notes and messages, remain: read a recording before you
// send it.
//
// # The file
//
// A recording is JSON lines: a header, then one line for each attempt. [Read] reads
// it, [NewReplay] answers from it, the emulator loads its objects, and
// "closegen drift -recording" compares it with the manifest.
package recording
