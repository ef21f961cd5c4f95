// Package faults holds tests that hurt whole processes: workers that are killed,
// stopped and raced against each other on real stores, and databases that go
// away. It has no code of its own.
//
// By default the tests take a minute or two, with -short less. To run them for
// hours:
//
//	CLOSEKIT_KILLS=200 go test -run TestKill -timeout 2h ./runtime/accounts/internal/faults
//	CLOSEKIT_SOAK=72h CLOSEKIT_SOAK_ACCOUNTS=10000 go test -run TestSoak -timeout 0 ./runtime/accounts/internal/faults
package faults
