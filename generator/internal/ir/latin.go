package ir

import (
	"strings"
	"sync"
	"unicode"
)

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }

// latinLetters writes the letters of European languages with ASCII. A table of our own
// makes the same names with every version of Unicode.
var latinLetters = sync.OnceValue(func() *strings.Replacer {
	return newLatin(map[string]string{
		"A": "ÀÁÂÃÅĀĂĄ", "a": "àáâãåāăą", "Ae": "ÄÆ", "ae": "äæ", "C": "ÇĆĈĊČ", "c": "çćĉċč", "D": "ĎĐÐ", "d": "ďđð", "E": "ÈÉÊËĒĔĖĘĚ", "e": "èéêëēĕėęě",
		"G": "ĜĞĠĢ", "g": "ĝğġģ", "H": "ĤĦ", "h": "ĥħ", "I": "ÌÍÎÏĨĪĬĮİ", "i": "ìíîïĩīĭįı", "J": "Ĵ", "j": "ĵ", "K": "Ķ", "k": "ķ", "L": "ĹĻĽĿŁ", "l": "ĺļľŀł",
		"N": "ÑŃŅŇ", "n": "ñńņň", "O": "ÒÓÔÕŌŎŐ", "o": "òóôõōŏő", "Oe": "ÖØŒ", "oe": "öøœ", "R": "ŔŖŘ", "r": "ŕŗř", "S": "ŚŜŞŠȘ", "s": "śŝşšș", "ss": "ß",
		"T": "ŢŤŦȚ", "t": "ţťŧț", "Th": "Þ", "th": "þ", "U": "ÙÚÛŨŪŬŮŰŲ", "u": "ùúûũūŭůűų", "Ue": "Ü", "ue": "ü", "W": "Ŵ", "w": "ŵ", "Y": "ÝŶŸ", "y": "ýÿŷ",
		"Z": "ŹŻŽ", "z": "źżž",
	})
})

func newLatin(table map[string]string) *strings.Replacer {
	var pairs []string
	for ascii, letters := range table {
		for _, r := range letters {
			pairs = append(pairs, string(r), ascii)
		}
	}
	return strings.NewReplacer(pairs...)
}
