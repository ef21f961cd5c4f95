package agent

import "encoding/json"

func (s *Session) answer(p *planned, out json.RawMessage) string { return string(out) }

// Redact returns input for the audit log.
func Redact(input json.RawMessage) json.RawMessage { return input }
