package format

import (
	"bytes"

	"github.com/streamsql/streamsql/connectors"
)

// LineMessages reads a stream of lines with a decoder of messages: each line that
// is not blank (see Lines) is a message.
type LineMessages struct {
	Messages MessageDecoder
	spans    []Span
}

// Decode implements Decoder.
func (d *LineMessages) Decode(run []byte, n int) (*connectors.Records, error) {
	d.spans = d.spans[:0]
	for at := 0; at < len(run) && len(d.spans) < n; {
		end := len(run)
		if i := bytes.IndexByte(run[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if line := run[at:end]; !IsBlank(bytes.TrimSuffix(line, []byte{'\n'})) {
			d.spans = append(d.spans, Span{int32(at), int32(at + len(TrimLineEnd(line)))})
		}
		at = end
	}
	if err := d.Messages.Append(run, d.spans); err != nil {
		d.Messages.Release()
		return nil, err
	}
	return d.Messages.Finish()
}
