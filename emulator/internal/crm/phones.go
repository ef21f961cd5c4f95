package crm

import (
	"strings"

	"github.com/closekit/closekit/emulator/internal/phone"
	"github.com/closekit/closekit/emulator/internal/rest"
)

const msgPhone = "Not a valid phone number."

// parsePhone reads a phone number with the server's own parser if it has one that
// knows the number, else by the built-in rules.
func parsePhone(c *rest.Call, text string) (phone.Number, bool) {
	if own := c.Engine.Options.ParsePhone; own != nil {
		if n, ok := own(text); ok {
			return n, true
		}
	}
	return phone.Parse(text)
}

// callerNumber is like parsePhone, and accepts what the telephone system stores
// for a caller who hides the number.
func callerNumber(c *rest.Call, text string) (phone.Number, bool) {
	if strings.EqualFold(text, "anonymous") {
		return phone.Number{E164: "anonymous", Formatted: "anonymous"}, true
	}
	return parsePhone(c, text)
}
