// Package query builds queries for searches, Smart Views, bulk actions and exports, so
// that they read like sentences:
//
//	q := query.Leads(
//		query.Related("address", query.Field("city").Is("Berlin")),
//		query.Related("opportunity",
//			query.Field("status_type").Is("active"),
//			query.Field("value").AtLeast(closekit.Dollars(10_000)),
//		),
//		query.Not(query.Related("activity.call", query.Field("activity_at").Since(twoWeeksAgo))),
//	)
//	n, err := query.Count(ctx, c, q)
//	found, err := query.Find(ctx, c, closeapi.SearchParams{Query: q, Fields: &closeapi.SearchSelection{Lead: []string{"id", "display_name"}}})
//
// A query is a tree of [closeapi.SearchQuery]; [Raw] adds a node that this package has no
// word for. Nothing here fails: Close checks names of fields when it gets the query.
package query
