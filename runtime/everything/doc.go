// Package everything reads whole lists, however long. Close pages a list by offset, and
// refuses offsets above a limit (35,000 were observed); this package goes past it by the
// date on which records were created:
//
//	for lead, err := range everything.All(ctx, client, closeapi.LeadsList, closeapi.LeadsListParams{}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// A record that exists throughout comes exactly once, one that is created or deleted
// meanwhile at most once. That takes a list whose order does not change by itself, so
// that lists are sorted by creation where Close can do that. Pages overlap by a record:
// where the record of the page before is missing, something was deleted, and the page is
// read again from further up. Changing a record does not move it; a filter that it no
// longer passes makes it one that was deleted.
//
// [Pages] has a [Position] after every page. It is text that can be stored with what was
// done with the page, and is where another process goes on, see [From].
//
// A list without a date to bound, such as that of contacts, is read the same way up to
// the limit, where it ends with a [*closekit.SkipLimitError]. Contacts, leads and
// opportunities can be read by closeapi.Search instead, with any query: by its cursor as
// far as a search reaches (10,000 records), then by searches that begin at the time of
// creation that was reached. A cursor that expires, because the loop takes its time, only
// begins the next search early.
package everything
