// Package faults holds tests that kill receivers of webhooks around the commit of a
// delivery, on real stores, and count what was lost and what was done twice. It has no code
// of its own.
//
// By default the tests take some seconds. For the number of kills that the documents claim:
//
//	CLOSEKIT_KILLS=200 go test -run TestKill -v -timeout 1h ./runtime/webhooks/internal/faults
package faults
