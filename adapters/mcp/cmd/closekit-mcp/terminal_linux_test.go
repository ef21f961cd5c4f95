package main

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/ptytest"
)

// TestTerminal tells a person who runs the program by hand what it waits for.
func TestTerminal(t *testing.T) {
	t.Parallel()
	master, slave := ptytest.Open(t)
	if _, err := master.WriteString("\x04"); err != nil { // end of input
		t.Fatal(err)
	}
	var out, errs output
	if code := run(t.Context(), nil, slave, &out, &errs, environment(nil)); code != exitOK || out.Len() > 0 || !strings.Contains(errs.String(), "waiting for the messages of an MCP client") {
		t.Errorf("%d %q %q", code, &out, &errs)
	}
}
