package closekit

//go:generate go run ./cmd/closegen -out closeapi -routes emulator/routes.go -reference docs/reference
