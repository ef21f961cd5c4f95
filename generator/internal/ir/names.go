package ir

import (
	"strings"

	"github.com/closekit/closekit/manifest"
)

// initialisms are words that Go code writes in capitals.
var initialisms = map[string]string{
	"id": "ID", "ids": "IDs", "url": "URL", "urls": "URLs", "uid": "UID", "uids": "UIDs", "html": "HTML", "json": "JSON", "http": "HTTP", "https": "HTTPS",
	"api": "API", "sms": "SMS", "mms": "MMS", "ssl": "SSL", "ip": "IP", "tz": "TZ", "iso": "ISO", "utc": "UTC", "smtp": "SMTP",
	"imap": "IMAP", "ai": "AI", "ui": "UI", "csv": "CSV", "pdf": "PDF", "crm": "CRM", "cc": "CC", "bcc": "BCC", "vm": "VM", "totp": "TOTP", "whatsapp": "WhatsApp",
}

// goName makes an exported Go name of a name in snake_case, of a word such as
// in-progress, or of a filter such as date_created__gte.
func goName(name string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) {
		if up, ok := initialisms[strings.ToLower(part)]; ok {
			b.WriteString(up)
			continue
		}
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	s := b.String()
	if s == "" {
		return "X"
	}
	if s[0] >= '0' && s[0] <= '9' {
		return "N" + s
	}
	return s
}

// funcName makes the Go name of a tool: close_sms_create is SMSCreate.
func funcName(tool string) string {
	_, rest, ok := strings.Cut(tool, "_")
	if !ok {
		rest = tool
	}
	return goName(rest)
}

// allName makes the name of the iterator of a list function.
func allName(fn string) string { return strings.TrimSuffix(fn, "List") + "All" }

// waitName makes the name of the function that waits for a job.
func waitName(fn string) string { return strings.TrimSuffix(fn, "Get") + "Wait" }

// totalsName makes the name of the function that reads a list's totals.
func totalsName(fn string) string { return strings.TrimSuffix(fn, "List") + "Totals" }

func paramsName(fn string) string { return fn + "Params" }

func opVar(fn string) string { return "op" + fn }

func variantMethod(v manifest.Variant) string { return "As" + v.Object.Name }

func enumConst(e *manifest.Enum, v manifest.EnumValue) string { return e.Name + goName(v.Value) }

// fieldName makes the Go name of a field. Some names are those of the embedded
// object and of methods.
func fieldName(name string) string {
	switch g := goName(name); g {
	case "Object", "MarshalJSON", "UnmarshalJSON", "MarshalText", "String":
		return g + "Value"
	default:
		return g
	}
}

func idType(k *manifest.IDKind) string { return goName(k.Name) + "ID" }

func idVar(k *manifest.IDKind) string { return "kind" + goName(k.Name) }
