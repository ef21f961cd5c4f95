package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// openBrowser opens an address by the program that the system has for it, and waits
// until that program ends, which may be the browser itself.
func openBrowser(ctx context.Context, address string) error {
	opener := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		opener = []string{"open"}
	case "windows":
		opener = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	cmd := exec.CommandContext(ctx, opener[0], append(opener[1:], address)...) //nolint:gosec // one of three programs
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {            // a browser needs no credentials
		return strings.HasPrefix(v, envAPIKey+"=") || strings.HasPrefix(v, envToken+"=")
	})
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", opener[0], err)
	}
	return nil
}
