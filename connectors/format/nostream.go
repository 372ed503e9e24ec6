package format

import (
	"errors"

	"github.com/streamsql/streamsql/connectors"
)

// ErrNoStream says that a format's records have no ends of their own.
var ErrNoStream = errors.New("records of this format have no ends of their own, so there is no stream of them")

// NoStream is the part of a Decoding, and the Encoder, of a format that is for
// messages only.
type NoStream struct{}

// Cut implements Cutter.
func (NoStream) Cut([]byte, connectors.Limits, bool) Cut { return Cut{} }

// Headed implements Decoding.
func (NoStream) Headed() bool { return false }

// Stream implements Decoding.
func (NoStream) Stream([]byte) (Stream, bool, error) { return nil, false, ErrNoStream }

// Append implements Encoder.
func (NoStream) Append(dst []byte, _ *connectors.Batch) ([]byte, error) { return dst, ErrNoStream }
