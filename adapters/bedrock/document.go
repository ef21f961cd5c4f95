package closebedrock

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
)

// exact is a document that is sent as it is written. The SDK's own would sort the keys,
// and would send the bytes of a [json.RawMessage] as numbers.
type exact struct {
	document.Interface // has the method that only the SDK can have
	sent               json.RawMessage
	written            []byte // by the model
}

// MarshalSmithyDocument is for the SDK.
func (d exact) MarshalSmithyDocument() ([]byte, error) { return d.sent, nil }

// UnmarshalSmithyDocument is for hosts that show the input of a call.
func (d exact) UnmarshalSmithyDocument(v any) error { return json.Unmarshal(d.sent, v) }

// verbatim returns a document with the JSON of an object.
func verbatim(object json.RawMessage) exact {
	return exact{Interface: document.NewLazyDocument(nil), sent: object, written: object}
}

// piecewise returns a document with what a model has streamed. What is no object is sent
// back as an empty one, because Bedrock takes nothing else: the text of a model that was
// cut off, or no text, which is how a call without arguments comes.
func piecewise(text string) exact {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &m) == nil && m != nil {
		return verbatim(json.RawMessage(text))
	}
	d := verbatim(json.RawMessage("{}"))
	d.written = []byte(text)
	return d
}

// written returns the input as the model wrote it.
func written(input document.Interface) []byte {
	switch d := input.(type) {
	case nil:
		return []byte("{}")
	case exact:
		return d.written
	}
	b, err := input.MarshalSmithyDocument()
	if err != nil { // not of a document that comes from JSON
		return []byte(err.Error()) // of which the session says that it is no JSON
	}
	return b
}
