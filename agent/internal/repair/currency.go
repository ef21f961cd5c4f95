package repair

import "strings"

// Symbol returns the symbol that amounts in a currency are written with, "" if it is
// not known. A symbol of several currencies means the organization's.
func Symbol(code string) string { return symbols[strings.ToUpper(code)] }

var symbols = map[string]string{
	"AUD": "$", "BRL": "R$", "CAD": "$", "EUR": "€", "GBP": "£", "ILS": "₪", "INR": "₹", "MXN": "$", "NZD": "$", "PHP": "₱", "SGD": "$", "USD": "$",
}
