// Package closekit is the root of the module; the packages below it do the
// work. Start with closeapi, runtime and the README.
package closekit

//go:generate go run ./cmd/closegen -out closeapi -routes emulator/routes.go -reference docs/reference
