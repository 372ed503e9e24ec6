package ndjson

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
	"github.com/streamsql/streamsql/connectors/format/sample"
)

// infer gives the members of the first records, in the order in which they come up,
// with types that all of these fit. Records that are no objects are passed over.
func infer(cfg format.InferConfig) ([]catalog.Field, error) {
	g, err := Guess(cfg, nil)
	if g == nil {
		return nil, err
	}
	return g.Fields(), nil
}

// TimeSeparator stands between the date and the time of the timestamps that are read.
func TimeSeparator(o catalog.Options) string {
	if timestampFormat(o) != json.TimestampSQL {
		return "T"
	}
	return " "
}

// Guess looks at the objects of the first records. pick gives the objects within a
// record that stand for rows; nil: the record itself. Without samples there is no guess.
func Guess(cfg format.InferConfig, pick func(record []byte) [][]byte) (*sample.Guess, error) {
	if cfg.Samples == nil {
		return nil, nil
	}
	g := &sample.Guess{}
	how := notes{separators: TimeSeparator(cfg.Options), quoted: cfg.Options.Bool(OptQuotedNumbers)}
	seen := 0
	take := func(record []byte) {
		seen++
		objects := [][]byte{record}
		if pick != nil {
			objects = pick(record)
		}
		for _, o := range objects {
			if t := bytes.TrimLeft(o, " \t\r\n"); len(t) > 0 && t[0] == '{' && stdjson.Valid(o) {
				how.note(g, o)
			}
		}
	}
	for s, err := range cfg.Samples {
		if err != nil {
			return nil, err
		}
		if cfg.Messages {
			take(s.Data)
		} else {
			lines(s, func(line []byte) bool { take(line); return seen < cfg.Rows })
		}
		if seen >= cfg.Rows {
			break
		}
	}
	if len(g.Fields()) == 0 {
		return nil, fmt.Errorf("there is no JSON object with members in the %d records looked at", seen)
	}
	return g, nil
}

// lines calls f with the lines of a sample that are whole and not blank, until it
// says that this is enough.
func lines(s format.Sample, f func([]byte) bool) {
	data := bytes.TrimPrefix(s.Data, []byte("\xef\xbb\xbf"))
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		if i < 0 && !s.Whole {
			return
		}
		line := data
		if i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		if !format.IsBlank(line) && !f(line) {
			return
		}
	}
}

// notes is how values are noted.
type notes struct {
	separators string // of timestamps
	quoted     bool   // numbers may stand in strings
}

// note notes a JSON text that is valid.
func (n notes) note(g *sample.Guess, text []byte) {
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := n.value(d, g); err != nil && !errors.Is(err, io.EOF) {
		panic("json: a text that was valid can't be read: " + err.Error())
	}
}

// value notes the next value of d.
func (n notes) value(d *stdjson.Decoder, g *sample.Guess) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case bool:
		g.Bool()
	case stdjson.Number:
		g.Number(t.String())
	case string:
		if n.quoted && sample.IsNumber(t) {
			g.Number(t)
		} else {
			g.Text(t, n.separators)
		}
	case stdjson.Delim:
		if t == '[' {
			elem := g.Elem()
			for d.More() {
				if err := n.value(d, elem); err != nil {
					return err
				}
			}
		} else {
			g.Object()
			for d.More() {
				name, err := d.Token()
				if err != nil {
					return err
				}
				if err := n.value(d, g.Member(name.(string))); err != nil {
					return err
				}
			}
		}
		_, err = d.Token()
	}
	return err
}
