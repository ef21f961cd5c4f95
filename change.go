package closekit

// Change is a record after and before an event. Either may be nil: After of a deletion,
// and Before of everything but changes and deletions. Before of a change has only what
// changed; a field that is zero in it may not have changed at all.
type Change[T any] struct{ After, Before *T }
