package registry

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// HeaderBytes is the length of the envelope before a message's value: a zero byte
// and the schema's id.
const HeaderBytes = 5

// Split takes the id off a message; false: it has no envelope.
func Split(message []byte) (id int, value []byte, ok bool) {
	if len(message) < HeaderBytes || message[0] != 0 {
		return 0, nil, false
	}
	return int(binary.BigEndian.Uint32(message[1:])), message[HeaderBytes:], true
}

// AppendHeader appends the envelope of a message.
func AppendHeader(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}

// NoEnvelope is the detail of the error of a message that Split can't split.
const NoEnvelope = "the message has no schema id: it does not begin with a zero byte and 4 bytes more"

// The codes of messages whose schema can't be had or does not fit.
const (
	CodeUnknownSchema = "UNKNOWN_SCHEMA"
	CodeMismatch      = "SCHEMA_MISMATCH"
)

// Plans keeps what the messages of each schema are read with. It belongs to one
// goroutine.
type Plans[P any] struct {
	client  *Client
	compile func(*Schema) (P, error)
	plans   map[int]P
	misfits map[int]string // by id, why the schema does not fit
}

// NewPlans makes an empty set; compile makes the plan of a schema, or says why its
// messages can't be read.
func NewPlans[P any](client *Client, compile func(*Schema) (P, error)) *Plans[P] {
	return &Plans[P]{client: client, compile: compile, plans: map[int]P{}, misfits: map[int]string{}}
}

// Misfit is what is wrong with a message: the code and detail of its error.
type Misfit struct{ Code, Detail string }

// Of gives the plan of a schema, or what is wrong with its messages. It waits for a
// registry that does not answer; an error says that it never did.
func (p *Plans[P]) Of(id int) (plan P, misfit *Misfit, err error) {
	if plan, ok := p.plans[id]; ok {
		return plan, nil, nil
	}
	if why, ok := p.misfits[id]; ok {
		return plan, &Misfit{CodeMismatch, why}, nil
	}
	s, err := p.client.ByID(id)
	if errors.Is(err, ErrUnknown) {
		return plan, &Misfit{CodeUnknownSchema, fmt.Sprintf("the registry knows no schema %d", id)}, nil
	}
	if err != nil {
		return plan, nil, err
	}
	if plan, err = p.compile(s); err != nil {
		p.misfits[id] = fmt.Sprintf("schema %d: %v", id, err)
		return plan, &Misfit{CodeMismatch, p.misfits[id]}, nil
	}
	p.plans[id] = plan
	return plan, nil, nil
}

// Each adds a row for each message of buf: read is called with the plan of its
// schema and where the value behind the envelope lies.
func Each[P any](p *Plans[P], rows *cell.Rows, buf []byte, spans []format.Span, read func(plan P, start, end, row int)) error {
	var last P
	lastID := -1
	return rows.Messages(spans, func(s format.Span, row int) error {
		id, _, ok := Split(s.Of(buf))
		if !ok {
			rows.Bad(row, format.CodeMalformed, NoEnvelope)
			return nil
		}
		if id != lastID {
			plan, misfit, err := p.Of(id)
			if err != nil {
				return err
			}
			if misfit != nil {
				rows.Bad(row, misfit.Code, misfit.Detail)
				return nil
			}
			last, lastID = plan, id
		}
		read(last, int(s.Start)+HeaderBytes, int(s.End), row)
		return nil
	})
}
