// Package contract asks Close what its documentation leaves open, and prints the
// answers. By default the tests ask the emulator, which proves that the questions work
// and shows what the emulator answers. They ask a real account with
//
//	CLOSEKIT_LIVE=1 CLOSEKIT_LIVE_ORGANIZATION=orga_… CLOSE_API_KEY=api_… go test -v ./internal/contract
//
// The organization must be the one of the key. Use one that exists for tests: the
// questions create leads, contacts, opportunities, a custom field, a pipeline, sequences
// that send nothing and a subscription to webhooks, and delete them. What no key can ask
// is printed with the reason. They never run so where CI is set.
package contract
