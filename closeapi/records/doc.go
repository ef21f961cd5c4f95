// Package records has what single calls of Close cannot do: find a lead or contact or
// create it, although Close's search lags behind writes by up to a minute, and change
// a record only if it is as it was read, although Close has no conditional writes.
//
// Both narrow a race; neither can close it. What remains is said at [Finder] and
// [Update].
package records
