package doctest

import (
	"testing"

	"github.com/closekit/closekit/internal/snippets"
)

// TestComments compiles the code in doc comments.
func TestComments(t *testing.T) {
	t.Parallel()
	if n := snippets.Check(t, "../.."); n < 25 {
		t.Errorf("%d pieces of code were found", n)
	}
}
