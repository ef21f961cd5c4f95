package closemcp_test

import (
	"testing"

	"github.com/closekit/closekit/internal/snippets"
)

// TestComments compiles the code in doc comments.
func TestComments(t *testing.T) {
	t.Parallel()
	if n := snippets.Check(t, "."); n == 0 {
		t.Error("no doc comment has code")
	}
}
