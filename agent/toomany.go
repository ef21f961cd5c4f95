package agent

import (
	"encoding/json"
	"fmt"

	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
)

// TooManyToolsError reports tools that do not fit into one request to a model. The
// provider would refuse the whole request, so that no definitions are returned, rather
// than some of them.
type TooManyToolsError struct {
	Format Format
	Tools  int // in the prompt, without those that are deferred
	Most   int // that the provider takes
}

// Error says what to do.
func (e *TooManyToolsError) Error() string {
	deferral := ""
	if e.Format == OpenAIChat || e.Format == OpenAIStrict || e.Format == OpenAIResponses {
		deferral = " Or defer tools, with OpenAIResponses and WithDeferral."
	}
	return fmt.Sprintf("agent: a request in the format %s takes %d tools, not %d; choose some with Toolset or Tools, or offer MetaTools.%s", e.Format, e.Most, e.Tools, deferral)
}

// fit returns the definitions of tools that fit into one request. What is wrong with one of
// them is reported first: it is wrong in a smaller request too.
func fit(ts []*tool.Tool, f Format, p Profile, o lower.Options) ([]json.RawMessage, error) {
	list, err := lowered(ts, f, p, o)
	if err != nil {
		return nil, err
	}
	if n, most := lower.Loaded(ts, lower.Format(f), o), lower.MostLoaded(lower.Format(f)); most > 0 && n > most {
		return nil, &TooManyToolsError{f, n, most}
	}
	return list, nil
}
